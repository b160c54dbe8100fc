//! NTLM version 2, `[MS-NLMP]`: both sides, with MIC, channel binding, key exchange, signing and sealing.
//!
//! What is too weak is not spoken at all: no LM, no NTLMv1, no anonymous sign-in, no session without
//! 128-bit keys, key exchange and extended session security.

mod acceptor;
pub mod av_pair;
pub mod crypto;
pub mod flags;
mod initiator;
pub mod message;
mod protection;
#[cfg(test)]
mod tests;
mod wire;

pub use acceptor::{NtlmAcceptor, ServerNames};
pub use initiator::{Entropy, NtlmInitiator};
