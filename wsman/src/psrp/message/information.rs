//! INFORMATION_RECORD, `[MS-PSRP] 2.2.2.26`: kept as the object that was sent.

use crate::clixml::Value;
use crate::psrp::error::BodyError;
use crate::psrp::members::Members;

/// The members that the real client needs.
pub(crate) fn check(value: &Value) -> Result<(), BodyError> {
    let members = Members::of(value, "INFORMATION_RECORD")?;
    for name in ["MessageData", "Source", "TimeGenerated", "Tags", "User", "Computer", "ProcessId"] {
        members.required(name)?;
    }
    Ok(())
}
