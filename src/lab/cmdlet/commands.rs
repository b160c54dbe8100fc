//! What commands there are: `Get-Command`, and what roles hide.

use std::sync::Arc;

use wsman::clixml::{Container, Object, Value};
use wsman::psrp::{Command, ErrorRecord};

use super::metadata::{self, COMMON, Cmdlet};
use super::{convert, errors};
use crate::lab::Endpoint;
use crate::lab::directory::Restrictions;

/// The commands that were asked for by name, and an error for each name that there is not.
pub(super) fn get(
    command: &Command,
    restrictions: &Restrictions,
    endpoint: Endpoint,
    loaded: bool,
) -> (Vec<Value>, Vec<ErrorRecord>) {
    let named = command
        .arguments
        .iter()
        .find(|argument| argument.name.as_deref().is_none_or(|name| name.eq_ignore_ascii_case("Name")));
    let names: Vec<String> = match named.map(|argument| &argument.value) {
        Some(value) => match value.items() {
            Some(items) => items.iter().map(convert::display).collect(),
            None => vec![convert::display(value)],
        },
        None => Vec::new(),
    };
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for name in names {
        match metadata::find(endpoint, &name).filter(|cmdlet| loaded && !restrictions.hides(cmdlet.name)) {
            Some(cmdlet) => found.push(info(cmdlet, restrictions)),
            None => {
                let mut record = *errors::command_not_found(&name);
                record.fully_qualified_error_id =
                    "CommandNotFoundException,Microsoft.PowerShell.Commands.GetCommandCommand".to_owned();
                missing.push(record);
            }
        }
    }
    (found, missing)
}

/// A `CmdletInfo` as it is sent: its parameters are a dictionary whose values are only named.
fn info(cmdlet: &Cmdlet, restrictions: &Restrictions) -> Value {
    let parameters = cmdlet.parameters.iter().chain(COMMON.iter());
    let visible = parameters.filter(|parameter| !restrictions.hides_parameter(cmdlet.name, parameter.name));
    let entries: Vec<(Value, Value)> = visible
        .map(|parameter| {
            (Value::from(parameter.name), Value::from("System.Management.Automation.ParameterMetadata"))
        })
        .collect();
    let dictionary = Object::of_type(&[
        "System.Collections.Generic.Dictionary`2[[System.String, mscorlib, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089],[System.Management.Automation.ParameterMetadata, System.Management.Automation, Version=3.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35]]",
        "System.Object",
    ])
    .with_base(Container::Dictionary(entries));
    let (verb, noun) = cmdlet.name.split_once('-').unwrap_or((cmdlet.name, ""));
    let types = [
        "System.Management.Automation.CmdletInfo",
        "System.Management.Automation.CommandInfo",
        "System.Object",
    ];
    let object = Object::of_type(&types)
        .with_text(cmdlet.name)
        .with_adapted("Verb", Value::from(verb))
        .with_adapted("Noun", Value::from(noun))
        .with_adapted("Name", Value::from(cmdlet.name))
        .with_adapted(
            "CommandType",
            Value::enumeration("System.Management.Automation.CommandTypes", "Cmdlet", 8),
        )
        .with_adapted("Parameters", Value::Object(Arc::new(dictionary)));
    Value::Object(Arc::new(object))
}

/// Refuses parameters that no role has, in the words of the parameter binder.
pub(super) fn check_visible(
    cmdlet: &Cmdlet,
    command: &Command,
    restrictions: &Restrictions,
) -> Result<(), Box<ErrorRecord>> {
    for name in command.arguments.iter().filter_map(|argument| argument.name.as_deref()) {
        let name = name.trim_start_matches('-').trim_end_matches(':');
        if restrictions.hides_parameter(cmdlet.name, name) {
            let message = format!("A parameter cannot be found that matches parameter name '{name}'.");
            return Err(errors::binding(cmdlet.name, "NamedParameterNotFound", &message));
        }
    }
    Ok(())
}

/// What the ordinary endpoint answers about itself.
pub(super) fn full_language() -> Value {
    Value::enumeration("System.Management.Automation.PSLanguageMode", "FullLanguage", 0)
}
