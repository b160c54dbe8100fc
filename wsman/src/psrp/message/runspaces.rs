//! Questions about the number of runspaces and their answer, `[MS-PSRP] 2.2.2.6` to `2.2.2.8`, `2.2.2.11`, `2.2.2.30`.

use super::header::MessageType;
use crate::clixml::Value;
use crate::psrp::error::BodyError;
use crate::psrp::members::{Members, object};

/// What the client asks of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunspaceRequest {
    /// SET_MAX_RUNSPACES
    SetMax(i32),
    /// SET_MIN_RUNSPACES
    SetMin(i32),
    /// GET_AVAILABLE_RUNSPACES
    GetAvailable,
    /// RESET_RUNSPACE_STATE
    Reset,
}

impl RunspaceRequest {
    /// The message that carries it.
    pub fn message_type(self) -> MessageType {
        match self {
            Self::SetMax(_) => MessageType::SetMaxRunspaces,
            Self::SetMin(_) => MessageType::SetMinRunspaces,
            Self::GetAvailable => MessageType::GetAvailableRunspaces,
            Self::Reset => MessageType::ResetRunspaceState,
        }
    }

    /// As it is written; `call_id` comes back in the answer.
    pub fn to_value(self, call_id: i64) -> Value {
        let ci = ("ci", Value::Int64(call_id));
        match self {
            Self::SetMax(number) => object([("MaxRunspaces", Value::Int32(number)), ci]),
            Self::SetMin(number) => object([("MinRunspaces", Value::Int32(number)), ci]),
            Self::GetAvailable | Self::Reset => object([ci]),
        }
    }

    /// Reads the body of a message of one of these types; `None` for another type.
    pub fn from_value(message_type: MessageType, value: &Value) -> Option<Result<(Self, i64), BodyError>> {
        let read = |make: fn(&Members<'_>) -> Result<Self, BodyError>, name| {
            let members = Members::of(value, name)?;
            Ok((make(&members)?, members.int64("ci")?))
        };
        Some(match message_type {
            MessageType::SetMaxRunspaces => {
                read(|members| Ok(Self::SetMax(members.int32("MaxRunspaces")?)), "SET_MAX_RUNSPACES")
            }
            MessageType::SetMinRunspaces => {
                read(|members| Ok(Self::SetMin(members.int32("MinRunspaces")?)), "SET_MIN_RUNSPACES")
            }
            MessageType::GetAvailableRunspaces => read(|_| Ok(Self::GetAvailable), "GET_AVAILABLE_RUNSPACES"),
            MessageType::ResetRunspaceState => read(|_| Ok(Self::Reset), "RESET_RUNSPACE_STATE"),
            _ => return None,
        })
    }
}

/// RUNSPACE_AVAILABILITY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunspaceAvailability {
    /// The call that is answered
    pub call_id: i64,
    /// The answer
    pub response: AvailabilityResponse,
}

/// The answer to a [`RunspaceRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AvailabilityResponse {
    /// Whether it was done
    Done(bool),
    /// How many runspaces are free
    Available(i32),
}

impl RunspaceAvailability {
    /// As it is written: a number only for [`RunspaceRequest::GetAvailable`].
    pub fn to_value(self) -> Value {
        let response = match self.response {
            AvailabilityResponse::Done(done) => Value::Bool(done),
            AvailabilityResponse::Available(number) => Value::Int32(number),
        };
        object([("SetMinMaxRunspacesResponse", response), ("ci", Value::Int64(self.call_id))])
    }

    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let members = Members::of(value, "RUNSPACE_AVAILABILITY")?;
        let member = "SetMinMaxRunspacesResponse";
        let response = match members.required(member)? {
            Value::Bool(done) => AvailabilityResponse::Done(*done),
            Value::Int32(number) => AvailabilityResponse::Available(*number),
            // The specification speaks of a 64-bit number.
            Value::Int64(number) => {
                AvailabilityResponse::Available(i32::try_from(*number).map_err(|_| members.error(member))?)
            }
            _ => return Err(members.error(member)),
        };
        Ok(Self { call_id: members.int64("ci")?, response })
    }
}
