//! RUNSPACEPOOL_STATE and PIPELINE_STATE, `[MS-PSRP] 2.2.2.9` and `2.2.2.21`.

use crate::clixml::Value;
use crate::psrp::error::BodyError;
use crate::psrp::members::{Members, number, object};
use crate::psrp::record::{ErrorRecord, Outcome};

macro_rules! states {
    ($(#[$doc:meta])* $type:ident { $($name:ident = $number:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        #[non_exhaustive]
        pub enum $type { $($name,)* Unknown(i32) }

        impl $type {
            /// The number on the wire.
            pub fn number(self) -> i32 {
                match self { $(Self::$name => $number,)* Self::Unknown(number) => number }
            }

            /// The state of a number.
            pub fn from_number(number: i32) -> Self {
                match number { $($number => Self::$name,)* other => Self::Unknown(other) }
            }
        }
    };
}

states! {
    /// `[MS-PSRP] 2.2.3.4`
    PoolState {
        BeforeOpen = 0,
        Opening = 1,
        Opened = 2,
        Closed = 3,
        Closing = 4,
        Broken = 5,
        NegotiationSent = 6,
        NegotiationSucceeded = 7,
        Connecting = 8,
        Disconnected = 9,
    }
}

states! {
    /// `[MS-PSRP] 2.2.3.5`
    PipelineState {
        NotStarted = 0,
        Running = 1,
        Stopping = 2,
        Stopped = 3,
        Completed = 4,
        Failed = 5,
        Disconnected = 6,
    }
}

/// RUNSPACEPOOL_STATE.
#[derive(Clone, Debug, PartialEq)]
pub struct RunspacePoolStateMessage {
    /// `RunspaceState`
    pub state: PoolState,
    /// `ExceptionAsErrorRecord`: why, for Broken and Closed
    pub reason: Option<Box<ErrorRecord>>,
}

impl RunspacePoolStateMessage {
    /// As it is written.
    pub fn to_value(&self) -> Value {
        state_object("RunspaceState", self.state.number(), self.reason.as_deref())
    }

    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let (state, reason) = read_state(value, "RUNSPACEPOOL_STATE", "RunspaceState")?;
        Ok(Self { state: PoolState::from_number(state), reason })
    }
}

/// PIPELINE_STATE.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineStateMessage {
    /// `PipelineState`
    pub state: PipelineState,
    /// `ExceptionAsErrorRecord`: why, for Failed and Stopped
    pub reason: Option<Box<ErrorRecord>>,
}

impl PipelineStateMessage {
    /// As it is written.
    pub fn to_value(&self) -> Value {
        state_object("PipelineState", self.state.number(), self.reason.as_deref())
    }

    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let (state, reason) = read_state(value, "PIPELINE_STATE", "PipelineState")?;
        Ok(Self { state: PipelineState::from_number(state), reason })
    }

    /// The outcome that an end state stands for.
    pub fn into_outcome(self) -> Option<Outcome> {
        match self.state {
            PipelineState::Completed => Some(Outcome::Completed),
            PipelineState::Failed => Some(Outcome::Failed(self.reason)),
            PipelineState::Stopped => Some(Outcome::Stopped(self.reason)),
            _ => None,
        }
    }
}

impl From<Outcome> for PipelineStateMessage {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Completed => Self { state: PipelineState::Completed, reason: None },
            Outcome::Failed(reason) => Self { state: PipelineState::Failed, reason },
            Outcome::Stopped(reason) => Self { state: PipelineState::Stopped, reason },
        }
    }
}

fn state_object(member: &str, state: i32, reason: Option<&ErrorRecord>) -> Value {
    let state = (member, Value::Int32(state));
    match reason {
        None => object([state]),
        Some(reason) => object([state, ("ExceptionAsErrorRecord", reason.to_value())]),
    }
}

fn read_state(
    value: &Value,
    message: &'static str,
    member: &'static str,
) -> Result<(i32, Option<Box<ErrorRecord>>), BodyError> {
    let members = Members::of(value, message)?;
    let state = match members.required(member)? {
        // The real client also takes the number as text.
        Value::String(text) => text.as_str().and_then(|text| text.trim().parse().ok()),
        other => number(other),
    };
    let reason = match members.get("ExceptionAsErrorRecord") {
        None | Some(Value::Nil) => None,
        Some(reason) => Some(Box::new(ErrorRecord::from_value(reason)?)),
    };
    Ok((state.ok_or_else(|| members.error(member))?, reason))
}
