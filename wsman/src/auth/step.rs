//! The two sides of a sign-in, one token at a time.

use std::fmt;

use super::{AccountStore, AuthError, SecurityContext, UserName};

/// What an [`Initiator`] wants next.
#[non_exhaustive]
pub enum Step {
    /// Send this token and wait for the peer's.
    Continue(Vec<u8>),
    /// The context stands; a last token may have to go to the peer.
    ///
    /// With a token the peer has not agreed yet: its refusal comes as an HTTP status.
    Established {
        /// The last token for the peer.
        token: Option<Vec<u8>>,
        /// Seals and unseals from here on.
        context: SecurityContext,
    },
}

/// What an [`Acceptor`] wants next.
#[non_exhaustive]
pub enum AcceptorStep {
    /// Send this token (HTTP status 401) and wait for the peer's.
    Continue(Vec<u8>),
    /// The peer is who it says it is.
    Established {
        /// The last token for the peer, sent with the answer.
        token: Option<Vec<u8>>,
        /// Seals and unseals from here on.
        context: SecurityContext,
        /// Who signed in.
        user: UserName,
    },
    /// The sign-in is refused, and the peer is told so in the mechanism's own words (HTTP status 401).
    Refused {
        /// The last token for the peer.
        token: Vec<u8>,
        /// Why.
        reason: AuthError,
    },
}

/// Tokens stay out of logs.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Continue(_) => f.write_str("Continue"),
            Self::Established { context, .. } => f.debug_tuple("Established").field(context).finish(),
        }
    }
}

impl fmt::Debug for AcceptorStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Continue(_) => f.write_str("Continue"),
            Self::Established { user, .. } => f.debug_tuple("Established").field(user).finish(),
            Self::Refused { reason, .. } => f.debug_tuple("Refused").field(reason).finish(),
        }
    }
}

/// The client's side of one sign-in on one connection.
pub trait Initiator: Send {
    /// The HTTP authentication scheme that carries the tokens.
    fn scheme(&self) -> Scheme;

    /// The mechanism inside.
    fn mechanism(&self) -> Mechanism;

    /// The next step. The first call has no input; later ones have the peer's token, or `None` when the
    /// peer accepted (an HTTP success) without a token.
    ///
    /// # Errors
    /// The peer's token is malformed, refused, or offers too little.
    fn step(&mut self, input: Option<&[u8]>) -> Result<Step, AuthError>;

    /// The mechanism's context as soon as it can protect messages, where the peer's last word (a SPNEGO
    /// mechListMIC) is still to come. CredSSP needs it then, `[MS-CSSP] 3.1.5`.
    fn early_context(&mut self) -> Option<&mut SecurityContext> {
        None
    }

    /// What it means at this point that the peer refuses without a token, where more can be said than that
    /// it refuses.
    fn explain_refusal(&self) -> Option<AuthError> {
        None
    }
}

/// The server's side of one sign-in on one connection.
pub trait Acceptor: Send {
    /// The mechanism inside.
    fn mechanism(&self) -> Mechanism;

    /// The next step for the peer's token.
    ///
    /// # Errors
    /// The token is malformed or the sign-in is refused. A new acceptor must be made for another try.
    fn step(&mut self, input: &[u8], accounts: &dyn AccountStore) -> Result<AcceptorStep, AuthError>;
}

/// HTTP authentication schemes of WS-Management services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// RFC 7617.
    Basic,
    /// SPNEGO, or raw NTLM, RFC 4559.
    Negotiate,
    /// Raw NTLM under its own name, `[MS-NTHT]`.
    Ntlm,
    /// Raw Kerberos under its own name.
    Kerberos,
    /// `[MS-CSSP]` over HTTP, `[MS-WSMV] 3.1.4.1.23.2`.
    CredSsp,
}

impl Scheme {
    /// The name as it is written in headers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "Basic",
            Self::Negotiate => "Negotiate",
            Self::Ntlm => "NTLM",
            Self::Kerberos => "Kerberos",
            Self::CredSsp => "CredSSP",
        }
    }

    /// The scheme of this name, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Basic, Self::Negotiate, Self::Ntlm, Self::Kerberos, Self::CredSsp]
            .into_iter()
            .find(|scheme| scheme.as_str().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The mechanism that proves an identity, whatever carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mechanism {
    /// `[MS-NLMP]`.
    Ntlm,
    /// RFC 4121.
    Kerberos,
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ntlm => "NTLM",
            Self::Kerberos => "Kerberos",
        })
    }
}
