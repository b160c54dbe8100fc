//! What a run will do or did, for people and for programs.

mod result;
mod style;

pub use result::{ChangeResult, ResultError, StepResult, Totals};
pub use style::{Style, Tone, printable};
