//! APPLICATION_PRIVATE_DATA, `[MS-PSRP] 2.2.2.13`, and the version table that both sides put into their dictionaries.

use super::capability::ProtocolVersion;
use crate::clixml::{Container, Value, Version};
use crate::psrp::error::BodyError;
use crate::psrp::members::{Members, container, entry, list, object, string};

const PRIMITIVE_DICTIONARY: &[&str] =
    &["System.Management.Automation.PSPrimitiveDictionary", "System.Collections.Hashtable", "System.Object"];

/// What the server tells of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct ApplicationPrivateData(
    /// A dictionary or `Nil`
    pub Value,
);

impl ApplicationPrivateData {
    /// As it is written.
    pub fn to_value(&self) -> Value {
        object([("ApplicationPrivateData", self.0.clone())])
    }

    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let members = Members::of(value, "APPLICATION_PRIVATE_DATA")?;
        Ok(Self(members.required("ApplicationPrivateData")?.clone()))
    }
}

/// `PSVersionTable.PSRemotingProtocolVersion` of a dictionary: what the real client goes by when it writes commands.
pub fn remoting_protocol_version(data: &Value) -> Option<ProtocolVersion> {
    match entry(entry(data, "PSVersionTable")?, "PSRemotingProtocolVersion")? {
        Value::Version(version) => ProtocolVersion::of(version),
        _ => None,
    }
}

/// A dictionary with a `PSVersionTable`, as Windows PowerShell 5.1 fills it, and `more` in front of it.
pub fn version_table(protocol: ProtocolVersion, more: Vec<(&str, Value)>) -> Value {
    let version = |parts: &[u32]| Value::Version(Version(parts.to_vec()));
    let compatible = [[1, 0], [2, 0], [3, 0], [4, 0], [5, 0], [5, 1]];
    let table = dictionary(vec![
        ("PSVersion", version(&[5, 1, 20348, 2849])),
        ("PSEdition", string("Desktop")),
        (
            "PSCompatibleVersions",
            list(
                &["System.Version[]", "System.Array", "System.Object"],
                compatible.iter().map(|parts| version(parts)).collect(),
            ),
        ),
        ("BuildVersion", version(&[10, 0, 20348, 2849])),
        ("CLRVersion", version(&[4, 0, 30319, 42000])),
        ("WSManStackVersion", version(&[3, 0])),
        ("PSRemotingProtocolVersion", protocol.to_value()),
        ("SerializationVersion", version(&[1, 1, 0, 1])),
    ]);
    let mut entries = more;
    entries.push(("PSVersionTable", table));
    dictionary(entries)
}

fn dictionary(entries: Vec<(&str, Value)>) -> Value {
    let entries = entries.into_iter().map(|(key, value)| (string(key), value)).collect();
    container(PRIMITIVE_DICTIONARY, Container::Dictionary(entries))
}
