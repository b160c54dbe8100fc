//! Refusals of the service, in the shapes that were recorded.

use serde_json::{Value as Json, json};
use wsman::psrp::ErrorRecord;

/// An answer without a body that anybody could read: status, and the body as it is.
pub(super) const ZEROS: [u8; 4096] = [0; 4096];

/// What a cmdlet refused, as the service tells it: the exception, then the text.
pub(super) fn refused(record: &ErrorRecord) -> (u16, Json) {
    let binding = record.fully_qualified_error_id.split(',').next().unwrap_or_default();
    match binding {
        "NamedParameterNotFound" => {
            let name = record.message.rsplit('\'').nth(1).unwrap_or_default();
            return parameters(&format!(
                "Parameter set cannot be resolved using the specified named parameters. Invalid cmdlet parameters specified. {name}"
            ));
        }
        "AmbiguousParameter" | "AmbiguousParameterSet" | "MissingMandatoryParameter" => {
            return parameters(&record.message);
        }
        _ if binding.starts_with("Parameter") || binding == "CannotConvertArgument" => {
            return unbound(&record.message);
        }
        _ => {}
    }
    let reason = record.category.reason.as_str();
    let id = match reason {
        "ManagementObjectNotFoundException" => "Ex6F9304",
        "ManagementObjectAmbiguousException" => "Ex9E65A2",
        _ => "",
    };
    let status = if reason == "ManagementObjectNotFoundException" { 404 } else { 400 };
    let code = if status == 404 { "NotFound" } else { "BadRequest" };
    let kind = record.exception_types.first().map_or(reason, String::as_str);
    let details = format!("{id}|{kind}|{}", record.message);
    (status, envelope(code, "Error executing cmdlet", Some(&details), None))
}

/// Parameters that the service does not know, or that do not go together.
pub(super) fn parameters(text: &str) -> (u16, Json) {
    let details = format!("|System.Management.Automation.AmbiguousParameterSetException|{text}");
    (400, envelope("BadRequest", "Invalid Operation", Some(&details), None))
}

/// A value of the wrong kind: only the exception inside says so.
pub(super) fn transformation(parameter: &str, text: &str) -> (u16, Json) {
    unbound(&format!("Cannot process argument transformation on parameter '{parameter}'. {text}"))
}

fn unbound(text: &str) -> (u16, Json) {
    let kind = "Microsoft.Exchange.Admin.OData.Core.CommandInvocation.ParameterTransformationException";
    (400, envelope("BadRequest", "Invalid Operation", None, Some((text, kind))))
}

/// A link to a page that is not good any more.
pub(super) fn expired_page() -> (u16, Json) {
    let text = "Expired or Invalid pagination request. Default expiry time is 30 minutes";
    (400, envelope("BadRequest", "Invalid Operation", None, Some((text, "System.Exception"))))
}

fn envelope(code: &str, message: &str, details: Option<&str>, inside: Option<(&str, &str)>) -> Json {
    let (text, kind) = inside.unwrap_or((message, "System.Exception"));
    let mut error = json!({
        "code": code,
        "message": message,
        "innererror": {
            "message": message,
            "type": "Microsoft.Exchange.Admin.OData.Core.ODataServiceException",
            "stacktrace": "",
            "internalexception": {"message": text, "type": kind, "stacktrace": ""},
        },
        "adminapi.warnings@odata.type": "#Collection(String)",
        "@adminapi.warnings": [],
    });
    if let (Some(details), Some(members)) = (details, error.as_object_mut()) {
        members.insert("details".into(), json!([{"code": "Client", "target": "", "message": details}]));
    }
    json!({ "error": error })
}
