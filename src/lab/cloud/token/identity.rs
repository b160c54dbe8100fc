//! What a machine in Azure asks for its identity ("How to use managed identities on an Azure VM to acquire an access token",
//! "How to use managed identities for App Service").

use serde_json::{Value as Json, json};
use url::Url;

use super::{Issuer, LIFETIME};
use crate::lab::cloud::Request;

/// `X-IDENTITY-HEADER` of the App Service that the lab stands for.
pub(in crate::lab) const IDENTITY_HEADER: &str = "lab-identity-header";

impl Issuer {
    /// Answers as the endpoint of a virtual machine or of an App Service does.
    pub(in crate::lab::cloud) fn identity(&self, request: &Request<'_>, url: &Url, now: u64) -> (u16, Json) {
        let bad = |text: &str| (400, json!({"error": "invalid_request", "error_description": text}));
        let argument = |name: &str| url.query_pairs().find(|(held, _)| held == name).map(|(_, value)| value);
        let is_app_service = url.path() != "/metadata/identity/oauth2/token";
        if is_app_service && request.header("X-IDENTITY-HEADER") != IDENTITY_HEADER {
            return (401, json!({"statusCode": 401, "message": "X-IDENTITY-HEADER is missing or wrong"}));
        }
        if !is_app_service && !request.header("Metadata").eq_ignore_ascii_case("true") {
            return bad("Required metadata header not specified");
        }
        let version = if is_app_service { "2019-08-01" } else { "2018-02-01" };
        if argument("api-version").as_deref() != Some(version) {
            return bad("api-version is missing or not known");
        }
        let resource = argument("resource").unwrap_or_default();
        let resource = resource.trim_end_matches('/');
        if !self.services.iter().any(|service| service == resource) {
            return (
                400,
                json!({"error": "invalid_resource", "error_description": format!("AADSTS500011: The resource principal named {resource} was not found in the tenant.")}),
            );
        }
        let client = argument("client_id");
        let wanted =
            self.applications.iter().find(|it| client.as_deref().is_none_or(|client| it.id == client));
        let Some(application) = wanted else { return bad("Identity not found") };
        let token = self.issue(resource, application, None, &Json::Null, now);
        let lifetime = LIFETIME.to_string();
        (
            200,
            json!({"access_token": token, "expires_in": lifetime, "expires_on": (now + LIFETIME).to_string(), "resource": resource, "token_type": "Bearer", "client_id": application.id}),
        )
    }
}
