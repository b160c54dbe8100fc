//! Whether an object on-premises and one in the cloud are the same: what synchronisation keeps of it tells.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use super::{Property, Recipient};
use crate::address::{self, Key};

/// What an object shows of itself that is the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    /// The GUID of the object in its own directory
    pub guid: Uuid,
    /// That of the mailbox: with a mailbox that was moved, or where somebody carried it back (`Set-RemoteMailbox -ExchangeGuid`)
    pub exchange_guid: Option<Uuid>,
    /// In the cloud: the GUID of the object that it is synchronised from ("sourceAnchor" in "Microsoft Entra Connect: Design
    /// concepts"). Where that is `mS-DS-ConsistencyGuid`, it may be another one than the object's own
    pub source: Option<Uuid>,
    /// The sign-in name in lower case
    pub sign_in_name: Option<String>,
    /// The primary address
    pub address: Option<Key>,
    /// Whether it is synchronised
    pub is_dir_synced: bool,
}

/// What two objects of two sides have to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// They are the same: the mailbox's GUID or the source says it
    Same,
    /// They have the same sign-in name, and nothing speaks against it
    Named,
    /// They have the same sign-in name, and different mailboxes
    Contradicted,
    /// They may be the same: the one in the cloud is synchronised, and has another sign-in name
    Open,
    /// They have nothing to do with each other
    Other,
}

impl Marks {
    /// Those of an object that was read.
    #[must_use]
    pub fn of(recipient: &Recipient) -> Self {
        let address = recipient.primary_smtp_address.as_deref().or(recipient.text("WindowsEmailAddress"));
        Self {
            guid: recipient.guid,
            exchange_guid: recipient.text("ExchangeGuid").and_then(known),
            source: recipient.text("ImmutableId").and_then(source),
            sign_in_name: recipient.user_principal_name.as_deref().and_then(sign_in_name),
            address: address.and_then(address::key),
            is_dir_synced: recipient.is_dir_synced,
        }
    }

    /// What this object on-premises and one in the cloud have to do with each other.
    #[must_use]
    pub fn likeness(&self, there: &Self) -> Likeness {
        let is_named = self.sign_in_name.is_some() && self.sign_in_name == there.sign_in_name;
        let mailbox = match (self.exchange_guid, there.exchange_guid) {
            (Some(here), Some(there)) => Some(here == there),
            _ => None,
        };
        match mailbox {
            Some(true) if there.is_dir_synced => Likeness::Same,
            Some(false) if is_named => Likeness::Contradicted,
            Some(false) => Likeness::Other,
            _ if there.is_dir_synced && there.source == Some(self.guid) => Likeness::Same,
            _ if is_named => Likeness::Named,
            _ if there.is_dir_synced => Likeness::Open,
            _ => Likeness::Other,
        }
    }

    /// Whether an object of the cloud may be this one: it is, or it is synchronised and has the primary address.
    #[must_use]
    pub fn concerns(&self, there: &Recipient) -> bool {
        match self.likeness(&Self::of(there)) {
            Likeness::Same | Likeness::Named | Likeness::Contradicted => true,
            Likeness::Open => {
                let held = there.email_addresses.iter().chain(&there.primary_smtp_address);
                self.address.is_some() && held.map(|it| address::key(it)).any(|key| key == self.address)
            }
            Likeness::Other => false,
        }
    }

    /// Whether there is something by which it can be found beside the sign-in name.
    #[must_use]
    pub fn leads_further(&self) -> bool {
        self.exchange_guid.is_some() || self.address.is_some()
    }
}

impl Recipient {
    /// Takes what Graph knows as `onPremisesImmutableId`, where Exchange does not show it.
    pub fn take_immutable_id(&mut self, id: &str) {
        self.properties.insert("ImmutableId".to_owned(), Property::Text(id.to_owned()));
    }
}

/// A GUID; all zeros stand for none.
#[must_use]
pub fn known(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text.trim()).ok().filter(|guid| !guid.is_nil())
}

/// The GUID behind an immutable id: base64 of its bytes in the order of .NET (`Guid.ToByteArray`). Exchange may hold another
/// text there, for federated sharing.
#[must_use]
pub fn source(text: &str) -> Option<Uuid> {
    let bytes: [u8; 16] = STANDARD.decode(text.trim()).ok()?.try_into().ok()?;
    Some(Uuid::from_bytes_le(bytes)).filter(|guid| !guid.is_nil())
}

/// A sign-in name as it compares; an empty one is none.
#[must_use]
pub fn sign_in_name(text: &str) -> Option<String> {
    Some(text.trim().to_lowercase()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::recipient::RecipientKind;

    /// The example of `Guid.ToByteArray` in the documentation of .NET: C9 8B 91 35 6D 19 EA 40 97 79 88 9D 79 B7 53 F0.
    #[test]
    fn the_bytes_of_dot_net() {
        let guid = Uuid::try_parse("35918bc9-196d-40ea-9779-889d79b753f0").ok();
        assert_eq!(source(" yYuRNW0Z6kCXeYidebdT8A== "), guid);
        let longer = STANDARD.encode([1; 17]);
        for none in ["", "ada@contoso.com", "AAAAAAAAAAAAAAAAAAAAAA==", "yYuRNW0Z6kCXeYidebdT8A", &longer] {
            assert_eq!(source(none), None, "{none}");
        }
    }

    fn marks(guid: u128) -> Marks {
        Marks::of(&Recipient::new(RecipientKind::User, Uuid::from_u128(guid)))
    }

    #[test]
    fn what_two_objects_have_to_do_with_each_other() {
        let name = |name: &str| sign_in_name(name);
        let mailbox = |guid: u128| Some(Uuid::from_u128(guid));
        let here = Marks { exchange_guid: mailbox(7), sign_in_name: name("Ada@x.de"), ..marks(1) };
        let there = Marks { is_dir_synced: true, ..marks(2) };
        let cases = [
            (Marks { sign_in_name: name("aDA@x.de"), ..there.clone() }, Likeness::Named),
            (Marks { sign_in_name: name("ada@x.de"), ..marks(2) }, Likeness::Named),
            (
                Marks { sign_in_name: name("ada@x.de"), exchange_guid: mailbox(8), ..there.clone() },
                Likeness::Contradicted,
            ),
            // The source is the same, and the mailbox another one: somebody has two of them.
            (
                Marks {
                    sign_in_name: name("ada@x.de"),
                    exchange_guid: mailbox(8),
                    source: mailbox(1),
                    ..there.clone()
                },
                Likeness::Contradicted,
            ),
            (
                Marks { sign_in_name: name("countess@x.de"), exchange_guid: mailbox(7), ..there.clone() },
                Likeness::Same,
            ),
            // `mS-DS-ConsistencyGuid` is not always the object's own GUID.
            (Marks { source: mailbox(9), exchange_guid: mailbox(7), ..there.clone() }, Likeness::Same),
            (Marks { source: mailbox(1), ..there.clone() }, Likeness::Same),
            (Marks { source: mailbox(9), ..there.clone() }, Likeness::Open),
            (there.clone(), Likeness::Open),
            (Marks { exchange_guid: mailbox(8), source: mailbox(1), ..there.clone() }, Likeness::Other),
            // What is not synchronised is not the same, whatever it shows.
            (Marks { exchange_guid: mailbox(7), source: mailbox(1), ..marks(2) }, Likeness::Other),
        ];
        for (there, likeness) in cases {
            assert_eq!(here.likeness(&there), likeness, "{there:?}");
        }
        assert_eq!(marks(1).likeness(&marks(2)), Likeness::Other, "two without a name have not the same one");
    }

    proptest! {
        #[test]
        fn an_immutable_id_is_any_text(text: String) {
            let _ = source(&text);
        }

        #[test]
        fn what_dot_net_writes_is_read(bytes: [u8; 16]) {
            let guid = Uuid::from_bytes_le(bytes);
            prop_assert_eq!(source(&STANDARD.encode(bytes)), Some(guid).filter(|guid| !guid.is_nil()));
        }
    }
}
