//! ErrorRecord, `[MS-PSRP] 2.2.3.15`, between its typed form and a value.

use std::sync::Arc;

use crate::clixml::{Object, Text, Value};
use crate::psrp::error::BodyError;
use crate::psrp::members::{
    Members, container, object, optional_string, properties, string, text, type_names,
};
use crate::psrp::record::{ErrorCategory, ErrorRecord};

const CATEGORIES: [&str; 32] = [
    "NotSpecified",
    "OpenError",
    "CloseError",
    "DeviceError",
    "DeadlockDetected",
    "InvalidArgument",
    "InvalidData",
    "InvalidOperation",
    "InvalidResult",
    "InvalidType",
    "MetadataError",
    "NotImplemented",
    "NotInstalled",
    "ObjectNotFound",
    "OperationStopped",
    "OperationTimeout",
    "SyntaxError",
    "ParserError",
    "PermissionDenied",
    "ResourceBusy",
    "ResourceExists",
    "ResourceUnavailable",
    "ReadError",
    "WriteError",
    "FromStdErr",
    "SecurityError",
    "ProtocolError",
    "ConnectionError",
    "AuthenticationError",
    "LimitsExceeded",
    "QuotaExceeded",
    "NotEnabled",
];

impl ErrorCategory {
    /// A category with the text that the real server makes of it.
    pub fn new(category: i32, activity: &str, reason: &str, target_name: &str, target_type: &str) -> Self {
        let name = usize::try_from(category).ok().and_then(|number| CATEGORIES.get(number)).copied();
        let message = format!(
            "{}: ({target_name}:{target_type}) [{activity}], {reason}",
            name.unwrap_or(CATEGORIES[0])
        );
        Self {
            category,
            activity: activity.to_owned(),
            reason: reason.to_owned(),
            target_name: target_name.to_owned(),
            target_type: target_type.to_owned(),
            message,
        }
    }
}

impl ErrorRecord {
    /// A record of one's own; `exception_type` is the full name of the class.
    pub fn new(
        exception_type: &str,
        message: &str,
        fully_qualified_error_id: &str,
        category: ErrorCategory,
    ) -> Self {
        let mut exception_types = vec![exception_type.to_owned()];
        for base in ["System.SystemException", "System.Exception", "System.Object"] {
            if base != exception_type {
                exception_types.push(base.to_owned());
            }
        }
        Self {
            exception_types,
            message: message.to_owned(),
            target_object: Value::Nil,
            fully_qualified_error_id: fully_qualified_error_id.to_owned(),
            category,
            details_message: None,
            recommended_action: None,
            raw: Value::Nil,
        }
    }

    /// What the real server says of a pipeline that was stopped.
    pub fn pipeline_stopped() -> Self {
        Self::new(
            "System.Management.Automation.PipelineStoppedException",
            "The pipeline has been stopped.",
            "PipelineStopped",
            ErrorCategory::new(14, "", "PipelineStoppedException", "", ""),
        )
    }

    /// As a client refuses a host call that it has no host for.
    pub(crate) fn host_not_implemented(method: &str) -> Self {
        Self::new(
            "System.Management.Automation.Host.HostException",
            &format!(
                "A command that prompts the user failed because the host program or the command type does not support \
                 user interaction ({method})."
            ),
            "RemoteHostExecutionException",
            ErrorCategory::new(0, "", "HostException", "", ""),
        )
    }

    /// The text that is shown: the details if there are any, else the exception's message.
    pub fn text(&self) -> &str {
        self.details_message.as_deref().unwrap_or(&self.message)
    }

    /// As it is written without invocation information: the real server does the same in every PIPELINE_STATE.
    pub fn to_value(&self) -> Value {
        Value::Object(Arc::new(Object {
            type_names: Some(type_names(&["System.Management.Automation.ErrorRecord", "System.Object"])),
            to_string: Some(Text::from(self.text())),
            extended: properties(self.members()),
            ..Object::default()
        }))
    }

    /// As the real client writes it into the answer to a host call: the members alone.
    pub(crate) fn to_bare_value(&self) -> Value {
        object(self.members())
    }

    fn members(&self) -> Vec<(&'static str, Value)> {
        let mut members = vec![
            ("Exception", self.exception()),
            ("TargetObject", self.target_object.clone()),
            ("FullyQualifiedErrorId", string(&self.fully_qualified_error_id)),
            ("InvocationInfo", Value::Nil),
            ("ErrorCategory_Category", Value::Int32(self.category.category)),
            ("ErrorCategory_Activity", string(&self.category.activity)),
            ("ErrorCategory_Reason", string(&self.category.reason)),
            ("ErrorCategory_TargetName", string(&self.category.target_name)),
            ("ErrorCategory_TargetType", string(&self.category.target_type)),
            ("ErrorCategory_Message", string(&self.category.message)),
        ];
        if self.details_message.is_some() || self.recommended_action.is_some() {
            members.push(("ErrorDetails_Message", optional_string(self.details_message.as_deref())));
            members.push((
                "ErrorDetails_RecommendedAction",
                optional_string(self.recommended_action.as_deref()),
            ));
        }
        members.push(("SerializeExtendedInfo", Value::Bool(false)));
        members
    }

    fn exception(&self) -> Value {
        let names: Vec<&str> = self.exception_types.iter().map(String::as_str).collect();
        let shown = match names.first() {
            Some(name) => format!("{name}: {}", self.message),
            None => self.message.clone(),
        };
        let data = container(
            &["System.Collections.ListDictionaryInternal", "System.Object"],
            crate::clixml::Container::Dictionary(Vec::new()),
        );
        Value::Object(Arc::new(Object {
            type_names: (!names.is_empty()).then(|| type_names(&names)),
            to_string: Some(Text::from(shown)),
            adapted: properties([
                ("Message", string(&self.message)),
                ("Data", data),
                ("InnerException", Value::Nil),
                ("HelpLink", Value::Nil),
                ("Source", Value::Nil),
                // COR_E_EXCEPTION
                ("HResult", Value::Int32(-2_146_233_087)),
                ("StackTrace", Value::Nil),
            ]),
            ..Object::default()
        }))
    }

    /// Reads a record; the members that the real client needs have to be there.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let members = Members::of(value, "ErrorRecord")?;
        members.bool("SerializeExtendedInfo")?;
        let (exception_types, message) = read_exception(members.required("Exception")?);
        let text = |name| {
            members.required(name)?;
            Ok::<_, BodyError>(members.optional_text(name)?.unwrap_or_default())
        };
        Ok(Self {
            exception_types,
            message,
            target_object: members.required("TargetObject")?.clone(),
            fully_qualified_error_id: text("FullyQualifiedErrorId")?,
            category: ErrorCategory {
                category: members.int32("ErrorCategory_Category")?,
                activity: text("ErrorCategory_Activity")?,
                reason: text("ErrorCategory_Reason")?,
                target_name: text("ErrorCategory_TargetName")?,
                target_type: text("ErrorCategory_TargetType")?,
                message: text("ErrorCategory_Message")?,
            },
            details_message: members.optional_text("ErrorDetails_Message")?,
            recommended_action: members.optional_text("ErrorDetails_RecommendedAction")?,
            raw: value.clone(),
        })
    }
}

/// Types and message of an exception; an exception that was cut to a string is its own message.
fn read_exception(value: &Value) -> (Vec<String>, String) {
    let Value::Object(exception) = value else {
        return (Vec::new(), text(value).unwrap_or_default());
    };
    let types = exception.type_names.iter().flat_map(|names| names.iter()).map(Text::to_string).collect();
    let message =
        Members::of(value, "Exception").ok().and_then(|members| members.get("Message")).and_then(text);
    let shown = || exception.to_string.as_ref().map(Text::to_string);
    (types, message.or_else(shown).unwrap_or_default())
}
