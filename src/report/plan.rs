//! A planned change, the saved plan, and how a person reads them.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ChangeResult, Style, Tone, Totals, printable};
use crate::address::{AddressLine, Sign};
use crate::plan::{Planned, Severity, Wait};
use crate::recipient::{Action, Change};

/// The layout of saved plans.
pub const PLAN_VERSION: u32 = 1;

/// A change as it would be applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedChange {
    /// What would come of it, the steps masked
    #[serde(flatten)]
    pub result: ChangeResult,
    /// Whether some of it is only a guess: it depends on what is not done yet, or Exchange could not be asked
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_previewed: bool,
    /// Why
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_previewed_because: Option<String>,
    /// How many of its first steps Exchange was asked about and would take
    #[serde(default, skip_serializing_if = "is_zero")]
    pub previewed_steps: usize,
    /// Hash of the account's state that the plan was made from
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_hash: Option<String>,
    /// What is wanted, secrets by reference; absent for a row that was refused when it was read
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// The steps as they are sent, secrets by reference, with what else there is to say
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<Planned>,
}

/// A plan as `plan --out` saves it and `apply` takes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedPlan {
    /// The layout; the first member, by which such a file is known
    pub mailwright_plan: u32,
    /// The run that made it
    pub run: Uuid,
    /// The connection it was made with
    pub connection: String,
    /// The flow it was made from
    pub flow: String,
    /// Its changes in order
    pub changes: Vec<PlannedChange>,
}

/// Why a saved plan cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SavedPlanError {
    /// Not what `plan --out` writes
    #[error("the saved plan is damaged: line {line}, column {column}")]
    Damaged {
        /// Line
        line: usize,
        /// Column
        column: usize,
    },
    /// Another layout
    #[error("the saved plan has layout {0}, this mailwright knows {PLAN_VERSION}; make the plan again")]
    Version(u32),
}

impl SavedPlan {
    /// A plan that `run` made.
    pub fn new(run: Uuid, connection: String, flow: String, changes: Vec<PlannedChange>) -> Self {
        Self { mailwright_plan: PLAN_VERSION, run, connection, flow, changes }
    }

    /// Whether these bytes are meant to be a saved plan, and not a flow.
    pub fn is_one(bytes: &[u8]) -> bool {
        let head = String::from_utf8_lossy(bytes.get(..200).unwrap_or(bytes)).into_owned();
        let head = head.trim_start_matches('\u{feff}').trim_start();
        head.strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with("\"mailwright_plan\""))
    }

    /// The bytes to save.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads a saved plan.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SavedPlanError> {
        #[derive(Deserialize)]
        struct Version {
            mailwright_plan: u32,
        }
        let damaged =
            |error: serde_json::Error| SavedPlanError::Damaged { line: error.line(), column: error.column() };
        let Version { mailwright_plan } = serde_json::from_slice(bytes).map_err(damaged)?;
        if mailwright_plan != PLAN_VERSION {
            return Err(SavedPlanError::Version(mailwright_plan));
        }
        serde_json::from_slice(bytes).map_err(damaged)
    }
}

impl PlannedChange {
    /// A change with what planning made of it.
    pub fn new(change: Change, connection: &str, planned: Planned, base_hash: Option<String>) -> Self {
        Self {
            result: ChangeResult::of_plan(&change, connection, &planned),
            not_previewed: false,
            not_previewed_because: None,
            previewed_steps: 0,
            base_hash,
            change: Some(change),
            planned: Some(planned),
        }
    }

    /// Notes why some of it is only a guess; the first reason counts.
    pub fn not_previewed(&mut self, because: impl Into<String>) {
        self.not_previewed = true;
        self.not_previewed_because.get_or_insert_with(|| because.into());
    }

    /// A change that came to its result without planning: a row that was refused when it was read.
    pub fn unplanned(result: ChangeResult) -> Self {
        Self {
            result,
            not_previewed: false,
            not_previewed_because: None,
            previewed_steps: 0,
            base_hash: None,
            change: None,
            planned: None,
        }
    }

    /// Each address with what happens to it.
    pub fn address_lines(&self) -> &[AddressLine] {
        self.planned.as_ref().map_or(&[], |planned| &planned.address_lines)
    }

    /// The symbol of the contract: `+` create, `~` change, `=` nothing, `!` needs attention, `?` not previewed.
    pub fn symbol(&self) -> char {
        match self.result.action {
            _ if self.not_previewed => '?',
            Action::Created => '+',
            Action::Updated | Action::Disabled | Action::Removed => '~',
            Action::Unchanged => '=',
            Action::Refused | Action::Failed => '!',
            Action::Pending => '?',
        }
    }

    /// The change as a person reads it, several lines.
    pub fn to_text(&self, style: Style) -> String {
        let result = &self.result;
        let symbol = self.symbol();
        let tone = match symbol {
            '+' => Tone::Add,
            '~' => Tone::Change,
            '=' => Tone::Quiet,
            _ => Tone::Attention,
        };
        let what = match result.action {
            Action::Created => "create",
            Action::Updated => "update",
            Action::Unchanged => "nothing to do",
            Action::Disabled => "disable",
            Action::Removed => "remove",
            Action::Refused => "refused",
            Action::Failed => "failed",
            Action::Pending => "waits",
        };
        let blind = match (self.not_previewed, &self.not_previewed_because) {
            (false, _) => String::new(),
            (true, None) => ", NOT PREVIEWED".to_owned(),
            (true, Some(because)) => format!(", NOT PREVIEWED: {}", printable(because)),
        };
        let place = style.paint(Tone::Quiet, &format!("({})", printable(&result.source.to_string())));
        let identity = style.paint(Tone::Strong, &printable(&result.identity));
        let mut text =
            format!("{} {identity}: {what}{blind} {place}\n", style.paint(tone, &symbol.to_string()));
        super::text::error_and_warnings(result, style, &mut text);
        for line in self.address_lines() {
            let tone = match line.sign {
                Sign::Added => Tone::Add,
                Sign::Removed => Tone::Remove,
                Sign::Changed => Tone::Change,
                Sign::Kept => Tone::Quiet,
            };
            text.push_str(&style.paint(tone, &format!("    {}", printable(&line.to_string()))));
            text.push('\n');
        }
        for finding in self.planned.iter().flat_map(|planned| &planned.findings) {
            if finding.severity == Severity::Info {
                text.push_str(
                    &style.paint(Tone::Quiet, &format!("    note: {}", printable(&finding.to_string()))),
                );
                text.push('\n');
            }
        }
        for (number, step) in self.planned.iter().flat_map(|planned| &planned.steps).enumerate() {
            let blind = if self.previewed_steps > 0 && number >= self.previewed_steps {
                " (not previewed)"
            } else {
                ""
            };
            let waits = match step.after {
                None => "",
                Some(Wait::DirectorySync) => " (after directory synchronisation)",
                Some(Wait::Mailbox) => " (until the licence has brought the mailbox)",
                Some(Wait::NoMailbox) => " (until the mailbox is gone)",
            };
            text.push_str(&format!("    {}{waits}{blind}\n", printable(&step.to_string())));
        }
        text
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// A whole plan as a person reads it: every change, then the totals.
pub fn plan_text(changes: &[PlannedChange], style: Style) -> String {
    let mut text: String = changes.iter().map(|change| change.to_text(style)).collect();
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(&plan_summary(changes, style));
    text
}

/// The last lines of a plan: how many of what.
pub fn plan_summary(changes: &[PlannedChange], style: Style) -> String {
    let totals = Totals::of(changes.iter().map(|change| &change.result));
    let steps: usize = changes.iter().map(|change| change.result.steps.len()).sum();
    let (mut added, mut removed) = (0, 0);
    for line in changes.iter().flat_map(PlannedChange::address_lines) {
        match line.sign {
            Sign::Added => added += 1,
            Sign::Removed => removed += 1,
            Sign::Changed | Sign::Kept => {}
        }
    }
    let blind = changes.iter().filter(|change| change.not_previewed).count();
    let mut text = style.paint(
        Tone::Strong,
        &format!(
            "Plan: {} to create, {} to update, {} to disable, {} to remove, {} unchanged, {} refused, {} waiting",
            totals.created,
            totals.updated,
            totals.disabled,
            totals.removed,
            totals.unchanged,
            totals.refused + totals.failed,
            totals.pending
        ),
    );
    text.push_str(&format!("\n      {steps} cmdlets, {added} addresses added, {removed} removed\n"));
    if blind > 0 {
        text.push_str(&style.paint(Tone::Attention, &format!("      {blind} NOT PREVIEWED\n")));
    }
    text
}
