//! Refusals of Graph ("Microsoft Graph error responses and resource types").

use serde_json::{Value as Json, json};

use crate::lab::cloud::Response;

/// Why something was not done.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// Code and target of what is in conflict
    detail: Option<(&'static str, &'static str)>,
}

impl Problem {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), detail: None }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(400, "Request_BadRequest", message)
    }

    pub(super) fn denied() -> Self {
        Self::new(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    }

    pub(super) fn not_found(id: &str) -> Self {
        let message = format!(
            "Resource '{id}' does not exist or one of its queried reference-property objects are not present."
        );
        Self::new(404, "Request_ResourceNotFound", message)
    }

    pub(super) fn conflict(property: &'static str) -> Self {
        let message = format!("Another object with the same value for property {property} already exists.");
        Self { detail: Some(("ObjectConflict", property)), ..Self::bad(message) }
    }

    pub(super) fn synchronised() -> Self {
        Self::bad(
            "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.",
        )
    }

    pub(super) fn unsupported(filter: &str) -> Self {
        Self::new(
            400,
            "Request_UnsupportedQuery",
            format!("Unsupported or invalid query filter clause: {filter}"),
        )
    }

    pub(super) fn response(&self) -> Response {
        let mut error = json!({"code": self.code, "message": self.message, "innerError": inner()});
        if let (Some((code, target)), Some(members)) = (self.detail, error.as_object_mut()) {
            let details = json!([{"code": code, "message": self.message, "target": target}]);
            members.insert("details".to_owned(), details);
        }
        Response::json(self.status, &json!({ "error": error }))
    }
}

fn inner() -> Json {
    json!({"date": "2026-11-21T00:00:00", "request-id": "00000000-0000-0000-0000-000000000000"})
}

pub(super) fn unauthorized() -> Response {
    Problem::new(401, "InvalidAuthenticationToken", "Access token validation failure. Invalid audience.")
        .response()
}

pub(super) fn no_segment(name: &str) -> Problem {
    Problem::new(400, "BadRequest", format!("Resource not found for the segment '{name}'."))
}
