//! What the token endpoint answers.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value as Json;

/// A token is renewed this long before it ends, unless it is short-lived.
const RESERVE: Duration = Duration::from_secs(300);

/// A token for a service.
#[derive(Clone, Debug)]
pub(in crate::exchange::online) struct Granted {
    pub(in crate::exchange::online) access: SecretString,
    pub(in crate::exchange::online) lifetime: Duration,
    /// Takes the place of the one that was used
    pub(in crate::exchange::online) refresh: Option<SecretString>,
}

impl Granted {
    /// After how long another one is asked for.
    pub(in crate::exchange::online) fn usable(&self) -> Duration {
        self.lifetime.saturating_sub(RESERVE.min(self.lifetime / 2))
    }
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The directory does not know or take what was shown
    #[error("the directory refuses the application: {text}")]
    Refused {
        /// AADSTS and the number, where it says so
        code: Option<u32>,
        /// Its text, one line
        text: String,
    },
    /// The assertion is from another time
    #[error("the directory refuses the application: {text}; {}", clocks(*.ahead))]
    Clock {
        /// Its text, one line
        text: String,
        /// Seconds that this machine's clock is ahead of the directory's, where that is known
        ahead: Option<i64>,
    },
    /// It may take it in a moment
    #[error("the directory asks to come again: {text}")]
    Later {
        /// Its text
        text: String,
    },
    /// Something else than the directory answered
    #[error("the token endpoint's answer is not understood: status {0}")]
    Unreadable(u16),
}

fn clocks(ahead: Option<i64>) -> String {
    let Some(seconds) = ahead else { return "this machine's clock may be wrong".into() };
    let direction = if seconds < 0 { "behind" } else { "ahead of" };
    let seconds = seconds.unsigned_abs();
    format!(
        "this machine's clock is {}:{:02} minutes {direction} the directory's",
        seconds / 60,
        seconds % 60
    )
}

impl TokenError {
    /// Whether the certificate may only not be known everywhere yet, as in the first minute after it was changed.
    #[must_use]
    pub fn is_rotation(&self) -> bool {
        matches!(self, Self::Refused { code: Some(700_027), .. })
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        let code = match self {
            Self::Refused { code, .. } => (*code)?,
            Self::Clock { .. } => return Some("set this machine's clock"),
            _ => return None,
        };
        Some(match code {
            700_027 => {
                "upload the certificate to the application's registration; after a change it takes a minute"
            }
            7_000_215 => "the client secret is wrong; its value is meant, not its id",
            7_000_222 => "the client secret has expired; make a new one, or better use a certificate",
            700_016 => "application_id and tenant do not belong together",
            90_002 => "there is no such tenant; check tenant, and environment for national clouds",
            500_011 => "the service is not known in this tenant; check environment",
            50_076 | 50_079 => {
                "the account needs a second factor, which a program has not; sign in with a certificate"
            }
            50_126 => "user name or password is wrong",
            65_001 => "an administrator has to consent to the application's permissions",
            700_082 => "the refresh token was not used for too long; sign in once more",
            7_000_218 => {
                "the application needs a secret or a certificate, or has to be registered as a public client"
            }
            53_003 => "a Conditional Access policy of the tenant blocks this sign-in",
            _ => return None,
        })
    }
}

/// An assertion outside of its time
const OUT_OF_TIME: u32 = 700_024;

/// Understands an answer that came at `now`, in seconds since 1970; `theirs` is the clock of whoever answered.
pub(in crate::exchange::online) fn granted(
    status: u16,
    body: &[u8],
    now: u64,
    theirs: Option<u64>,
) -> Result<Granted, TokenError> {
    let json: Option<Json> = serde_json::from_slice(body).ok();
    let Some(json) = json.filter(Json::is_object) else {
        return Err(match status {
            429 | 500.. => TokenError::Later { text: format!("status {status}") },
            _ => TokenError::Unreadable(status),
        });
    };
    if status == 200 {
        let text = |name: &str| json.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
        let access = text("access_token").ok_or(TokenError::Unreadable(status))?;
        // Managed identities write numbers as text, and that of App Service names the end alone.
        let seconds = |name: &str| match json.get(name) {
            Some(Json::Number(seconds)) => seconds.as_u64(),
            Some(Json::String(seconds)) => seconds.parse().ok(),
            _ => None,
        };
        let lifetime =
            seconds("expires_in").or_else(|| seconds("expires_on").map(|end| end.saturating_sub(now)));
        return Ok(Granted {
            access: access.to_owned().into(),
            lifetime: Duration::from_secs(lifetime.unwrap_or(0).min(86_400)),
            refresh: text("refresh_token").map(|token| token.to_owned().into()),
        });
    }
    let code =
        json.pointer("/error_codes/0").and_then(Json::as_u64).and_then(|code| u32::try_from(code).ok());
    // App Service has `message` alone.
    let told = ["error_description", "error", "message"]
        .iter()
        .find_map(|name| json.get(name)?.as_str().filter(|text| !text.trim().is_empty()));
    let without = format!("status {status} without a reason");
    let told = told.unwrap_or(&without);
    // Trace and correlation ids follow on lines of their own.
    let text: String =
        told.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(500).collect();
    let is_temporary =
        status == 429 || status >= 500 || json.get("error").is_some_and(|it| it == "temporarily_unavailable");
    Err(match code {
        _ if is_temporary => TokenError::Later { text },
        Some(OUT_OF_TIME) => {
            let ahead = theirs.and_then(|theirs| i64::try_from(now).ok()?.checked_sub_unsigned(theirs));
            TokenError::Clock { text, ahead }
        }
        _ => TokenError::Refused { code, text },
    })
}
