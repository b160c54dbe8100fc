//! The protocol session without I/O: requests out, answers in, events out.
//!
//! [`Session`] joins the runspace pool machine of [`crate::psrp`] with the verbs of [`crate::wsmv`]: it knows the
//! shell and its commands, what may be under way at once, and what has to be sent when something ends. Who drives it
//! takes requests with [`Session::next_request`], sends them wherever it wants, and gives back each answer with
//! [`Session::answer`] or [`Session::fail`].

mod event;
mod machine;
mod request;
#[cfg(test)]
mod tests;
mod transfer;
mod verbs;

pub use event::{SessionError, SessionEvent};
pub use machine::{Affected, Session};
pub use request::{Lane, Request, RequestKind};
pub use verbs::EndpointInfo;
