//! CREATE_PIPELINE, `[MS-PSRP] 2.2.2.10`; PowerShell pipeline `2.2.3.11`, command `2.2.3.12`, parameter `2.2.3.13`.

use super::capability::ProtocolVersion;
use super::host::HostInfo;
use crate::clixml::Value;
use crate::psrp::command::{Argument, Command, Merge, MergeTarget};
use crate::psrp::error::BodyError;
use crate::psrp::members::{Members, enumeration, list, number, object, optional_string, string};

/// What Windows PowerShell 5.1 calls a list of PSObject.
const PSOBJECT_LIST: &[&str] = &[
    "System.Collections.Generic.List`1[[System.Management.Automation.PSObject, System.Management.Automation, \
     Version=3.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35]]",
    "System.Object",
];
/// `RemoteStreamOptions`: invocation information on every stream, the default of the real client.
pub const STREAM_OPTIONS_ALL: i32 = 15;
/// `PipelineResultTypes.Output`, `[MS-PSRP] 2.2.3.31`
const OUTPUT: i32 = 1;
const ERROR: i32 = 2;
const NULL: i32 = 8;

/// `ApartmentState`, `[MS-PSRP] 2.2.3.7`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ApartmentState {
    Sta,
    Mta,
    #[default]
    Unknown,
}

impl ApartmentState {
    pub(crate) fn to_value(self) -> Value {
        let (name, number) = match self {
            Self::Sta => ("STA", 0),
            Self::Mta => ("MTA", 1),
            Self::Unknown => ("Unknown", 2),
        };
        enumeration("System.Threading.ApartmentState", name, number)
    }
}

/// Which of the later merge members the server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeFields {
    /// Protocol 2.0 and 2.1: none
    Old,
    /// 2.2: error, warning, verbose, debug
    Four,
    /// 2.3: information as well
    Five,
}

impl MergeFields {
    /// By the version that APPLICATION_PRIVATE_DATA named; the real client takes the oldest when nothing was named.
    pub fn of(version: Option<ProtocolVersion>) -> Self {
        match version {
            Some(version) if version >= ProtocolVersion::V2_3 => Self::Five,
            Some(version) if version >= ProtocolVersion::V2_2 => Self::Four,
            _ => Self::Old,
        }
    }
}

/// The client starts a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct CreatePipeline {
    /// Statements, each a pipeline of commands; never empty
    pub statements: Vec<Vec<Command>>,
    /// `NoInput`: no input follows
    pub no_input: bool,
    /// `AddToHistory`
    pub add_to_history: bool,
    /// `IsNested`
    pub is_nested: bool,
    /// `RedirectShellErrorOutputPipe`
    pub redirect_errors: bool,
    /// `RemoteStreamOptions`
    pub stream_options: i32,
    /// `HostInfo`
    pub host: HostInfo,
}

impl CreatePipeline {
    /// As it is written. Several statements stand in `ExtraCmds`, and the first of them again in `Cmds`.
    pub fn to_value(&self, fields: MergeFields) -> Value {
        let commands = |statement: &[Command]| {
            list(PSOBJECT_LIST, statement.iter().map(|command| command_value(command, fields)).collect())
        };
        let mut power_shell = Vec::new();
        if self.statements.len() > 1 {
            let statements = self.statements.iter().map(|it| object([("Cmds", commands(it))])).collect();
            power_shell.push(("ExtraCmds", list(PSOBJECT_LIST, statements)));
        }
        power_shell.extend([
            ("Cmds", commands(self.statements.first().map_or(&[], Vec::as_slice))),
            ("IsNested", Value::Bool(self.is_nested)),
            ("History", Value::Nil),
            ("RedirectShellErrorOutputPipe", Value::Bool(self.redirect_errors)),
        ]);
        let options = match self.stream_options {
            0 => "0".to_owned(),
            STREAM_OPTIONS_ALL => "AddInvocationInfo".to_owned(),
            other => other.to_string(),
        };
        object([
            ("PowerShell", object(power_shell)),
            ("NoInput", Value::Bool(self.no_input)),
            ("ApartmentState", ApartmentState::Unknown.to_value()),
            (
                "RemoteStreamOptions",
                enumeration(
                    "System.Management.Automation.RemoteStreamOptions",
                    &options,
                    self.stream_options,
                ),
            ),
            ("AddToHistory", Value::Bool(self.add_to_history)),
            ("HostInfo", self.host.to_value()),
            ("IsNested", Value::Bool(self.is_nested)),
        ])
    }

    /// Reads the body; what the real server needs has to be there.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let outer = Members::of(value, "CREATE_PIPELINE")?;
        outer.required("ApartmentState")?;
        let members = Members::of(outer.required("PowerShell")?, "PowerShell")?;
        members.required("History")?;
        let first = statement(&members)?;
        let statements = match members.get("ExtraCmds") {
            None | Some(Value::Nil) => vec![first],
            Some(_) => {
                let all = members.list("ExtraCmds")?;
                let all = all.iter().map(|it| statement(&Members::of(it, "ExtraCmds")?));
                let all = all.collect::<Result<Vec<_>, _>>()?;
                if all.is_empty() { vec![first] } else { all }
            }
        };
        members.bool("IsNested")?;
        Ok(Self {
            statements,
            no_input: outer.bool("NoInput")?,
            add_to_history: outer.bool("AddToHistory")?,
            is_nested: outer.bool("IsNested")?,
            redirect_errors: members.bool("RedirectShellErrorOutputPipe")?,
            stream_options: outer.int32("RemoteStreamOptions")?,
            host: HostInfo::from_value(outer.required("HostInfo")?)?,
        })
    }
}

fn command_value(command: &Command, fields: MergeFields) -> Value {
    let target = |number: i32| {
        let name = match number {
            OUTPUT => "Output",
            ERROR => "Error",
            NULL => "Null",
            _ => "None",
        };
        enumeration("System.Management.Automation.Runspaces.PipelineResultTypes", name, number)
    };
    let error = if command.merge_errors_to_output { OUTPUT } else { 0 };
    // The old pair of members says the same where only errors are merged, as the real client does.
    let old =
        command.merge_errors_to_output && (command.merge == Merge::default() || fields == MergeFields::Old);
    let mut members = vec![
        ("Cmd", string(&command.name)),
        ("IsScript", Value::Bool(command.is_script)),
        ("UseLocalScope", command.use_local_scope.map_or(Value::Nil, Value::Bool)),
        ("MergeMyResult", target(if old { ERROR } else { 0 })),
        ("MergeToResult", target(if old { OUTPUT } else { 0 })),
        ("MergePreviousResults", target(0)),
    ];
    if fields != MergeFields::Old {
        members.push(("MergeError", target(error)));
        members.push(("MergeWarning", target(command.merge.warning.number())));
        members.push(("MergeVerbose", target(command.merge.verbose.number())));
        members.push(("MergeDebug", target(command.merge.debug.number())));
    }
    if fields == MergeFields::Five {
        members.push(("MergeInformation", target(command.merge.information.number())));
    }
    let arguments = command.arguments.iter().map(|argument| {
        object([("N", optional_string(argument.name.as_deref())), ("V", argument.value.clone())])
    });
    members.push(("Args", list(PSOBJECT_LIST, arguments.collect())));
    object(members)
}

impl MergeTarget {
    fn number(self) -> i32 {
        match self {
            Self::Own => 0,
            Self::Output => OUTPUT,
            Self::Null => NULL,
        }
    }

    fn of(value: Option<&Value>) -> Self {
        match value.and_then(number) {
            Some(OUTPUT) => Self::Output,
            Some(NULL) => Self::Null,
            _ => Self::Own,
        }
    }
}

fn statement(members: &Members<'_>) -> Result<Vec<Command>, BodyError> {
    let commands = members.list("Cmds")?;
    if commands.is_empty() {
        return Err(members.error("Cmds"));
    }
    commands.iter().map(read_command).collect()
}

fn read_command(value: &Value) -> Result<Command, BodyError> {
    let members = Members::of(value, "Command")?;
    members.int32("MergePreviousResults")?;
    let old = members.int32("MergeMyResult")? == ERROR && members.int32("MergeToResult")? == OUTPUT;
    let use_local_scope = match members.required("UseLocalScope")? {
        Value::Bool(value) => Some(*value),
        _ => None,
    };
    Ok(Command {
        name: members.text("Cmd")?,
        is_script: members.bool("IsScript")?,
        use_local_scope,
        arguments: members.list("Args")?.iter().map(read_argument).collect::<Result<_, _>>()?,
        merge_errors_to_output: old || MergeTarget::of(members.get("MergeError")) == MergeTarget::Output,
        merge: Merge {
            warning: MergeTarget::of(members.get("MergeWarning")),
            verbose: MergeTarget::of(members.get("MergeVerbose")),
            debug: MergeTarget::of(members.get("MergeDebug")),
            information: MergeTarget::of(members.get("MergeInformation")),
        },
    })
}

/// A name may have a dash in front, and a colon behind it then; a dash with `Nil` is a parameter without an argument.
fn read_argument(value: &Value) -> Result<Argument, BodyError> {
    let members = Members::of(value, "CommandParameter")?;
    let mut value = members.required("V")?.clone();
    let Value::String(name) = members.required("N")? else {
        return Ok(Argument { name: None, value });
    };
    let name = name.to_string_lossy();
    let name = match name.strip_prefix('-') {
        None => name.as_ref(),
        Some(dashed) => {
            let bare = dashed.strip_suffix(':');
            if bare.is_none() && value == Value::Nil {
                value = Value::Bool(true);
            }
            bare.unwrap_or(dashed)
        }
    };
    if name.is_empty() {
        return Err(members.error("N"));
    }
    Ok(Argument { name: Some(name.to_owned()), value })
}
