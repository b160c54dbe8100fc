//! USER_EVENT, `[MS-PSRP] 2.2.2.12`.

use uuid::Uuid;

use crate::clixml::{DateTime, Value};
use crate::psrp::error::BodyError;
use crate::psrp::members::{Members, object, optional_string};

/// An event of the server's session, forwarded to the client.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct UserEvent {
    pub identifier: i32,
    pub source_identifier: Option<String>,
    pub time_generated: DateTime,
    pub sender: Value,
    pub source_args: Value,
    pub message_data: Value,
    pub computer_name: Option<String>,
    pub runspace_id: Uuid,
}

impl UserEvent {
    /// As it is written.
    pub fn to_value(&self) -> Value {
        object([
            ("PSEventArgs.EventIdentifier", Value::Int32(self.identifier)),
            ("PSEventArgs.SourceIdentifier", optional_string(self.source_identifier.as_deref())),
            ("PSEventArgs.TimeGenerated", Value::DateTime(self.time_generated)),
            ("PSEventArgs.Sender", self.sender.clone()),
            ("PSEventArgs.SourceArgs", self.source_args.clone()),
            ("PSEventArgs.MessageData", self.message_data.clone()),
            ("PSEventArgs.ComputerName", optional_string(self.computer_name.as_deref())),
            ("PSEventArgs.RunspaceId", Value::Guid(self.runspace_id)),
        ])
    }

    /// Reads the body; every member has to be there.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let members = Members::of(value, "USER_EVENT")?;
        let text = |name| members.required(name).and_then(|_| members.optional_text(name));
        let time = "PSEventArgs.TimeGenerated";
        let id = "PSEventArgs.RunspaceId";
        Ok(Self {
            identifier: members.int32("PSEventArgs.EventIdentifier")?,
            source_identifier: text("PSEventArgs.SourceIdentifier")?,
            time_generated: match members.required(time)? {
                Value::DateTime(time) => *time,
                _ => return Err(members.error(time)),
            },
            sender: members.required("PSEventArgs.Sender")?.clone(),
            source_args: members.required("PSEventArgs.SourceArgs")?.clone(),
            message_data: members.required("PSEventArgs.MessageData")?.clone(),
            computer_name: text("PSEventArgs.ComputerName")?,
            runspace_id: match members.required(id)? {
                Value::Guid(id) => *id,
                _ => return Err(members.error(id)),
            },
        })
    }
}
