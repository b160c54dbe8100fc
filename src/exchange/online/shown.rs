//! A body as a trace shows it: what is secret by its name is left out, what is long is cut.

use serde_json::{Map, Value as Json};
use wsman::client::is_secret;

const MASK: &str = "***";
/// Characters of one text: a module that the service ships has hundreds of thousands.
const MOST_TEXT: usize = 4096;
/// Members of forms of a sign-in that say who, and how, and nothing that signs in.
const PLAIN: [&str; 6] =
    ["client_id", "scope", "grant_type", "client_assertion_type", "redirect_uri", "username"];

/// The body for a person: JSON with a line for each member, a form likewise, other text as it is, else its length.
pub(super) fn shown(body: &[u8]) -> String {
    if body.is_empty() {
        return String::new();
    }
    if let Ok(json) = serde_json::from_slice::<Json>(body) {
        return serde_json::to_string_pretty(&masked(json)).unwrap_or_default();
    }
    let Ok(text) = std::str::from_utf8(body) else { return format!("[{} bytes]", body.len()) };
    if text.chars().all(|c| c == '\0') {
        return format!("[{} zero bytes]", body.len());
    }
    // A form is one line of names and values, and what is no form has names that nobody knows.
    let is_form = text.contains('=') && !text.contains(['\n', ' ', '<', '{']);
    if is_form {
        let pairs = url::form_urlencoded::parse(body).map(|(name, value)| {
            let is_plain = PLAIN.contains(&name.as_ref());
            format!("{name}={}", if is_plain { value.as_ref() } else { MASK })
        });
        return pairs.collect::<Vec<_>>().join("\n");
    }
    cut(text)
}

fn masked(json: Json) -> Json {
    match json {
        Json::Array(items) => items.into_iter().map(masked).collect(),
        Json::Object(members) => {
            let member = |(name, value): (String, Json)| {
                let value = if hides(&name, &value) { MASK.into() } else { masked(value) };
                (name, value)
            };
            Json::Object(members.into_iter().map(member).collect::<Map<_, _>>())
        }
        Json::String(text) => cut(&text).into(),
        other => other,
    }
}

/// A policy about passwords is none; what is true, false or a number is none either.
fn hides(name: &str, value: &Json) -> bool {
    let is_small = matches!(value, Json::Bool(_) | Json::Null | Json::Number(_));
    let holds = matches!(value, Json::Object(members) if !members.contains_key("@odata.type"));
    // A link to the next page holds a token of the server for it.
    (is_secret(name) && !is_small && !holds) || name == "@odata.nextLink"
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_TEXT) {
        Some((end, _)) => {
            format!("{}[cut: {} bytes in all]", text.get(..end).unwrap_or_default(), text.len())
        }
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_signs_in_is_not_shown() {
        let form = b"client_id=app&scope=https%3A%2F%2Fx%2F.default&client_secret=Canary&client_assertion=Canary&password=Canary\
                     &refresh_token=Canary&code=Canary&username=ada%40x.de&other=Canary";
        let text = shown(form);
        assert!(
            !text.contains("Canary") && text.contains("client_id=app\nscope=https://x/.default\n"),
            "{text}"
        );
        assert!(text.contains("username=ada@x.de"), "{text}");
        for body in [
            json!({"access_token": "Canary", "refresh_token": "Canary", "expires_in": 3599, "token_type": "Bearer"}),
            json!({"CmdletInput": {"CmdletName": "New-Mailbox", "Parameters": {"Password": "Canary", "Name": "x",
                "RoomMailboxPassword": {"@odata.type": "#X", "a": "Canary"}}}}),
            json!({"displayName": "x", "passwordProfile": {"password": "Canary", "forceChangePasswordNextSignIn": true}}),
            json!({"value": [], "@odata.nextLink": "https://h/x?$skiptoken=Canary"}),
        ] {
            let text = shown(body.to_string().as_bytes());
            assert!(!text.contains("Canary"), "{text}");
        }
        let told = shown(
            json!({"forceChangePasswordNextSignIn": true, "error": {"code": "Request_BadRequest"}})
                .to_string()
                .as_bytes(),
        );
        assert!(told.contains("true") && told.contains("Request_BadRequest"), "{told}");
    }

    #[test]
    fn what_is_long_or_no_text() {
        assert_eq!(shown(b""), "");
        assert_eq!(shown(&[0; 4096]), "[4096 zero bytes]");
        assert_eq!(shown(&[0xff, 1]), "[2 bytes]");
        assert_eq!(shown(b"<html>a=b</html>"), "<html>a=b</html>");
        let module = json!({"fileContent": "ü".repeat(1_000_000)}).to_string();
        assert!(shown(module.as_bytes()).chars().count() < 5000);
    }
}
