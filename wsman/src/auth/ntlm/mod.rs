//! NTLM version 2, `[MS-NLMP]`: both sides, with MIC, channel binding, key exchange, signing and sealing.

mod acceptor;
mod initiator;

pub use acceptor::{NtlmAcceptor, ServerNames};
pub use initiator::{Entropy, NtlmInitiator};
