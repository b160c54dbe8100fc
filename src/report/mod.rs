//! What a run will do or did, for people and for programs.
//!
//! [`ChangeResult`] is what became of one change, [`PlannedChange`] what would. [`RunReport`] is a whole run as the journal
//! holds it; everything in the folder of a run is made from that and can be made again.

mod about;
mod audit;
mod cure;
mod diff;
mod document;
mod failures;
mod folder;
mod form;
mod fulfilment;
mod html;
mod overview;
mod plan;
mod result;
mod run;
mod style;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod timing;

pub use about::about;
pub use audit::{Audit, AuditError, Unbroken};
pub use cure::Cure;
pub use diff::{AttributeLine, Diff};
pub use document::{RUN_VERSION, row_json, run_json};
pub use failures::{Failures, failures};
pub use folder::{default_folder, write_folder};
pub use form::{Form, Format};
pub use fulfilment::{OrderResult, ProvisioningState, outcome, results_csv, results_json};
pub use html::report_html;
pub use overview::run_text;
pub use plan::{PLAN_VERSION, PlannedChange, SavedPlan, SavedPlanError, plan_summary, plan_text};
pub use result::{ChangeResult, Pace, ResultError, StepResult, Totals, Way};
pub use run::{Ending, RunInfo, RunReport, RunRow, StepRecord};
pub use style::{Style, Tone, printable};
pub use table::changes_csv;
pub use text::{result_text, summary};
pub use timing::{Timing, turned_away};
