//! The state that a plan was made from, as a hash: a saved plan holds only while the account still has it.

use sha2::{Digest as _, Sha256};

use crate::recipient::Recipient;

/// Properties that differ between two reads of an account that nobody has touched: they depend on the domain
/// controller or on the session.
const VOLATILE: [&str; 8] = [
    "IsValid",
    "ObjectState",
    "OriginatingServer",
    "PSComputerName",
    "PSShowComputerName",
    "RunspaceId",
    "WhenChanged",
    "WhenChangedUTC",
];

/// The hash of an account as it was read; of `None`, that there is none.
pub fn base_hash(recipient: Option<&Recipient>) -> String {
    let stable = recipient.map(|recipient| {
        let mut stable = recipient.clone();
        stable.originating_server = None;
        stable.email_addresses.sort();
        stable.properties.retain(|name, _| !VOLATILE.contains(&name.as_str()));
        // It is in a field of its own, there without the order of the answer.
        stable.properties.remove("EmailAddresses");
        stable
    });
    // INVARIANT: every map key of a recipient is a text, so it has a JSON form.
    #[allow(clippy::expect_used)]
    let json = serde_json::to_vec(&stable).expect("a recipient has a JSON form");
    hex(&Sha256::digest(json))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::recipient::{Property, RecipientKind};

    #[test]
    fn what_counts_and_what_does_not() {
        let mut ada = Recipient::new(RecipientKind::User, Uuid::from_u128(1));
        ada.email_addresses = vec!["SMTP:a@x.de".into(), "smtp:b@x.de".into()];
        let base = base_hash(Some(&ada));
        let with = |change: fn(&mut Recipient)| {
            let mut changed = ada.clone();
            change(&mut changed);
            base_hash(Some(&changed))
        };
        assert_eq!(base, with(|r| r.email_addresses.reverse()));
        assert_eq!(base, with(|r| r.originating_server = Some("dc2".into())));
        assert_eq!(base, with(|r| drop(r.properties.insert("WhenChangedUTC".into(), Property::Null))));
        assert_ne!(base, with(|r| r.email_addresses.push("X500:/o=x".into())));
        assert_ne!(base, with(|r| r.email_addresses[0].make_ascii_uppercase()));
        assert_ne!(base, with(|r| drop(r.properties.insert("MailTip".into(), Property::Null))));
        assert_ne!(base, base_hash(None));
    }
}
