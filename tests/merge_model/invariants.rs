//! The invariants of section 2.6, on the implementation alone. They hold where the rules leave the result open, too.
//! The tenth is checked with the plan, the twelfth beside the decoder.

use std::collections::BTreeSet;

use mailwright::address::{Merge, Outcome, Refusal};

use crate::{
    case::{Case, Flow},
    generate::Random,
    model::{State, state},
    ours,
    text::{self, bare, is_primary, is_smtp, key_of, prefix},
};

/// Checks them all; an error names the one that is broken.
pub fn check(case: &Case, random: &mut Random) -> Result<(), String> {
    let Some(merged) = ours::merge(case) else { return Ok(()) };
    excluded_domains_widen(case)?;
    permuted_current(case, &merged, random)?;
    permuted_flow(case, &merged, random)?;
    round_trip(case)?;
    match merged {
        Ok(merged) if merged.outcome != Outcome::NoParameter => result(case, &merged),
        _ => Ok(()),
    }
}

fn keys(list: &[String]) -> BTreeSet<String> {
    list.iter().filter(|value| is_smtp(value)).map(|value| key_of(value)).collect()
}

fn protected(case: &Case, key: &str) -> bool {
    text::excluded(key, &case.options.excluded, case.options.literal)
        || case.routing.as_deref().is_some_and(|routing| key_of(routing) == key)
        || (case.cloud && case.options.protect_moera && text::is_moera(key))
}

/// 1 to 5, 8, 9: what the list comes to.
fn result(case: &Case, merged: &Merge) -> Result<(), String> {
    let sent = !matches!(merged.outcome, Outcome::NoChange);
    let result = &merged.result;
    let difference = matches!(case.flow, Flow::Delta { .. });
    // Where nothing is sent the list is Exchange's own. By 2.5's `state`, a set of keys, a broken object that holds its
    // primary twice under one key needs no write (R21, R22).
    let primaries = |list: &[String]| {
        let marked = list.iter().filter(|value| is_primary(value));
        if sent { marked.count() } else { marked.map(|value| key_of(value)).collect::<BTreeSet<_>>().len() }
    };
    if primaries(result) != 1 && !(difference && primaries(&case.current) != 1) {
        return Err("1: not exactly one primary".into());
    }
    let others = |list: &[String]| -> Vec<String> {
        let mut list: Vec<String> = list.iter().filter(|value| !is_smtp(value)).cloned().collect();
        list.sort();
        list
    };
    let (mut before, after) = (others(&case.current), others(result));
    for value in &after {
        if let Some(at) = before.iter().position(|held| held == value) {
            before.remove(at);
            continue;
        }
        // R4: what `managed_types` adds is all that may be new.
        let managed = prefix(value).is_some_and(|prefix| {
            case.options.managed_types.iter().any(|managed| managed.eq_ignore_ascii_case(&prefix))
        });
        if !managed || !flow_values(case).iter().any(|wanted| wanted.trim() == value) {
            return Err(format!("2: `{value}` is new"));
        }
    }
    if !before.is_empty() {
        return Err(format!("2: {before:?} went"));
    }
    let smtp = result.iter().filter(|value| is_smtp(value)).count();
    if sent && !difference && smtp != keys(result).len() {
        return Err("3: two values share a key".into());
    }
    let (held, wanted, now) = (keys(&case.current), keys(&flow_values(case)), keys(result));
    if let Some(lost) = held.iter().find(|key| protected(case, key) && !now.contains(*key)) {
        return Err(format!("4: `{lost}` is protected and went"));
    }
    if let Some(invented) = now.iter().find(|key| !held.contains(*key) && !wanted.contains(*key)) {
        return Err(format!("8: `{invented}` is invented"));
    }
    if !difference && !case.options.keep_old_primary && !wanted.is_empty() {
        let stays =
            held.iter().find(|key| now.contains(*key) && !protected(case, key) && !wanted.contains(*key));
        if let Some(stays) = stays {
            return Err(format!("9: `{stays}` is not in the flow and stays"));
        }
    }
    let again = Case { current: result.clone(), taken: vec![], ..case.clone() };
    match ours::merge(&again) {
        Some(Ok(second)) if matches!(second.outcome, Outcome::NoChange) => Ok(()),
        // What a broken object keeps may be refused for its own sake; nothing is sent then either.
        Some(Err(_)) if difference || !sent => Ok(()),
        other => Err(format!("5: the second merge comes to {other:#?}")),
    }
}

fn flow_values(case: &Case) -> Vec<String> {
    let values = match &case.flow {
        Flow::Absent | Flow::Clear => vec![],
        Flow::List(list) => list.clone(),
        Flow::Delta { add, .. } => add.clone(),
    };
    values.iter().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect()
}

fn comparable(merged: &Option<Result<Merge, Refusal>>) -> Option<State> {
    match merged {
        Some(Ok(merged)) => Some(state(&merged.result)),
        _ => None,
    }
}

/// 6.
fn permuted_flow(case: &Case, merged: &Result<Merge, Refusal>, random: &mut Random) -> Result<(), String> {
    let Flow::List(list) = &case.flow else { return Ok(()) };
    let last = list.iter().rposition(|value| !value.trim().is_empty() && is_smtp(value.trim()));
    let Some(last) = last else { return Ok(()) };
    if list.iter().any(|value| is_primary(value.trim())) {
        return Ok(());
    }
    let mut others = list.clone();
    let last = others.remove(last);
    random.shuffle(&mut others);
    others.push(last);
    let permuted = ours::merge(&Case { flow: Flow::List(others), ..case.clone() });
    if comparable(&permuted) == comparable(&Some(merged.clone())) {
        Ok(())
    } else {
        Err(format!("6: another order of the flow comes to {permuted:#?}"))
    }
}

/// 7. Which of two current primaries an empty flow keeps is not in the rules.
fn permuted_current(case: &Case, merged: &Result<Merge, Refusal>, random: &mut Random) -> Result<(), String> {
    let mut current = case.current.clone();
    random.shuffle(&mut current);
    let permuted = ours::merge(&Case { current, ..case.clone() });
    if comparable(&permuted) == comparable(&Some(merged.clone())) {
        Ok(())
    } else {
        Err(format!("7: another order of what is there comes to {permuted:#?}"))
    }
}

/// 11: what an import reports (R35: excluded and other types hidden, primary last), flowed back, changes nothing. Only
/// where the import can report the primary, and where Exchange would hold the list.
fn round_trip(case: &Case) -> Result<(), String> {
    let shown: Vec<&String> = case
        .current
        .iter()
        .filter(|value| is_smtp(value))
        .filter(|value| !text::excluded(&key_of(value), &case.options.excluded, case.options.literal))
        .collect();
    let primary: Vec<&&String> = shown.iter().filter(|value| is_primary(value)).collect();
    // R21: with `force_case` even a prefix in mixed case is written.
    let plain =
        case.current.iter().all(|value| !is_smtp(value) || value.starts_with("smtp:") || is_primary(value));
    let sound = (plain || !case.options.force_case)
        && case.current.iter().filter(|value| is_primary(value)).count() == 1
        && case.current.iter().filter(|value| is_smtp(value)).count() == keys(&case.current).len()
        && shown.iter().all(|value| text::syntax(&bare(value)) == text::Syntax::Good)
        && case.current.len() <= 200
        && case.current.iter().all(|value| value.chars().count() <= 1123);
    let [primary] = primary[..] else { return Ok(()) };
    if !sound {
        return Ok(());
    }
    let mut flow: Vec<String> =
        shown.iter().filter(|value| !is_primary(value)).map(|value| bare(value)).collect();
    flow.push(bare(primary));
    let back = ours::merge(&Case { flow: Flow::List(flow), ..case.clone() });
    match back {
        Some(Ok(Merge { outcome: Outcome::NoChange, .. })) => Ok(()),
        other => Err(format!("11: what was imported comes back as {other:#?}")),
    }
}

/// 2.3: exact => label boundary => literal.
fn excluded_domains_widen(case: &Case) -> Result<(), String> {
    use mailwright::address::{ExcludedDomains, key};
    for entry in &case.options.excluded {
        let plain = entry.trim().trim_start_matches(['@', '*', '.']).to_owned();
        if plain.is_empty() {
            continue;
        }
        let refused = |_| format!("2.3: `{plain}` is refused");
        let exact = ExcludedDomains::parse([format!("@{plain}")]).map_err(refused)?;
        let label = ExcludedDomains::parse([&plain]).map_err(refused)?;
        let literal = ExcludedDomains::parse_literal([&plain]).map_err(refused)?;
        for key in case.current.iter().filter(|value| value.contains('@')).filter_map(|value| key(value)) {
            let [exact, label, literal] = [&exact, &label, &literal].map(|domains| domains.contains(&key));
            if (exact && !label) || (label && !literal) {
                return Err(format!(
                    "2.3: `{plain}` and `{key}`: exact {exact}, label {label}, literal {literal}"
                ));
            }
        }
    }
    Ok(())
}
