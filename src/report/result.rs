//! What became of a change: the object that `--output jsonl` prints, field for field.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::plan::{Finding, Planned, Severity, Step};
use crate::recipient::{Action, Change, ErrorClass, Side, Source};

/// The result of one change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeResult {
    /// Id of the change
    pub change_id: String,
    /// Where it was read
    pub source: Source,
    /// The connection it went to
    pub connection: String,
    /// The identity as the flow names it
    pub identity: String,
    /// The account, where it is known
    pub guid: Option<Uuid>,
    /// What was done
    pub action: Action,
    /// Why not, for `refused`, `failed` and `pending`
    pub error: Option<ResultError>,
    /// What a person should know all the same
    pub warnings: Vec<String>,
    /// The cmdlets, secrets as `***`
    pub steps: Vec<StepResult>,
    /// How often it was tried
    pub attempts: u32,
}

/// Why a change was not done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResultError {
    /// What kind of error
    pub class: ErrorClass,
    /// One clear sentence
    pub message: String,
    /// What to do about it
    pub hint: Option<String>,
    /// Who holds what was wanted
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What it says about trying again
    #[serde(skip)]
    pub pace: Pace,
}

impl ResultError {
    /// An error without a cure and without an owner.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), hint: None, owner: None, pace: Pace::default() }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What an error says about trying again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// How long the server asks to wait
    pub after: Option<Duration>,
    /// What is in the way
    pub way: Way,
}

/// What is in the way of a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// Nothing: the server answers
    #[default]
    Open,
    /// An earlier change of the same account, which has to be through first
    Behind,
    /// The server cannot be reached, or does not answer
    Down,
    /// The server refuses the account; trying again may lock it
    AccountRefused,
}

/// A cmdlet that was run, or would be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepResult {
    /// The cmdlet
    pub cmdlet: String,
    /// Its parameters in order, masked
    pub parameters: Json,
    /// On which side; absent where there is only one's own
    #[serde(default, skip_serializing_if = "Side::is_here")]
    pub side: Side,
}

impl ChangeResult {
    /// What would come of a change: nothing tried yet.
    pub fn of_plan(change: &Change, connection: &str, planned: &Planned) -> Self {
        let warnings = planned.findings.iter().filter(|finding| finding.severity == Severity::Warning);
        Self {
            change_id: change.change_id.clone(),
            source: change.source.clone(),
            connection: connection.to_owned(),
            identity: change.identity.clone(),
            guid: planned.guid,
            action: planned.action,
            error: planned.refusal().map(ResultError::from),
            warnings: warnings.map(ToString::to_string).collect(),
            steps: planned.steps.iter().map(StepResult::from).collect(),
            attempts: 0,
        }
    }
}

impl From<&Finding> for ResultError {
    fn from(finding: &Finding) -> Self {
        let rule = finding.rule.as_ref().map_or_else(String::new, |rule| format!(" [{rule}]"));
        Self {
            class: finding.class.unwrap_or(ErrorClass::RefusedByRule),
            message: format!("{}{rule}", finding.message),
            hint: finding.hint.clone(),
            owner: finding.owner.clone(),
            pace: Pace::default(),
        }
    }
}

impl From<&Step> for StepResult {
    fn from(step: &Step) -> Self {
        let parameters = step.parameters.iter().map(|(name, value)| (name.clone(), value.to_json()));
        Self { cmdlet: step.cmdlet.clone(), parameters: Json::Object(parameters.collect()), side: step.side }
    }
}

/// How many changes ended how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Totals {
    pub created: usize,
    pub updated: usize,
    pub unchanged: usize,
    pub disabled: usize,
    pub removed: usize,
    pub refused: usize,
    pub failed: usize,
    pub pending: usize,
}

impl Totals {
    /// Counts results.
    pub fn of<'a>(results: impl IntoIterator<Item = &'a ChangeResult>) -> Self {
        let mut totals = Self::default();
        for result in results {
            totals.add(result.action);
        }
        totals
    }

    /// Counts one more.
    pub fn add(&mut self, action: Action) {
        *match action {
            Action::Created => &mut self.created,
            Action::Updated => &mut self.updated,
            Action::Unchanged => &mut self.unchanged,
            Action::Disabled => &mut self.disabled,
            Action::Removed => &mut self.removed,
            Action::Refused => &mut self.refused,
            Action::Failed => &mut self.failed,
            Action::Pending => &mut self.pending,
        } += 1;
    }

    /// Every word with its number, in a fixed order.
    pub fn words(&self) -> [(&'static str, usize); 8] {
        [
            ("created", self.created),
            ("updated", self.updated),
            ("unchanged", self.unchanged),
            ("disabled", self.disabled),
            ("removed", self.removed),
            ("refused", self.refused),
            ("failed", self.failed),
            ("pending", self.pending),
        ]
    }

    /// Changes that write something.
    pub fn writing(&self) -> usize {
        self.created + self.updated + self.disabled + self.removed
    }

    /// All of them.
    pub fn all(&self) -> usize {
        self.words().iter().map(|(_, number)| number).sum()
    }

    /// The exit code of the contract: 1 some refused or failed, 5 some wait, 0 all done.
    pub fn exit_code(&self) -> u8 {
        match (self.refused + self.failed, self.pending) {
            (0, 0) => 0,
            (0, _) => 5,
            _ => 1,
        }
    }

    /// One line for a person: `3 created, 1 refused of 4`, zeros left out.
    pub fn line(&self) -> String {
        let parts: Vec<String> = self
            .words()
            .iter()
            .filter(|(_, number)| *number > 0)
            .map(|(word, number)| format!("{number} {word}"))
            .collect();
        if parts.is_empty() {
            "nothing to do".into()
        } else {
            format!("{} of {}", parts.join(", "), self.all())
        }
    }
}
