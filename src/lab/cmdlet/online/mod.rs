//! The cmdlets of Exchange Online where they are not those of a server of one's own.

mod archive;
mod cas;
mod create;
mod guard;
mod mail_user;
mod modify;
mod permission;
mod remove;

pub(in crate::lab) use self::guard::{EXCHANGE, PERSON};
pub(super) use self::modify::principal;
use super::call::{Call, Fail};
use super::{errors, get, organization};

pub(super) fn work(call: &mut Call<'_>) -> Result<(), Fail> {
    match call.cmdlet.name {
        "Get-Mailbox" if call.arguments.on("SoftDeletedMailbox") => remove::soft_deleted(call),
        "Get-Mailbox" | "Get-User" | "Get-Recipient" | "Get-MailUser" | "Get-CASMailbox" => get::get(call),
        "Get-AcceptedDomain" => organization::accepted_domains(call),
        "Get-OrganizationConfig" => organization::configuration(call),
        "New-Mailbox" => create::new(call),
        "Set-Mailbox" => modify::mailbox(call),
        "Set-User" => modify::user(call),
        "Enable-Mailbox" => archive::enable(call),
        "Disable-Mailbox" => archive::disable(call),
        "Remove-Mailbox" => remove::remove(call),
        "New-MailUser" => mail_user::new(call),
        "Set-MailUser" => mail_user::set(call),
        "Remove-MailUser" => mail_user::remove(call),
        "Set-CASMailbox" => cas::set(call),
        "Add-MailboxPermission" => permission::add(call, permission::Kind::Mailbox),
        "Remove-MailboxPermission" => permission::remove(call, permission::Kind::Mailbox),
        "Get-MailboxPermission" => permission::get(call, permission::Kind::Mailbox),
        "Add-RecipientPermission" => permission::add(call, permission::Kind::Recipient),
        "Remove-RecipientPermission" => permission::remove(call, permission::Kind::Recipient),
        "Get-RecipientPermission" => permission::get(call, permission::Kind::Recipient),
        other => Err(Fail::Record(errors::command_not_found(other))),
    }
}
