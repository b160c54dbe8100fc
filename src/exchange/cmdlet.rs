//! A step of a plan as a call: what each parameter is on the wire.

use secrecy::SecretString;
use wsman::clixml::{SecureText, Value};

use super::Call;
use crate::plan::{ParameterValue, Step};

impl Call {
    /// The call for a step. `secret` stands in for every secret of the step; `None` when it is needed and missing.
    #[must_use]
    pub fn of_step(step: &Step, secret: Option<&SecretString>) -> Option<Self> {
        let mut call = Self::new(&step.cmdlet).on(step.side);
        for (name, value) in &step.parameters {
            call = call.with(name, on_the_wire(value, secret)?);
        }
        Some(call)
    }
}

fn on_the_wire(value: &ParameterValue, secret: Option<&SecretString>) -> Option<Value> {
    Some(match value {
        ParameterValue::Text(text) => Value::from(text.as_str()),
        // A switch is its name with true or false, as the real client sends it.
        ParameterValue::Bool(on) | ParameterValue::Switch(on) => Value::Bool(*on),
        ParameterValue::Int(number) => i32::try_from(*number).map_or(Value::Int64(*number), Value::Int32),
        ParameterValue::List(items) => array(items),
        ParameterValue::Delta(delta) => {
            // An empty key is a null inside a multi-valued property, which Exchange refuses.
            let entries = [("Add", &delta.add), ("Remove", &delta.remove)];
            let present = entries.into_iter().filter(|(_, items)| !items.is_empty());
            Value::hashtable(present.map(|(key, items)| (key, array(items))))
        }
        ParameterValue::Null => Value::Nil,
        ParameterValue::Secret(_) => Value::SecureString(SecureText::Clear(secret?.clone())),
    })
}

fn array(items: &[String]) -> Value {
    Value::array(items.iter().map(|item| Value::from(item.as_str())).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::recipient::{Delta, SecretSource};

    #[test]
    fn every_kind_of_value() {
        let step = Step::new("Set-Mailbox", "x")
            .with("Identity", ParameterValue::Text("ada".into()))
            .with("Archive", ParameterValue::Switch(true))
            .with("ResourceCapacity", ParameterValue::Int(4))
            .with("ForwardingAddress", ParameterValue::Null)
            .with("EmailAddresses", ParameterValue::List(vec!["SMTP:a@x.de".into()]))
            .with("ModeratedBy", ParameterValue::Delta(Delta { add: vec!["b".into()], remove: vec![] }));
        let call = Call::of_step(&step, None).unwrap();
        assert_eq!(
            call.masked(),
            json!({"Identity": "ada", "Archive": true, "ResourceCapacity": 4, "ForwardingAddress": null,
                   "EmailAddresses": ["SMTP:a@x.de"], "ModeratedBy": {"Add": ["b"]}})
        );
        assert_eq!(call.parameters[2].1, Value::Int32(4));
    }

    #[test]
    fn a_secret_is_needed_and_never_shown() {
        let secret = ParameterValue::Secret(SecretSource::Reference("env:X".into()));
        let step = Step::new("New-Mailbox", "x").with("Password", secret);
        assert!(Call::of_step(&step, None).is_none());
        let call = Call::of_step(&step, Some(&"Canary-77!".into())).unwrap();
        assert_eq!(call.masked(), json!({"Password": "***"}));
        assert!(!format!("{call:?}").contains("Canary"));
    }
}
