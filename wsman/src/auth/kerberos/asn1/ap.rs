//! The exchange with a service, and errors, RFC 4120 5.5 and 5.9.

use der::Sequence;
use der::asn1::{Any, OctetString};

use super::Message;
use super::basic::{
    Checksum, EncryptedData, EncryptionKey, KerberosFlags, KerberosString, KerberosTime, PrincipalName,
    TypedValue,
};

/// AP-REQ, RFC 4120 5.5.1.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct ApReq {
    /// pvno
    #[asn1(context_specific = "0")]
    pub version: i32,
    /// msg-type: 14
    #[asn1(context_specific = "1")]
    pub message_type: i32,
    /// ap-options
    #[asn1(context_specific = "2")]
    pub options: KerberosFlags,
    /// ticket, as it was sent
    #[asn1(context_specific = "3")]
    pub ticket: Any,
    /// authenticator
    #[asn1(context_specific = "4")]
    pub authenticator: EncryptedData,
}

impl Message for ApReq {
    const NUMBER: u32 = 14;
    const NAME: &'static str = "AP-REQ";
}

/// Authenticator, RFC 4120 5.5.1.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct Authenticator {
    /// authenticator-vno
    #[asn1(context_specific = "0")]
    pub version: i32,
    /// crealm
    #[asn1(context_specific = "1")]
    pub client_realm: KerberosString,
    /// cname
    #[asn1(context_specific = "2")]
    pub client: PrincipalName,
    /// cksum
    #[asn1(context_specific = "3", optional = "true")]
    pub checksum: Option<Checksum>,
    /// cusec
    #[asn1(context_specific = "4")]
    pub microseconds: u32,
    /// ctime
    #[asn1(context_specific = "5")]
    pub time: KerberosTime,
    /// subkey
    #[asn1(context_specific = "6", optional = "true")]
    pub subkey: Option<EncryptionKey>,
    /// seq-number; some write it as a signed number
    #[asn1(context_specific = "7", optional = "true")]
    pub sequence_number: Option<i64>,
    /// authorization-data
    #[asn1(context_specific = "8", optional = "true")]
    pub authorization_data: Option<Vec<TypedValue>>,
}

impl Message for Authenticator {
    const NUMBER: u32 = 2;
    const NAME: &'static str = "Authenticator";
}

/// AP-REP, RFC 4120 5.5.2.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct ApRep {
    /// pvno
    #[asn1(context_specific = "0")]
    pub version: i32,
    /// msg-type: 15
    #[asn1(context_specific = "1")]
    pub message_type: i32,
    /// enc-part
    #[asn1(context_specific = "2")]
    pub encrypted: EncryptedData,
}

impl Message for ApRep {
    const NUMBER: u32 = 15;
    const NAME: &'static str = "AP-REP";
}

/// EncAPRepPart, RFC 4120 5.5.2.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct EncApRepPart {
    /// ctime
    #[asn1(context_specific = "0")]
    pub time: KerberosTime,
    /// cusec
    #[asn1(context_specific = "1")]
    pub microseconds: u32,
    /// subkey
    #[asn1(context_specific = "2", optional = "true")]
    pub subkey: Option<EncryptionKey>,
    /// seq-number; some write it as a signed number
    #[asn1(context_specific = "3", optional = "true")]
    pub sequence_number: Option<i64>,
}

impl Message for EncApRepPart {
    const NUMBER: u32 = 27;
    const NAME: &'static str = "EncAPRepPart";
}

/// KRB-ERROR, RFC 4120 5.9.1.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct KrbError {
    /// pvno
    #[asn1(context_specific = "0")]
    pub version: i32,
    /// msg-type: 30
    #[asn1(context_specific = "1")]
    pub message_type: i32,
    /// ctime
    #[asn1(context_specific = "2", optional = "true")]
    pub client_time: Option<KerberosTime>,
    /// cusec
    #[asn1(context_specific = "3", optional = "true")]
    pub client_microseconds: Option<u32>,
    /// stime
    #[asn1(context_specific = "4")]
    pub server_time: KerberosTime,
    /// susec
    #[asn1(context_specific = "5")]
    pub server_microseconds: u32,
    /// error-code
    #[asn1(context_specific = "6")]
    pub code: i32,
    /// crealm
    #[asn1(context_specific = "7", optional = "true")]
    pub client_realm: Option<KerberosString>,
    /// cname
    #[asn1(context_specific = "8", optional = "true")]
    pub client: Option<PrincipalName>,
    /// realm
    #[asn1(context_specific = "9")]
    pub realm: KerberosString,
    /// sname
    #[asn1(context_specific = "10")]
    pub server: PrincipalName,
    /// e-text
    #[asn1(context_specific = "11", optional = "true")]
    pub text: Option<KerberosString>,
    /// e-data
    #[asn1(context_specific = "12", optional = "true")]
    pub data: Option<OctetString>,
}

impl Message for KrbError {
    const NUMBER: u32 = 30;
    const NAME: &'static str = "KRB-ERROR";
}
