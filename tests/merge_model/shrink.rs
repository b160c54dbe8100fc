//! Makes a failing case smaller, as long as it fails.

use crate::case::{Case, Flow, Options, Policy};

/// The smallest case found that still fails.
pub fn shrink(case: Case, fails: impl Fn(&Case) -> bool) -> Case {
    let mut smallest = case;
    while let Some(smaller) = smaller(&smallest).into_iter().find(|case| *case != smallest && fails(case)) {
        smallest = smaller;
    }
    smallest
}

/// Every case that is one step smaller.
fn smaller(case: &Case) -> Vec<Case> {
    let mut cases = vec![];
    let mut with = |change: &dyn Fn(&mut Case)| {
        let mut smaller = case.clone();
        change(&mut smaller);
        cases.push(smaller);
    };
    with(&|case| case.options = Options::default());
    with(&|case| case.policy = Policy::default());
    with(&|case| case.routing = None);
    with(&|case| case.accepted = None);
    with(&|case| case.taken.clear());
    with(&|case| case.cloud = false);
    with(&|case| case.options.literal = false);
    with(&|case| case.options.keep_primary = false);
    with(&|case| case.options.primary_last = false);
    with(&|case| case.options.promote = false);
    with(&|case| case.options.drop_excluded = false);
    with(&|case| case.options.keep_old_primary = false);
    with(&|case| case.options.protect_moera = false);
    with(&|case| case.options.force_case = false);
    with(&|case| case.options.managed_types.clear());
    with(&|case| case.options.max_removed = None);
    with(&|case| case.policy.column = None);
    with(&|case| case.policy.on = None);
    for at in 0..case.options.excluded.len() {
        with(&|case| drop(case.options.excluded.remove(at)));
    }
    for half in [case.current.len() / 2, 1] {
        for at in 0..case.current.len() {
            with(&|case| drop(case.current.drain(at..(at + half).min(case.current.len()))));
        }
    }
    match &case.flow {
        Flow::List(list) => {
            for half in [list.len() / 2, 1] {
                for at in 0..list.len() {
                    let mut list = list.clone();
                    list.drain(at..(at + half).min(list.len()));
                    with(&|case| case.flow = Flow::List(list.clone()));
                }
            }
        }
        Flow::Delta { add, remove } => {
            for at in 0..add.len() {
                let mut add = add.clone();
                add.remove(at);
                with(&|case| case.flow = Flow::Delta { add: add.clone(), remove: remove.clone() });
            }
            for at in 0..remove.len() {
                let mut remove = remove.clone();
                remove.remove(at);
                with(&|case| case.flow = Flow::Delta { add: add.clone(), remove: remove.clone() });
            }
        }
        Flow::Absent | Flow::Clear => {}
    }
    cases
}
