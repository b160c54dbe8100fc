//! The merge as the rule table has it (R1 to R33), over plain lists of texts: slow and obvious, sharing nothing with the
//! implementation.

use std::collections::BTreeSet;

use crate::{
    case::{Case, Flow, Options},
    text::{self, Syntax, bare, is_primary, is_smtp, key, key_of},
};

/// What the rules demand.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Nothing is sent; each of these rules is a reason, and any of them may be the one that is named.
    Refused(BTreeSet<&'static str>),
    /// What is sent, the list as it will be, and the rules that must be mentioned.
    Answer { sent: Sent, result: Vec<String>, mentioned: BTreeSet<&'static str> },
    /// The rules leave it open; only the invariants hold.
    Open(&'static str),
}

/// What is sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Sent {
    NoParameter,
    NoChange,
    Set(Vec<String>),
    Delta { add: Vec<String>, remove: Vec<String> },
}

/// What the rules demand of a case.
pub fn merge(case: &Case) -> Verdict {
    match &case.flow {
        Flow::Absent => Verdict::Answer {
            sent: Sent::NoParameter, // R1
            result: case.current.clone(),
            mentioned: BTreeSet::new(),
        },
        Flow::Clear => list(case, &[]), // R6
        Flow::List(entries) => list(case, entries),
        Flow::Delta { add, remove } => delta(case, add, remove),
    }
}

/// An entry of the flow that R2 to R5 let pass.
#[derive(Clone)]
struct Entry {
    address: String,
    marked: bool,
}

/// R2 to R5.
struct Parsed {
    smtp: Vec<Entry>,
    others: Vec<String>,
    refusals: BTreeSet<&'static str>,
    open: bool,
}

fn parse(entries: &[String], options: &Options) -> Parsed {
    let mut parsed = Parsed { smtp: vec![], others: vec![], refusals: BTreeSet::new(), open: false };
    for entry in entries {
        let entry = entry.trim(); // R2
        if entry.is_empty() {
            continue;
        }
        if !is_smtp(entry) {
            let prefix = text::prefix(entry).unwrap();
            // R4
            if options.managed_types.iter().any(|managed| managed.eq_ignore_ascii_case(&prefix)) {
                parsed.others.push(entry.to_owned());
            } else {
                parsed.refusals.insert("R4");
            }
            if entry.chars().count() > 1123 {
                parsed.refusals.insert("R24");
            }
            continue;
        }
        let address = bare(entry); // R3
        match text::syntax(&address) {
            Syntax::Bad => {
                parsed.refusals.insert("R5");
            }
            Syntax::Open => parsed.open = true,
            Syntax::Good => {}
        }
        parsed.smtp.push(Entry { address, marked: is_primary(entry) });
    }
    parsed
}

/// 2.2: protected is excluded, or the routing address (R18), or the MOERA in the cloud (R19).
fn protected(case: &Case, key: &str) -> bool {
    excluded(case, key)
        || case.routing.as_deref().map(key_of).as_deref() == Some(key)
        || (case.cloud && case.options.protect_moera && text::is_moera(key))
}

fn excluded(case: &Case, key: &str) -> bool {
    text::excluded(key, &case.options.excluded, case.options.literal)
}

/// 2.5, with the whole list in the flow.
fn list(case: &Case, entries: &[String]) -> Verdict {
    let parsed = parse(entries, &case.options);
    if parsed.open {
        return Verdict::Open("syntax");
    }
    if !parsed.refusals.is_empty() {
        return Verdict::Refused(parsed.refusals);
    }
    if parsed.smtp.is_empty() {
        return empty(case, &parsed.others);
    }
    let mut refusals = BTreeSet::new();
    let mut mentioned = BTreeSet::new();

    // R7
    let last = key(&parsed.smtp.last().unwrap().address);
    let marked: BTreeSet<String> =
        parsed.smtp.iter().filter(|entry| entry.marked).map(|entry| key(&entry.address)).collect();
    let primary_key = if case.options.primary_last || marked.is_empty() {
        last
    } else {
        if marked.len() > 1 {
            return Verdict::Refused(["R7"].into());
        }
        let marked = marked.first().unwrap().clone();
        if marked != last {
            mentioned.insert("R7");
        }
        marked
    };

    // R8: one entry for each key, and the last occurrence gives the casing
    let mut distinct: Vec<String> = vec![];
    for entry in &parsed.smtp {
        distinct.retain(|held| key(held) != key(&entry.address));
        distinct.push(entry.address.clone());
    }
    let primary = distinct.iter().find(|address| key(address) == primary_key).unwrap().clone();
    let secondaries: Vec<String> =
        distinct.into_iter().filter(|address| key(address) != primary_key).collect();

    // R11
    if excluded(case, &primary_key) && !case.options.promote {
        refusals.insert("R11");
    }
    // The rule names the routing address and the MOERA, whatever `protect_moera` says.
    if case.routing.as_deref().map(key_of).as_ref() == Some(&primary_key)
        || (case.cloud && text::is_moera(&primary_key))
    {
        mentioned.insert("R11");
    }

    // R9, R12, R18, R19
    let kept: Vec<String> = kept(case, &primary_key);
    let kept_keys: Vec<String> = kept.iter().map(|value| key_of(value)).collect();

    // R13
    let mut taken: Vec<String> = vec![];
    for address in secondaries {
        let key = key(&address);
        if kept_keys.contains(&key) {
            continue; // R12: once, as in current
        }
        if excluded(case, &key) {
            mentioned.insert("R13"); // what is dropped is said, too
            if case.options.drop_excluded {
                continue;
            }
        }
        taken.push(format!("smtp:{address}"));
    }

    // R14
    let mut out = non_smtp(case);
    add_managed(&mut out, &parsed.others);
    out.extend(kept);
    out.extend(taken);
    // R20. The row speaks of the old primary alone; a second run could not tell it from another secondary, and invariant
    // 5 would fall. So the list takes nothing away.
    if case.options.keep_old_primary {
        keep_all(case, &mut out, &primary_key);
    }
    out.push(format!("SMTP:{primary}"));
    finish(case, out, refusals, mentioned)
}

/// R20: whatever is there and not in the list yet.
fn keep_all(case: &Case, out: &mut Vec<String>, primary_key: &str) {
    for old in case.current.iter().filter(|value| is_smtp(value)) {
        let key = key_of(old);
        if key != primary_key && !smtp_keys(out).contains(&key) {
            out.push(format!("smtp:{}", bare(old)));
        }
    }
}

/// R6, R10, R16: the flow is there and empty.
fn empty(case: &Case, others: &[String]) -> Verdict {
    if !case.options.keep_primary {
        return Verdict::Refused(["R6"].into());
    }
    let primaries: Vec<&String> = case.current.iter().filter(|value| is_primary(value)).collect();
    if primaries.is_empty() {
        return Verdict::Refused(["R6", "R16"].into());
    }
    if primaries.iter().any(|value| key_of(value) != key_of(primaries[0])) {
        // Invariant 7: the order of a broken object must not choose between them.
        return Verdict::Refused(["R7", "R16"].into());
    }
    let primary = bare(primaries[0]);
    let mut out = non_smtp(case);
    add_managed(&mut out, others);
    out.extend(kept(case, &key(&primary)));
    if case.options.keep_old_primary {
        keep_all(case, &mut out, &key(&primary)); // R20
    }
    out.push(format!("SMTP:{primary}"));
    finish(case, out, BTreeSet::new(), BTreeSet::new())
}

/// R14, R15: as they are.
fn non_smtp(case: &Case) -> Vec<String> {
    case.current.iter().filter(|value| !is_smtp(value)).cloned().collect()
}

/// R4: `managed_types` adds, and never removes. What differs in case only is there already (F10).
fn add_managed(out: &mut Vec<String>, others: &[String]) {
    for other in others {
        if !out.iter().any(|held| held.eq_ignore_ascii_case(other)) {
            out.push(other.clone());
        }
    }
}

/// K of the algorithm: what is protected stays, as a secondary.
fn kept(case: &Case, primary_key: &str) -> Vec<String> {
    let mut kept: Vec<String> = vec![];
    for value in case.current.iter().filter(|value| is_smtp(value)) {
        let key = key_of(value);
        if key != primary_key && protected(case, &key) && !kept.iter().any(|held| key_of(held) == key) {
            kept.push(format!("smtp:{}", bare(value)));
        }
    }
    kept
}

fn smtp_keys(list: &[String]) -> BTreeSet<String> {
    list.iter().filter(|value| is_smtp(value)).map(|value| key_of(value)).collect()
}

/// The end of 2.5: R24, R28, R29, R33, R19's report, R21, R22.
fn finish(
    case: &Case,
    out: Vec<String>,
    mut refusals: BTreeSet<&'static str>,
    mut mentioned: BTreeSet<&'static str>,
) -> Verdict {
    guards(case, &out, &mut refusals, &mut mentioned);
    if !refusals.is_empty() {
        return Verdict::Refused(refusals);
    }
    let same = state(&out) == state(&case.current);
    if same && (!case.options.force_case || same_casing(&out, &case.current)) {
        return Verdict::Answer { sent: Sent::NoChange, result: case.current.clone(), mentioned };
    }
    Verdict::Answer { sent: Sent::Set(out.clone()), result: out, mentioned }
}

/// R24, R28, R29, R33, and R19's report.
fn guards(
    case: &Case,
    out: &[String],
    refusals: &mut BTreeSet<&'static str>,
    mentioned: &mut BTreeSet<&'static str>,
) {
    // R24
    if out.len() > 200 || out.iter().any(|value| value.chars().count() > 1123) {
        refusals.insert("R24");
    }
    let (before, after) = (smtp_keys(&case.current), smtp_keys(out));
    for new in after.difference(&before) {
        // R28
        if case.accepted.as_ref().is_some_and(|accepted| !text::accepted(new, accepted)) {
            refusals.insert("R28");
        }
        // R29
        if case.taken.iter().any(|taken| key_of(taken) == *new) {
            refusals.insert("R29");
        }
    }
    let removed: Vec<&String> = before.difference(&after).collect();
    // R33
    if case.options.max_removed.is_some_and(|most| removed.len() > most) {
        refusals.insert("R33");
    }
    // R19: "report when off"
    if case.cloud && removed.iter().any(|key| text::is_moera(key)) {
        mentioned.insert("R19");
    }
}

/// Sorted non-SMTP values, and the set of (is primary, key).
pub type State = (Vec<String>, BTreeSet<(bool, String)>);

/// 2.5: `state(L)`.
pub fn state(list: &[String]) -> State {
    let mut others: Vec<String> = list.iter().filter(|value| !is_smtp(value)).cloned().collect();
    others.sort();
    let smtp =
        list.iter().filter(|value| is_smtp(value)).map(|value| (is_primary(value), key_of(value))).collect();
    (others, smtp)
}

/// R21: whether every value of `out` is spelt as in the current list, its prefix included.
fn same_casing(out: &[String], current: &[String]) -> bool {
    let spelt = |list: &[String]| list.iter().cloned().collect::<BTreeSet<String>>();
    spelt(out) == spelt(current)
}

/// R32: secondaries only.
fn delta(case: &Case, add: &[String], remove: &[String]) -> Verdict {
    let (add, remove) = (parse(add, &case.options), parse(remove, &case.options));
    if add.open || remove.open {
        return Verdict::Open("syntax");
    }
    let mut refusals: BTreeSet<&'static str> = add.refusals.union(&remove.refusals).copied().collect();
    if !remove.others.is_empty() {
        refusals.insert("R4"); // `managed_types` adds, and never removes
    }
    if !refusals.is_empty() {
        return Verdict::Refused(refusals);
    }
    let primaries: BTreeSet<String> =
        case.current.iter().filter(|value| is_primary(value)).map(|value| key_of(value)).collect();
    if primaries.len() != 1 {
        return Verdict::Open("a difference to a mailbox without one primary");
    }
    let mut refusals = BTreeSet::new();
    let mut mentioned = BTreeSet::new();
    if add.smtp.iter().any(|entry| entry.marked && !primaries.contains(&key(&entry.address))) {
        refusals.insert("R32");
    }
    if remove.smtp.iter().any(|entry| primaries.contains(&key(&entry.address))) {
        refusals.insert("R32");
    }
    if add.smtp.iter().any(|one| remove.smtp.iter().any(|other| key(&one.address) == key(&other.address))) {
        refusals.insert("R32");
    }
    let present = smtp_keys(&case.current);
    let mut added = non_smtp(case);
    add_managed(&mut added, &add.others);
    let mut added = added.split_off(non_smtp(case).len());
    let mut new: Vec<String> = vec![];
    for entry in &add.smtp {
        let key = key(&entry.address);
        if present.contains(&key) {
            continue;
        }
        if excluded(case, &key) {
            mentioned.insert("R13");
            if case.options.drop_excluded {
                continue;
            }
        }
        new.retain(|held| text::key(held) != key); // R8
        new.push(entry.address.clone());
    }
    added.extend(new.into_iter().map(|address| format!("smtp:{address}")));
    let gone: BTreeSet<String> = remove.smtp.iter().map(|entry| key(&entry.address)).collect();
    // Protected means kept. What cannot be done is refused, not passed over in silence.
    if gone.iter().any(|key| present.contains(key) && protected(case, key)) {
        refusals.insert("R18");
    }
    let goes = |value: &&String| is_smtp(value) && gone.contains(&key_of(value));
    let removed: Vec<String> = case.current.iter().filter(goes).cloned().collect();
    let mut out: Vec<String> = case.current.iter().filter(|value| !goes(value)).cloned().collect();
    out.extend(added.clone());
    guards(case, &out, &mut refusals, &mut mentioned);
    if !refusals.is_empty() {
        return Verdict::Refused(refusals);
    }
    let sent = if added.is_empty() && removed.is_empty() {
        Sent::NoChange // F16: never an empty list
    } else {
        Sent::Delta { add: added, remove: removed }
    };
    Verdict::Answer { sent, result: out, mentioned }
}

/// What R26 and R27 demand of the call that changes the addresses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PolicyVerdict {
    /// R26: refused.
    Refused,
    /// R26: `-EmailAddressPolicyEnabled $false` in the same call.
    SwitchedOff,
    /// The policy is not in the way and `-EmailAddressPolicyEnabled` goes as the column says, when it differs. With
    /// `true` R27's note is due.
    AsColumn(bool),
    /// The rules do not tell.
    Open,
}

/// R26 and R27, for a merge that is not refused. `sent` says whether addresses are sent, `primary_differs` whether
/// another address becomes primary.
pub fn policy(case: &Case, sent: bool, primary_differs: bool) -> PolicyVerdict {
    let on = case.policy.on == Some(true);
    match (on, primary_differs, case.policy.column) {
        (_, true, Some(true)) if on => PolicyVerdict::Refused,
        (false, true, Some(true)) => PolicyVerdict::Open,
        (true, true, Some(false)) => PolicyVerdict::SwitchedOff,
        (true, true, _) if case.policy.disable => PolicyVerdict::SwitchedOff,
        (true, true, _) => PolicyVerdict::Refused,
        (true, false, Some(false)) => PolicyVerdict::AsColumn(false),
        (true, false, _) => PolicyVerdict::AsColumn(sent),
        (false, _, column) => PolicyVerdict::AsColumn(sent && column == Some(true)),
    }
}
