//! SESSION_CAPABILITY, `[MS-PSRP] 2.2.2.1`.

use std::fmt;

use crate::clixml::{Value, Version};
use crate::psrp::error::{BodyError, PsrpError};
use crate::psrp::members::{Members, object};

/// A version of the remoting protocol, `[MS-PSRP] 2.2.2.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub struct ProtocolVersion {
    pub major: u32,
    pub minor: u32,
}

impl ProtocolVersion {
    /// The oldest that is spoken
    pub const V2_0: Self = Self { major: 2, minor: 0 };
    /// Windows PowerShell 3: merge fields, encryption without being asked
    pub const V2_2: Self = Self { major: 2, minor: 2 };
    /// Windows PowerShell 5.1; what is offered. 2.4 would do without a session key and is never offered.
    pub const V2_3: Self = Self { major: 2, minor: 3 };

    pub(crate) fn to_value(self) -> Value {
        Value::Version(Version(vec![self.major, self.minor]))
    }

    pub(crate) fn of(version: &Version) -> Option<Self> {
        match version.0.as_slice() {
            [major, minor, ..] => Some(Self { major: *major, minor: *minor }),
            _ => None,
        }
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What a side can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCapability {
    /// `protocolversion`
    pub protocol: Version,
    /// `PSVersion`
    pub ps: Version,
    /// `SerializationVersion`
    pub serialization: Version,
}

impl SessionCapability {
    /// A capability with the two fixed versions.
    pub fn new(protocol: ProtocolVersion) -> Self {
        Self {
            protocol: Version(vec![protocol.major, protocol.minor]),
            ps: Version(vec![2, 0]),
            serialization: Version(vec![1, 1, 0, 1]),
        }
    }

    /// As it is written; without the time zone, which no reader uses.
    pub fn to_value(&self) -> Value {
        object([
            ("protocolversion", Value::Version(self.protocol.clone())),
            ("PSVersion", Value::Version(self.ps.clone())),
            ("SerializationVersion", Value::Version(self.serialization.clone())),
        ])
    }

    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let members = Members::of(value, "SESSION_CAPABILITY")?;
        let version = |name| match members.required(name)? {
            Value::Version(version) => Ok(version.clone()),
            _ => Err(members.error(name)),
        };
        Ok(Self {
            protocol: version("protocolversion")?,
            ps: version("PSVersion")?,
            serialization: version("SerializationVersion")?,
        })
    }

    /// What the client makes of the server's answer: the versions have to be the known ones, and the protocol the one
    /// that was offered or an older 2.x.
    pub fn accepted_by_client(&self, offered: ProtocolVersion) -> Result<ProtocolVersion, PsrpError> {
        self.check_ps()?;
        if self.serialization.0 != [1, 1, 0, 1] {
            return Err(other_version("SerializationVersion", &self.serialization));
        }
        let protocol = self.protocol()?;
        if self.protocol.0.len() != 2 || protocol > offered {
            return Err(PsrpError::ProtocolVersion(protocol));
        }
        Ok(protocol)
    }

    /// What the server makes of the client's offer: any 2.x is taken, and the answer is the lower one.
    pub fn accepted_by_server(&self, own: ProtocolVersion) -> Result<ProtocolVersion, PsrpError> {
        self.check_ps()?;
        if self.serialization.0.first_chunk() != Some(&[1, 1]) {
            return Err(other_version("SerializationVersion", &self.serialization));
        }
        Ok(self.protocol()?.min(own))
    }

    fn check_ps(&self) -> Result<(), PsrpError> {
        if self.ps.0 == [2, 0] { Ok(()) } else { Err(other_version("PSVersion", &self.ps)) }
    }

    fn protocol(&self) -> Result<ProtocolVersion, PsrpError> {
        let unreadable = BodyError { message: "SESSION_CAPABILITY", member: "protocolversion" };
        let protocol = ProtocolVersion::of(&self.protocol).ok_or(unreadable)?;
        if protocol.major == 2 { Ok(protocol) } else { Err(PsrpError::ProtocolVersion(protocol)) }
    }
}

fn other_version(member: &'static str, version: &Version) -> PsrpError {
    let found = version.0.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
    PsrpError::Version { member, found }
}
