//! INIT_RUNSPACEPOOL, `[MS-PSRP] 2.2.2.2`.

use super::create_pipeline::ApartmentState;
use super::host::HostInfo;
use crate::clixml::Value;
use crate::psrp::error::BodyError;
use crate::psrp::members::{Members, enumeration, number, object};

/// The client asks for a runspace pool.
#[derive(Clone, Debug, PartialEq)]
pub struct InitRunspacePool {
    /// `MinRunspaces`
    pub min_runspaces: i32,
    /// `MaxRunspaces`
    pub max_runspaces: i32,
    /// `ApplicationArguments`: a dictionary or `Nil`
    pub application_arguments: Value,
    /// `HostInfo`
    pub host: HostInfo,
}

impl InitRunspacePool {
    /// As it is written.
    pub fn to_value(&self) -> Value {
        object([
            ("MinRunspaces", Value::Int32(self.min_runspaces)),
            ("MaxRunspaces", Value::Int32(self.max_runspaces)),
            (
                "PSThreadOptions",
                enumeration("System.Management.Automation.Runspaces.PSThreadOptions", "Default", 0),
            ),
            ("ApartmentState", ApartmentState::Unknown.to_value()),
            ("ApplicationArguments", self.application_arguments.clone()),
            ("HostInfo", self.host.to_value()),
        ])
    }

    /// Reads the body; every member has to be there, and the numbers have to make a pool.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let members = Members::of(value, "INIT_RUNSPACEPOOL")?;
        // A number, or the name of one; a number has to be one of the four.
        let thread_options = members.required("PSThreadOptions")?;
        if number(thread_options).is_some_and(|number| !(0..=3).contains(&number)) {
            return Err(members.error("PSThreadOptions"));
        }
        members.required("ApartmentState")?;
        let init = Self {
            min_runspaces: members.int32("MinRunspaces")?,
            max_runspaces: members.int32("MaxRunspaces")?,
            application_arguments: members.required("ApplicationArguments")?.clone(),
            host: HostInfo::from_value(members.required("HostInfo")?)?,
        };
        if init.min_runspaces < 1 {
            return Err(members.error("MinRunspaces"));
        }
        if init.max_runspaces < init.min_runspaces {
            return Err(members.error("MaxRunspaces"));
        }
        Ok(init)
    }
}
