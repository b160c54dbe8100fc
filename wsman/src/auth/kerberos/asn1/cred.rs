//! Tickets on their way to another host, RFC 4120 5.8.

use der::Sequence;
use der::asn1::Any;

use super::Message;
use super::basic::{
    EncryptedData, EncryptionKey, HostAddress, KerberosFlags, KerberosString, KerberosTime, PrincipalName,
};

/// KRB-CRED, RFC 4120 5.8.1.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct KrbCred {
    /// pvno
    #[asn1(context_specific = "0")]
    pub version: i32,
    /// msg-type: 22
    #[asn1(context_specific = "1")]
    pub message_type: i32,
    /// tickets
    #[asn1(context_specific = "2")]
    pub tickets: Vec<Any>,
    /// enc-part
    #[asn1(context_specific = "3")]
    pub encrypted: EncryptedData,
}

impl Message for KrbCred {
    const NUMBER: u32 = 22;
    const NAME: &'static str = "KRB-CRED";
}

/// EncKrbCredPart, RFC 4120 5.8.1.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct EncKrbCredPart {
    /// ticket-info
    #[asn1(context_specific = "0")]
    pub ticket_info: Vec<KrbCredInfo>,
    /// nonce
    #[asn1(context_specific = "1", optional = "true")]
    pub nonce: Option<i64>,
    /// timestamp
    #[asn1(context_specific = "2", optional = "true")]
    pub timestamp: Option<KerberosTime>,
    /// usec
    #[asn1(context_specific = "3", optional = "true")]
    pub microseconds: Option<u32>,
    /// s-address
    #[asn1(context_specific = "4", optional = "true")]
    pub sender_address: Option<HostAddress>,
    /// r-address
    #[asn1(context_specific = "5", optional = "true")]
    pub recipient_address: Option<HostAddress>,
}

impl Message for EncKrbCredPart {
    const NUMBER: u32 = 29;
    const NAME: &'static str = "EncKrbCredPart";
}

/// KrbCredInfo, RFC 4120 5.8.1.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct KrbCredInfo {
    /// key
    #[asn1(context_specific = "0")]
    pub key: EncryptionKey,
    /// prealm
    #[asn1(context_specific = "1", optional = "true")]
    pub client_realm: Option<KerberosString>,
    /// pname
    #[asn1(context_specific = "2", optional = "true")]
    pub client: Option<PrincipalName>,
    /// flags
    #[asn1(context_specific = "3", optional = "true")]
    pub flags: Option<KerberosFlags>,
    /// authtime
    #[asn1(context_specific = "4", optional = "true")]
    pub auth_time: Option<KerberosTime>,
    /// starttime
    #[asn1(context_specific = "5", optional = "true")]
    pub start_time: Option<KerberosTime>,
    /// endtime
    #[asn1(context_specific = "6", optional = "true")]
    pub end_time: Option<KerberosTime>,
    /// renew-till
    #[asn1(context_specific = "7", optional = "true")]
    pub renew_till: Option<KerberosTime>,
    /// srealm
    #[asn1(context_specific = "8", optional = "true")]
    pub server_realm: Option<KerberosString>,
    /// sname
    #[asn1(context_specific = "9", optional = "true")]
    pub server: Option<PrincipalName>,
    /// caddr
    #[asn1(context_specific = "10", optional = "true")]
    pub client_addresses: Option<Vec<HostAddress>>,
}
