//! Addresses as an identity system imports them: the mirror of the merge (R35).

use uuid::Uuid;
use wsman::clixml::Value;

use super::column;
use crate::address::{ExcludedDomains, is_primary, key, smtp_part};

/// The columns of an import, which are columns of a flow: what was imported can be given back.
pub const COLUMNS: [&str; 7] = [
    "Identity",
    "Name",
    "DisplayName",
    "Alias",
    "UserPrincipalName",
    "SamAccountName",
    "EmailAddresses_IncludingPrimary",
];

/// What stands in them in the cloud, which makes its own account names and takes none.
const IN_CLOUD: [&str; 5] = ["Name", "DisplayName", "Alias", "UserPrincipalName", ""];

/// What an object shows in them. The identity is the account's GUID, which no rename changes.
#[must_use]
pub fn cells(
    object: &Value,
    account: Uuid,
    takes_account_name: bool,
    excluded: &ExcludedDomains,
) -> Vec<String> {
    let mut cells = vec![account.to_string()];
    let columns = if takes_account_name { &COLUMNS[1..6] } else { &IN_CLOUD };
    cells.extend(column::cells(object, columns, ";"));
    cells.push(column::join(reported(&column::addresses(object), excluded), ";"));
    cells
}

/// The SMTP addresses without type that a flow may manage, the primary last. Excluded ones are left out, and so is
/// everything that is not SMTP.
///
/// Nothing is reported when the primary is excluded, or there is none: a list without it, given back as a flow, would
/// make another address the primary.
#[must_use]
pub fn reported(addresses: &[String], excluded: &ExcludedDomains) -> Vec<String> {
    let may_be_managed = |address: &&String| key(address).is_some_and(|key| !excluded.contains(&key));
    let (primary, secondary): (Vec<&String>, Vec<&String>) =
        addresses.iter().filter(may_be_managed).partition(|address| is_primary(address));
    let [primary] = primary[..] else { return Vec::new() };
    let bare = |address: &String| smtp_part(address).unwrap_or_default().to_owned();
    secondary.into_iter().chain([primary]).map(bare).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::address::{Flow, MergePolicy, Outcome, Surroundings, merge};

    fn reported_of(addresses: &[&str], excluded: &[&str]) -> Vec<String> {
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        reported(&addresses, &ExcludedDomains::parse(excluded).unwrap())
    }

    #[test]
    fn r35_excluded_and_other_types_are_hidden_and_the_primary_is_last() {
        let held = [
            "X500:/o=First/cn=ada",
            "SMTP:ada@contoso.com",
            "smtp:a.lovelace@contoso.com",
            "sip:ada@contoso.com",
            "smtp:ada@contoso.mail.onmicrosoft.com",
            "Smtp:ada@notcontoso.com",
        ];
        assert_eq!(
            reported_of(&held, &["onmicrosoft.com"]),
            ["a.lovelace@contoso.com", "ada@notcontoso.com", "ada@contoso.com"]
        );
        assert_eq!(
            reported_of(&held, &[]),
            [
                "a.lovelace@contoso.com",
                "ada@contoso.mail.onmicrosoft.com",
                "ada@notcontoso.com",
                "ada@contoso.com"
            ]
        );
        assert_eq!(reported_of(&held, &["contoso.com"]), [""; 0], "the primary is excluded");
        assert_eq!(reported_of(&held[2..3], &[]), [""; 0], "there is no primary");
    }

    fn addresses() -> impl Strategy<Value = Vec<String>> {
        let address = (0_u8..6, prop::sample::select(vec!["c.com", "C.com", "t.onmicrosoft.com", "d.org"]))
            .prop_map(|(local, domain)| format!("{}@{domain}", char::from(b'a' + local)));
        let other = prop::sample::select(vec!["X500:/o=x", "SIP:a@c.com", "x400:c=us;a= ;"]);
        (prop::collection::vec(address, 0..8), prop::collection::vec(other, 0..3), 0_usize..8).prop_map(
            |(smtp, other, primary)| {
                let mut seen = std::collections::BTreeSet::new();
                let smtp = smtp.into_iter().filter(|it| seen.insert(key(it))).enumerate();
                let mut all: Vec<String> = smtp
                    .map(|(at, it)| format!("{}:{it}", if at == primary { "SMTP" } else { "smtp" }))
                    .collect();
                all.extend(other.into_iter().map(str::to_owned));
                all
            },
        )
    }

    proptest! {
        /// Invariant 11 of the merge: what was imported, given back as a flow, changes nothing.
        #[test]
        fn what_is_reported_changes_nothing_as_a_flow(
            held in addresses(),
            excluded in prop::sample::select(vec![vec![], vec!["onmicrosoft.com"], vec!["c.com"], vec!["@d.org"]]),
        ) {
            let excluded = ExcludedDomains::parse(excluded).unwrap();
            let list = reported(&held, &excluded);
            for address in &list {
                prop_assert!(key(address).is_some_and(|key| !excluded.contains(&key)));
            }
            // An empty cell of a flow is not managed.
            let flow = if list.is_empty() { Flow::Absent } else { Flow::List(&list) };
            let policy = MergePolicy { excluded, ..MergePolicy::default() };
            let merged = merge(&held, flow, &policy, Surroundings::default()).unwrap();
            prop_assert!(matches!(merged.outcome, Outcome::NoChange | Outcome::NoParameter), "{:?}", merged);
        }
    }
}
