//! What can go wrong, and who is at fault.

use std::time::Duration;

use super::proxy::ProxyProblem;
use super::redirect::RedirectRefused;
use super::tls::TlsProblem;
use crate::auth::AuthError;
use crate::auth::kerberos::KerberosError;
use crate::psrp::client::PoolFailure;
use crate::psrp::{CallError, PsrpError};
use crate::wsmv::{FaultCode, WsmanFault};

/// A request, a pipeline or a pool that failed. Cheap to clone: the end of a pool is told to all of its pipelines.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller's settings cannot be used; nothing was tried.
    #[error("{0}")]
    Configuration(String),
    /// No TCP connection.
    #[error("{endpoint} cannot be reached: {reason}")]
    Connect {
        /// Scheme, host and port
        endpoint: String,
        /// What the system says
        reason: String,
    },
    /// A TCP connection, but no TLS that can be trusted.
    #[error("no trusted TLS connection to {endpoint}: {reason}")]
    Tls {
        /// Scheme, host and port
        endpoint: String,
        /// What is wrong, and the cure
        reason: TlsProblem,
    },
    /// The server sends the client elsewhere, and may not, or not there.
    #[error("the server redirects to {location}, {refused}")]
    Redirected {
        /// Where to; a URL as the server wrote it
        location: String,
        /// Why that is not followed
        refused: RedirectRefused,
    },
    /// The proxy on the way.
    #[error("the proxy {proxy} {reason}")]
    Proxy {
        /// Its URL
        proxy: String,
        /// What it did
        reason: ProxyProblem,
    },
    /// The sign-in failed.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// Nothing came in time.
    #[error("no answer to {what} within {} s", .after.as_secs())]
    Timeout {
        /// What was waited for
        what: &'static str,
        /// For how long
        after: Duration,
        /// Whether the server may have got the request
        sent: bool,
    },
    /// The connection ended in the middle.
    #[error("the connection to the server was lost: {reason}")]
    Lost {
        /// What the system says
        reason: String,
        /// Whether the server may have got the request
        sent: bool,
        /// Whether its answer had begun: what was in it is lost
        answered: bool,
    },
    /// An HTTP answer that is no WS-Management answer.
    #[error("the server answered with HTTP status {status}{}", said(.excerpt))]
    Http {
        /// The status
        status: u16,
        /// The beginning of the body, at most 1 KiB, without control characters
        excerpt: String,
    },
    /// The answer breaks the protocol.
    #[error("the server broke the protocol: {0}")]
    Protocol(String),
    /// The service refused the request.
    #[error(transparent)]
    Fault(#[from] Box<WsmanFault>),
    /// A pipeline broke the remoting protocol; the pool lives on.
    #[error(transparent)]
    Psrp(#[from] PsrpError),
    /// The runspace pool is of no further use.
    #[error(transparent)]
    Pool(#[from] PoolFailure),
    /// The call cannot be made as it was.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The pool was closed, by the caller or by the server.
    #[error("the runspace pool is closed")]
    Closed,
}

/// Why a sign-in failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// The server does not take the scheme.
    #[error("the server does not take {wanted} sign-in; it offers {offered}")]
    NotOffered {
        /// The scheme that was tried
        wanted: &'static str,
        /// What the server names
        offered: String,
    },
    /// The server said no.
    #[error(
        "the server refused the sign-in: wrong user name or password, an account that may not sign in remotely, \
         or a connection that is intercepted"
    )]
    Refused,
    /// The server did not take the client's certificate for an account.
    #[error(
        "the server refused the client certificate: it must be mapped to an account there (WSMan:\\localhost\\ClientCertificate, matched by \
         the UPN in the certificate), be issued by an authority that the server trusts, and certificate sign-in must be switched on; the \
         account needs the right to use remote PowerShell"
    )]
    CertificateRefused,
    /// The server agreed to the sign-in and refused the first request with it.
    #[error(
        "the server took the sign-in and then refused the request (HTTP status 401): the account may lack the right to use remote PowerShell"
    )]
    RefusedAfterwards,
    /// The token is too long for the server.
    #[error(
        "the server refused the request that signs in (HTTP status {status}), which holds {length} bytes of proof: the account may be in too \
         many groups (raise MaxFieldLength and MaxRequestBytes of HTTP.sys on the server, or use an account that is in fewer)"
    )]
    TokenTooLarge {
        /// The HTTP status
        status: u16,
        /// Bytes of the `Authorization` header
        length: usize,
    },
    /// The mechanism failed.
    #[error("sign-in failed: {0}")]
    Mechanism(#[from] AuthError),
    /// Kerberos could not be had, and what was tried instead failed.
    #[error("{instead}; Kerberos could not be used: {kerberos}{}", .kerberos.cure())]
    WithoutKerberos {
        /// Why there was no Kerberos
        kerberos: KerberosError,
        /// How the other mechanism failed
        instead: Box<SignInError>,
    },
}

impl SignInError {
    /// Whether another password, key or ticket could have been let in: what was given was looked at and refused.
    ///
    /// ```
    /// use wsman::client::SignInError;
    /// assert!(SignInError::Refused.is_about_secret());
    /// assert!(!SignInError::RefusedAfterwards.is_about_secret());
    /// ```
    pub fn is_about_secret(&self) -> bool {
        use KerberosError::{PasswordExpired, Revoked, TicketTime, UnknownClient, WrongPassword};
        match self {
            Self::Refused => true,
            Self::Mechanism(AuthError::Kerberos(reason)) => matches!(
                reason,
                WrongPassword(_) | PasswordExpired(_) | Revoked { .. } | UnknownClient { .. } | TicketTime(_)
            ),
            Self::Mechanism(reason) => {
                matches!(reason, AuthError::Rejected | AuthError::LogonFailed | AuthError::NtStatus(_))
            }
            Self::WithoutKerberos { instead, .. } => instead.is_about_secret(),
            Self::NotOffered { .. }
            | Self::CertificateRefused
            | Self::RefusedAfterwards
            | Self::TokenTooLarge { .. } => false,
        }
    }
}

/// Who is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The peer misbehaved
    PeerMisbehaved,
    /// The peer refused
    PeerRefused,
    /// The sign-in
    Authentication,
    /// The network, or a peer that is not there
    Transport,
    /// The caller
    Caller,
}

impl Error {
    /// Who is at fault.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Configuration(_) | Self::Call(_) => Blame::Caller,
            Self::Connect { .. } | Self::Tls { .. } | Self::Timeout { .. } | Self::Lost { .. } => {
                Blame::Transport
            }
            Self::SignIn(_) | Self::Proxy { reason: ProxyProblem::SignIn, .. } => Blame::Authentication,
            Self::Proxy { .. } => Blame::Transport,
            Self::Redirected { .. } => Blame::PeerRefused,
            Self::Http { status: 500.., .. } => Blame::PeerMisbehaved,
            Self::Http { .. } | Self::Fault(_) | Self::Closed | Self::Pool(PoolFailure::Server(_)) => {
                Blame::PeerRefused
            }
            Self::Protocol(_) | Self::Psrp(_) | Self::Pool(_) => Blame::PeerMisbehaved,
        }
    }

    /// Whether the same call, in a new pool and after a while, can succeed.
    pub fn can_retry(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Timeout { .. } | Self::Lost { .. } | Self::Closed => true,
            Self::Proxy { reason, .. } => *reason != ProxyProblem::SignIn,
            Self::Http { status, .. } => matches!(status, 408 | 429 | 500 | 502..=504),
            Self::Pool(PoolFailure::Server(_)) => true,
            Self::Fault(fault) => {
                let passing = fault.code.is_some_and(FaultCode::is_create_retryable);
                passing || fault.is_quota() || fault.is_shell_gone()
            }
            _ => false,
        }
    }

    /// Whether a server that is there has no room for one more, or is starting, and says so before it did anything.
    pub fn is_busy(&self) -> bool {
        match self {
            Self::Http { status, .. } => matches!(status, 429 | 503),
            Self::Fault(fault) => fault.is_quota() || fault.code.is_some_and(FaultCode::is_create_retryable),
            _ => false,
        }
    }

    /// Whether the server may have got, and carried out, what was asked. Only when it is `false` is a call without
    /// an answer known not to have run.
    pub fn may_have_run(&self) -> bool {
        match self {
            Self::Timeout { sent, .. } | Self::Lost { sent, .. } => *sent,
            Self::Configuration(_)
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::Redirected { .. }
            | Self::Proxy { .. }
            | Self::SignIn(_)
            | Self::Call(_) => false,
            _ => true,
        }
    }
}

fn said(text: &str) -> String {
    if text.is_empty() { " and an empty body".into() } else { format!(": {text}") }
}

/// The beginning of a body for an error: at most 1 KiB, markup and control characters neutralised.
pub(crate) fn body_excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(1024)]);
    let plain = text.chars().map(|c| if c.is_control() || is_bidi(c) { ' ' } else { c });
    plain.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wsmv::FaultKind;

    #[test]
    fn errors_know_whether_to_try_again_and_whether_something_ran() {
        let lost = |sent| Error::Lost { reason: String::new(), sent, answered: false };
        assert!(lost(true).may_have_run() && lost(true).can_retry());
        assert!(!lost(false).may_have_run());
        let fault = |kind: FaultKind| Error::Fault(Box::new(kind.fault("no")));
        assert!(fault(FaultKind::ShellQuota).can_retry());
        assert!(!fault(FaultKind::AccessDenied).can_retry());
        assert_eq!(fault(FaultKind::AccessDenied).blame(), Blame::PeerRefused);
        let refused = Error::from(SignInError::Refused);
        assert!(!refused.can_retry() && !refused.may_have_run());
        let http = |status| Error::Http { status, excerpt: String::new() };
        assert!(http(503).can_retry() && !http(404).can_retry());
        assert!(http(503).is_busy() && !http(500).is_busy() && fault(FaultKind::ShellQuota).is_busy());
        assert!(!fault(FaultKind::AccessDenied).is_busy() && !lost(false).is_busy());
    }

    #[test]
    fn what_a_foreign_body_says_cannot_play_tricks() {
        let text = body_excerpt(b"<h1>\x1b[31mred\x07</h1>\r\n  two\xE2\x80\xAElines\xFF");
        assert_eq!(text, "<h1> [31mred </h1> two lines\u{FFFD}");
        assert!(body_excerpt(&[b'x'; 5000]).len() <= 1024);
    }
}
