//! The parameter binder: names, positions, parameter sets.

use serde_json::Value as Json;
use wsman::clixml::Value;
use wsman::psrp::{Command, ErrorRecord};

use super::convert::{self, Bound};
use super::errors;
use super::metadata::{COMMON, Cmdlet, Parameter};

/// The bound parameters of a call, in the order of the command.
#[derive(Debug)]
pub(super) struct Arguments {
    values: Vec<(&'static str, Bound)>,
    /// For the log: what was sent, secrets masked
    shown: Vec<(&'static str, Json)>,
}

impl Arguments {
    pub(super) fn get(&self, name: &str) -> Option<&Bound> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The text of a parameter; `None` when it is absent or null.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Bound::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A switch or bool; `None` when absent.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name) {
            Some(Bound::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }

    pub(super) fn on(&self, name: &str) -> bool {
        self.flag(name) == Some(true)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &Bound)> {
        self.values.iter().map(|(name, value)| (*name, value))
    }

    /// The parameters as they were sent, secrets masked.
    pub(super) fn shown(&self) -> serde_json::Map<String, Json> {
        self.shown.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    /// Binds a value from the pipeline to `Identity`.
    pub(super) fn bind_identity(&mut self, value: &Value) {
        let bound = convert::identity(value);
        self.values.retain(|(name, _)| *name != "Identity");
        self.shown.retain(|(name, _)| *name != "Identity");
        self.shown.push(("Identity", bound.masked()));
        self.values.push(("Identity", bound));
    }
}

/// Binds the arguments of a command. `piped` says that pipeline input may still bring the identity.
pub(super) fn bind(
    cmdlet: &'static Cmdlet,
    command: &Command,
    piped: bool,
) -> Result<Arguments, Box<ErrorRecord>> {
    let fail = |id: &str, message: String| errors::binding(cmdlet.name, id, &message);
    let mut chosen: Vec<(&'static Parameter, &Value)> = Vec::new();
    let mut positional: Vec<&Value> = Vec::new();
    for argument in &command.arguments {
        let Some(name) = argument.name.as_deref() else {
            positional.push(&argument.value);
            continue;
        };
        let name = name.trim_start_matches('-').trim_end_matches(':');
        let parameter = find_parameter(cmdlet, name)?;
        if chosen.iter().any(|(known, _)| known.name == parameter.name) {
            let message = format!(
                "Cannot bind parameter because parameter '{}' is specified more than once. To provide multiple values to parameters that can accept multiple values, use the array syntax. For example, \"-parameter value1,value2,value3\".",
                parameter.name
            );
            return Err(fail("ParameterAlreadyBound", message));
        }
        chosen.push((parameter, &argument.value));
    }
    for value in positional {
        let first = cmdlet
            .parameters
            .iter()
            .find(|p| p.name == "Identity" || (p.name == "Name" && cmdlet.name.starts_with("New-")));
        match first {
            Some(parameter) if !chosen.iter().any(|(known, _)| known.name == parameter.name) => {
                chosen.push((parameter, value))
            }
            _ => {
                let shown = convert::display(value);
                let message =
                    format!("A positional parameter cannot be found that accepts argument '{shown}'.");
                return Err(fail("PositionalParameterNotFound", message));
            }
        }
    }
    if chosen.iter().any(|(parameter, _)| parameter.type_name == "Variable") {
        return Err(errors::variables_not_allowed());
    }
    let mut values = Vec::with_capacity(chosen.len());
    let mut shown = Vec::with_capacity(chosen.len());
    for (parameter, value) in &chosen {
        let bound = convert::convert(parameter, value)
            .map_err(|refusal| errors::binding(cmdlet.name, refusal.id, &refusal.message))?;
        shown.push((parameter.name, convert::shown(value, &bound)));
        values.push((parameter.name, bound));
    }
    resolve_set(cmdlet, &chosen, piped)?;
    Ok(Arguments { values, shown })
}

/// Exact name, else a prefix that fits one parameter only.
fn find_parameter(cmdlet: &'static Cmdlet, name: &str) -> Result<&'static Parameter, Box<ErrorRecord>> {
    let all = || cmdlet.parameters.iter().chain(COMMON.iter());
    if let Some(parameter) = all().find(|parameter| parameter.name.eq_ignore_ascii_case(name)) {
        return Ok(parameter);
    }
    let starts = |parameter: &&Parameter| {
        parameter
            .name
            .get(..name.len())
            .is_some_and(|start| !name.is_empty() && start.eq_ignore_ascii_case(name))
    };
    let mut fits: Vec<&'static Parameter> = all().filter(starts).collect();
    match (fits.len(), fits.pop()) {
        (1, Some(parameter)) => Ok(parameter),
        (0, _) | (_, None) => {
            let message = format!("A parameter cannot be found that matches parameter name '{name}'.");
            Err(errors::binding(cmdlet.name, "NamedParameterNotFound", &message))
        }
        (_, Some(last)) => {
            fits.push(last);
            let mut names: Vec<String> =
                fits.iter().map(|parameter| format!("-{}", parameter.name)).collect();
            names.sort();
            let message = format!(
                "Parameter cannot be processed because the parameter name '{name}' is ambiguous. Possible matches include: {}.",
                names.join(" ")
            );
            Err(errors::binding(cmdlet.name, "AmbiguousParameter", &message))
        }
    }
}

/// Finds the one set that all bound parameters share and whose mandatory parameters are there.
fn resolve_set(
    cmdlet: &Cmdlet,
    chosen: &[(&'static Parameter, &Value)],
    piped: bool,
) -> Result<(), Box<ErrorRecord>> {
    let bound = |name: &str| {
        chosen.iter().any(|(parameter, _)| parameter.name == name) || (piped && name == "Identity")
    };
    let shared: Vec<&str> =
        cmdlet.sets.iter().copied().filter(|set| chosen.iter().all(|(p, _)| p.in_set(set))).collect();
    let missing = |set: &str| -> Vec<&str> {
        cmdlet.parameters.iter().filter(|p| p.mandatory_in(set) && !bound(p.name)).map(|p| p.name).collect()
    };
    let complete: Vec<&str> = shared.iter().copied().filter(|set| missing(set).is_empty()).collect();
    if complete.contains(&cmdlet.default_set) || complete.len() == 1 {
        return Ok(());
    }
    let ambiguous = || {
        let message = "Parameter set cannot be resolved using the specified named parameters. One or more parameters issued cannot be used together or an insufficient number of parameters were provided.";
        errors::binding(cmdlet.name, "AmbiguousParameterSet", message)
    };
    if shared.is_empty() || complete.len() > 1 {
        return Err(ambiguous());
    }
    let set = if shared.contains(&cmdlet.default_set) {
        cmdlet.default_set
    } else if shared.len() == 1 {
        shared[0]
    } else {
        return Err(ambiguous());
    };
    let message = format!(
        "Cannot process command because of one or more missing mandatory parameters: {}.",
        missing(set).join(" ")
    );
    Err(errors::binding(cmdlet.name, "MissingMandatoryParameter", &message))
}
