//! CredSSP, `[MS-CSSP]`: SPNEGO inside TLS inside the HTTP header, and at its end the password for the server, which
//! signs in elsewhere with it (the second hop).
//!
//! The certificate inside is not judged by a chain, `[MS-CSSP] 3.1.5`: both sides prove, under the key of the inner
//! sign-in, that they mean the same public key. Only then does the password leave the client.
//!
//! - [`TsRequest`], [`TsPasswordCreds`]: the messages, `[MS-CSSP] 2.2`
//! - [`NtStatus`]: what a server says went wrong
//! - [`CredSspInitiator`], [`CredSspAcceptor`]: the two sides; the TLS library draws its own random numbers

#[cfg(any(feature = "client", feature = "server"))]
mod acceptor;
#[cfg(any(feature = "client", feature = "server"))]
mod binding;
mod credentials;
#[cfg(any(feature = "client", feature = "server"))]
mod initiator;
#[cfg(any(feature = "client", feature = "server"))]
mod protection;
mod request;
mod status;
#[cfg(test)]
#[cfg(all(feature = "client", feature = "server"))]
mod tests;
#[cfg(any(feature = "client", feature = "server"))]
mod tls;

#[cfg(any(feature = "client", feature = "server"))]
pub use acceptor::CredSspAcceptor;
pub use credentials::TsPasswordCreds;
#[cfg(any(feature = "client", feature = "server"))]
pub use initiator::CredSspInitiator;
pub use request::TsRequest;
pub use status::NtStatus;
#[cfg(any(feature = "client", feature = "server"))]
pub use tls::Identity;

#[cfg(any(feature = "client", feature = "server"))]
use super::AuthError;

/// The version of the protocol that is spoken, `[MS-CSSP] 2.2.1`.
pub const VERSION: u32 = 6;
/// The first version that binds the public key by a hash with a nonce, against CVE-2018-0886.
pub const FIRST_SAFE_VERSION: u32 = 5;
/// The first version that is known.
pub const FIRST_VERSION: u32 = 2;

/// The version to speak with a peer that names `peer`: the smaller of both.
#[cfg(any(feature = "client", feature = "server"))]
fn common_version(peer: u32, least: u32) -> Result<u32, AuthError> {
    let version = peer.min(VERSION);
    if version < least.max(FIRST_VERSION) {
        return Err(AuthError::OldCredSsp { version: peer, least });
    }
    Ok(version)
}

/// Whether errors are told by `errorCode`, `[MS-CSSP] 2.2.1`.
#[cfg(any(feature = "client", feature = "server"))]
fn has_error_code(version: u32) -> bool {
    matches!(version, 3 | 4 | 6..)
}
