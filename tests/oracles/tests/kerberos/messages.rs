//! The same fields are the same bytes, in both directions.

use kerberos_asn1::Asn1Object;
use picky_krb::{data_types as picky_types, messages as picky};
use proptest::prelude::*;
use wsman::auth::kerberos::asn1::*;

use crate::any;
use crate::theirs::{self, Theirs};

/// `kerberos_asn1` writes what we write, and reads it as what we meant.
fn same<T: Asn1Object + PartialEq + std::fmt::Debug>(ours: &[u8], theirs: &T) {
    assert_eq!(theirs.build(), ours, "{theirs:?}");
    let (rest, read) = T::parse(ours).unwrap();
    assert!(rest.is_empty());
    assert_eq!(read, *theirs);
}

/// `picky-krb` reads what we write, and writes it again like that.
macro_rules! again {
    ($name:ty, $bytes:expr) => {
        let read: $name = picky_asn1_der::from_bytes($bytes).unwrap();
        prop_assert_eq!(&picky_asn1_der::to_vec(&read).unwrap(), $bytes);
    };
}

/// A message with a type of its own on the other sides.
macro_rules! message {
    ($test:ident, $any:expr, $picky:ty) => {
        proptest! {
            #[test]
            fn $test(message in $any) {
                let bytes = message.to_message().unwrap();
                same(&bytes, &message.theirs());
                prop_assert_eq!(read_back(&message, &message.theirs().build()), message);
                again!($picky, &bytes);
            }
        }
    };
}

fn read_back<M: Message>(_: &M, bytes: &[u8]) -> M {
    M::from_message(bytes).unwrap()
}

message!(ticket, any::ticket(), picky_types::Ticket);
message!(enc_ticket_part, any::enc_ticket_part(), picky_types::EncTicketPart);
message!(enc_as_rep_part, any::enc_kdc_rep_part(), picky::EncAsRepPart);
message!(ap_req, any::ap_req(), picky::ApReq);
message!(authenticator, any::authenticator(), picky_types::Authenticator);
message!(ap_rep, any::ap_rep(), picky::ApRep);
message!(enc_ap_rep_part, any::enc_ap_rep_part(), picky_types::EncApRepPart);
message!(krb_cred, any::krb_cred(), picky::KrbCred);
message!(enc_krb_cred_part, any::enc_krb_cred_part(), picky_types::EncKrbCredPart);

proptest! {
    #[test]
    fn krb_error(message in any::krb_error()) {
        let bytes = message.to_message().unwrap();
        same(&bytes, &message.theirs());
        prop_assert_eq!(KrbError::from_message(&message.theirs().build()).unwrap(), message.clone());
        // `picky-krb` takes cusec for a time, and knows no negative codes.
        let message = KrbError { client_microseconds: None, code: message.code & i32::MAX, ..message };
        again!(picky::KrbError, &message.to_message().unwrap());
    }

    #[test]
    fn as_req(message in any::kdc_req(KdcReq::AS)) {
        let bytes = message.to_request().unwrap();
        same(&bytes, &theirs::as_req(&message));
        prop_assert_eq!(KdcReq::from_message(&bytes).unwrap(), message);
        again!(picky::AsReq, &bytes);
    }

    #[test]
    fn tgs_req(message in any::kdc_req(KdcReq::TGS)) {
        let bytes = message.to_request().unwrap();
        same(&bytes, &theirs::tgs_req(&message));
        prop_assert_eq!(KdcReq::from_message(&bytes).unwrap(), message);
        again!(picky::TgsReq, &bytes);
    }

    #[test]
    fn as_rep(message in any::kdc_rep(11)) {
        let bytes = message.to_message().unwrap();
        same(&bytes, &theirs::as_rep(&message));
        prop_assert_eq!(KdcRep::from_message(&bytes).unwrap(), message);
        again!(picky::AsRep, &bytes);
    }

    /// Replies of the ticket-granting service are only read.
    #[test]
    fn tgs_rep(message in any::kdc_rep(13)) {
        let bytes = theirs::tgs_rep(&message).build();
        prop_assert_eq!(KdcRep::from_message(&bytes).unwrap(), message);
        again!(picky::TgsRep, &bytes);
    }

    #[test]
    fn enc_tgs_rep_part(message in any::enc_kdc_rep_part()) {
        let part: kerberos_asn1::EncKdcRepPart = message.theirs().into();
        let bytes = kerberos_asn1::EncTgsRepPart::from(part).build();
        prop_assert_eq!(EncKdcRepPart::from_message(&bytes).unwrap(), message);
        again!(picky::EncTgsRepPart, &bytes);
    }

    #[test]
    fn pa_enc_ts_enc(value in any::pa_enc_ts_enc()) {
        let bytes = to_der("PA-ENC-TS-ENC", &value).unwrap();
        same(&bytes, &theirs::pa_enc_ts_enc(&value));
        prop_assert_eq!(from_der::<PaEncTsEnc>("PA-ENC-TS-ENC", &bytes).unwrap(), value);
        again!(picky_types::PaEncTsEnc, &bytes);
    }

    #[test]
    fn etype_info2(entries in proptest::collection::vec(any::etype_info2_entry(), 0..4)) {
        let theirs: Vec<_> = entries.iter().map(theirs::etype_info2_entry).collect();
        let bytes = to_der("ETYPE-INFO2", &entries).unwrap();
        same(&bytes, &theirs);
        prop_assert_eq!(from_der::<Vec<EtypeInfo2Entry>>("ETYPE-INFO2", &bytes).unwrap(), entries);
        again!(picky_types::EtypeInfo2, &bytes);
    }

    /// Numbers from 2^31 on are written as negative ones by some, and read as what they mean.
    #[test]
    fn numbers_that_others_write_as_negative(number in any::<u32>()) {
        let theirs = kerberos_asn1::EncApRepPart { seq_number: number, ..Default::default() };
        let read = EncApRepPart::from_message(&theirs.build()).unwrap();
        prop_assert_eq!(read.sequence_number.unwrap() as u32, number);
    }

    /// Names in any script: UTF-8 in GeneralString.
    #[test]
    fn names_in_any_script(text in ".{1,20}") {
        let theirs = kerberos_asn1::PrincipalName { name_type: 1, name_string: vec![text.clone()] };
        let ours = PrincipalName { name_type: 1, name_string: vec![text.as_str().into()] };
        prop_assert_eq!(to_der("PrincipalName", &ours).unwrap(), theirs.build());
        prop_assert_eq!(from_der::<PrincipalName>("PrincipalName", &theirs.build()).unwrap(), ours);
    }
}
