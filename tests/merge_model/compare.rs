//! One case: the model beside the implementation.

use std::collections::{BTreeMap, BTreeSet};

use mailwright::{
    address::{Merge, Outcome, Refusal, Rule},
    plan::{ParameterValue, Planned},
};

use crate::{
    case::Case,
    model::{self, PolicyVerdict, Sent, Verdict},
    ours,
    text::{self, bare, is_primary, is_smtp, key_of},
};

/// Rules that are mentioned exactly when the model says so; others may be mentioned beside them.
const MENTIONED: [Rule; 4] =
    [Rule::PrimaryNotLast, Rule::SecondaryExcluded, Rule::PrimaryProtected, Rule::MoeraUnprotected];

/// How many cases had which end, so that nobody takes a million refusals for a proof.
#[derive(Debug, Default)]
pub struct Tally {
    pub configuration: usize,
    pub refused: usize,
    pub no_parameter: usize,
    pub no_change: usize,
    pub set: usize,
    pub delta: usize,
    /// What the rules leave open, by the reason: these are held against the invariants alone.
    pub open: BTreeMap<&'static str, usize>,
    pub policy: usize,
    /// How often each rule refused, by its number; R26 with the plan.
    pub refusals: BTreeMap<&'static str, usize>,
    /// How often each rule was mentioned.
    pub mentions: BTreeMap<&'static str, usize>,
}

/// Compares; an error says how the two differ.
pub fn compare(case: &Case, tally: &mut Tally) -> Result<(), String> {
    let Some(merged) = ours::merge(case) else {
        tally.configuration += 1;
        return if text::entries_are_good(&case.options.excluded) {
            Err("a good configuration is refused".into())
        } else {
            Ok(())
        };
    };
    if !text::entries_are_good(&case.options.excluded) {
        return Err("an empty excluded domain is no configuration error".into());
    }
    let verdict = model::merge(case);
    one(case, &verdict, &merged, tally)
        .map_err(|differs| format!("{differs}\nmodel: {verdict:#?}\nours: {merged:#?}"))?;
    // Plans are made on premises; there the cloud's rules rest.
    let on_premises = Case { cloud: false, ..case.clone() };
    let planned = ours::plan(&on_premises).unwrap();
    let merged = ours::merge(&on_premises).unwrap();
    policy(&on_premises, &merged, &planned, tally)
        .map_err(|differs| format!("in the plan: {differs}\nmerge: {merged:#?}\nplan: {planned:#?}"))
}

fn one(
    case: &Case,
    verdict: &Verdict,
    merged: &Result<Merge, Refusal>,
    tally: &mut Tally,
) -> Result<(), String> {
    let (sent, result, mentioned) = match (verdict, merged) {
        (Verdict::Open(reason), _) => {
            *tally.open.entry(reason).or_default() += 1;
            return Ok(());
        }
        (Verdict::Refused(reasons), Err(refusal)) => {
            tally.refused += 1;
            *tally.refusals.entry(refusal.rule.number()).or_default() += 1;
            return if reasons.contains(refusal.rule.number()) {
                Ok(())
            } else {
                Err(format!("refused by {}", refusal.rule.number()))
            };
        }
        (Verdict::Refused(_), Ok(_)) => return Err("must be refused".into()),
        (Verdict::Answer { .. }, Err(_)) => return Err("must not be refused".into()),
        (Verdict::Answer { sent, result, mentioned }, Ok(_)) => (sent, result, mentioned),
    };
    let Ok(merged) = merged else { return Ok(()) };
    match (sent, &merged.outcome) {
        (Sent::NoParameter, Outcome::NoParameter) => tally.no_parameter += 1,
        (Sent::NoChange, Outcome::NoChange) => tally.no_change += 1,
        (Sent::Set(model), Outcome::Set(ours)) => {
            tally.set += 1;
            same_list(model, ours)?;
        }
        (Sent::Delta { add, remove }, Outcome::Delta { add: our_add, remove: our_remove }) => {
            tally.delta += 1;
            same_list(add, our_add)?;
            same_list(remove, our_remove)?;
        }
        _ => return Err("something else is sent".into()),
    }
    if model::state(result) != model::state(&merged.result) {
        return Err("the list as it will be".into());
    }
    let primary = result.iter().find(|value| is_primary(value)).map(|value| bare(value));
    if merged.primary.as_deref().map(text::key) != primary.as_deref().map(text::key) {
        return Err("the primary".into());
    }
    if !matches!(sent, Sent::NoParameter) && merged.primary_changes != primary_differs(&case.current, result)
    {
        return Err("whether the primary changes".into());
    }
    let ours: BTreeSet<&'static str> = merged
        .notes
        .iter()
        .filter(|note| MENTIONED.contains(&note.rule))
        .map(|note| note.rule.number())
        .collect();
    ours.iter().for_each(|rule| *tally.mentions.entry(rule).or_default() += 1);
    if ours != *mentioned {
        return Err(format!("mentioned are {ours:?}"));
    }
    Ok(())
}

/// The same values, byte for byte, with the primary last. What stands where before it means nothing (R22).
fn same_list(model: &[String], ours: &[String]) -> Result<(), String> {
    let sorted = |list: &[String]| {
        let mut list = list.to_vec();
        list.sort();
        list
    };
    if sorted(model) != sorted(ours) {
        return Err("other values are sent".into());
    }
    match ours.iter().position(|value| is_primary(value)) {
        Some(at) if at + 1 != ours.len() => Err("the primary is not the last".into()),
        _ => Ok(()),
    }
}

fn primary_differs(before: &[String], after: &[String]) -> bool {
    let primaries = |list: &[String]| -> BTreeSet<String> {
        list.iter().filter(|value| is_smtp(value) && is_primary(value)).map(|value| key_of(value)).collect()
    };
    primaries(before) != primaries(after)
}

/// R26, R27 and invariant 10, on the plan.
fn policy(
    case: &Case,
    merged: &Result<Merge, Refusal>,
    planned: &Planned,
    tally: &mut Tally,
) -> Result<(), String> {
    if let Some(refusal) = planned.refusal() {
        if !planned.steps.is_empty() {
            return Err("10: a refusal has steps".into());
        }
        if merged.is_err() {
            return Ok(());
        }
        if !refusal.rule.as_deref().is_some_and(|rule| rule.contains("R26")) {
            return Err("refused by another rule than the merge's or R26".into());
        }
    }
    let Ok(merged) = merged else { return Err("the merge refuses, the plan does not".into()) };
    let sent = !matches!(merged.outcome, Outcome::NoParameter | Outcome::NoChange);
    let absent = matches!(merged.outcome, Outcome::NoParameter);
    let verdict = model::policy(case, sent, !absent && primary_differs(&case.current, &merged.result));
    let refused = planned.refusal().is_some();
    let parameter = |name: &str| planned.steps.iter().find_map(|step| step.parameter(name));
    let switch = match parameter("EmailAddressPolicyEnabled") {
        Some(ParameterValue::Bool(value)) => Some(*value),
        Some(_) => return Err("EmailAddressPolicyEnabled is no Boolean".into()),
        None => None,
    };
    let drift = planned
        .findings
        .iter()
        .any(|finding| finding.rule.as_deref().is_some_and(|rule| rule.contains("R27")));
    if !refused && sent != parameter("EmailAddresses").is_some() {
        return Err("whether EmailAddresses is sent".into());
    }
    tally.policy += usize::from(case.policy.on == Some(true) && sent);
    match verdict {
        PolicyVerdict::Open => Ok(()),
        PolicyVerdict::Refused if refused => {
            *tally.refusals.entry("R26").or_default() += 1;
            Ok(())
        }
        PolicyVerdict::Refused => Err("R26 must refuse".into()),
        _ if refused => Err("R26 must not refuse".into()),
        PolicyVerdict::SwitchedOff if switch == Some(false) && planned.steps.len() == 1 => Ok(()),
        PolicyVerdict::SwitchedOff => Err("R26: the policy must be switched off in the same call".into()),
        PolicyVerdict::AsColumn(note) => {
            let wanted = case.policy.column.filter(|wanted| case.policy.on != Some(*wanted));
            if switch != wanted {
                return Err("EmailAddressPolicyEnabled goes as the column says".into());
            }
            if note == drift { Ok(()) } else { Err("R27: the note of drift".into()) }
        }
    }
}
