//! GET_COMMAND_METADATA, `[MS-PSRP] 2.2.2.14`.

use crate::clixml::Value;
use crate::psrp::error::BodyError;
use crate::psrp::members::{Members, enumeration, items, list, object, string, text};

/// The client asks which commands there are; it takes the place of CREATE_PIPELINE.
#[derive(Clone, Debug, PartialEq)]
pub struct GetCommandMetadata {
    /// `Name`: patterns
    pub names: Vec<String>,
    /// `CommandType`: a sum of `[MS-PSRP] 2.2.3.19`
    pub command_type: i32,
    /// `ArgumentList`
    pub arguments: Vec<Value>,
}

impl GetCommandMetadata {
    /// Aliases, functions, filters, cmdlets and configurations: what Import-PSSession asks for.
    pub const IMPORTABLE: i32 = 271;

    /// As it is written.
    pub fn to_value(&self) -> Value {
        let names = self.names.iter().map(|name| string(name)).collect();
        let arguments = match self.arguments.as_slice() {
            [] => Value::Nil,
            some => list(&["System.Object[]", "System.Array", "System.Object"], some.to_vec()),
        };
        let name = flag_names(self.command_type);
        object([
            ("Name", list(&["System.String[]", "System.Array", "System.Object"], names)),
            (
                "CommandType",
                enumeration("System.Management.Automation.CommandTypes", &name, self.command_type),
            ),
            ("Namespace", Value::Nil),
            ("FullyQualifiedModule", Value::Nil),
            ("ArgumentList", arguments),
        ])
    }

    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let members = Members::of(value, "GET_COMMAND_METADATA")?;
        let names = match members.required("Name")? {
            Value::Nil => Vec::new(),
            names => items(names)
                .and_then(|names| names.iter().map(text).collect())
                .ok_or_else(|| members.error("Name"))?,
        };
        let arguments = members.get("ArgumentList").and_then(items).unwrap_or_default().to_vec();
        Ok(Self { names, command_type: members.int32("CommandType")?, arguments })
    }
}

/// Names of the flags, as .NET puts them together; the number where there is a flag without a name.
fn flag_names(flags: i32) -> String {
    const NAMES: [(i32, &str); 9] = [
        (1, "Alias"),
        (2, "Function"),
        (4, "Filter"),
        (8, "Cmdlet"),
        (16, "ExternalScript"),
        (32, "Application"),
        (64, "Script"),
        (128, "Workflow"),
        (256, "Configuration"),
    ];
    let known: i32 = NAMES.iter().map(|(flag, _)| flag).sum();
    if flags == known {
        return "All".to_owned();
    }
    if flags == 0 || flags & !known != 0 {
        return flags.to_string();
    }
    let set = NAMES.iter().filter(|(flag, _)| flags & flag != 0);
    set.map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
}
