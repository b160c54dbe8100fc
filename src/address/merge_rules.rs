//! One test for each rule of the merge that is computation, named after it.

use std::collections::BTreeMap;

use super::{
    AcceptedDomains, ExcludedDomains, Flow, Merge, MergePolicy, Outcome, Owner, Refusal, Rule, Sign,
    Surroundings, key, merge,
};

fn list(values: &[&str]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

fn policy() -> MergePolicy {
    MergePolicy {
        excluded: ExcludedDomains::parse(["t.mail.onmicrosoft.com"]).unwrap(),
        ..MergePolicy::default()
    }
}

fn with(
    current: &[&str],
    flow: &[&str],
    policy: &MergePolicy,
    around: Surroundings<'_>,
) -> Result<Merge, Refusal> {
    merge(&list(current), Flow::List(&list(flow)), policy, around)
}

fn run(current: &[&str], flow: &[&str]) -> Result<Merge, Refusal> {
    with(current, flow, &policy(), Surroundings::default())
}

/// The list that is sent, sorted.
fn sent(merge: Result<Merge, Refusal>) -> Vec<String> {
    match merge.unwrap().outcome {
        Outcome::Set(mut list) => {
            list.sort();
            list
        }
        other => panic!("{other:?}"),
    }
}

fn refused(merge: Result<Merge, Refusal>) -> Rule {
    merge.unwrap_err().rule
}

fn noted(merge: &Merge, rule: Rule) -> bool {
    merge.notes.iter().any(|note| note.rule == rule)
}

#[test]
fn r01_absent_is_not_sent() {
    let merge = merge(&list(&["SMTP:a@c.com"]), Flow::Absent, &policy(), Surroundings::default()).unwrap();
    assert_eq!(merge.outcome, Outcome::NoParameter);
    assert!(merge.lines.is_empty());
}

#[test]
fn r02_blank_entries_are_dropped_and_the_rest_trimmed() {
    assert_eq!(
        sent(run(&["SMTP:x@c.com"], &["", "  ", " b@c.com ", "\ta@c.com\n", " "])),
        ["SMTP:a@c.com", "smtp:b@c.com"]
    );
}

#[test]
fn r03_smtp_prefixes_are_taken_off() {
    assert_eq!(
        sent(run(&["SMTP:x@c.com"], &["smtp:b@c.com", "Smtp:d@c.com", "SMTP:a@c.com"])),
        ["SMTP:a@c.com", "smtp:b@c.com", "smtp:d@c.com"]
    );
    assert_eq!(sent(run(&["SMTP:x@c.com"], &["smtp:b@c.com"])), ["SMTP:b@c.com"]);
}

#[test]
fn r04_other_types_in_the_flow_are_refused_by_name_or_added_when_managed() {
    let refusal = run(&["SMTP:a@c.com"], &["X500:/o=x/cn=a", "a@c.com"]).unwrap_err();
    assert_eq!(refusal.rule, Rule::NonSmtpInFlow);
    assert!(refusal.message.contains("X500:/o=x/cn=a"), "{}", refusal.message);

    let managed = MergePolicy { managed_types: vec!["x500".into()], ..policy() };
    let go = |current: &[&str], flow: &[&str]| with(current, flow, &managed, Surroundings::default());
    assert_eq!(
        sent(go(&["SMTP:a@c.com"], &["X500:/o=x/cn=a", "a@c.com"])),
        ["SMTP:a@c.com", "X500:/o=x/cn=a"]
    );
    // Added once, whatever the case, and never removed.
    assert_eq!(
        go(&["SMTP:a@c.com", "X500:/o=x/cn=A"], &["X500:/o=x/cn=a", "a@c.com"]).unwrap().outcome,
        Outcome::NoChange
    );
    assert_eq!(go(&["SMTP:a@c.com", "X500:/o=x/cn=a"], &["a@c.com"]).unwrap().outcome, Outcome::NoChange);
    assert_eq!(refused(go(&["SMTP:a@c.com"], &["SIP:a@c.com", "a@c.com"])), Rule::NonSmtpInFlow);
}

#[test]
fn r05_bad_syntax_is_refused_before_any_write() {
    for bad in ["jane", "jörg@c.com", "a@bücher.example", "a b@c.com", "a..b@c.com", "a@c.com;b@c.com"] {
        assert_eq!(refused(run(&["SMTP:a@c.com"], &[bad, "a@c.com"])), Rule::BadSyntax, "{bad}");
    }
    // The A-label is the same domain as the U-label that is there.
    let merge = run(&["SMTP:a@bücher.example"], &["a@xn--bcher-kva.example"]).unwrap();
    assert_eq!(merge.outcome, Outcome::NoChange);
}

#[test]
fn r06_an_empty_flow_is_refused_or_keeps_the_primary() {
    let current = ["SMTP:a@c.com", "smtp:b@c.com", "smtp:a@t.mail.onmicrosoft.com", "SIP:a@c.com"];
    assert_eq!(refused(run(&current, &[])), Rule::EmptyFlow);
    assert_eq!(refused(run(&current, &[" ", ""])), Rule::EmptyFlow);
    assert_eq!(
        refused(merge(&list(&current), Flow::Clear, &policy(), Surroundings::default())),
        Rule::EmptyFlow
    );
    let keep = MergePolicy { keep_primary_when_empty: true, ..policy() };
    assert_eq!(
        sent(with(&current, &[], &keep, Surroundings::default())),
        ["SIP:a@c.com", "SMTP:a@c.com", "smtp:a@t.mail.onmicrosoft.com"]
    );
}

#[test]
fn r07_the_primary_is_the_marked_one_or_the_last() {
    assert_eq!(sent(run(&["SMTP:x@c.com"], &["b@c.com", "a@c.com"])), ["SMTP:a@c.com", "smtp:b@c.com"]);
    let marked = run(&["SMTP:x@c.com"], &["SMTP:b@c.com", "a@c.com"]).unwrap();
    assert!(noted(&marked, Rule::PrimaryNotLast));
    assert_eq!(marked.primary.as_deref(), Some("b@c.com"));
    let last = run(&["SMTP:x@c.com"], &["a@c.com", "SMTP:b@c.com"]).unwrap();
    assert!(!noted(&last, Rule::PrimaryNotLast));
    assert_eq!(refused(run(&["SMTP:x@c.com"], &["SMTP:a@c.com", "SMTP:b@c.com"])), Rule::TwoPrimaries);
    // The same address twice is one mark.
    assert_eq!(sent(run(&["SMTP:x@c.com"], &["SMTP:a@c.com", "SMTP:A@c.com"])), ["SMTP:A@c.com"]);

    let position = MergePolicy { primary_is_last: true, ..policy() };
    let merge = with(
        &["SMTP:x@c.com"],
        &["SMTP:b@c.com", "SMTP:d@c.com", "a@c.com"],
        &position,
        Surroundings::default(),
    );
    assert_eq!(merge.unwrap().primary.as_deref(), Some("a@c.com"));
}

#[test]
fn r08_duplicates_become_one_and_the_last_gives_the_spelling() {
    assert_eq!(
        sent(run(&["SMTP:x@c.com"], &["B@c.com", "smtp:b@C.com", "b@c.COM", "a@c.com"])),
        ["SMTP:a@c.com", "smtp:b@c.COM"]
    );
    assert_eq!(
        sent(run(&["SMTP:x@c.com"], &["SMTP:a@c.com", "b@c.com", "A@c.com"])),
        ["SMTP:A@c.com", "smtp:b@c.com"]
    );
}

#[test]
fn r09_an_excluded_primary_is_demoted_and_kept() {
    assert_eq!(
        sent(run(&["SMTP:a@t.mail.onmicrosoft.com"], &["a@c.com"])),
        ["SMTP:a@c.com", "smtp:a@t.mail.onmicrosoft.com"]
    );
}

#[test]
fn r10_an_excluded_primary_stays_primary_when_an_empty_flow_keeps_it() {
    let current = ["SMTP:a@t.mail.onmicrosoft.com", "smtp:b@c.com"];
    assert_eq!(refused(run(&current, &[])), Rule::EmptyFlow);
    let keep = MergePolicy { keep_primary_when_empty: true, ..policy() };
    assert_eq!(sent(with(&current, &[], &keep, Surroundings::default())), ["SMTP:a@t.mail.onmicrosoft.com"]);
}

#[test]
fn r11_an_excluded_address_does_not_become_primary_unasked() {
    let flow = ["a@c.com", "a@t.mail.onmicrosoft.com"];
    assert_eq!(refused(run(&["SMTP:a@c.com"], &flow)), Rule::PrimaryExcluded);
    let promote = MergePolicy { promote_excluded_primary: true, ..policy() };
    assert_eq!(
        sent(with(&["SMTP:a@c.com"], &flow, &promote, Surroundings::default())),
        ["SMTP:a@t.mail.onmicrosoft.com", "smtp:a@c.com"]
    );
    // Merely protected is allowed, and said.
    let none = MergePolicy::default();
    let around = Surroundings { routing: Some("SMTP:a@r.com"), ..Surroundings::default() };
    let merge = with(&["SMTP:a@c.com", "smtp:a@r.com"], &["a@c.com", "a@r.com"], &none, around).unwrap();
    assert_eq!(merge.primary.as_deref(), Some("a@r.com"));
    assert!(noted(&merge, Rule::PrimaryProtected));
}

#[test]
fn r12_an_excluded_secondary_that_is_there_stays_as_it_is() {
    assert_eq!(
        sent(run(
            &["SMTP:x@c.com", "smtp:A@T.mail.onmicrosoft.com"],
            &["a@t.mail.onmicrosoft.com", "a@c.com"]
        )),
        ["SMTP:a@c.com", "smtp:A@T.mail.onmicrosoft.com"]
    );
}

#[test]
fn r13_a_new_excluded_secondary_is_added_with_a_warning_or_dropped() {
    let flow = ["a@t.mail.onmicrosoft.com", "a@c.com"];
    let added = run(&["SMTP:x@c.com"], &flow).unwrap();
    assert!(noted(&added, Rule::SecondaryExcluded));
    assert_eq!(sent(Ok(added)), ["SMTP:a@c.com", "smtp:a@t.mail.onmicrosoft.com"]);
    let drop = MergePolicy { drop_excluded_secondary: true, ..policy() };
    assert_eq!(sent(with(&["SMTP:x@c.com"], &flow, &drop, Surroundings::default())), ["SMTP:a@c.com"]);
}

#[test]
fn r14_other_types_are_copied_byte_for_byte() {
    let odd = [
        "X400:c=us;a= ;p=x;",
        "x500:/o=First/cn=a",
        "SIP:a@c.com",
        "EUM:1;phone-context=x",
        "SPO:SPO_1@SPO_2",
    ];
    let mut current = odd.to_vec();
    current.push("SMTP:x@c.com");
    let mut expected = list(&odd);
    expected.push("SMTP:a@c.com".into());
    expected.sort();
    assert_eq!(sent(run(&current, &["a@c.com"])), expected);
}

#[test]
fn r15_other_types_that_differ_in_case_are_both_kept() {
    assert_eq!(
        sent(run(&["SMTP:x@c.com", "SIP:a@c.com", "sip:a@c.com"], &["a@c.com"])),
        ["SIP:a@c.com", "SMTP:a@c.com", "sip:a@c.com"]
    );
}

#[test]
fn r16_a_recipient_without_primary_gets_one_or_is_refused() {
    assert_eq!(sent(run(&["smtp:b@c.com"], &["a@c.com"])), ["SMTP:a@c.com"]);
    let keep = MergePolicy { keep_primary_when_empty: true, ..policy() };
    assert_eq!(refused(with(&["smtp:b@c.com"], &[], &keep, Surroundings::default())), Rule::NoPrimary);
}

#[test]
fn r17_what_the_flow_no_longer_has_is_removed() {
    let merge = run(&["SMTP:a@c.com", "smtp:b@c.com", "smtp:d@c.com"], &["b@c.com", "a@c.com"]).unwrap();
    assert_eq!(merge.removed, 1);
    assert!(merge.lines.iter().any(|line| line.sign == Sign::Removed && line.address == "smtp:d@c.com"));
    assert_eq!(sent(Ok(merge)), ["SMTP:a@c.com", "smtp:b@c.com"]);
}

#[test]
fn r18_the_routing_address_is_protected_without_being_excluded() {
    let around = Surroundings { routing: Some("SMTP:a@t.mail.example"), ..Surroundings::default() };
    let current = ["SMTP:x@c.com", "smtp:A@t.mail.example"];
    let kept = with(&current, &["a@c.com"], &MergePolicy::default(), around);
    assert_eq!(sent(kept), ["SMTP:a@c.com", "smtp:A@t.mail.example"]);
    let without = with(&current, &["a@c.com"], &MergePolicy::default(), Surroundings::default());
    assert_eq!(sent(without), ["SMTP:a@c.com"]);
}

#[test]
fn r19_the_tenants_own_address_is_protected_in_the_cloud() {
    let cloud = Surroundings { cloud: true, ..Surroundings::default() };
    let current = ["SMTP:x@c.com", "smtp:a@t.onmicrosoft.com", "smtp:a@t.mail.onmicrosoft.com"];
    let protect = MergePolicy::default();
    assert_eq!(
        sent(with(&current, &["a@c.com"], &protect, cloud)),
        ["SMTP:a@c.com", "smtp:a@t.onmicrosoft.com"]
    );
    let off = MergePolicy { protect_moera: false, ..MergePolicy::default() };
    let merge = with(&current, &["a@c.com"], &off, cloud).unwrap();
    assert!(noted(&merge, Rule::MoeraUnprotected));
    assert_eq!(sent(Ok(merge)), ["SMTP:a@c.com"]);
    assert_eq!(sent(with(&current, &["a@c.com"], &protect, Surroundings::default())), ["SMTP:a@c.com"]);
}

#[test]
fn r20_the_old_primary_follows_the_flow_or_is_kept_for_good() {
    assert_eq!(sent(run(&["SMTP:old@c.com"], &["new@c.com"])), ["SMTP:new@c.com"]);
    let keep = MergePolicy { keep_old_primary: true, ..policy() };
    let first = with(&["SMTP:old@c.com"], &["new@c.com"], &keep, Surroundings::default()).unwrap();
    assert!(noted(&first, Rule::FormerPrimary));
    assert_eq!(first.result, ["smtp:old@c.com", "SMTP:new@c.com"]);
    // A second run must not lose the mail that the first one kept.
    let second =
        merge(&first.result, Flow::List(&list(&["new@c.com"])), &keep, Surroundings::default()).unwrap();
    assert_eq!(second.outcome, Outcome::NoChange);
}

#[test]
fn r21_case_alone_is_no_change_unless_forced() {
    let (current, flow) = (["SMTP:a@c.com", "smtp:b@c.com"], ["B@c.com", "A@C.com"]);
    assert_eq!(run(&current, &flow).unwrap().outcome, Outcome::NoChange);
    // The wanted spelling comes along when something else changes.
    assert_eq!(
        sent(run(&current, &["d@c.com", "B@c.com", "A@c.com"])),
        ["SMTP:A@c.com", "smtp:B@c.com", "smtp:d@c.com"]
    );
    let force = MergePolicy { force_case: true, ..policy() };
    let first = with(&current, &flow, &force, Surroundings::default()).unwrap();
    assert_eq!(first.result, ["smtp:B@c.com", "SMTP:A@C.com"]);
    let second = merge(&first.result, Flow::List(&list(&flow)), &force, Surroundings::default()).unwrap();
    assert_eq!(second.outcome, Outcome::NoChange);
}

#[test]
fn r22_order_alone_is_no_change() {
    let merge = run(
        &["smtp:b@c.com", "X500:/o=x", "SMTP:a@c.com", "smtp:d@c.com"],
        &["d@c.com", "b@c.com", "a@c.com"],
    );
    assert_eq!(merge.unwrap().outcome, Outcome::NoChange);
}

#[test]
fn r23_a_swap_is_one_overwrite() {
    let merge = run(&["SMTP:a@c.com", "smtp:b@c.com"], &["a@c.com", "b@c.com"]).unwrap();
    assert!(merge.primary_changes);
    assert_eq!(merge.outcome, Outcome::Set(list(&["smtp:a@c.com", "SMTP:b@c.com"])));
}

#[test]
fn r24_too_many_and_too_long_are_refused() {
    let many: Vec<String> = (0..201).map(|n| format!("a{n}@c.com")).collect();
    let go = |flow: &[String]| {
        merge(&list(&["SMTP:a0@c.com"]), Flow::List(flow), &policy(), Surroundings::default())
    };
    assert_eq!(refused(go(&many)), Rule::TooMany);
    assert_eq!(go(&many[..200]).unwrap().result.len(), 200);
    assert_eq!(refused(go(&[format!("{}@c.com", "x".repeat(1120))])), Rule::TooMany);
}

#[test]
fn r25_tags_and_dots_are_significant() {
    assert_eq!(
        sent(run(&["SMTP:a@c.com"], &["a+tag@c.com", "a.b@c.com", "ab@c.com", "a@c.com"])),
        ["SMTP:a@c.com", "smtp:a+tag@c.com", "smtp:a.b@c.com", "smtp:ab@c.com"]
    );
}

#[test]
fn r28_domains_that_are_not_accepted_are_refused_for_new_addresses() {
    let accepted = AcceptedDomains::new(["c.com", "*.d.com"]);
    let around = Surroundings { accepted: Some(&accepted), ..Surroundings::default() };
    let go = |flow: &[&str]| with(&["SMTP:a@old.com"], flow, &policy(), around);
    assert_eq!(refused(go(&["a@evil.com", "a@c.com"])), Rule::DomainNotAccepted);
    assert_eq!(sent(go(&["a@x.d.com", "a@c.com"])), ["SMTP:a@c.com", "smtp:a@x.d.com"]);
    // What is there already is not asked for.
    assert_eq!(sent(go(&["a@old.com", "a@c.com"])), ["SMTP:a@c.com", "smtp:a@old.com"]);
}

#[test]
fn r29_an_address_of_another_recipient_is_refused_with_its_owner() {
    let owner = Owner {
        guid: None,
        name: "contoso.com/Staff/Bob".into(),
        kind: "MailContact".into(),
        soft_deleted: false,
    };
    let owners = BTreeMap::from([(key("b@c.com").unwrap(), owner.clone())]);
    let around = Surroundings { owners: Some(&owners), ..Surroundings::default() };
    let refusal = with(&["SMTP:a@c.com"], &["B@c.com", "a@c.com"], &policy(), around).unwrap_err();
    assert_eq!((refusal.rule, refusal.owner), (Rule::AddressInUse, Some(Box::new(owner))));
    assert!(refusal.message.contains("contoso.com/Staff/Bob"), "{}", refusal.message);
    // The recipient's own address is no conflict.
    assert!(with(&["SMTP:b@c.com"], &["b@c.com"], &policy(), around).is_ok());
}

#[test]
fn r32_a_difference_is_for_secondaries() {
    let current = list(&["SMTP:a@c.com", "smtp:B@c.com", "smtp:a@t.mail.onmicrosoft.com", "X500:/o=x"]);
    let go = |add: &[&str], remove: &[&str]| {
        merge(
            &current,
            Flow::Delta { add: &list(add), remove: &list(remove) },
            &policy(),
            Surroundings::default(),
        )
    };
    assert_eq!(
        go(&["d@c.com", "b@c.com"], &["b2@c.com"]).unwrap().outcome,
        Outcome::Delta { add: list(&["smtp:d@c.com"]), remove: vec![] }
    );
    // What goes is named as Exchange has it.
    assert_eq!(
        go(&[], &["b@c.com"]).unwrap().outcome,
        Outcome::Delta { add: vec![], remove: list(&["smtp:B@c.com"]) }
    );
    assert_eq!(go(&["b@c.com"], &["gone@c.com"]).unwrap().outcome, Outcome::NoChange);
    assert_eq!(go(&[], &[]).unwrap().outcome, Outcome::NoChange);
    assert_eq!(refused(go(&["SMTP:d@c.com"], &[])), Rule::DeltaOnPrimary);
    assert_eq!(refused(go(&[], &["a@c.com"])), Rule::DeltaOnPrimary);
    assert_eq!(refused(go(&["d@c.com"], &["D@c.com"])), Rule::DeltaContradicts);
    assert_eq!(refused(go(&[], &["a@t.mail.onmicrosoft.com"])), Rule::Protected);
    assert_eq!(refused(go(&[], &["X500:/o=x"])), Rule::NonSmtpInFlow);
}

#[test]
fn r33_too_many_removals_are_refused() {
    let mut current = vec!["SMTP:a@c.com".to_owned()];
    current.extend((0..11).map(|n| format!("smtp:s{n}@c.com")));
    let flow = list(&["a@c.com"]);
    let go = |current: &[String], most| {
        let policy = MergePolicy { max_removed_addresses: most, ..policy() };
        merge(current, Flow::List(&flow), &policy, Surroundings::default())
    };
    assert_eq!(refused(go(&current, Some(10))), Rule::MassRemoval);
    assert_eq!(go(&current[..11], Some(10)).unwrap().removed, 10);
    assert_eq!(go(&current, None).unwrap().removed, 11);
}

#[test]
fn r24_a_value_that_is_there_counts_too() {
    let long = format!("X500:/o={}", "x".repeat(1116));
    assert_eq!(refused(run(&["SMTP:a@c.com", &long], &["b@c.com"])), Rule::TooMany);
    let fits = &long[..1123];
    assert!(run(&["SMTP:a@c.com", fits], &["b@c.com"]).is_ok());
}

#[test]
fn several_current_primaries_are_not_chosen_from_by_order() {
    let keep = MergePolicy { keep_primary_when_empty: true, ..policy() };
    let (ab, ba) = (["SMTP:a@c.com", "SMTP:b@c.com"], ["SMTP:b@c.com", "SMTP:a@c.com"]);
    for current in [ab, ba] {
        assert_eq!(refused(with(&current, &[], &keep, Surroundings::default())), Rule::TwoPrimaries);
        assert!(run(&current, &["b@c.com", "a@c.com"]).unwrap().primary_changes);
        for remove in ["a@c.com", "b@c.com"] {
            let flow = Flow::Delta { add: &[], remove: &list(&[remove]) };
            let merged = merge(&list(&current), flow, &policy(), Surroundings::default());
            assert_eq!(refused(merged), Rule::DeltaOnPrimary);
        }
    }
}

#[test]
fn r32_what_is_named_twice_goes_once() {
    let current = list(&["SMTP:a@c.com", "smtp:B@c.com"]);
    let flow = Flow::Delta { add: &[], remove: &list(&["b@c.com", "smtp:B@C.com"]) };
    let one = MergePolicy { max_removed_addresses: Some(1), ..policy() };
    let merged = merge(&current, flow, &one, Surroundings::default()).unwrap();
    assert_eq!(merged.outcome, Outcome::Delta { add: vec![], remove: list(&["smtp:B@c.com"]) });
    assert_eq!(merged.removed, 1);
}

#[test]
fn r19_the_tenants_own_address_is_reported_when_a_difference_takes_it() {
    let current = list(&["SMTP:a@c.com", "smtp:a@t.onmicrosoft.com"]);
    let flow = Flow::Delta { add: &[], remove: &list(&["a@t.onmicrosoft.com"]) };
    let open = MergePolicy { protect_moera: false, ..policy() };
    let merged = merge(&current, flow, &open, Surroundings { cloud: true, ..Surroundings::default() });
    assert!(noted(&merged.unwrap(), Rule::MoeraUnprotected));
}
