//! Our messages field by field as those of `kerberos_asn1`.

use chrono::DateTime;
use der::Encode;
use der::asn1::{Any, OctetString};
use kerberos_asn1::{self as theirs, Asn1Object};
use wsman::auth::kerberos::asn1::*;

/// A message of ours with its counterpart.
pub trait Theirs {
    type Message: Asn1Object + PartialEq + std::fmt::Debug;

    fn theirs(&self) -> Self::Message;
}

fn string(text: &KerberosString) -> String {
    text.0.clone()
}

fn bytes(bytes: &OctetString) -> Vec<u8> {
    bytes.as_bytes().to_vec()
}

fn time(time: &KerberosTime) -> theirs::KerberosTime {
    DateTime::from_timestamp(time.seconds().try_into().unwrap(), 0).unwrap().into()
}

fn bit_flags(flags: &KerberosFlags) -> theirs::KerberosFlags {
    bits(flags).into()
}

fn unsigned(number: &i64) -> u32 {
    (*number).try_into().unwrap()
}

fn micro(number: &u32) -> i32 {
    (*number).try_into().unwrap()
}

fn all<T, U>(list: &[T], each: impl Fn(&T) -> U) -> Vec<U> {
    list.iter().map(each).collect()
}

fn some<T, U>(list: &Option<Vec<T>>, each: impl Fn(&T) -> U) -> Option<Vec<U>> {
    list.as_ref().map(|list| all(list, each))
}

fn name(name: &PrincipalName) -> theirs::PrincipalName {
    theirs::PrincipalName { name_type: name.name_type, name_string: all(&name.name_string, string) }
}

fn encrypted(data: &EncryptedData) -> theirs::EncryptedData {
    theirs::EncryptedData {
        etype: data.etype,
        kvno: data.kvno.as_ref().map(unsigned),
        cipher: bytes(&data.cipher),
    }
}

fn key(key: &EncryptionKey) -> theirs::EncryptionKey {
    theirs::EncryptionKey { keytype: key.key_type, keyvalue: bytes(&key.key_value) }
}

fn checksum(checksum: &Checksum) -> theirs::Checksum {
    theirs::Checksum { cksumtype: checksum.checksum_type, checksum: bytes(&checksum.checksum) }
}

fn pa_data(data: &PaData) -> theirs::PaData {
    theirs::PaData { padata_type: data.data_type, padata_value: bytes(&data.value) }
}

fn address(address: &HostAddress) -> theirs::HostAddress {
    theirs::HostAddress { addr_type: address.address_type, address: bytes(&address.address) }
}

fn typed(value: &TypedValue) -> theirs::AuthorizationDataEntry {
    theirs::AuthorizationDataEntry { ad_type: value.data_type, ad_data: bytes(&value.value) }
}

fn raw_ticket(ticket: &Any) -> theirs::Ticket {
    Ticket::from_message(&ticket.to_der().unwrap()).unwrap().theirs()
}

impl Theirs for Ticket {
    type Message = theirs::Ticket;

    fn theirs(&self) -> theirs::Ticket {
        theirs::Ticket {
            tkt_vno: self.version,
            realm: string(&self.realm),
            sname: name(&self.server),
            enc_part: encrypted(&self.encrypted),
        }
    }
}

impl Theirs for EncTicketPart {
    type Message = theirs::EncTicketPart;

    fn theirs(&self) -> theirs::EncTicketPart {
        theirs::EncTicketPart {
            flags: bit_flags(&self.flags),
            key: key(&self.key),
            crealm: string(&self.client_realm),
            cname: name(&self.client),
            transited: theirs::TransitedEncoding {
                tr_type: self.transited.encoding_type,
                contents: bytes(&self.transited.contents),
            },
            authtime: time(&self.auth_time),
            starttime: self.start_time.as_ref().map(time),
            endtime: time(&self.end_time),
            renew_till: self.renew_till.as_ref().map(time),
            caddr: some(&self.client_addresses, address),
            authorization_data: some(&self.authorization_data, typed),
        }
    }
}

fn body(body: &KdcReqBody) -> theirs::KdcReqBody {
    theirs::KdcReqBody {
        kdc_options: bit_flags(&body.options),
        cname: body.client.as_ref().map(name),
        realm: string(&body.realm),
        sname: body.server.as_ref().map(name),
        from: body.from.as_ref().map(time),
        till: time(&body.till),
        rtime: body.renew_till.as_ref().map(time),
        nonce: body.nonce,
        etypes: body.etypes.clone(),
        addresses: some(&body.addresses, address),
        enc_authorization_data: body.authorization_data.as_ref().map(encrypted),
        additional_tickets: some(&body.additional_tickets, raw_ticket),
    }
}

/// An AS-REQ or a TGS-REQ: the other codec has a type for each.
pub fn as_req(request: &KdcReq) -> theirs::AsReq {
    theirs::AsReq {
        pvno: request.version,
        msg_type: request.message_type,
        padata: some(&request.pa_data, pa_data),
        req_body: body(&request.body),
    }
}

pub fn tgs_req(request: &KdcReq) -> theirs::TgsReq {
    theirs::TgsReq {
        pvno: request.version,
        msg_type: request.message_type,
        padata: some(&request.pa_data, pa_data),
        req_body: body(&request.body),
    }
}

pub fn as_rep(reply: &KdcRep) -> theirs::AsRep {
    theirs::AsRep {
        pvno: reply.version,
        msg_type: reply.message_type,
        padata: some(&reply.pa_data, pa_data),
        crealm: string(&reply.client_realm),
        cname: name(&reply.client),
        ticket: raw_ticket(&reply.ticket),
        enc_part: encrypted(&reply.encrypted),
    }
}

pub fn tgs_rep(reply: &KdcRep) -> theirs::TgsRep {
    theirs::TgsRep {
        pvno: reply.version,
        msg_type: reply.message_type,
        padata: some(&reply.pa_data, pa_data),
        crealm: string(&reply.client_realm),
        cname: name(&reply.client),
        ticket: raw_ticket(&reply.ticket),
        enc_part: encrypted(&reply.encrypted),
    }
}

impl Theirs for EncKdcRepPart {
    type Message = theirs::EncAsRepPart;

    fn theirs(&self) -> theirs::EncAsRepPart {
        theirs::EncAsRepPart {
            key: key(&self.key),
            last_req: all(&self.last_req, |entry| theirs::LastReqEntry {
                lr_type: entry.entry_type,
                lr_value: time(&entry.value),
            }),
            nonce: unsigned(&self.nonce),
            key_expiration: self.key_expiration.as_ref().map(time),
            flags: bit_flags(&self.flags),
            authtime: time(&self.auth_time),
            starttime: self.start_time.as_ref().map(time),
            endtime: time(&self.end_time),
            renew_till: self.renew_till.as_ref().map(time),
            srealm: string(&self.server_realm),
            sname: name(&self.server),
            caddr: some(&self.client_addresses, address),
            encrypted_pa_data: some(&self.encrypted_pa_data, pa_data),
        }
    }
}

impl Theirs for ApReq {
    type Message = theirs::ApReq;

    fn theirs(&self) -> theirs::ApReq {
        theirs::ApReq {
            pvno: self.version,
            msg_type: self.message_type,
            ap_options: bit_flags(&self.options),
            ticket: raw_ticket(&self.ticket),
            authenticator: encrypted(&self.authenticator),
        }
    }
}

impl Theirs for Authenticator {
    type Message = theirs::Authenticator;

    fn theirs(&self) -> theirs::Authenticator {
        theirs::Authenticator {
            authenticator_vno: self.version,
            crealm: string(&self.client_realm),
            cname: name(&self.client),
            cksum: self.checksum.as_ref().map(checksum),
            cusec: micro(&self.microseconds),
            ctime: time(&self.time),
            subkey: self.subkey.as_ref().map(key),
            seq_number: self.sequence_number.as_ref().map(unsigned),
            authorization_data: some(&self.authorization_data, typed),
        }
    }
}

impl Theirs for ApRep {
    type Message = theirs::ApRep;

    fn theirs(&self) -> theirs::ApRep {
        theirs::ApRep {
            pvno: self.version,
            msg_type: self.message_type,
            enc_part: encrypted(&self.encrypted),
        }
    }
}

impl Theirs for EncApRepPart {
    type Message = theirs::EncApRepPart;

    fn theirs(&self) -> theirs::EncApRepPart {
        theirs::EncApRepPart {
            ctime: time(&self.time),
            cusec: micro(&self.microseconds),
            subkey: key(self.subkey.as_ref().unwrap()),
            seq_number: unsigned(self.sequence_number.as_ref().unwrap()),
        }
    }
}

impl Theirs for KrbError {
    type Message = theirs::KrbError;

    fn theirs(&self) -> theirs::KrbError {
        theirs::KrbError {
            pvno: self.version,
            msg_type: self.message_type,
            ctime: self.client_time.as_ref().map(time),
            cusec: self.client_microseconds.as_ref().map(micro),
            stime: time(&self.server_time),
            susec: micro(&self.server_microseconds),
            error_code: self.code,
            crealm: self.client_realm.as_ref().map(string),
            cname: self.client.as_ref().map(name),
            realm: string(&self.realm),
            sname: name(&self.server),
            e_text: self.text.as_ref().map(string),
            e_data: self.data.as_ref().map(bytes),
        }
    }
}

impl Theirs for KrbCred {
    type Message = theirs::KrbCred;

    fn theirs(&self) -> theirs::KrbCred {
        theirs::KrbCred {
            pvno: self.version,
            msg_type: self.message_type,
            tickets: all(&self.tickets, raw_ticket),
            enc_part: encrypted(&self.encrypted),
        }
    }
}

impl Theirs for EncKrbCredPart {
    type Message = theirs::EncKrbCredPart;

    fn theirs(&self) -> theirs::EncKrbCredPart {
        theirs::EncKrbCredPart {
            ticket_info: all(&self.ticket_info, |info| theirs::KrbCredInfo {
                key: key(&info.key),
                prealm: info.client_realm.as_ref().map(string),
                pname: info.client.as_ref().map(name),
                flags: info.flags.as_ref().map(bit_flags),
                authtime: info.auth_time.as_ref().map(time),
                starttime: info.start_time.as_ref().map(time),
                endtime: info.end_time.as_ref().map(time),
                renew_till: info.renew_till.as_ref().map(time),
                srealm: info.server_realm.as_ref().map(string),
                sname: info.server.as_ref().map(name),
                caddr: some(&info.client_addresses, address),
            }),
            nonce: self.nonce.as_ref().map(unsigned),
            timestamp: self.timestamp.as_ref().map(time),
            usec: self.microseconds.as_ref().map(micro),
            s_address: self.sender_address.as_ref().map(address),
            r_address: self.recipient_address.as_ref().map(address),
        }
    }
}

pub fn pa_enc_ts_enc(value: &PaEncTsEnc) -> theirs::PaEncTsEnc {
    theirs::PaEncTsEnc { patimestamp: time(&value.timestamp), pausec: value.microseconds.as_ref().map(micro) }
}

pub fn etype_info2_entry(value: &EtypeInfo2Entry) -> theirs::EtypeInfo2Entry {
    theirs::EtypeInfo2Entry {
        etype: value.etype,
        salt: value.salt.as_ref().map(string),
        s2kparams: value.parameters.as_ref().map(bytes),
    }
}
