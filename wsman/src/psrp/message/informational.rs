//! WARNING_RECORD, VERBOSE_RECORD and DEBUG_RECORD: InformationalRecord, `[MS-PSRP] 2.2.3.16`.

use std::sync::Arc;

use crate::clixml::{Object, Text, Value};
use crate::psrp::error::BodyError;
use crate::psrp::members::{Members, properties, string, type_names};

/// A message for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InformationalRecord {
    /// `InformationalRecord_Message`
    pub message: String,
}

impl InformationalRecord {
    /// As it is written when no invocation information is; `kind` is `Warning`, `Verbose` or `Debug`.
    pub fn to_value(&self, kind: &str) -> Value {
        let name = format!("System.Management.Automation.{kind}Record");
        Value::Object(Arc::new(Object {
            type_names: Some(type_names(&[
                &name,
                "System.Management.Automation.InformationalRecord",
                "System.Object",
            ])),
            to_string: Some(Text::from(self.message.as_str())),
            extended: properties([
                ("InformationalRecord_Message", string(&self.message)),
                ("InformationalRecord_SerializeInvocationInfo", Value::Bool(false)),
            ]),
            ..Object::default()
        }))
    }

    /// Reads the body; as in the real client the flag has to be there and the message need not.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let members = Members::of(value, "informational record")?;
        members.bool("InformationalRecord_SerializeInvocationInfo")?;
        Ok(Self { message: members.optional_text("InformationalRecord_Message")?.unwrap_or_default() })
    }
}
