//! What a plan has to say beside its steps.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    address::{Note, Refusal, Rule},
    recipient::ErrorClass,
};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Should be looked at.
    Warning,
    /// Nothing of this change is done.
    Refusal,
}

/// Something a plan has to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// For a refusal: its class.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub class: Option<ErrorClass>,
    /// The rule's number and name, when one is behind it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rule: Option<String>,
    /// One sentence.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
    /// Who holds the address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner: Option<String>,
}

impl Finding {
    /// A refusal.
    #[must_use]
    pub fn refusal(class: ErrorClass, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            severity: Severity::Refusal,
            class: Some(class),
            rule: None,
            message: message.into(),
            hint: Some(hint.into()).filter(|hint: &String| !hint.is_empty()),
            owner: None,
        }
    }

    /// Good to know.
    #[must_use]
    pub fn info(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Info,
            class: None,
            rule: None,
            message: message.into(),
            hint: None,
            owner: None,
        }
    }

    /// Should be looked at.
    #[must_use]
    pub fn warning(message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::info(message) }
    }

    /// Names the rule behind it.
    #[must_use]
    pub fn by(self, rule: Rule) -> Self {
        Self { rule: Some(rule.to_string()), ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.rule.as_ref().map_or(Ok(()), |rule| write!(f, " [{rule}]"))?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

impl From<Refusal> for Finding {
    fn from(refusal: Refusal) -> Self {
        let class = match refusal.rule {
            Rule::BadSyntax
            | Rule::NonSmtpInFlow
            | Rule::TwoPrimaries
            | Rule::TooMany
            | Rule::DeltaContradicts => ErrorClass::InvalidInput,
            Rule::AddressInUse => ErrorClass::Conflict,
            _ => ErrorClass::RefusedByRule,
        };
        let owner = refusal.owner.map(|owner| owner.to_string());
        Self { owner, ..Self::refusal(class, refusal.message, refusal.hint).by(refusal.rule) }
    }
}

impl From<Note> for Finding {
    fn from(note: Note) -> Self {
        let finding = match note.rule {
            Rule::PrimaryNotLast | Rule::SecondaryExcluded | Rule::MoeraUnprotected => {
                Self::warning(note.message)
            }
            _ => Self::info(note.message),
        };
        finding.by(note.rule)
    }
}
