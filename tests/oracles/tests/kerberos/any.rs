//! Any message of ours, within what the other codecs can say.

use der::asn1::{Any, OctetString};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use wsman::auth::kerberos::asn1::*;
use wsman::auth::kerberos::{EncryptionType, Key};

/// Names in ASCII only: `picky-krb` knows no other.
pub fn string() -> impl Strategy<Value = KerberosString> {
    "[a-zA-Z0-9./@_-]{1,20}".prop_map(KerberosString)
}

pub fn bytes() -> impl Strategy<Value = OctetString> {
    vec(any::<u8>(), 0..300).prop_map(|bytes| OctetString::new(bytes).unwrap())
}

pub fn time() -> impl Strategy<Value = KerberosTime> {
    (0u64..4_102_444_800).prop_map(KerberosTime::from_seconds)
}

/// `kerberos_asn1` writes larger numbers as negative ones.
pub fn unsigned() -> impl Strategy<Value = u32> {
    0..=i32::MAX.unsigned_abs()
}

fn long() -> impl Strategy<Value = i64> {
    unsigned().prop_map(i64::from)
}

pub fn microseconds() -> impl Strategy<Value = u32> {
    0u32..1_000_000
}

pub fn bit_flags() -> impl Strategy<Value = KerberosFlags> {
    any::<u32>().prop_map(flags)
}

prop_compose! {
    pub fn name()(name_type in 0..20i32, name_string in vec(string(), 1..4)) -> PrincipalName {
        PrincipalName { name_type, name_string }
    }
}

prop_compose! {
    pub fn encrypted()(etype in any::<i32>(), kvno in option::of(long()), cipher in bytes()) -> EncryptedData {
        EncryptedData { etype, kvno, cipher }
    }
}

pub fn key() -> impl Strategy<Value = EncryptionKey> {
    (any::<bool>(), any::<[u8; 32]>()).prop_map(|(short, bytes)| {
        let etype = if short { EncryptionType::Aes128Sha1 } else { EncryptionType::Aes256Sha2 };
        EncryptionKey::try_from(&Key::new(etype, &bytes[..etype.key_length()]).unwrap()).unwrap()
    })
}

prop_compose! {
    pub fn checksum()(checksum_type in any::<i32>(), checksum in bytes()) -> Checksum {
        Checksum { checksum_type, checksum }
    }
}

prop_compose! {
    pub fn pa_data()(data_type in any::<i32>(), value in bytes()) -> PaData {
        PaData { data_type, value }
    }
}

prop_compose! {
    pub fn address()(address_type in any::<i32>(), address in bytes()) -> HostAddress {
        HostAddress { address_type, address }
    }
}

prop_compose! {
    pub fn typed()(data_type in any::<i32>(), value in bytes()) -> TypedValue {
        TypedValue { data_type, value }
    }
}

prop_compose! {
    pub fn ticket()(realm in string(), server in name(), encrypted in encrypted()) -> Ticket {
        Ticket { version: 5, realm, server, encrypted }
    }
}

pub fn raw_ticket() -> impl Strategy<Value = Any> {
    ticket().prop_map(|ticket| {
        use der::Decode;
        Any::from_der(&ticket.to_message().unwrap()).unwrap()
    })
}

prop_compose! {
    pub fn enc_ticket_part()(
        flags in bit_flags(),
        key in key(),
        names in (string(), name()),
        transited in (any::<i32>(), bytes()),
        times in (time(), option::of(time()), time(), option::of(time())),
        client_addresses in option::of(vec(address(), 1..3)),
        authorization_data in option::of(vec(typed(), 1..3)),
    ) -> EncTicketPart {
        EncTicketPart {
            flags,
            key,
            client_realm: names.0,
            client: names.1,
            transited: TransitedEncoding { encoding_type: transited.0, contents: transited.1 },
            auth_time: times.0,
            start_time: times.1,
            end_time: times.2,
            renew_till: times.3,
            client_addresses,
            authorization_data,
        }
    }
}

prop_compose! {
    pub fn kdc_req(message_type: i32)(
        pa_data in option::of(vec(pa_data(), 1..4)),
        options in bit_flags(),
        names in (option::of(name()), string(), option::of(name())),
        times in (option::of(time()), time(), option::of(time())),
        nonce in unsigned(),
        etypes in vec(any::<i32>(), 1..6),
        addresses in option::of(vec(address(), 1..3)),
        authorization_data in option::of(encrypted()),
        additional_tickets in option::of(vec(raw_ticket(), 1..3)),
    ) -> KdcReq {
        KdcReq {
            version: 5,
            message_type,
            pa_data,
            body: KdcReqBody {
                options,
                client: names.0,
                realm: names.1,
                server: names.2,
                from: times.0,
                till: times.1,
                renew_till: times.2,
                nonce,
                etypes,
                addresses,
                authorization_data,
                additional_tickets,
            },
        }
    }
}

prop_compose! {
    pub fn kdc_rep(message_type: i32)(
        pa_data in option::of(vec(pa_data(), 1..4)),
        client_realm in string(),
        client in name(),
        ticket in raw_ticket(),
        encrypted in encrypted(),
    ) -> KdcRep {
        KdcRep { version: 5, message_type, pa_data, client_realm, client, ticket, encrypted }
    }
}

prop_compose! {
    pub fn enc_kdc_rep_part()(
        key in key(),
        last_req in vec((any::<i32>(), time()), 0..3),
        nonce in long(),
        flags in bit_flags(),
        times in (option::of(time()), time(), option::of(time()), time(), option::of(time())),
        names in (string(), name()),
        client_addresses in option::of(vec(address(), 1..3)),
        encrypted_pa_data in option::of(vec(pa_data(), 1..3)),
    ) -> EncKdcRepPart {
        let last_req = last_req.into_iter().map(|(entry_type, value)| LastReqEntry { entry_type, value });
        EncKdcRepPart {
            key,
            last_req: last_req.collect(),
            nonce,
            key_expiration: times.0,
            flags,
            auth_time: times.1,
            start_time: times.2,
            end_time: times.3,
            renew_till: times.4,
            server_realm: names.0,
            server: names.1,
            client_addresses,
            encrypted_pa_data,
        }
    }
}

prop_compose! {
    pub fn ap_req()(options in bit_flags(), ticket in raw_ticket(), authenticator in encrypted()) -> ApReq {
        ApReq { version: 5, message_type: 14, options, ticket, authenticator }
    }
}

prop_compose! {
    pub fn authenticator()(
        names in (string(), name()),
        checksum in option::of(checksum()),
        microseconds in microseconds(),
        time in time(),
        subkey in option::of(key()),
        sequence_number in option::of(long()),
        authorization_data in option::of(vec(typed(), 1..3)),
    ) -> Authenticator {
        Authenticator {
            version: 5,
            client_realm: names.0,
            client: names.1,
            checksum,
            microseconds,
            time,
            subkey,
            sequence_number,
            authorization_data,
        }
    }
}

prop_compose! {
    pub fn ap_rep()(encrypted in encrypted()) -> ApRep {
        ApRep { version: 5, message_type: 15, encrypted }
    }
}

prop_compose! {
    /// Always with a subkey and a number: `kerberos_asn1` cannot do without.
    pub fn enc_ap_rep_part()(
        time in time(),
        microseconds in microseconds(),
        subkey in key(),
        sequence_number in long(),
    ) -> EncApRepPart {
        EncApRepPart { time, microseconds, subkey: Some(subkey), sequence_number: Some(sequence_number) }
    }
}

prop_compose! {
    pub fn krb_error()(
        client_time in option::of(time()),
        client_microseconds in option::of(microseconds()),
        server_time in time(),
        server_microseconds in microseconds(),
        code in any::<i32>(),
        client in (option::of(string()), option::of(name())),
        server in (string(), name()),
        text in option::of(string()),
        data in option::of(bytes()),
    ) -> KrbError {
        KrbError {
            version: 5,
            message_type: 30,
            client_time,
            client_microseconds,
            server_time,
            server_microseconds,
            code,
            client_realm: client.0,
            client: client.1,
            realm: server.0,
            server: server.1,
            text,
            data,
        }
    }
}

prop_compose! {
    pub fn krb_cred()(tickets in vec(raw_ticket(), 1..3), encrypted in encrypted()) -> KrbCred {
        KrbCred { version: 5, message_type: 22, tickets, encrypted }
    }
}

prop_compose! {
    pub fn krb_cred_info()(
        key in key(),
        client in (option::of(string()), option::of(name())),
        flags in option::of(bit_flags()),
        times in (option::of(time()), option::of(time()), option::of(time()), option::of(time())),
        server in (option::of(string()), option::of(name())),
        client_addresses in option::of(vec(address(), 1..3)),
    ) -> KrbCredInfo {
        KrbCredInfo {
            key,
            client_realm: client.0,
            client: client.1,
            flags,
            auth_time: times.0,
            start_time: times.1,
            end_time: times.2,
            renew_till: times.3,
            server_realm: server.0,
            server: server.1,
            client_addresses,
        }
    }
}

prop_compose! {
    pub fn enc_krb_cred_part()(
        ticket_info in vec(krb_cred_info(), 1..3),
        nonce in option::of(long()),
        timestamp in option::of(time()),
        microseconds in option::of(microseconds()),
        sender_address in option::of(address()),
        recipient_address in option::of(address()),
    ) -> EncKrbCredPart {
        EncKrbCredPart { ticket_info, nonce, timestamp, microseconds, sender_address, recipient_address }
    }
}

prop_compose! {
    pub fn pa_enc_ts_enc()(timestamp in time(), microseconds in option::of(microseconds())) -> PaEncTsEnc {
        PaEncTsEnc { timestamp, microseconds }
    }
}

prop_compose! {
    pub fn etype_info2_entry()(
        etype in any::<i32>(),
        salt in option::of(string()),
        parameters in option::of(bytes()),
    ) -> EtypeInfo2Entry {
        EtypeInfo2Entry { etype, salt, parameters }
    }
}
