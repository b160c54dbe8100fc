//! A step: one cmdlet with its parameters.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::recipient::{Delta, SecretSource, Side, Wanted, parameters::ParameterKind};

/// One cmdlet with its parameters, in the order in which they are shown and sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The cmdlet's canonical name.
    pub cmdlet: String,
    /// Its parameters by canonical name.
    pub parameters: Vec<(String, ParameterValue)>,
    /// Why it is run, in a few words.
    pub purpose: String,
    /// What must have happened before it may run, when that is not in our hands.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after: Option<Wait>,
    /// On which side it is run.
    #[serde(skip_serializing_if = "Side::is_here", default)]
    pub side: Side,
}

/// What a step waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// A cycle of directory synchronisation. The change is pending until a new read shows its effect.
    DirectorySync,
    /// The mailbox that a licence brings. The change is pending until it is there.
    Mailbox,
    /// The end of a mailbox whose licence was taken away. The change is pending until it is gone.
    NoMailbox,
}

/// A parameter's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterValue {
    /// Text, or what Exchange reads from text.
    Text(String),
    /// True or false.
    Bool(bool),
    /// A switch.
    Switch(bool),
    /// A number.
    Int(i64),
    /// A list.
    List(Vec<String>),
    /// A difference: `@{Add=...; Remove=...}`; empty keys are left out.
    Delta(Delta),
    /// `$null`.
    Null,
    /// A secret, by the place it is read from when it is sent.
    Secret(SecretSource),
}

impl Step {
    /// A step without parameters.
    #[must_use]
    pub fn new(cmdlet: &str, purpose: impl Into<String>) -> Self {
        Self {
            cmdlet: cmdlet.to_owned(),
            parameters: Vec::new(),
            purpose: purpose.into(),
            after: None,
            side: Side::Here,
        }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: ParameterValue) -> Self {
        self.push(name, value);
        self
    }

    /// Adds a parameter; one of the same name is replaced.
    pub fn push(&mut self, name: &str, value: ParameterValue) {
        match self.parameters.iter_mut().find(|(held, _)| held == name) {
            Some((_, held)) => *held = value,
            None => self.parameters.push((name.to_owned(), value)),
        }
    }

    /// A parameter's value.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&ParameterValue> {
        self.parameters.iter().find(|(held, _)| held.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The property that the cmdlet makes so by being run, without a parameter of that name.
    #[must_use]
    pub fn brings_about(&self) -> Option<(&'static str, bool)> {
        match self.cmdlet.as_str() {
            "Mount-Database" => Some(("Mounted", true)),
            "Dismount-Database" => Some(("Mounted", false)),
            _ => None,
        }
    }

    /// As results carry it: `{"cmdlet": ..., "parameters": {...}}`, secrets as `***`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let parameters: serde_json::Map<String, Value> =
            self.parameters.iter().map(|(name, value)| (name.clone(), value.to_json())).collect();
        let mut json = json!({ "cmdlet": self.cmdlet, "parameters": parameters });
        if let (Side::Cloud, Some(members)) = (self.side, json.as_object_mut()) {
            members.insert("side".into(), "cloud".into());
        }
        json
    }
}

impl ParameterValue {
    /// The value for a parameter of this kind.
    #[must_use]
    pub fn from_wanted(kind: ParameterKind, wanted: &Wanted) -> Self {
        match wanted {
            Wanted::Clear => Self::Null,
            Wanted::Text(text) => Self::Text(text.clone()),
            Wanted::Bool(value) if kind == ParameterKind::Switch => Self::Switch(*value),
            Wanted::Bool(value) => Self::Bool(*value),
            Wanted::Int(value) => Self::Int(*value),
            Wanted::List(list) => Self::List(list.clone()),
            Wanted::Delta(delta) => Self::Delta(delta.clone()),
        }
    }

    /// As results carry it; a secret is `***`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Bool(value) | Self::Switch(value) => json!(value),
            Self::Int(value) => json!(value),
            Self::List(list) => json!(list),
            Self::Delta(delta) => {
                let parts = [("Add", &delta.add), ("Remove", &delta.remove)];
                parts
                    .into_iter()
                    .filter(|(_, list)| !list.is_empty())
                    .map(|(key, list)| (key.to_owned(), json!(list)))
                    .collect()
            }
            Self::Null => Value::Null,
            Self::Secret(_) => json!("***"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cmdlet)?;
        self.parameters.iter().try_for_each(|(name, value)| match value {
            ParameterValue::Switch(true) => write!(f, " -{name}"),
            ParameterValue::Switch(false) => write!(f, " -{name}:$false"),
            value => write!(f, " -{name} {value}"),
        })
    }
}

impl fmt::Display for ParameterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => quoted(f, text),
            Self::Bool(value) | Self::Switch(value) => write!(f, "${value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::List(list) => array(f, list),
            Self::Delta(delta) => {
                f.write_str("@{")?;
                let parts = [("Add", &delta.add), ("Remove", &delta.remove)];
                for (at, (key, list)) in parts.into_iter().filter(|(_, list)| !list.is_empty()).enumerate() {
                    f.write_str(if at == 0 { "" } else { "; " })?;
                    write!(f, "{key}=")?;
                    array(f, list)?;
                }
                f.write_str("}")
            }
            Self::Null => f.write_str("$null"),
            Self::Secret(_) => f.write_str("***"),
        }
    }
}

fn array(f: &mut fmt::Formatter<'_>, list: &[String]) -> fmt::Result {
    f.write_str("@(")?;
    for (at, value) in list.iter().enumerate() {
        f.write_str(if at == 0 { "" } else { "," })?;
        quoted(f, value)?;
    }
    f.write_str(")")
}

/// PowerShell takes typographic quotation marks for plain ones, so those are doubled too.
fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("'")?;
    for c in text.chars() {
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            write!(f, "{c}{c}")?;
        } else if c.is_control() {
            // A reader's terminal must not be steered by a value.
            write!(f, "{}", c.escape_default())?;
        } else {
            write!(f, "{c}")?;
        }
    }
    f.write_str("'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_reads_as_a_person_would_type_it() {
        let step = Step::new("Set-Mailbox", "x")
            .with("Identity", ParameterValue::Text("O'Neil \u{2019}x".into()))
            .with("EmailAddresses", ParameterValue::List(vec!["smtp:a@c.com".into(), "SMTP:b@c.com".into()]))
            .with("ModeratedBy", ParameterValue::Delta(Delta { add: vec![], remove: vec!["x".into()] }))
            .with("ForwardingAddress", ParameterValue::Null)
            .with("ModerationEnabled", ParameterValue::Bool(true))
            .with("ResourceCapacity", ParameterValue::Int(4))
            .with("Archive", ParameterValue::Switch(true))
            .with("Confirm", ParameterValue::Switch(false))
            .with("Password", ParameterValue::Secret(SecretSource::Reference("env:X".into())));
        assert_eq!(
            step.to_string(),
            "Set-Mailbox -Identity 'O''Neil \u{2019}\u{2019}x' -EmailAddresses @('smtp:a@c.com','SMTP:b@c.com') \
             -ModeratedBy @{Remove=@('x')} -ForwardingAddress $null -ModerationEnabled $true -ResourceCapacity 4 \
             -Archive -Confirm:$false -Password ***"
        );
        assert_eq!(step.to_json()["parameters"]["Password"], "***");
        assert_eq!(step.to_json()["parameters"]["ModeratedBy"], json!({"Remove": ["x"]}));
        assert!(!step.to_json().to_string().contains("env:X"));
    }
}
