//! The token endpoint: who asks, whether the proof is good, and a token that only this tenant can have made.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value as Json, json};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;
use uuid::Uuid;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use crate::lab::Restrictions;

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long a token is good, in seconds.
const LIFETIME: u64 = 3599;
/// The longest that an assertion may be good.
const MAX_ASSERTION: u64 = 600;
/// How much a clock may be off.
const SKEW: u64 = 300;

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
}

/// What issues tokens for a tenant.
pub(super) struct Issuer {
    pub(super) tenant: Uuid,
    pub(super) applications: Vec<Application>,
    /// The services that tokens are for, such as `https://outlook.office365.com`
    pub(super) services: Vec<String>,
    pub(super) key: hmac::Key,
    /// Assertions that were used
    pub(super) used: BTreeSet<String>,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bearer {
    pub(super) audience: String,
    pub(super) application: String,
    pub(super) roles: Vec<String>,
}

/// A refusal: the status, the OAuth error, the number of the directory and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal(u16, &'static str, u32, String);

impl Issuer {
    /// Answers a request for a token: status and body. `url` is the address that was asked, `now` in seconds since 1970.
    pub(super) fn answer(&mut self, url: &str, tenant: &str, form: &[u8], now: u64) -> (u16, Json) {
        match self.grant(url, tenant, form, now) {
            Ok(token) => (
                200,
                json!({"token_type": "Bearer", "expires_in": LIFETIME, "ext_expires_in": LIFETIME, "access_token": token}),
            ),
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

    fn grant(&mut self, url: &str, tenant: &str, form: &[u8], now: u64) -> Result<String, Refusal> {
        let fields: Vec<(String, String)> = form_urlencoded::parse(form).into_owned().collect();
        let field =
            |name: &str| fields.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str());
        if Uuid::try_parse(tenant) != Ok(self.tenant) {
            return Err(Refusal(400, "invalid_request", 90_002, format!("Tenant '{tenant}' not found.")));
        }
        let client = field("client_id").unwrap_or_default();
        let unknown = || {
            let text = format!("Application with identifier '{client}' was not found in the directory.");
            Refusal(400, "unauthorized_client", 700_016, text)
        };
        let application = self.applications.iter().find(|it| it.id == client).cloned().ok_or_else(unknown)?;
        let scope = field("scope").unwrap_or_default();
        let audience = scope.strip_suffix("/.default").unwrap_or(scope).to_owned();
        if !self.services.contains(&audience) {
            let text = format!("The resource principal named {audience} was not found in the tenant.");
            return Err(Refusal(400, "invalid_resource", 500_011, text));
        }
        if field("grant_type") != Some("client_credentials") {
            return Err(Refusal(
                400,
                "unsupported_grant_type",
                70_003,
                "The grant type is not supported.".into(),
            ));
        }
        match (field("client_assertion_type"), field("client_assertion"), field("client_secret")) {
            (Some(ASSERTION), Some(assertion), _) => self.verify(&application, url, assertion, now)?,
            (None, None, Some(secret)) => {
                let is_right = application.secret.as_ref().is_some_and(|own| own.expose_secret() == secret);
                if !is_right {
                    return Err(Refusal(
                        401,
                        "invalid_client",
                        7_000_215,
                        "Invalid client secret provided.".into(),
                    ));
                }
            }
            _ => {
                let text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
                return Err(Refusal(401, "invalid_client", 7_000_218, text.into()));
            }
        }
        Ok(self.issue(&audience, &application, now))
    }

    /// That the assertion is from the application, meant for this address, good now, and not used before.
    fn verify(
        &mut self,
        application: &Application,
        url: &str,
        assertion: &str,
        now: u64,
    ) -> Result<(), Refusal> {
        let bad = |text: &str| {
            Refusal(
                401,
                "invalid_client",
                700_027,
                format!(
                    "The certificate used to sign the assertion is not registered on the application, or the signature is wrong: {text}."
                ),
            )
        };
        let time = |text: &str| {
            Refusal(
                401,
                "invalid_client",
                700_024,
                format!("Client assertion is not within its valid time range: {text}."),
            )
        };
        let parts: Vec<&str> = assertion.split('.').collect();
        let [header, payload, signature] = parts.as_slice() else { return Err(bad("no JWT")) };
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let json = |part: &str| serde_json::from_slice::<Json>(&decoded(part)?).ok();
        let (Some(head), Some(claims), Some(signature)) = (json(header), json(payload), decoded(signature))
        else {
            return Err(bad("no JWT"));
        };
        let named = |der: &&Vec<u8>| {
            let strong = head.get("x5t#S256").and_then(Json::as_str);
            let weak = head.get("x5t").and_then(Json::as_str);
            match (strong, weak) {
                (Some(hash), _) => hash == URL_SAFE_NO_PAD.encode(Sha256::digest(der)),
                (None, Some(hash)) => hash == URL_SAFE_NO_PAD.encode(Sha1::digest(der)),
                (None, None) => false,
            }
        };
        let der = application
            .certificates
            .iter()
            .find(named)
            .ok_or_else(|| bad("no certificate with this thumbprint"))?;
        let x509 = Certificate::from_der(der).map_err(|_| bad("no certificate"))?;
        let public = x509.tbs_certificate().subject_public_key_info().subject_public_key.raw_bytes();
        let signed = format!("{header}.{payload}");
        let verified = match head.get("alg").and_then(Json::as_str) {
            Some("PS256") => UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, public)
                .verify(signed.as_bytes(), &signature),
            Some("RS256") => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public)
                .verify(signed.as_bytes(), &signature),
            _ => return Err(bad("alg")),
        };
        verified.map_err(|_| bad("signature"))?;
        let text = |name: &str| claims.get(name).and_then(Json::as_str).unwrap_or_default();
        let number = |name: &str| claims.get(name).and_then(Json::as_u64);
        if text("iss") != application.id || text("sub") != application.id || text("aud") != url {
            return Err(bad("iss, sub or aud"));
        }
        let (Some(from), Some(to)) = (number("nbf"), number("exp")) else { return Err(time("nbf and exp")) };
        if from > now + SKEW || to + SKEW < now || to.saturating_sub(from) > MAX_ASSERTION {
            return Err(time("nbf and exp"));
        }
        if text("jti").is_empty() || !self.used.insert(text("jti").to_owned()) {
            return Err(Refusal(401, "invalid_client", 50_196, "The assertion was used before.".into()));
        }
        Ok(())
    }

    fn issue(&self, audience: &str, application: &Application, now: u64) -> String {
        let part = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
        let header = part(&json!({"alg": "HS256", "typ": "JWT"}));
        let payload = part(&json!({
            "aud": audience,
            "iss": format!("https://sts.windows.net/{}/", self.tenant),
            "tid": self.tenant.to_string(),
            "appid": application.id,
            "roles": application.roles,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
        }));
        let signed = format!("{header}.{payload}");
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
        let roles = claims.get("roles")?.as_array()?;
        let roles = roles.iter().filter_map(|role| role.as_str().map(str::to_owned)).collect();
        is_good.then_some(Bearer { audience: text("aud")?, application: text("appid")?, roles })
    }
}
