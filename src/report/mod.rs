//! What a run will do or did, for people and for programs.

mod diff;
mod form;
mod plan;
mod result;
mod run;
mod style;
#[cfg(test)]
mod tests;
mod text;

pub use diff::{AttributeLine, Diff};
pub use form::{Form, Format};
pub use plan::{PLAN_VERSION, PlannedChange, SavedPlan, SavedPlanError, plan_summary, plan_text};
pub use result::{ChangeResult, ResultError, StepResult, Totals};
pub use run::{Ending, RunInfo, RunReport, RunRow, StepRecord};
pub use style::{Style, Tone, printable};
pub use text::{result_text, summary};
