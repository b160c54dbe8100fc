//! The cmdlets of Exchange Online where they are not those of a server of one's own.

mod archive;
mod create;
mod guard;
mod modify;
mod remove;

pub(in crate::lab) use self::guard::{EXCHANGE, PERSON};
pub(super) use self::modify::principal;
use super::call::{Call, Fail};
use super::{errors, get, organization};

pub(super) fn work(call: &mut Call<'_>) -> Result<(), Fail> {
    match call.cmdlet.name {
        "Get-Mailbox" if call.arguments.on("SoftDeletedMailbox") => remove::soft_deleted(call),
        "Get-Mailbox" | "Get-User" | "Get-Recipient" => get::get(call),
        "Get-AcceptedDomain" => organization::accepted_domains(call),
        "Get-OrganizationConfig" => organization::configuration(call),
        "New-Mailbox" => create::new(call),
        "Set-Mailbox" => modify::mailbox(call),
        "Set-User" => modify::user(call),
        "Enable-Mailbox" => archive::enable(call),
        "Disable-Mailbox" => archive::disable(call),
        "Remove-Mailbox" => remove::remove(call),
        other => Err(Fail::Record(errors::command_not_found(other))),
    }
}
