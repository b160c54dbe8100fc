//! CONNECT_RUNSPACEPOOL and RUNSPACEPOOL_INIT_DATA, `[MS-PSRP] 2.2.2.28` and `2.2.2.29`.

use crate::clixml::Value;
use crate::psrp::error::BodyError;
use crate::psrp::members::{Members, number, object};

/// The client wants to take over a disconnected pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectRunspacePool {
    /// New bounds; `None` keeps them
    pub runspaces: Option<(i32, i32)>,
}

impl ConnectRunspacePool {
    /// As it is written; the real client sends an empty string when it changes nothing.
    pub fn to_value(&self) -> Value {
        match self.runspaces {
            None => Value::String("".into()),
            Some((min, max)) => {
                object([("MinRunspaces", Value::Int32(min)), ("MaxRunspaces", Value::Int32(max))])
            }
        }
    }

    /// Reads the body.
    pub fn from_value(value: &Value) -> Self {
        let bound = |name| {
            Members::of(value, "CONNECT_RUNSPACEPOOL").ok().and_then(|it| it.get(name)).and_then(number)
        };
        Self { runspaces: bound("MinRunspaces").zip(bound("MaxRunspaces")) }
    }
}

/// The server tells the bounds of a pool that was taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct RunspacePoolInitData {
    pub min_runspaces: i32,
    pub max_runspaces: i32,
}

impl RunspacePoolInitData {
    /// As it is written.
    pub fn to_value(self) -> Value {
        object([
            ("MinRunspaces", Value::Int32(self.min_runspaces)),
            ("MaxRunspaces", Value::Int32(self.max_runspaces)),
        ])
    }

    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let members = Members::of(value, "RUNSPACEPOOL_INIT_DATA")?;
        Ok(Self {
            min_runspaces: members.int32("MinRunspaces")?,
            max_runspaces: members.int32("MaxRunspaces")?,
        })
    }
}
