//! A progress bar on stderr, where a person looks at it.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::common::Context;
use crate::flow::run::Progress;
use crate::report::printable;

/// The bar of a run.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new(context: &Context, verb: &'static str) -> Self {
        let hidden = context.common.no_progress || !std::io::stderr().is_terminal();
        let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {eta} {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(verb);
        Self(bar)
    }
}

impl Progress for Bar {
    fn total(&self, changes: usize) {
        self.0.set_length(u64::try_from(changes).unwrap_or(u64::MAX));
    }

    fn done(&self, identity: &str) {
        self.0.set_message(printable(identity));
        self.0.inc(1);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
