//! The address merge against an independent model of its rules, over random cases.
//!
//! `MAILWRIGHT_MERGE_CASES` says how many, `MAILWRIGHT_MERGE_SEED` which; a case that fails is made smaller and printed
//! as JSON.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod case;
mod compare;
mod generate;
mod invariants;
mod model;
mod ours;
mod shrink;
mod text;

use case::Case;
use compare::Tally;
use generate::Random;

const CASES: u64 = 20_000;

/// As many failures are shown; more of them hardly tell more.
const SHOWN: usize = 5;

fn check(case: &Case, number: u64, tally: &mut Tally) -> Result<(), String> {
    compare::compare(case, tally)?;
    invariants::check(case, &mut Random::new(1, number)).map_err(|broken| format!("invariant {broken}"))
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| {
        text.replace('_', "").parse().unwrap_or_else(|_| panic!("{name} is no number: {text}"))
    })
}

#[test]
fn the_merge_is_what_the_rules_say() {
    let (cases, seed) = (setting("MAILWRIGHT_MERGE_CASES", CASES), setting("MAILWRIGHT_MERGE_SEED", 0));
    let mut tally = Tally::default();
    let mut failures = vec![];
    let mut failed = 0usize;
    for number in 0..cases {
        let case = generate::case(&mut Random::new(seed, number));
        let Err(first) = check(&case, number, &mut tally) else { continue };
        failed += 1;
        // The same kind of failure is shown once.
        let kind = first.lines().next().unwrap_or_default().split('`').next().unwrap_or_default().to_owned();
        if failures.len() < SHOWN && !failures.iter().any(|(shown, _)| *shown == kind) {
            let fails = |case: &Case| {
                check(case, number, &mut Tally::default()).is_err_and(|other| other.starts_with(&kind))
            };
            let smallest = shrink::shrink(case, fails);
            let why = check(&smallest, number, &mut Tally::default()).unwrap_err();
            let json = serde_json::to_string(&smallest).unwrap();
            failures.push((kind, format!("case {number} of seed {seed}: {json}\n{why}")));
        }
    }
    let open: usize = tally.open.values().sum();
    let compared = cases as usize - open - tally.configuration;
    println!("{cases} cases of seed {seed}, {compared} of them compared with the model: {tally:?}");
    let shown: Vec<String> = failures.into_iter().map(|(_, shown)| shown).collect();
    assert!(failed == 0, "{failed} of {cases} cases differ\n\n{}", shown.join("\n\n"));
    // A proof only of what came up.
    if cases >= CASES {
        let ends =
            [tally.no_parameter, tally.no_change, tally.set, tally.delta, tally.policy, tally.configuration];
        assert!(ends.iter().all(|count| *count > 0), "{tally:?}");
        for rule in ["R4", "R5", "R6", "R7", "R11", "R16", "R18", "R24", "R26", "R28", "R29", "R32", "R33"] {
            assert!(tally.refusals.contains_key(rule), "nothing was refused by {rule}: {tally:?}");
        }
        for rule in ["R7", "R11", "R13", "R19"] {
            assert!(tally.mentions.contains_key(rule), "{rule} was never mentioned: {tally:?}");
        }
    }
}
