//! One change of each kind, killed at each boundary between its steps.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use super::flow::{KINDS, Kind, apply, connect, finish, seed};
use super::is_long;
use super::journal::{Moment, Watched};
use super::outcome::{history, makes, same_directory};
use crate::scenarios::bench::{Bench, name};

/// Cases side by side.
const AT_ONCE: usize = 6;

/// When a change is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// Held up just before it writes this into the journal
    Before(Moment),
    /// While Exchange is at this step
    During(usize),
}

struct Case {
    kind: &'static Kind,
    when: When,
    account: String,
}

impl Case {
    fn file(&self, extension: &str) -> String {
        format!("{}.{extension}", self.account)
    }

    /// Steps of one run: the second stage of what waits for directory synchronisation is another run's first step.
    fn steps(&self) -> usize {
        steps(self.kind)
    }
}

fn steps(kind: &Kind) -> usize {
    if kind.name == "disableremote" { 1 } else { kind.steps.len() }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in &KINDS {
        // What is before and behind the steps is the same for all kinds, so the short version tries it with one.
        let around = is_long() || kind.name == "new";
        let mut all = Vec::new();
        if around {
            all.extend([Moment::Take, Moment::Begin, Moment::Plan].map(When::Before));
        }
        for step in 1..=steps(kind) {
            all.push(When::Before(Moment::Intent(step)));
            all.push(When::During(step));
            all.push(When::Before(Moment::Outcome(step)));
        }
        if around {
            all.extend([Moment::Finish, Moment::End].map(When::Before));
        }
        cases.extend(all.into_iter().enumerate().map(|(number, when)| {
            let account = format!("{}{number}", kind.name);
            Case { kind, when, account }
        }));
    }
    cases
}

/// Kills the program there.
fn kill(bench: &Bench, case: &Case, journal: &mut Watched) {
    if let When::Before(moment) = case.when {
        journal.hold(moment);
    }
    let mut child = apply(bench, &case.file("jsonl"), &case.file("db")).spawn().unwrap();
    match case.when {
        // Somebody who is just slow to write is not there yet.
        When::Before(_) => {
            journal.until_held(&mut child);
            while !is_there(case, journal) {
                journal.until_held(&mut child);
            }
        }
        When::During(_) => {
            while !is_there(case, journal) {
                assert!(child.try_wait().unwrap().is_none(), "{}: it ended before", case.account);
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    if let When::Before(_) = case.when {
        journal.release();
    }
    assert!(is_there(case, journal), "{}: {:?}: {:?}", case.account, case.when, journal.steps());
}

/// Whether the journal is as it is at that moment.
fn is_there(case: &Case, journal: &mut Watched) -> bool {
    let steps = journal.steps();
    let outcomes = steps.iter().filter(|step| step.outcome.is_some()).count();
    let changes = |journal: &mut Watched, which: &str| {
        journal.number(&format!("SELECT count(*) FROM changes WHERE {which}"))
    };
    match case.when {
        When::Before(Moment::Take) => changes(journal, "true") == 0,
        When::Before(Moment::Begin) => changes(journal, "attempts = 0") == 1,
        When::Before(Moment::Plan) => changes(journal, "attempts = 1 AND plan IS NULL") == 1,
        When::Before(Moment::Intent(step)) => (steps.len(), outcomes) == (step - 1, step - 1),
        When::During(step) | When::Before(Moment::Outcome(step)) => {
            (steps.len(), outcomes) == (step, step - 1)
        }
        When::Before(Moment::Finish) => {
            (steps.len(), outcomes) == (case.steps(), case.steps()) && changes(journal, "result IS NULL") == 1
        }
        When::Before(Moment::End) => changes(journal, "result IS NOT NULL") == 1,
    }
}

#[test]
fn one_change_of_each_kind_killed_at_each_boundary() {
    let cases = cases();
    let seed = seed(cases.iter().map(|case| (case.kind, case.account.as_str())));
    // The first one is slow enough to be killed while it works.
    let (disturbed, undisturbed) = (Bench::with(&seed, &["--latency", "60"]), Bench::new(&seed));
    for bench in [&disturbed, &undisturbed] {
        connect(bench, 2);
    }
    for case in &cases {
        disturbed.place.write(&format!("{}.jsonl", case.account), &case.kind.line(&case.account));
    }
    let all: String = cases.iter().map(|case| case.kind.line(&case.account)).collect();
    undisturbed.place.write("all.jsonl", &all);
    finish(&undisturbed, "all.jsonl", "all.db");

    let left = Mutex::new(cases.iter());
    let next = || left.lock().unwrap().next();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = next() {
                    let mut journal = Watched::new(&disturbed.path(&case.file("db")));
                    kill(&disturbed, case, &mut journal);
                    let results = finish(&disturbed, &case.file("jsonl"), &case.file("db"));
                    assert_eq!(results.len(), 1, "{results:?}");
                }
            });
        }
    });

    let ran = [&disturbed, &undisturbed].map(Bench::cmdlets);
    let ended = [disturbed, undisturbed].map(Bench::end);
    same_directory(&ended[0], &ended[1]);
    let histories: Vec<BTreeMap<_, _>> =
        ran.iter().zip(&ended).map(|(ran, ended)| history(ran, &[&seed, ended])).collect();
    for case in &cases {
        let [ours, theirs] = [&histories[0], &histories[1]].map(|all| all.get(&case.account));
        let names = |entries: Option<&Vec<_>>| -> Vec<String> {
            entries.into_iter().flatten().map(|entry| name(entry).to_owned()).collect()
        };
        assert_eq!(names(theirs), case.kind.steps, "{}", case.account);
        assert_eq!(names(ours), case.kind.steps, "{} killed {:?}", case.account, case.when);
        let made = ours.unwrap().iter().filter(|entry| makes(entry)).count();
        assert!(made <= 1, "{}", case.account);
    }
}
