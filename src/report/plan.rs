//! A planned change, the saved plan, and how a person reads them.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{ChangeResult, Style, Tone, Totals, printable};
use crate::recipient::{Action, Change};

/// The layout of saved plans.
pub const PLAN_VERSION: u32 = 1;

/// What happens to one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressLine {
    /// What happens
    pub sign: Sign,
    /// The address with its prefix, as it will be (`-`: as it is)
    pub address: String,
}

/// What happens to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sign {
    /// It is added
    #[serde(rename = "+")]
    Add,
    /// It is removed
    #[serde(rename = "-")]
    Remove,
    /// It is there and becomes the primary one
    #[serde(rename = "^")]
    Promote,
    /// It stays
    #[serde(rename = "=")]
    Keep,
}

/// A change as it would be applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedChange {
    /// What would come of it, with the steps masked
    #[serde(flatten)]
    pub result: ChangeResult,
    /// Each address with what happens to it
    pub addresses: Vec<AddressLine>,
    /// Whether the steps are only a guess because something could not be read
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_previewed: bool,
    /// Hash of the account's state that the plan was made from
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_hash: Option<String>,
    /// What is wanted, secrets by reference; absent for a row that was refused when it was read
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
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
        let what = match (result.action, self.not_previewed) {
            (_, true) => "NOT PREVIEWED",
            (Action::Created, _) => "create",
            (Action::Updated, _) => "update",
            (Action::Unchanged, _) => "nothing to do",
            (Action::Disabled, _) => "disable",
            (Action::Removed, _) => "remove",
            (Action::Refused, _) => "refused",
            (Action::Failed, _) => "failed",
            (Action::Pending, _) => "waits",
        };
        let place = style.paint(Tone::Quiet, &format!("({})", printable(&result.source.to_string())));
        let identity = style.paint(Tone::Strong, &printable(&result.identity));
        let mut text = format!("{} {identity}: {what} {place}\n", style.paint(tone, &symbol.to_string()));
        super::text::error_and_warnings(result, style, &mut text);
        for AddressLine { sign, address } in &self.addresses {
            let (sign, tone) = match sign {
                Sign::Add => ("+", Tone::Add),
                Sign::Remove => ("-", Tone::Remove),
                Sign::Promote => ("^", Tone::Change),
                Sign::Keep => ("=", Tone::Quiet),
            };
            text.push_str(&style.paint(tone, &format!("    {sign} {}", printable(address))));
            text.push('\n');
        }
        for step in &result.steps {
            text.push_str(&format!("    {}\n", cmdlet_line(&step.cmdlet, &step.parameters)));
        }
        text
    }
}

/// A cmdlet with its parameters as it would be typed into a shell.
pub fn cmdlet_line(cmdlet: &str, parameters: &Json) -> String {
    let mut line = printable(cmdlet);
    for (name, value) in parameters.as_object().into_iter().flatten() {
        line.push_str(&match value {
            // With a colon, for a switch takes its value no other way.
            Json::Bool(flag) => format!(" -{}:${flag}", printable(name)),
            value => format!(" -{} {}", printable(name), typed(value)),
        });
    }
    line
}

fn typed(value: &Json) -> String {
    match value {
        Json::Null => "$null".into(),
        Json::Bool(flag) => format!("${flag}"),
        Json::Number(number) => number.to_string(),
        Json::String(text) if text == "***" => "***".into(),
        Json::String(text) => format!("'{}'", printable(text).replace('\'', "''")),
        Json::Array(items) if items.is_empty() => "@()".into(),
        Json::Array(items) => items.iter().map(typed).collect::<Vec<_>>().join(", "),
        Json::Object(members) => {
            let members = members.iter().map(|(key, value)| format!("{}={}", printable(key), typed(value)));
            format!("@{{{}}}", members.collect::<Vec<_>>().join("; "))
        }
    }
}

/// The last lines of a plan: how many of what.
pub fn plan_summary(changes: &[PlannedChange], style: Style) -> String {
    let totals = Totals::of(changes.iter().map(|change| &change.result));
    let steps: usize = changes.iter().map(|change| change.result.steps.len()).sum();
    let (mut added, mut removed) = (0, 0);
    for line in changes.iter().flat_map(|change| &change.addresses) {
        match line.sign {
            Sign::Add => added += 1,
            Sign::Remove => removed += 1,
            Sign::Promote | Sign::Keep => {}
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
