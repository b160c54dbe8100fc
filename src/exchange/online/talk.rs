//! What a call under way and whoever sends its requests say to each other.

use std::time::{Duration, SystemTime};

use reqwest::Method;
use url::Url;
use wsman::clixml::Value;
use wsman::psrp::ErrorRecord;

use super::failure::{Failure, Reply};
use crate::exchange::Answer;

/// One call from its first request to its last page, without I/O.
pub(in crate::exchange) trait Talk: Send {
    /// What is to be sent now.
    fn request(&self) -> Request<'_>;

    /// Understands an answer.
    fn receive(&mut self, received: &Received<'_>, now: SystemTime) -> Step;

    /// Objects that came since the last time.
    fn take_objects(&mut self) -> Vec<Value>;

    /// The answer where the caller wants no more objects.
    fn broken_off(&mut self) -> Answer;
}

/// A request to be sent with the token of now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::exchange) struct Request<'a> {
    /// What it is for, in a trace
    pub(in crate::exchange) name: &'a str,
    pub(in crate::exchange) method: Method,
    pub(in crate::exchange) url: &'a Url,
    pub(in crate::exchange) headers: Vec<(&'static str, String)>,
    pub(in crate::exchange) body: &'a [u8],
    /// How many bytes of an answer are read
    pub(in crate::exchange) most: usize,
}

/// An answer as it came.
pub(in crate::exchange) struct Received<'a> {
    pub(in crate::exchange) reply: Reply<'a>,
    /// `Location`
    pub(in crate::exchange) location: Option<&'a str>,
    /// Each `Set-Cookie`
    pub(in crate::exchange) cookies: Vec<&'a str>,
}

/// What an answer leads to.
#[derive(Debug, PartialEq)]
pub(in crate::exchange) enum Step {
    /// [`Talk::request`] has the next one
    Send,
    /// The same again with a new token, for which these claims are asked
    NewToken { claims: Option<String> },
    /// The call has ended
    Done(Answer),
    /// There is no answer
    Failed(Trouble),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::exchange) enum Trouble {
    /// A token that is new is not taken either
    Unauthorized,
    /// The application or account may not do this at all
    Forbidden(String),
    /// Nothing was done; later
    Throttled { text: String, after: Option<Duration> },
    /// Nobody knows whether anything was done; later
    Unavailable { text: String, after: Option<Duration> },
    /// No connection: nothing was sent
    Unreachable(String),
    /// The pages of one list did not come together
    Torn,
    /// The server sends the client where a token must not go
    Elsewhere(String),
    /// Not the service, or a service that is not known
    Unreadable(String),
    /// A success without the answer that belongs to it, as of a gateway on the way: what was asked may have been done
    Garbled(String),
}

impl Failure {
    /// What the service refuses is an answer; everything else is why there is none.
    pub(in crate::exchange) fn answered(self) -> Result<Box<ErrorRecord>, Trouble> {
        Err(match self {
            Self::Refused(record) => return Ok(record),
            Self::PageExpired => Trouble::Torn,
            Self::Unauthorized { .. } => Trouble::Unauthorized,
            Self::Forbidden(text) => Trouble::Forbidden(text),
            Self::Throttled { text, after } => Trouble::Throttled { text, after },
            Self::Unavailable { text, after } => Trouble::Unavailable { text, after },
            Self::Unreadable(text) => Trouble::Unreadable(text),
        })
    }
}
