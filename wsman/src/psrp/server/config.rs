//! What a server's pool is made with.

use crate::clixml::Value;
use crate::psrp::codec::Limits;
use crate::psrp::message::{ProtocolVersion, version_table};
use crate::psrp::session_key::{RandomSource, SessionKey};

/// How a server answers.
pub struct ServerConfig {
    /// Newest version that is spoken, 2.3 at most
    pub protocol: ProtocolVersion,
    /// What APPLICATION_PRIVATE_DATA tells; the default holds a `PSVersionTable`, by which clients write their commands
    pub private_data: Value,
    /// What the client may make us hold
    pub limits: Limits,
    /// What SecureStrings are encrypted with
    pub session_key: SessionKey,
    /// Cryptographic random bytes, for the padding of ENCRYPTED_SESSION_KEY
    pub random: RandomSource,
}

impl ServerConfig {
    /// Defaults, with a session key drawn from `random`.
    pub fn new(mut random: RandomSource) -> Self {
        Self {
            protocol: ProtocolVersion::V2_3,
            private_data: version_table(ProtocolVersion::V2_3, Vec::new()),
            limits: Limits::server(),
            session_key: SessionKey::generate(&mut *random),
            random,
        }
    }
}

impl std::fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerConfig")
            .field("protocol", &self.protocol)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
