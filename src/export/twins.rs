//! What on-premises shows of itself, so that nothing of a hybrid organisation is shown twice.

use std::collections::HashMap;

use uuid::Uuid;

use super::row;
use crate::exchange::Marks;

/// The objects on-premises by what the cloud may have of them; of a name only a digest is held.
#[derive(Debug, Default)]
pub struct Twins {
    /// The GUID of the mailbox behind each mark, where it is known: two that differ are two objects
    by_mark: HashMap<Mark, Option<Uuid>>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Mark {
    Mailbox(Uuid),
    Source(Uuid),
    Name(u64),
    Address(u64),
}

impl Twins {
    /// Takes an object on-premises.
    pub fn add(&mut self, here: &Marks) {
        let marks = [
            Some(Mark::Source(here.guid)),
            here.exchange_guid.map(Mark::Mailbox),
            name(here),
            here.address.as_ref().map(|address| Mark::Address(digest(address.as_str()))),
        ];
        for mark in marks.into_iter().flatten() {
            let held = self.by_mark.entry(mark).or_default();
            *held = held.or(here.exchange_guid);
        }
    }

    /// Whether an object of the cloud is shown by one of these. That it is synchronised is not looked at.
    #[must_use]
    pub fn show(&self, there: &Marks) -> bool {
        let marks = [
            there.exchange_guid.map(Mark::Mailbox),
            there.source.map(Mark::Source),
            name(there),
            there.address.as_ref().map(|address| Mark::Address(digest(address.as_str()))),
        ];
        marks.into_iter().flatten().any(|mark| match (self.by_mark.get(&mark), there.exchange_guid) {
            (Some(Some(here)), Some(there)) => *here == there,
            (held, _) => held.is_some(),
        })
    }
}

fn name(marks: &Marks) -> Option<Mark> {
    marks.sign_in_name.as_deref().map(|name| Mark::Name(digest(name)))
}

fn digest(text: &str) -> u64 {
    row::digest(&[text.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipient::{Recipient, RecipientKind};

    fn marks(guid: u128) -> Marks {
        let nothing = Recipient::new(RecipientKind::User, Uuid::from_u128(guid));
        Marks { is_dir_synced: true, ..Marks::of(&nothing) }
    }

    #[test]
    fn each_mark_tells_unless_the_mailboxes_differ() {
        let mut twins = Twins::default();
        let name = |name: &str| Some(name.to_owned());
        let address = crate::address::key("SMTP:ada@contoso.com");
        let mailbox = |guid: u128| Some(Uuid::from_u128(guid));
        twins.add(&Marks { sign_in_name: name("ada@contoso.com"), address: address.clone(), ..marks(1) });
        twins.add(&Marks { sign_in_name: name("bob@contoso.com"), exchange_guid: mailbox(20), ..marks(2) });
        for (there, is_shown) in [
            (Marks { sign_in_name: name("ada@contoso.com"), exchange_guid: mailbox(9), ..marks(8) }, true),
            (Marks { source: mailbox(1), ..marks(8) }, true),
            (Marks { address, ..marks(8) }, true),
            (Marks { exchange_guid: mailbox(20), ..marks(8) }, true),
            (Marks { sign_in_name: name("bob@contoso.com"), ..marks(8) }, true),
            (Marks { sign_in_name: name("bob@contoso.com"), exchange_guid: mailbox(21), ..marks(8) }, false),
            (Marks { source: mailbox(2), exchange_guid: mailbox(21), ..marks(8) }, false),
            (Marks { sign_in_name: name("eve@contoso.com"), source: mailbox(3), ..marks(1) }, false),
        ] {
            assert_eq!(twins.show(&there), is_shown, "{there:?}");
        }
    }
}
