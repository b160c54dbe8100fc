//! The token endpoint: who asks, whether the proof is good, and a token that only this tenant can have made.

mod assertion;
mod identity;
mod person;

pub(in crate::lab) use identity::IDENTITY_HEADER;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value as Json, json};
use url::form_urlencoded;
use uuid::Uuid;

use crate::lab::Restrictions;

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// What a person lets an application do: what an administrator has consented to.
const SCOPES: &str = "Exchange.Manage User.ReadWrite.All Organization.Read.All";
/// How long a token is good, in seconds.
const LIFETIME: u64 = 3599;

/// An application that is registered.
#[derive(Clone, Debug, Default)]
pub struct Application {
    /// Its id
    pub id: String,
    /// DER of the certificates that it signs in with
    pub certificates: Vec<Vec<u8>>,
    /// Its secret
    pub secret: Option<SecretString>,
    /// The permissions that an administrator has consented to, such as `Exchange.ManageAsApp`
    pub roles: Vec<String>,
    /// What role groups keep from it; a hidden cmdlet `*` is an application in no group and of no administrator's role
    pub restrictions: Restrictions,
    /// Whether it keeps no secret, and shows none
    pub is_public: bool,
}

/// What issues tokens for a tenant.
pub(super) struct Issuer {
    pub(super) tenant: Uuid,
    pub(super) applications: Vec<Application>,
    /// The services that tokens are for, such as `https://outlook.office365.com`
    services: Vec<String>,
    key: hmac::Key,
    /// Assertions that were used
    used: BTreeSet<String>,
    /// Claims that tokens for a service have to be asked with from now on
    demands: BTreeMap<String, Demand>,
    /// What people who have signed in may come back with, and who they are
    grants: BTreeMap<String, Granted>,
    given: u64,
}

/// A refresh token or an authorization code that is good.
struct Granted {
    application: String,
    person: String,
    /// Where the browser was sent back to
    redirect_uri: Option<String>,
}

/// Somebody of the directory.
pub(super) struct Person {
    pub(super) principal: String,
    pub(super) password: Option<SecretString>,
    pub(super) is_multi_factor: bool,
}

/// Finds people by their principal name.
pub(super) type People<'a> = &'a dyn Fn(&str) -> Option<Person>;

/// Claims that a challenge asks for.
struct Demand {
    /// As the challenge has them
    encoded: String,
    claims: Json,
}

/// A request for a token.
pub(super) struct Asked<'a> {
    /// The address that was asked
    pub(super) url: &'a str,
    pub(super) tenant: &'a str,
    pub(super) form: &'a [u8],
    /// Seconds since 1970
    pub(super) now: u64,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bearer {
    pub(super) application: String,
    /// Who has signed in, unless an application did for itself
    pub(super) person: Option<String>,
    /// Permissions: roles of an application, scopes of a person
    pub(super) roles: Vec<String>,
    /// What it was asked with
    pub(super) claims: Json,
}

/// A refusal: the status, the OAuth error, the number of the directory and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal(u16, &'static str, u32, String);

/// A token, with the one that gets the next.
struct Issued {
    access: String,
    refresh: Option<String>,
}

impl Issuer {
    pub(super) fn new(
        tenant: Uuid,
        applications: Vec<Application>,
        services: Vec<String>,
        secret: &[u8],
    ) -> Self {
        Self {
            tenant,
            applications,
            services,
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
            used: BTreeSet::new(),
            demands: BTreeMap::new(),
            grants: BTreeMap::new(),
            given: 0,
        }
    }

    /// Answers a request for a token: status and body.
    pub(super) fn answer(&mut self, asked: &Asked<'_>, people: People<'_>) -> (u16, Json) {
        match self.grant(asked, people) {
            Ok(issued) => {
                let mut body = json!({
                    "token_type": "Bearer",
                    "expires_in": LIFETIME,
                    "ext_expires_in": LIFETIME,
                    "access_token": issued.access,
                });
                if let (Some(refresh), Some(members)) = (issued.refresh, body.as_object_mut()) {
                    members.insert("refresh_token".to_owned(), refresh.into());
                }
                (200, body)
            }
            Err(Refusal(status, error, code, text)) => (
                status,
                json!({
                    "error": error,
                    "error_description": format!("AADSTS{code}: {text}\r\nTrace ID: 0\r\nCorrelation ID: 0"),
                    "error_codes": [code],
                }),
            ),
        }
    }

    fn grant(&mut self, asked: &Asked<'_>, people: People<'_>) -> Result<Issued, Refusal> {
        let fields: Vec<(String, String)> = form_urlencoded::parse(asked.form).into_owned().collect();
        let field =
            |name: &str| fields.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str());
        if Uuid::try_parse(asked.tenant) != Ok(self.tenant) {
            let text = format!("Tenant '{}' not found.", asked.tenant);
            return Err(Refusal(400, "invalid_request", 90_002, text));
        }
        let client = field("client_id").unwrap_or_default();
        let unknown = || {
            let text = format!("Application with identifier '{client}' was not found in the directory.");
            Refusal(400, "unauthorized_client", 700_016, text)
        };
        let application = self.applications.iter().find(|it| it.id == client).cloned().ok_or_else(unknown)?;
        let audience = self.audience(field("scope").unwrap_or_default())?;
        let is_for_itself = field("grant_type") == Some("client_credentials");
        match (field("client_assertion_type"), field("client_assertion"), field("client_secret")) {
            (Some(ASSERTION), Some(assertion), _) => {
                self.verify(&application, asked.url, assertion, asked.now)?
            }
            (None, None, Some(secret)) => {
                let is_right = application.secret.as_ref().is_some_and(|own| own.expose_secret() == secret);
                if !is_right {
                    let text = "Invalid client secret provided.";
                    return Err(Refusal(401, "invalid_client", 7_000_215, text.into()));
                }
            }
            _ if application.is_public && !is_for_itself => {}
            _ => {
                let text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
                return Err(Refusal(401, "invalid_client", 7_000_218, text.into()));
            }
        }
        let claims = field("claims").map_or(Ok(Json::Null), serde_json::from_str).map_err(|_| {
            let text = "The claims parameter is not valid JSON.";
            Refusal(400, "invalid_request", 900_144, text.to_owned())
        })?;
        if is_for_itself {
            let access = self.issue(&audience, &application, None, &claims, asked.now);
            return Ok(Issued { access, refresh: None });
        }
        let person = self.person(&application, &field, people)?;
        let access = self.issue(&audience, &application, Some(&person), &claims, asked.now);
        let refresh = self.give(Granted { application: application.id, person, redirect_uri: None });
        Ok(Issued { access, refresh: Some(refresh) })
    }

    /// The service that a scope is for: `SERVICE/.default`, or `SERVICE/PERMISSION offline_access`.
    fn audience(&self, scope: &str) -> Result<String, Refusal> {
        let resource =
            scope.split(' ').find_map(|part| part.rsplit_once('/')).map_or(scope, |(host, _)| host);
        let resource = resource.trim_end_matches('/');
        if self.services.iter().any(|service| service == resource) {
            return Ok(resource.to_owned());
        }
        let text = format!("The resource principal named {resource} was not found in the tenant.");
        Err(Refusal(400, "invalid_resource", 500_011, text))
    }

    fn issue(
        &self,
        audience: &str,
        application: &Application,
        person: Option<&str>,
        claims: &Json,
        now: u64,
    ) -> String {
        let part = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
        let header = part(&json!({"alg": "HS256", "typ": "JWT"}));
        let mut payload = json!({
            "aud": audience,
            "iss": format!("https://sts.windows.net/{}/", self.tenant),
            "tid": self.tenant.to_string(),
            "appid": application.id,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
        });
        if let Some(members) = payload.as_object_mut() {
            if !claims.is_null() {
                members.insert("asked_claims".to_owned(), claims.clone());
            }
            match person {
                None => members.insert("roles".to_owned(), application.roles.clone().into()),
                Some(person) => {
                    members.insert("scp".to_owned(), SCOPES.into());
                    members.insert("upn".to_owned(), person.into())
                }
            };
        }
        let signed = format!("{header}.{}", part(&payload));
        let tag = hmac::sign(&self.key, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
    }

    /// What a token says, if this tenant made it for this service and it is good now.
    pub(super) fn check(&self, authorization: &str, service: &str, now: u64) -> Option<Bearer> {
        let token = authorization.strip_prefix("Bearer ")?;
        let (signed, tag) = token.rsplit_once('.')?;
        hmac::verify(&self.key, signed.as_bytes(), &URL_SAFE_NO_PAD.decode(tag).ok()?).ok()?;
        let claims: Json =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(signed.split('.').nth(1)?).ok()?).ok()?;
        let text = |name: &str| Some(claims.get(name)?.as_str()?.to_owned());
        let is_good = claims.get("exp")?.as_u64()? > now && text("aud")? == service;
        let roles = match (claims.get("roles").and_then(Json::as_array), text("scp")) {
            (Some(roles), _) => roles.iter().filter_map(|role| role.as_str().map(str::to_owned)).collect(),
            (None, scopes) => scopes?.split(' ').map(str::to_owned).collect(),
        };
        let asked = claims.get("asked_claims").cloned().unwrap_or_default();
        is_good.then_some(Bearer { application: text("appid")?, person: text("upn"), roles, claims: asked })
    }

    /// Takes only tokens from now on that were asked with the claims of a challenge ("Claims challenges, claims requests, and
    /// client capabilities").
    pub(super) fn demand(&mut self, service: &str, encoded: &str) {
        let bytes = STANDARD.decode(encoded).unwrap_or_default();
        if let Ok(claims) = serde_json::from_slice::<Json>(&bytes) {
            self.demands.insert(service.to_owned(), Demand { encoded: encoded.to_owned(), claims });
        }
    }

    /// The challenge to who has a token that was not asked with what is demanded.
    pub(super) fn unmet(&self, bearer: &Bearer, service: &str) -> Option<String> {
        let demand = self.demands.get(service)?;
        (!meets(&bearer.claims, &demand.claims)).then(|| challenge(&demand.encoded))
    }
}

/// What stands in `WWW-Authenticate`.
pub(super) fn challenge(claims: &str) -> String {
    format!("Bearer realm=\"\", error=\"insufficient_claims\", claims=\"{claims}\"")
}

/// Whether everything that is demanded was asked for.
fn meets(asked: &Json, demanded: &Json) -> bool {
    match (asked, demanded) {
        (Json::Object(asked), Json::Object(demanded)) => demanded
            .iter()
            .all(|(name, demanded)| asked.get(name).is_some_and(|asked| meets(asked, demanded))),
        (_, Json::Object(demanded)) => demanded.is_empty(),
        (asked, demanded) => asked == demanded,
    }
}
