//! `mailwright doctor`: the way from here to a mailbox, step by step, and what to do where it ends. Nothing is written, but by [`live`].

mod cloud;
mod examine;
mod hints;
mod judge;
mod kerberos;
pub mod live;
mod needs;
mod way;

use serde::Serialize;

pub use examine::examine;

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// As it must be
    #[serde(rename = "ok")]
    Ok,
    /// In the way
    #[serde(rename = "failed")]
    Failed,
    /// Nobody knows: what it needs failed before, or the server does not tell
    #[serde(rename = "could not check")]
    CouldNotCheck,
}

impl Verdict {
    /// As it is written.
    pub fn text(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::CouldNotCheck => "could not check",
        }
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is looked at
    pub check: &'static str,
    /// What became of it
    pub status: Verdict,
    /// What was found
    pub detail: String,
    /// What is right and yet to be thought about
    pub warning: Option<String>,
    /// The cure
    pub hint: Option<String>,
}

impl Check {
    fn new(check: &'static str, status: Verdict, detail: impl Into<String>) -> Self {
        Self { check, status, detail: detail.into(), warning: None, hint: None }
    }

    fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Verdict::Ok, detail)
    }

    fn failed(check: &'static str, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..Self::new(check, Verdict::Failed, detail) }
    }

    fn unknown(check: &'static str, reason: impl Into<String>) -> Self {
        Self::new(check, Verdict::CouldNotCheck, reason)
    }

    fn warn(self, warning: impl Into<String>) -> Self {
        Self { warning: Some(warning.into()), ..self }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Whether it is about getting in at all: host, TLS, sign-in.
    #[must_use]
    pub fn is_way_in(&self) -> bool {
        use names::*;
        let here = [DNS, PORT, PROXY, TLS, HTTP, SCHEMES, SPN, CLOCK, TICKET, SIGN_IN];
        let there = [LOGIN_HOST, EXCHANGE_HOST, CLOUD_CLOCK, CERTIFICATE, CLOUD_SIGN_IN];
        here.contains(&self.check) || there.contains(&self.check)
    }

    /// Whether it is the sign-in itself.
    #[must_use]
    pub fn is_sign_in(&self) -> bool {
        [names::SIGN_IN, names::CLOUD_SIGN_IN].contains(&self.check)
    }
}

fn needs_before(name: &str) -> String {
    format!("needs `{name}`")
}

/// What the checks are called, in their order.
mod names {
    pub(super) const DANGER: &str = "protection";
    pub(super) const SECOND_HOP: &str = "second hop";
    pub(super) const DNS: &str = "DNS";
    pub(super) const PORT: &str = "port";
    pub(super) const PROXY: &str = "proxy";
    pub(super) const TLS: &str = "TLS";
    pub(super) const HTTP: &str = "HTTP";
    pub(super) const SCHEMES: &str = "schemes offered";
    pub(super) const SPN: &str = "SPN";
    pub(super) const CLOCK: &str = "clock";
    pub(super) const TICKET: &str = "ticket";
    pub(super) const SIGN_IN: &str = "sign-in";
    pub(super) const SHELL: &str = "resource URI";
    pub(super) const LANGUAGE: &str = "language mode";
    pub(super) const LOADED: &str = "Exchange loaded";
    pub(super) const CMDLETS: &str = "cmdlets";
    pub(super) const PARAMETERS: &str = "parameters";
    pub(super) const DOMAINS: &str = "excluded domains";
    pub(super) const CONCURRENCY: &str = "concurrency";
    pub(super) const CLOUD_WAY: &str = "cloud protection";
    pub(super) const LOGIN_HOST: &str = "login host";
    pub(super) const EXCHANGE_HOST: &str = "Exchange host";
    pub(super) const GRAPH_HOST: &str = "Graph host";
    pub(super) const CLOUD_CLOCK: &str = "cloud clock";
    pub(super) const CERTIFICATE: &str = "certificate";
    pub(super) const CLOUD_SIGN_IN: &str = "cloud sign-in";
    pub(super) const PERMISSION: &str = "Exchange permission";
    pub(super) const CLOUD_CMDLETS: &str = "cloud cmdlets";
    pub(super) const GRAPH: &str = "Graph permissions";
    pub(super) const LICENCE: &str = "licence";
    pub(super) const USAGE_LOCATION: &str = "usage location";
}
