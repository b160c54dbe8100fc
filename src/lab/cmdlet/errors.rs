//! Error records in the shapes of the engine and of Exchange.

use wsman::clixml::Value;
use wsman::psrp::{ErrorCategory, ErrorRecord};

/// Categories, `[MS-PSRP] 2.2.3.9`.
#[derive(Clone, Copy)]
pub(super) enum Category {
    NotSpecified = 0,
    InvalidArgument = 5,
    InvalidData = 6,
    InvalidOperation = 7,
    NotImplemented = 11,
    ObjectNotFound = 13,
    OperationStopped = 14,
    ParserError = 17,
    PermissionDenied = 18,
    ResourceBusy = 19,
    ResourceUnavailable = 21,
    WriteError = 23,
}

impl Category {
    fn name(self) -> &'static str {
        match self {
            Self::NotSpecified => "NotSpecified",
            Self::InvalidArgument => "InvalidArgument",
            Self::InvalidData => "InvalidData",
            Self::InvalidOperation => "InvalidOperation",
            Self::NotImplemented => "NotImplemented",
            Self::ObjectNotFound => "ObjectNotFound",
            Self::OperationStopped => "OperationStopped",
            Self::ParserError => "ParserError",
            Self::PermissionDenied => "PermissionDenied",
            Self::ResourceBusy => "ResourceBusy",
            Self::ResourceUnavailable => "ResourceUnavailable",
            Self::WriteError => "WriteError",
        }
    }

    /// The category in which Exchange files an exception.
    fn of(exception: &str) -> Self {
        match exception {
            "RecipientTaskException"
            | "ManagementObjectAmbiguousException"
            | "NotAcceptedDomainException" => Self::InvalidArgument,
            "PropertyValueExistsException" | "DataValidationException" => Self::InvalidData,
            "InvalidOperationException" | "AssociatedUserMailboxExistException" => Self::InvalidOperation,
            "CmdletAccessDeniedException" => Self::PermissionDenied,
            "OverBudgetException" => Self::ResourceBusy,
            "SuitabilityDirectoryException" => Self::ResourceUnavailable,
            _ => Self::NotSpecified,
        }
    }
}

/// An error of an Exchange cmdlet before it has got its ids.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Problem {
    /// Short name of the exception
    pub(super) exception: String,
    pub(super) message: String,
    /// Whether it ends the pipeline
    pub(super) terminating: bool,
}

impl Problem {
    pub(super) fn new(exception: &str, message: impl Into<String>) -> Self {
        Self { exception: exception.to_owned(), message: message.into(), terminating: false }
    }

    pub(super) fn terminating(exception: &str, message: impl Into<String>) -> Self {
        Self { terminating: true, ..Self::new(exception, message) }
    }

    pub(super) fn not_found(identity: &str, dc: &str) -> Self {
        let message = format!(
            "The operation couldn't be performed because object '{identity}' couldn't be found on '{dc}'."
        );
        Self::new("ManagementObjectNotFoundException", message)
    }

    pub(super) fn missing(what: &str, name: &str) -> Self {
        let message = format!("Couldn't find {what} \"{name}\". Make sure you have typed it correctly.");
        Self::new("ManagementObjectNotFoundException", message)
    }

    pub(super) fn wrong_type(identity: &str, details: &str) -> Self {
        let message = format!(
            "This task does not support recipients of this type. The specified recipient {identity} is of type {details}. Please make sure that this recipient matches the required recipient type for this task."
        );
        Self::new("RecipientTaskException", message)
    }

    pub(super) fn value_exists(property: &str, value: &str) -> Self {
        let message = format!(
            "The value \"{value}\" of property \"{property}\" is used by another recipient object. Please specify a unique value."
        );
        Self::new("PropertyValueExistsException", message)
    }

    pub(super) fn address_taken(address: &str, owner: &str) -> Self {
        let message = format!(
            "The proxy address \"{address}\" is already being used by the proxy addresses or LegacyExchangeDN of \"{owner}\". Please choose another proxy address."
        );
        Self::new("ProxyAddressExistsException", message)
    }

    pub(super) fn not_accepted() -> Self {
        Self::new(
            "NotAcceptedDomainException",
            "You can't use the domain because it's not an accepted domain for your organization.",
        )
    }

    /// The record; `tag` is what stands between the brackets of the id.
    pub(super) fn record(&self, tag: &str, cmdlet: &str) -> Box<ErrorRecord> {
        let id = format!(
            "{tag} [FailureCategory=Cmdlet-{}] {:X},{}",
            self.exception,
            hash(&self.exception, cmdlet),
            class(cmdlet)
        );
        let mut types = vec![full_name(&self.exception)];
        if self.exception == "InvalidOperationException" {
            types.push("System.SystemException".to_owned());
        }
        types.extend(["System.Exception".to_owned(), "System.Object".to_owned()]);
        record(types, &self.message, id, Category::of(&self.exception), cmdlet, &self.exception)
    }
}

/// The code that Exchange makes of the place where an error arose; here of the exception and the cmdlet.
fn hash(exception: &str, cmdlet: &str) -> u32 {
    exception
        .bytes()
        .chain(cmdlet.bytes())
        .fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn full_name(exception: &str) -> String {
    let namespace = match exception {
        "InvalidOperationException" | "NullReferenceException" => "System",
        "ADOperationException"
        | "ADTransientException"
        | "ADObjectAlreadyExistsException"
        | "SuitabilityDirectoryException"
        | "ServerInMMException"
        | "OverBudgetException" => "Microsoft.Exchange.Data.Directory",
        "DataValidationException" => "Microsoft.Exchange.Data",
        "StorageTransientException" => "Microsoft.Exchange.Data.Storage",
        _ => "Microsoft.Exchange.Configuration.Tasks",
    };
    format!("{namespace}.{exception}")
}

/// Full name of the class behind a cmdlet.
pub(super) fn class(cmdlet: &str) -> String {
    let namespace = match cmdlet {
        "Get-AcceptedDomain" | "Set-ADServerSettings" => "SystemConfigurationTasks",
        _ if cmdlet.ends_with("Database") => "SystemConfigurationTasks",
        _ => "RecipientTasks",
    };
    format!("Microsoft.Exchange.Management.{namespace}.{}", cmdlet.replace('-', ""))
}

fn record(
    types: Vec<String>,
    message: &str,
    id: String,
    category: Category,
    activity: &str,
    reason: &str,
) -> Box<ErrorRecord> {
    Box::new(ErrorRecord {
        exception_types: types,
        message: message.to_owned(),
        target_object: Value::Nil,
        fully_qualified_error_id: id,
        category: ErrorCategory {
            category: category as i32,
            activity: activity.to_owned(),
            reason: reason.to_owned(),
            target_name: String::new(),
            target_type: String::new(),
            message: format!("{}: (:) [{activity}], {reason}", category.name()),
        },
        details_message: None,
        recommended_action: None,
        raw: Value::Nil,
    })
}

/// Type names of an exception of the engine.
fn engine_types(names: &[&str]) -> Vec<String> {
    let common = [
        "System.Management.Automation.RuntimeException",
        "System.SystemException",
        "System.Exception",
        "System.Object",
    ];
    names.iter().chain(&common).map(|name| (*name).to_owned()).collect()
}

/// An error of the parameter binder.
pub(super) fn binding(cmdlet: &str, id: &str, message: &str) -> Box<ErrorRecord> {
    let validation = id == "ParameterArgumentValidationError";
    let base = "System.Management.Automation.ParameterBindingException";
    let (types, reason) = match id {
        "ParameterArgumentTransformationError" => (
            engine_types(&[
                "System.Management.Automation.ParameterBindingArgumentTransformationException",
                base,
            ]),
            "ParameterBindingArgumentTransformationException",
        ),
        _ if validation => (
            engine_types(&["System.Management.Automation.ParameterBindingValidationException", base]),
            "ParameterBindingValidationException",
        ),
        _ => (engine_types(&[base]), "ParameterBindingException"),
    };
    let category = match id {
        "ParameterBindingFailed" => Category::WriteError,
        "ParameterArgumentTransformationError" | "ParameterArgumentValidationError" => Category::InvalidData,
        _ => Category::InvalidArgument,
    };
    record(types, message, format!("{id},{}", class(cmdlet)), category, cmdlet, reason)
}

/// What a NoLanguage runspace answers to every script.
pub(super) fn scripts_not_allowed(script: &str) -> Box<ErrorRecord> {
    let message = "The syntax is not supported by this runspace. This can occur if the runspace is in no-language mode.";
    let types = engine_types(&["System.Management.Automation.ParseException"]);
    about(
        record(types, message, "ScriptsNotAllowed".to_owned(), Category::ParserError, "", "ParseException"),
        script,
        Category::ParserError,
    )
}

/// What the ordinary endpoint answers to a script that is not the loader.
pub(super) fn script_unknown(script: &str) -> Box<ErrorRecord> {
    let message =
        "This server runs no scripts but the one that loads Exchange: send commands with parameters.";
    let types = engine_types(&["System.Management.Automation.ParseException"]);
    about(
        record(types, message, "ScriptNotSupported".to_owned(), Category::ParserError, "", "ParseException"),
        script,
        Category::ParserError,
    )
}

/// A command that does not exist here, in the words of Windows PowerShell 5.1.
pub(super) fn command_not_found(name: &str) -> Box<ErrorRecord> {
    if name.is_empty() {
        let message = "An error occurred while creating the pipeline.";
        return record(
            engine_types(&[]),
            message,
            "RuntimeException".to_owned(),
            Category::NotSpecified,
            "",
            "RuntimeException",
        );
    }
    let message = format!(
        "The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable program. Check the spelling of the name, or if a path was included, verify that the path is correct and try again."
    );
    let id = "CommandNotFoundException";
    let types = engine_types(&["System.Management.Automation.CommandNotFoundException"]);
    about(
        record(types, &message, id.to_owned(), Category::ObjectNotFound, "", id),
        name,
        Category::ObjectNotFound,
    )
}

/// Sets the target of a record to a text.
fn about(mut record: Box<ErrorRecord>, target: &str, category: Category) -> Box<ErrorRecord> {
    record.target_object = Value::String(target.into());
    record.category.target_name = target.to_owned();
    record.category.target_type = "String".to_owned();
    record.category.message =
        format!("{}: ({target}:String) [], {}", category.name(), record.category.reason);
    record
}

/// A prompt in a session whose client has no host.
pub(super) fn prompt_refused(cmdlet: &str, question: &str) -> Box<ErrorRecord> {
    let message = format!(
        "A command that prompts the user failed because the host program or the command type does not support user interaction. The host was attempting to request confirmation with the following message: {question}"
    );
    let types = engine_types(&["System.Management.Automation.Host.HostException"]);
    let id = format!("HostFunctionNotImplemented,{}", class(cmdlet));
    record(types, &message, id, Category::NotImplemented, cmdlet, "HostException")
}

/// A warning under `WarningAction` Stop.
pub(super) fn stopped_by_warning(cmdlet: &str, warning: &str) -> Box<ErrorRecord> {
    let message = format!(
        "The running command stopped because the preference variable \"WarningPreference\" or common parameter is set to Stop: {warning}"
    );
    let types = engine_types(&["System.Management.Automation.ActionPreferenceStopException"]);
    let id = format!("ActionPreferenceStop,{}", class(cmdlet));
    record(types, &message, id, Category::OperationStopped, cmdlet, "ActionPreferenceStopException")
}

/// `-ErrorVariable` and its like in a NoLanguage runspace.
pub(super) fn variables_not_allowed() -> Box<ErrorRecord> {
    let message = "A variable that cannot be referenced in restricted language mode or a Data section is being referenced. Variables that can be referenced include the following: $PSCulture, $PSUICulture, $true, $false, $null.";
    let id = "VariableReferenceNotSupportedInDataSection".to_owned();
    record(engine_types(&[]), message, id, Category::InvalidOperation, "", "RuntimeException")
}

/// `Add-PSSnapin` with a snap-in that is not registered.
pub(super) fn snap_in_missing(name: &str) -> Box<ErrorRecord> {
    let message =
        format!("No snap-ins have been registered for Windows PowerShell version 5 with the name '{name}'.");
    let types = [
        "System.Management.Automation.PSArgumentException",
        "System.ArgumentException",
        "System.SystemException",
        "System.Exception",
        "System.Object",
    ];
    let id = "AddPSSnapInRead,Microsoft.PowerShell.Commands.AddPSSnapinCommand".to_owned();
    record(
        types.map(str::to_owned).into(),
        &message,
        id,
        Category::InvalidArgument,
        "Add-PSSnapin",
        "PSArgumentException",
    )
}
