//! What the server answered, and what it means. Pure.

use secrecy::SecretString;
use serde_json::Value as Json;

use super::path::VaultPath;
use crate::secret::{MAX_LENGTH, Reason};

/// Why there is no field.
#[derive(Debug, PartialEq)]
pub(super) enum Refusal {
    /// HTTP status 403, with the server's words
    Denied(String),
    /// The same, and the token may not even look at itself
    Dead(String),
    /// HTTP status 404: no such path
    Nothing,
    /// A secret whose newest version is deleted
    Deleted(&'static str),
    /// The secret has other fields
    NoField(Vec<String>),
    /// HTTP status 503
    Sealed(String),
    /// A redirection to this host
    Elsewhere(String),
    /// No answer
    Unreachable(String),
    /// Anything else, as a sentence
    Other(String),
}

/// Reads an answer: its JSON where it is one of success.
/// <https://developer.hashicorp.com/vault/api-docs#http-status-codes>
pub(super) fn read(status: u16, body: &[u8]) -> Result<Json, Refusal> {
    let json = serde_json::from_slice::<Json>(body);
    match (status, json) {
        (200..=299, Ok(json)) => Ok(json),
        (200..=299, Err(_)) => Err(Refusal::Other("the answer of the vault is not JSON".into())),
        (403, json) => Err(Refusal::Denied(errors(json.ok().as_ref()))),
        (404, json) => Err(deleted(json.ok().as_ref()).map_or(Refusal::Nothing, Refusal::Deleted)),
        (503, json) => Err(Refusal::Sealed(errors(json.ok().as_ref()))),
        (status, json) => {
            let said = errors(json.ok().as_ref());
            let text = format!("the vault answers with HTTP status {status}{}", colon(&said));
            Err(Refusal::Other(text))
        }
    }
}

/// The client token of a sign-in.
pub(super) fn token(answer: &Json) -> Option<SecretString> {
    answer.pointer("/auth/client_token")?.as_str().filter(|token| !token.is_empty()).map(SecretString::from)
}

/// What is mounted where a secret is, `sys/internal/ui/mounts`.
#[derive(Debug, PartialEq)]
pub(super) enum Engine {
    /// Key and value, version 2: fields lie one level deeper, and the path has `data` in it
    Versioned { parts: usize },
    /// Key and value, version 1, and whatever else answers in this way
    Plain { parts: usize },
}

impl Engine {
    /// Where the server does not say: the first part is the mount.
    pub(super) fn first() -> Self {
        Self::Plain { parts: 1 }
    }

    pub(super) fn of(answer: &Json) -> Result<Self, Refusal> {
        let mount = answer.pointer("/data/path").and_then(Json::as_str);
        let parts = mount.map(|mount| mount.trim_matches('/').split('/').count());
        let Some(parts) = parts else {
            return Err(Refusal::Other("the vault does not say where the secret is mounted".into()));
        };
        let version = answer.pointer("/data/options/version").and_then(Json::as_str);
        Ok(if version == Some("2") { Self::Versioned { parts } } else { Self::Plain { parts } })
    }

    pub(super) fn is_versioned(&self) -> bool {
        matches!(self, Self::Versioned { .. })
    }

    /// Mount and path.
    pub(super) fn split<'a>(&self, segments: &'a [String]) -> Option<(&'a [String], &'a [String])> {
        let (Self::Versioned { parts } | Self::Plain { parts }) = self;
        segments.split_at_checked(*parts).filter(|(_, rest)| !rest.is_empty())
    }

    /// The field of a secret.
    pub(super) fn field(&self, answer: &Json, name: &str) -> Result<SecretString, Refusal> {
        let fields = answer.pointer(if self.is_versioned() { "/data/data" } else { "/data" });
        let Some(Json::Object(fields)) = fields else {
            return Err(deleted(Some(answer))
                .map_or(Refusal::Other("the answer of the vault holds no secret".into()), Refusal::Deleted));
        };
        match fields.get(name) {
            Some(Json::String(value)) if value.len() as u64 <= MAX_LENGTH => Ok(value.as_str().into()),
            Some(Json::String(_)) => Err(Refusal::Other("the field is too long to be a secret".into())),
            Some(_) => Err(Refusal::Other(format!("the field `{}` is not a text", printable(name)))),
            None => Err(Refusal::NoField(fields.keys().take(20).map(|name| printable(name)).collect())),
        }
    }
}

/// Version 2 keeps what is known of a version that is gone.
/// <https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version>
fn deleted(answer: Option<&Json>) -> Option<&'static str> {
    let metadata = answer?.pointer("/data/metadata")?;
    if metadata.get("destroyed").and_then(Json::as_bool) == Some(true) {
        return Some("destroyed");
    }
    let time = metadata.get("deletion_time").and_then(Json::as_str).unwrap_or_default();
    (!time.is_empty()).then_some("deleted")
}

impl Refusal {
    /// In the words of somebody who wants to read `path`.
    pub(super) fn explain(self, path: &VaultPath) -> Reason {
        let shown = path.segments().join("/");
        match self {
            Self::Denied(said) => {
                Reason::from(format!("the vault does not let this token read it{}", colon(&said))).hint(format!(
                    "give a policy of the token the capability \"read\" for {shown}; with version 2 the path in a policy has data/ \
                     behind the mount"
                ))
            }
            Self::Dead(said) => Reason::from(format!("the vault does not take the token{}", colon(&said)))
                .hint("it has expired, was revoked or belongs to another vault or namespace; `vault token lookup` tells"),
            Self::Nothing => Reason::from("there is no such secret in the vault")
                .hint(format!("`vault kv get {shown}` must show it; the path is that of `vault kv`, without data/")),
            Self::Deleted(how) => Reason::from(format!("the newest version of the secret is {how}"))
                .hint("`vault kv put` makes a new one, `vault kv undelete` brings a deleted one back"),
            Self::NoField(fields) if fields.is_empty() => {
                Reason::from("the secret has no fields").hint("`vault kv put` gives it some")
            }
            Self::NoField(fields) => Reason::from(format!("the secret has no field `{}`", path.field()))
                .hint(format!("it has: {}", fields.join(", "))),
            other => other.explain_anyway(),
        }
    }

    /// In the words of somebody who signs in.
    pub(super) fn explain_login(self, mount: &str) -> Reason {
        match self {
            Self::Denied(said) => {
                Reason::from(format!("the vault does not let this AppRole sign in{}", colon(&said))).hint(
                    "check role and secret id; a secret id may be used up, expired or bound to other hosts",
                )
            }
            Self::Nothing => Reason::from(format!("the vault has no AppRole sign-in at auth/{mount}"))
                .hint("`vault auth list` shows where it is mounted; name it with approle.mount"),
            Self::Other(said) if said.contains("HTTP status 400") => Reason::from(format!(
                "the vault does not let this AppRole sign in: {said}"
            ))
            .hint("check role and secret id; a secret id may be used up, expired or bound to other hosts"),
            other => other.explain_anyway(),
        }
    }

    fn explain_anyway(self) -> Reason {
        match self {
            Self::Sealed(said) => {
                Reason::from(format!("the vault is sealed or under maintenance{}", colon(&said)))
                    .hint("`vault status` tells, `vault operator unseal` opens it")
            }
            Self::Elsewhere(host) => Reason::from(format!(
                "the vault sends to another server, {host}, which is not followed"
            ))
            .hint(
                "write the address of the active server, or of what stands before all of them, into [vault]",
            ),
            Self::Unreachable(text) => Reason::from(format!("the vault at {text}"))
                .hint("check the address, vault.ca_file and firewalls"),
            Self::Denied(said) | Self::Dead(said) => {
                Reason::from(format!("the vault refuses{}", colon(&said)))
            }
            Self::Other(text) => text.into(),
            Self::Nothing | Self::Deleted(_) | Self::NoField(_) => "the vault does not have it".into(),
        }
    }
}

/// The `errors` of an answer.
fn errors(answer: Option<&Json>) -> String {
    let list = answer.and_then(|answer| answer.get("errors")).and_then(Json::as_array);
    let texts = list.into_iter().flatten().filter_map(Json::as_str).map(printable);
    texts.filter(|text| !text.is_empty()).take(3).collect::<Vec<_>>().join("; ")
}

fn colon(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

/// A foreign text for a message: one line, no control characters, not too long.
pub(super) fn printable(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(200).collect()
}
