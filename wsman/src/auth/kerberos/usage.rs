//! Key usage numbers, RFC 4120 7.5.1 and RFC 4121 2.

/// PA-ENC-TIMESTAMP.
pub const PA_ENC_TIMESTAMP: u32 = 1;
/// The encrypted part of a ticket.
pub const TICKET: u32 = 2;
/// The encrypted part of an AS-REP.
pub const AS_REP: u32 = 3;
/// The checksum over the body in the authenticator of a TGS-REQ.
pub const TGS_REQ_CHECKSUM: u32 = 6;
/// The authenticator of a TGS-REQ.
pub const TGS_REQ_AUTHENTICATOR: u32 = 7;
/// The encrypted part of a TGS-REP under the session key.
pub const TGS_REP_SESSION_KEY: u32 = 8;
/// The encrypted part of a TGS-REP under the authenticator's subkey.
pub const TGS_REP_SUBKEY: u32 = 9;
/// The authenticator of an AP-REQ.
pub const AP_REQ_AUTHENTICATOR: u32 = 11;
/// The encrypted part of an AP-REP.
pub const AP_REP: u32 = 12;
/// The encrypted part of a KRB-CRED.
pub const KRB_CRED: u32 = 14;
/// Messages sealed by the acceptor, RFC 4121 2.
pub const ACCEPTOR_SEAL: u32 = 22;
/// Messages signed by the acceptor, RFC 4121 2.
pub const ACCEPTOR_SIGN: u32 = 23;
/// Messages sealed by the initiator, RFC 4121 2.
pub const INITIATOR_SEAL: u32 = 24;
/// Messages signed by the initiator, RFC 4121 2.
pub const INITIATOR_SIGN: u32 = 25;
/// The checksum over an AS-REQ that the KDC returns, RFC 6806 11.
pub const AS_REQ_CHECKSUM: u32 = 56;
