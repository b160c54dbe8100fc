//! The assertion by which an application proves that it holds its key (RFC 7523; "Microsoft identity platform application
//! authentication certificate credentials").

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value as Json;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::{Application, Issuer, Refusal};

/// The longest that an assertion may be good.
const MAX_ASSERTION: u64 = 600;
/// How much a clock may be off.
const SKEW: u64 = 300;

impl Issuer {
    /// That the assertion is from the application, meant for this address, good now, and not used before.
    pub(super) fn verify(
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
}
