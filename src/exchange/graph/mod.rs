//! Microsoft Graph: users, licences and what is left of them, as calls that are named and spelt as Microsoft Graph PowerShell does
//! (`Get-MgUser`, `Set-MgUserLicense`, ...). What is sent and what an answer means is made here without I/O; the connection to
//! Exchange Online carries it.

use wsman::psrp::Outcome;

use super::Answer;

mod answer;
mod conversation;
mod decode;
mod meaning;
mod parameters;
mod read;
mod request;
#[cfg(test)]
mod tests;

pub(super) use conversation::Conversation;
pub use decode::{NotFromGraph, sku, user};
pub(super) use meaning::meaning;
pub use parameters::kind;
pub use read::{IN_ONE_FILTER, find_user, skus, users};
pub(super) use request::{Prepared, prepare};

/// The answer to a call that cannot be sent.
pub(super) fn refused(why: String, cmdlet: &str) -> Answer {
    let record = answer::record(meaning::PARAMETERS, why, cmdlet);
    let outcome = Outcome::Failed(Some(Box::new(record)));
    Answer { objects: Vec::new(), errors: Vec::new(), warnings: Vec::new(), outcome }
}

/// Whether a cmdlet is one of Graph: its noun begins with `Mg`, as all of Microsoft Graph PowerShell do and none of Exchange.
#[must_use]
pub fn is_graph(cmdlet: &str) -> bool {
    let noun = cmdlet.split_once('-').map_or("", |(_, noun)| noun);
    noun.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("mg"))
}
