//! PROGRESS_RECORD, `[MS-PSRP] 2.2.2.25`.

use crate::clixml::{ProgressRecord, Text, Value};
use crate::psrp::error::BodyError;
use crate::psrp::members::{Members, enumeration, object};

/// As it is written.
pub(crate) fn to_value(record: &ProgressRecord) -> Value {
    let kind = if record.record_type == 1 { "Completed" } else { "Processing" };
    object([
        ("Activity", Value::String(record.activity.clone())),
        ("ActivityId", Value::Int32(record.activity_id)),
        ("StatusDescription", Value::String(record.status.clone())),
        ("CurrentOperation", record.current_operation.clone().map_or(Value::Nil, Value::String)),
        ("ParentActivityId", Value::Int32(record.parent_activity_id)),
        ("PercentComplete", Value::Int32(record.percent_complete)),
        ("Type", enumeration("System.Management.Automation.ProgressRecordType", kind, record.record_type)),
        ("SecondsRemaining", Value::Int32(record.seconds_remaining)),
    ])
}

/// Reads the body; every member has to be there.
pub(crate) fn from_value(value: &Value) -> Result<ProgressRecord, BodyError> {
    if let Value::Progress(record) = value {
        return Ok((**record).clone());
    }
    let members = Members::of(value, "PROGRESS_RECORD")?;
    let text = |name| match members.required(name)? {
        Value::String(text) => Ok(Some(text.clone())),
        Value::Nil => Ok(None),
        _ => Err(members.error(name)),
    };
    Ok(ProgressRecord {
        activity: text("Activity")?.unwrap_or_else(|| Text::from("")),
        activity_id: members.int32("ActivityId")?,
        status: text("StatusDescription")?.unwrap_or_else(|| Text::from("")),
        current_operation: text("CurrentOperation")?,
        parent_activity_id: members.int32("ParentActivityId")?,
        percent_complete: members.int32("PercentComplete")?,
        seconds_remaining: members.int32("SecondsRemaining")?,
        record_type: members.int32("Type")?,
    })
}
