//! Tickets and the exchanges with a KDC, RFC 4120 5.3 and 5.4.

use der::Sequence;
use der::asn1::{Any, OctetString};

use super::Message;
use super::basic::{
    EncryptedData, EncryptionKey, HostAddress, KerberosFlags, KerberosString, KerberosTime, PaData,
    PrincipalName, TypedValue,
};

/// Ticket, RFC 4120 5.3.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct Ticket {
    /// tkt-vno
    #[asn1(context_specific = "0")]
    pub version: i32,
    /// realm
    #[asn1(context_specific = "1")]
    pub realm: KerberosString,
    /// sname
    #[asn1(context_specific = "2")]
    pub server: PrincipalName,
    /// enc-part
    #[asn1(context_specific = "3")]
    pub encrypted: EncryptedData,
}

impl Message for Ticket {
    const NUMBER: u32 = 1;
    const NAME: &'static str = "Ticket";
}

/// TransitedEncoding, RFC 4120 5.3.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct TransitedEncoding {
    /// tr-type
    #[asn1(context_specific = "0")]
    pub encoding_type: i32,
    /// contents
    #[asn1(context_specific = "1")]
    pub contents: OctetString,
}

/// EncTicketPart, RFC 4120 5.3.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct EncTicketPart {
    /// flags
    #[asn1(context_specific = "0")]
    pub flags: KerberosFlags,
    /// key
    #[asn1(context_specific = "1")]
    pub key: EncryptionKey,
    /// crealm
    #[asn1(context_specific = "2")]
    pub client_realm: KerberosString,
    /// cname
    #[asn1(context_specific = "3")]
    pub client: PrincipalName,
    /// transited
    #[asn1(context_specific = "4")]
    pub transited: TransitedEncoding,
    /// authtime
    #[asn1(context_specific = "5")]
    pub auth_time: KerberosTime,
    /// starttime
    #[asn1(context_specific = "6", optional = "true")]
    pub start_time: Option<KerberosTime>,
    /// endtime
    #[asn1(context_specific = "7")]
    pub end_time: KerberosTime,
    /// renew-till
    #[asn1(context_specific = "8", optional = "true")]
    pub renew_till: Option<KerberosTime>,
    /// caddr
    #[asn1(context_specific = "9", optional = "true")]
    pub client_addresses: Option<Vec<HostAddress>>,
    /// authorization-data
    #[asn1(context_specific = "10", optional = "true")]
    pub authorization_data: Option<Vec<TypedValue>>,
}

impl Message for EncTicketPart {
    const NUMBER: u32 = 3;
    const NAME: &'static str = "EncTicketPart";
}

/// KDC-REQ-BODY, RFC 4120 5.4.1.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct KdcReqBody {
    /// kdc-options
    #[asn1(context_specific = "0")]
    pub options: KerberosFlags,
    /// cname
    #[asn1(context_specific = "1", optional = "true")]
    pub client: Option<PrincipalName>,
    /// realm
    #[asn1(context_specific = "2")]
    pub realm: KerberosString,
    /// sname
    #[asn1(context_specific = "3", optional = "true")]
    pub server: Option<PrincipalName>,
    /// from
    #[asn1(context_specific = "4", optional = "true")]
    pub from: Option<KerberosTime>,
    /// till
    #[asn1(context_specific = "5")]
    pub till: KerberosTime,
    /// rtime
    #[asn1(context_specific = "6", optional = "true")]
    pub renew_till: Option<KerberosTime>,
    /// nonce
    #[asn1(context_specific = "7")]
    pub nonce: u32,
    /// etype, preferred first
    #[asn1(context_specific = "8")]
    pub etypes: Vec<i32>,
    /// addresses
    #[asn1(context_specific = "9", optional = "true")]
    pub addresses: Option<Vec<HostAddress>>,
    /// enc-authorization-data
    #[asn1(context_specific = "10", optional = "true")]
    pub authorization_data: Option<EncryptedData>,
    /// additional-tickets
    #[asn1(context_specific = "11", optional = "true")]
    pub additional_tickets: Option<Vec<Any>>,
}

/// KDC-REQ, RFC 4120 5.4.1: an AS-REQ (`AS = true`) or a TGS-REQ.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct KdcReq {
    /// pvno
    #[asn1(context_specific = "1")]
    pub version: i32,
    /// msg-type: 10 for an AS-REQ, 12 for a TGS-REQ
    #[asn1(context_specific = "2")]
    pub message_type: i32,
    /// padata
    #[asn1(context_specific = "3", optional = "true")]
    pub pa_data: Option<Vec<PaData>>,
    /// req-body
    #[asn1(context_specific = "4")]
    pub body: KdcReqBody,
}

impl KdcReq {
    /// msg-type of an AS-REQ.
    pub const AS: i32 = 10;
    /// msg-type of a TGS-REQ.
    pub const TGS: i32 = 12;

    /// The message under the tag that its type has.
    ///
    /// # Errors
    /// A field that cannot be written.
    pub fn to_request(&self) -> Result<Vec<u8>, crate::auth::kerberos::KerberosError> {
        let mut bytes = self.to_message()?;
        // Both have the same fields; only the tag differs: [APPLICATION 10] is 0x6A, 12 is 0x6C.
        if self.message_type == Self::TGS
            && let Some(first) = bytes.first_mut()
        {
            *first = 0x6C;
        }
        Ok(bytes)
    }
}

impl Message for KdcReq {
    const NUMBER: u32 = 10;
    const NAME: &'static str = "KDC-REQ";
    const ALSO: &'static [u32] = &[12];
}

/// KDC-REP, RFC 4120 5.4.2: an AS-REP or a TGS-REP.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct KdcRep {
    /// pvno
    #[asn1(context_specific = "0")]
    pub version: i32,
    /// msg-type: 11 for an AS-REP, 13 for a TGS-REP
    #[asn1(context_specific = "1")]
    pub message_type: i32,
    /// padata
    #[asn1(context_specific = "2", optional = "true")]
    pub pa_data: Option<Vec<PaData>>,
    /// crealm
    #[asn1(context_specific = "3")]
    pub client_realm: KerberosString,
    /// cname
    #[asn1(context_specific = "4")]
    pub client: PrincipalName,
    /// ticket, as it was sent
    #[asn1(context_specific = "5")]
    pub ticket: Any,
    /// enc-part
    #[asn1(context_specific = "6")]
    pub encrypted: EncryptedData,
}

impl Message for KdcRep {
    const NUMBER: u32 = 11;
    const NAME: &'static str = "KDC-REP";
    const ALSO: &'static [u32] = &[13];
}

/// A member of LastReq, RFC 4120 5.4.2.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct LastReqEntry {
    /// lr-type
    #[asn1(context_specific = "0")]
    pub entry_type: i32,
    /// lr-value
    #[asn1(context_specific = "1")]
    pub value: KerberosTime,
}

/// EncKDCRepPart, RFC 4120 5.4.2, under the tag 25 (AS) or 26 (TGS); some KDCs use 26 for both.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct EncKdcRepPart {
    /// key
    #[asn1(context_specific = "0")]
    pub key: EncryptionKey,
    /// last-req
    #[asn1(context_specific = "1")]
    pub last_req: Vec<LastReqEntry>,
    /// nonce; some write it as a signed number
    #[asn1(context_specific = "2")]
    pub nonce: i64,
    /// key-expiration
    #[asn1(context_specific = "3", optional = "true")]
    pub key_expiration: Option<KerberosTime>,
    /// flags
    #[asn1(context_specific = "4")]
    pub flags: KerberosFlags,
    /// authtime
    #[asn1(context_specific = "5")]
    pub auth_time: KerberosTime,
    /// starttime
    #[asn1(context_specific = "6", optional = "true")]
    pub start_time: Option<KerberosTime>,
    /// endtime
    #[asn1(context_specific = "7")]
    pub end_time: KerberosTime,
    /// renew-till
    #[asn1(context_specific = "8", optional = "true")]
    pub renew_till: Option<KerberosTime>,
    /// srealm
    #[asn1(context_specific = "9")]
    pub server_realm: KerberosString,
    /// sname
    #[asn1(context_specific = "10")]
    pub server: PrincipalName,
    /// caddr
    #[asn1(context_specific = "11", optional = "true")]
    pub client_addresses: Option<Vec<HostAddress>>,
    /// encrypted-pa-data, RFC 6806 11
    #[asn1(context_specific = "12", optional = "true")]
    pub encrypted_pa_data: Option<Vec<PaData>>,
}

impl Message for EncKdcRepPart {
    const NUMBER: u32 = 25;
    const NAME: &'static str = "EncKDCRepPart";
    const ALSO: &'static [u32] = &[26];
}

/// PA-ENC-TS-ENC, RFC 4120 5.2.7.2.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct PaEncTsEnc {
    /// patimestamp
    #[asn1(context_specific = "0")]
    pub timestamp: KerberosTime,
    /// pausec
    #[asn1(context_specific = "1", optional = "true")]
    pub microseconds: Option<u32>,
}

/// ETYPE-INFO2-ENTRY, RFC 4120 5.2.7.5.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
pub struct EtypeInfo2Entry {
    /// etype
    #[asn1(context_specific = "0")]
    pub etype: i32,
    /// salt
    #[asn1(context_specific = "1", optional = "true")]
    pub salt: Option<KerberosString>,
    /// s2kparams
    #[asn1(context_specific = "2", optional = "true")]
    pub parameters: Option<OctetString>,
}
