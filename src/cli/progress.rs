//! A progress bar on stderr, where a person looks at it.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::common::Context;
use crate::flow::run::Progress;
use crate::recipient::Traffic;
use crate::report::{PlannedChange, plan_text, printable, turned_away};

/// The bar of a run.
pub(super) struct Bar<'a> {
    bar: ProgressBar,
    context: &'a Context,
    /// The plan is shown before it is applied
    shows_plan: bool,
}

impl<'a> Bar<'a> {
    pub(super) fn new(context: &'a Context, verb: &'static str) -> Self {
        let hidden = context.common.no_progress || !std::io::stderr().is_terminal();
        let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {eta} {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(verb);
        Self { bar, context, shows_plan: false }
    }

    /// Shows the plan too, as soon as it is known.
    pub(super) fn with_plan(mut self) -> Self {
        self.shows_plan = true;
        self
    }
}

impl Progress for Bar<'_> {
    fn total(&self, changes: usize) {
        self.bar.set_length(u64::try_from(changes).unwrap_or(u64::MAX));
    }

    fn planned(&self, changes: &[PlannedChange], done_before: usize) {
        if self.shows_plan {
            // A reader that went away does not stop the work.
            let mut text = plan_text(changes, self.context.output_style());
            if done_before > 0 {
                text.push_str(&format!(
                    "      {done_before} done before, by an earlier run of the same source\n"
                ));
            }
            let _ = self.bar.suspend(|| self.context.out(&text));
        }
    }

    fn done(&self, identity: &str) {
        self.bar.set_message(printable(identity));
        self.bar.inc(1);
    }

    fn waits(&self, connection: &str, traffic: Traffic) {
        if let Some(line) = turned_away(connection, traffic) {
            self.bar.suspend(|| self.context.say(&format!("{line} so far")));
        }
    }
}

impl Drop for Bar<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
