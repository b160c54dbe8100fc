//! The invariants of the merge as property tests, over random lists of mixed case, types, domains and options.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{
    ExcludedDomains, Flow, MergePolicy, Outcome, Surroundings, is_primary, key, merge, same_state, smtp_part,
};

const ROUTING: &str = "b@routing.example";

fn address() -> impl Strategy<Value = String> {
    (
        prop::sample::select(vec!["a", "A", "b", "c", "a+t", "a.b"]),
        prop::sample::select(vec![
            "c.com",
            "C.com",
            "t.mail.onmicrosoft.com",
            "d.org",
            "notc.com",
            "routing.example",
        ]),
    )
        .prop_map(|(local, domain)| format!("{local}@{domain}"))
}

fn other() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "X500:/o=x/cn=a",
        "x500:/o=x/cn=a",
        "SIP:a@c.com",
        "sip:a@c.com",
        "X400:c=us;a= ;",
        "EUM:1;x=y",
        "SPO:SPO_1@SPO_2",
    ])
    .prop_map(str::to_owned)
}

/// At most one primary, as the directory guarantees; everything else is possible.
fn current() -> impl Strategy<Value = Vec<String>> {
    (prop::collection::vec(address(), 0..8), prop::collection::vec(other(), 0..4), any::<bool>()).prop_map(
        |(smtp, other, has_primary)| {
            let mut seen = BTreeSet::new();
            let smtp = smtp.into_iter().filter(|address| seen.insert(key(address)));
            let mut list: Vec<String> = smtp
                .enumerate()
                .map(|(at, address)| {
                    if at == 0 && has_primary { format!("SMTP:{address}") } else { format!("smtp:{address}") }
                })
                .collect();
            list.extend(other);
            list
        },
    )
}

fn flow() -> impl Strategy<Value = Vec<String>> {
    let entry = (prop::sample::select(vec!["", "", "", "smtp:", "Smtp:", "SMTP:"]), address());
    prop::collection::vec(entry.prop_map(|(prefix, address)| format!("{prefix}{address}")), 0..7)
}

fn policy() -> impl Strategy<Value = MergePolicy> {
    (
        any::<[bool; 5]>(),
        prop::sample::select(vec!["t.mail.onmicrosoft.com", "@c.com", "*.onmicrosoft.com", "c.com"]),
        any::<bool>(),
    )
        .prop_map(|(choice, excluded, literal)| MergePolicy {
            excluded: if literal {
                ExcludedDomains::parse_literal([excluded]).unwrap()
            } else {
                ExcludedDomains::parse([excluded]).unwrap()
            },
            keep_primary_when_empty: choice[0],
            primary_is_last: choice[1],
            promote_excluded_primary: choice[2],
            drop_excluded_secondary: choice[3],
            force_case: choice[4],
            max_removed_addresses: None,
            ..MergePolicy::default()
        })
}

fn around() -> Surroundings<'static> {
    Surroundings { routing: Some(ROUTING), ..Surroundings::default() }
}

fn after(outcome: &Outcome, before: &[String]) -> Vec<String> {
    match outcome {
        Outcome::Set(list) => list.clone(),
        _ => before.to_vec(),
    }
}

fn others(list: &[String]) -> Vec<String> {
    let mut others: Vec<String> = list.iter().filter(|value| smtp_part(value).is_none()).cloned().collect();
    others.sort();
    others
}

fn keys(list: &[String]) -> Vec<super::Key> {
    list.iter().filter_map(|value| key(value)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn i01_exactly_one_primary_in_every_list_that_is_sent(c in current(), f in flow(), p in policy()) {
        if let Ok(merged) = merge(&c, Flow::List(&f), &p, around())
            && let Outcome::Set(list) = &merged.outcome
        {
            prop_assert_eq!(list.iter().filter(|value| is_primary(value)).count(), 1);
            prop_assert!(list.iter().all(|value| super::prefix(value).is_some()), "a value without prefix");
        }
    }

    #[test]
    fn i02_other_types_are_unchanged(c in current(), f in flow(), p in policy()) {
        if let Ok(merged) = merge(&c, Flow::List(&f), &p, around()) {
            prop_assert_eq!(others(&after(&merged.outcome, &c)), others(&c));
        }
    }

    #[test]
    fn i03_no_key_twice(c in current(), f in flow(), p in policy()) {
        if let Ok(merged) = merge(&c, Flow::List(&f), &p, around()) {
            let keys = keys(&after(&merged.outcome, &c));
            prop_assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
        }
    }

    #[test]
    fn i04_protected_addresses_stay(c in current(), f in flow(), p in policy()) {
        if let Ok(merged) = merge(&c, Flow::List(&f), &p, around()) {
            let left: BTreeSet<_> = keys(&after(&merged.outcome, &c)).into_iter().collect();
            for key in keys(&c) {
                if p.excluded.contains(&key) || Some(&key) == super::key(ROUTING).as_ref() {
                    prop_assert!(left.contains(&key), "{} is gone", key);
                }
            }
        }
    }

    #[test]
    fn i05_a_second_merge_changes_nothing(c in current(), f in flow(), p in policy(), keep in any::<bool>()) {
        let p = MergePolicy { keep_old_primary: keep, ..p };
        if let Ok(merged) = merge(&c, Flow::List(&f), &p, around()) {
            let again = merge(&after(&merged.outcome, &c), Flow::List(&f), &p, around());
            prop_assert_eq!(again.map(|again| again.outcome), Ok(Outcome::NoChange));
        }
    }

    #[test]
    fn i06_the_order_before_the_last_entry_does_not_matter(
        c in current(), mut f in flow(), p in policy(), turn in 0usize..6,
    ) {
        let explicit = f.iter().any(|value| is_primary(value));
        if !explicit && f.len() > 1 {
            let one = merge(&c, Flow::List(&f), &p, around());
            let last = f.len() - 1;
            f[..last].rotate_left(turn % last);
            let two = merge(&c, Flow::List(&f), &p, around());
            match (one, two) {
                (Ok(one), Ok(two)) => {
                    prop_assert!(same_state(&one.result, &two.result));
                }
                (one, two) => prop_assert_eq!(one.map_err(|e| e.rule).err(), two.map_err(|e| e.rule).err()),
            }
        }
    }

    #[test]
    fn i07_the_order_of_what_is_there_does_not_matter(c in current(), f in flow(), p in policy(), turn in 0usize..9) {
        let mut turned = c.clone();
        if !turned.is_empty() {
            let by = turn % turned.len();
            turned.rotate_left(by);
        }
        match (merge(&c, Flow::List(&f), &p, around()), merge(&turned, Flow::List(&f), &p, around())) {
            (Ok(one), Ok(two)) => prop_assert!(same_state(&one.result, &two.result)),
            (one, two) => prop_assert_eq!(one.map_err(|e| e.rule).err(), two.map_err(|e| e.rule).err()),
        }
    }

    #[test]
    fn i08_no_address_is_invented(c in current(), f in flow(), p in policy()) {
        if let Ok(merged) = merge(&c, Flow::List(&f), &p, around()) {
            let known: BTreeSet<_> = keys(&c).into_iter().chain(keys(&f)).collect();
            prop_assert!(keys(&merged.result).iter().all(|key| known.contains(key)));
        }
    }

    #[test]
    fn i09_what_the_flow_dropped_is_gone(c in current(), f in flow(), p in policy()) {
        prop_assume!(!f.is_empty());
        if let Ok(merged) = merge(&c, Flow::List(&f), &p, around()) {
            let wanted: BTreeSet<_> = keys(&f).into_iter().collect();
            for key in keys(&after(&merged.outcome, &c)) {
                let protected = p.excluded.contains(&key) || Some(&key) == super::key(ROUTING).as_ref();
                prop_assert!(wanted.contains(&key) || protected, "{} is still there", key);
            }
        }
    }

    /// A refusal is an error and so carries nothing that could be sent; what is sent never holds a refused address.
    #[test]
    fn i10_a_refusal_sends_nothing(c in current(), mut f in flow(), p in policy(), at in 0usize..8, bad in "[^\\x00-\\x7f]{1,3}@c\\.com") {
        f.insert(at.min(f.len()), bad);
        prop_assert!(merge(&c, Flow::List(&f), &p, around()).is_err());
    }

    /// Both serialization shapes are read into the same list of strings; values of the SMTP class may come with any prefix
    /// that Exchange writes, or none.
    #[test]
    fn i12_the_plan_does_not_depend_on_how_a_secondary_is_written(c in current(), f in flow(), p in policy()) {
        let bare: Vec<String> =
            c.iter().map(|value| value.strip_prefix("smtp:").map_or_else(|| value.clone(), str::to_owned)).collect();
        let p = MergePolicy { force_case: false, ..p };
        let one = merge(&c, Flow::List(&f), &p, around()).map(|merged| merged.outcome).map_err(|e| e.rule);
        let two = merge(&bare, Flow::List(&f), &p, around()).map(|merged| merged.outcome).map_err(|e| e.rule);
        prop_assert_eq!(one, two);
    }

    #[test]
    fn a_difference_never_touches_the_primary_and_a_second_one_changes_nothing(
        c in current(), add in flow(), remove in flow(), p in policy(),
    ) {
        if let Ok(merged) = merge(&c, Flow::Delta { add: &add, remove: &remove }, &p, around()) {
            let primaries = |list: &[String]| list.iter().filter(|value| is_primary(value)).cloned().collect::<Vec<_>>();
            prop_assert_eq!(primaries(&merged.result), primaries(&c));
            let again = merge(&merged.result, Flow::Delta { add: &add, remove: &remove }, &p, around());
            prop_assert_eq!(again.map(|again| again.outcome), Ok(Outcome::NoChange));
        }
    }

    #[test]
    fn nothing_written_in_a_flow_makes_it_panic(c in prop::collection::vec(".{0,30}", 0..5), f in prop::collection::vec(".{0,30}", 0..5)) {
        let owners = BTreeMap::new();
        let around = Surroundings { owners: Some(&owners), cloud: true, ..around() };
        let _ = merge(&c, Flow::List(&f), &MergePolicy::default(), around);
        let _ = merge(&c, Flow::Delta { add: &f, remove: &c }, &MergePolicy::default(), around);
    }
}
