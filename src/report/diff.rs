//! What a change does to an account, line by line: before and after.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::address::AddressLine;
use crate::plan::{ParameterValue, Planned};
use crate::recipient::Recipient;

/// Parameters that say where and how, not what.
const NOT_SHOWN: [&str; 4] = ["Identity", "UserId", "DomainController", "Confirm"];
/// Parameters that the address lines show.
const ADDRESSES: [&str; 2] = ["EmailAddresses", "PrimarySmtpAddress"];

/// What a change does to an account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Diff {
    /// Each address with what becomes of it
    pub addresses: Vec<AddressLine>,
    /// Each attribute that is written
    pub attributes: Vec<AttributeLine>,
}

/// An attribute before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttributeLine {
    /// The parameter
    pub name: String,
    /// The value as it was read; absent where there was none to read
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Json>,
    /// The value as it is sent; a secret is `***`
    pub after: Json,
}

impl Diff {
    /// What a plan does to the account that it was made for.
    pub fn of(planned: &Planned, current: Option<&Recipient>) -> Self {
        let mut attributes: Vec<AttributeLine> = Vec::new();
        let written = planned.steps.iter().flat_map(|step| {
            let state = step.brings_about().map(|(name, so)| (name.to_owned(), ParameterValue::Bool(so)));
            step.parameters.iter().cloned().chain(state)
        });
        for (name, value) in written {
            let shown_above = !planned.address_lines.is_empty() && ADDRESSES.contains(&name.as_str());
            if shown_above || NOT_SHOWN.contains(&name.as_str()) {
                continue;
            }
            let before = current.and_then(|account| account.property(&name)).filter(|_| !is_secret(&value));
            let before = before.and_then(|value| serde_json::to_value(value).ok());
            let line = AttributeLine { name: name.clone(), before, after: value.to_json() };
            match attributes.iter_mut().find(|known| known.name == name) {
                // A later step has the last word.
                Some(known) => known.after = line.after,
                None => attributes.push(line),
            }
        }
        attributes.retain(|line| line.before.as_ref() != Some(&line.after));
        Self { addresses: planned.address_lines.clone(), attributes }
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.attributes.is_empty()
    }
}

fn is_secret(value: &ParameterValue) -> bool {
    matches!(value, ParameterValue::Secret(_))
}
