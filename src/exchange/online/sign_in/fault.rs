//! Why a sign-in came to nothing, in words that fit how it was tried.

use serde_json::Value as Json;

use crate::config::CloudSignIn;
use crate::exchange::online::token::TokenError;

/// Characters of a name in a token that are shown.
const MOST: usize = 200;

/// A refusal, and what to do about it.
pub(super) fn told(sign_in: &CloudSignIn, error: &TokenError) -> String {
    let message = match (sign_in, error) {
        (CloudSignIn::ManagedIdentity { .. }, TokenError::Refused { text, .. }) => {
            format!("it gives no token for this machine's identity: {text}")
        }
        _ => error.to_string(),
    };
    match hint(sign_in, error) {
        Some(hint) => format!("{message} ({hint})"),
        None => message,
    }
}

fn hint(sign_in: &CloudSignIn, error: &TokenError) -> Option<String> {
    let (code, text) = match error {
        TokenError::Refused { code, text } => (code.unwrap_or_default(), text.as_str()),
        _ => return error.hint().map(str::to_owned),
    };
    let own = match (sign_in, code) {
        (CloudSignIn::ManagedIdentity { client: Some(client), .. }, _)
            if text.contains("Identity not found") =>
        {
            format!("identity_client_id = \"{client}\" is none of the identities of this machine")
        }
        (CloudSignIn::ManagedIdentity { client: None, .. }, _) if text.contains("Identity not found") => {
            "give this machine a managed identity, or name one of several by identity_client_id".to_owned()
        }
        // AADSTS70021, 700211, 700212, 700213: no federated credential fits issuer, audience or subject.
        (
            CloudSignIn::WorkloadIdentity { token_file, .. },
            50_013 | 70_021 | 700_027 | 700_211..=700_213 | 5_002_727,
        ) => format!(
            "the token in federated_token_file = \"{}\" has to be of an issuer, a subject and an audience that the federated \
             credentials of the application's registration name",
            token_file.display()
        ),
        // A code or a refresh token that was used, has expired, was revoked or is none.
        (
            CloudSignIn::RefreshToken { store, .. },
            50_173 | 54_005 | 70_000 | 70_008 | 70_043 | 700_082 | 700_084 | 9_002_313,
        ) => format!(
            "sign in once more: with authentication = \"authorization-code\" a new authorization_code and its redirect_uri, or a new \
             refresh_token, take the place of what {} holds",
            store.display()
        ),
        _ => return error.hint().map(str::to_owned),
    };
    Some(own)
}

/// What is wrong with a token, by what it says of itself; `known` are the names of the service that it should be for. It is not
/// verified, and only asked after the service has refused it, or to warn.
pub(super) fn of_token(payload: Option<&Json>, service: &str, known: &[&str], now: u64) -> Option<String> {
    let Some(payload) = payload else {
        return Some(
            "this is no token, which has three parts with dots between them; look where it comes from".into(),
        );
    };
    if let Some(end) = payload.get("exp").and_then(Json::as_u64).filter(|end| *end <= now) {
        let ago = (now - end) / 60;
        return Some(format!("the token has expired, {ago} minutes ago; get a new one"));
    }
    let audience = payload.get("aud")?.as_str()?.trim_end_matches('/');
    let is_it = |known: &&str| known.trim_end_matches('/').eq_ignore_ascii_case(audience);
    if known.iter().any(is_it) {
        return None;
    }
    let shown: String = audience.chars().filter(|c| !c.is_control()).take(MOST).collect();
    Some(format!("the token is for another service, {shown}; {service} takes one of its own"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_says_what_is_wrong_with_it() {
        let known = ["00000002-0000-0ff1-ce00-000000000000", "https://outlook.office365.com/"];
        let of = |payload: Option<Json>| of_token(payload.as_ref(), "Exchange", &known, 7200);
        assert!(of(None).unwrap().contains("no token"));
        let expired = of(Some(json!({"aud": "https://graph.microsoft.com", "exp": 3600}))).unwrap();
        assert!(expired.contains("expired, 60 minutes ago"), "{expired}");
        let other = of(Some(json!({"aud": "https://graph.microsoft.com", "exp": 7201}))).unwrap();
        assert!(other.contains("for another service, https://graph.microsoft.com;"), "{other}");
        for aud in ["https://outlook.office365.com", "https://Outlook.office365.com/", known[0]] {
            assert_eq!(of(Some(json!({"aud": aud, "exp": 7201}))), None, "{aud}");
        }
        // What it does not say is not guessed.
        assert_eq!(of(Some(json!({}))), None);
    }

    #[test]
    fn the_cure_is_that_of_the_way() {
        let refused = |code: u32, text: &str| TokenError::Refused { code: Some(code), text: text.to_owned() };
        let workload =
            CloudSignIn::WorkloadIdentity { application: "app".into(), token_file: "/run/token".into() };
        let bad = told(&workload, &refused(700_027, "AADSTS700027: No."));
        assert!(
            bad.contains("federated_token_file = \"/run/token\"") && !bad.contains("certificate"),
            "{bad}"
        );
        let person = CloudSignIn::RefreshToken {
            application: "app".into(),
            secret: None,
            store: "/var/token".into(),
            first: None,
        };
        for code in [54_005, 9_002_313, 70_008, 700_082, 50_173] {
            let told = told(&person, &refused(code, "AADSTS: No."));
            assert!(told.contains("sign in once more") && told.contains("authorization_code"), "{told}");
        }
        let machine = |client: Option<&str>| CloudSignIn::ManagedIdentity {
            client: client.map(str::to_owned),
            endpoint: None,
        };
        let unknown = TokenError::Refused { code: None, text: "Identity not found".into() };
        assert!(told(&machine(Some("x")), &unknown).contains("identity_client_id = \"x\" is none"));
        assert!(told(&machine(None), &unknown).contains("give this machine a managed identity"));
        let certificate = CloudSignIn::Secret { application: "app".into(), secret: "env:S".parse().unwrap() };
        assert!(told(&certificate, &refused(7_000_222, "AADSTS")).contains("client secret has expired"));
    }
}
