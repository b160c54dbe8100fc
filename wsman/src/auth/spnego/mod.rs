//! SPNEGO, RFC 4178 with `[MS-SPNG]`: which mechanism, and a check that nobody meddled with the choice.

mod acceptor;
mod initiator;

pub use acceptor::SpnegoAcceptor;
pub use initiator::SpnegoInitiator;
