//! From a KRB-ERROR to what it means for whoever asked.

use der::Sequence;
use der::asn1::OctetString;

use super::super::asn1::{KerberosTime, KrbError, PaData, from_der};
use super::super::{EncryptionType, KerberosError, Principal};
use super::{ErrorCode, Now, padata};

/// KERB-ERROR-DATA, `[MS-KILE] 2.2.1`.
#[derive(Sequence)]
#[asn1(tag_mode = "EXPLICIT")]
struct KerbErrorData {
    #[asn1(context_specific = "1")]
    data_type: i32,
    #[asn1(context_specific = "2", optional = "true")]
    value: Option<OctetString>,
}

/// KERB_ERR_TYPE_EXTENDED, `[MS-KILE] 2.2.1`.
const EXTENDED: i32 = 3;

impl KrbError {
    pub(super) fn error_code(&self) -> ErrorCode {
        ErrorCode(self.code)
    }

    /// METHOD-DATA, where e-data is that (RFC 4120 5.9.1).
    pub(super) fn method_data(&self) -> Vec<PaData> {
        let data = self.data.as_ref().map(OctetString::as_bytes).unwrap_or_default();
        from_der("METHOD-DATA", data).unwrap_or_default()
    }

    /// The NTSTATUS that Active Directory adds: KERB-EXT-ERROR, `[MS-KILE] 2.2.2`.
    pub(super) fn status(&self) -> Option<u32> {
        let data = self.data.as_ref()?.as_bytes();
        let extended = from_der::<KerbErrorData>("KERB-ERROR-DATA", data).ok();
        let extended = extended.filter(|data| data.data_type == EXTENDED).and_then(|data| data.value);
        let listed = || find(&self.method_data(), padata::PW_SALT).cloned();
        let value = extended.or_else(listed)?;
        // status, reserved, flags: four bytes each.
        let status = value.as_bytes().first_chunk::<4>().filter(|_| value.as_bytes().len() == 12)?;
        Some(u32::from_le_bytes(*status)).filter(|status| *status != 0)
    }

    /// e-text for people: without control characters, and not long.
    fn shown_text(&self) -> Option<String> {
        let text = &self.text.as_ref()?.0;
        let clean: String = text.chars().filter(|letter| !letter.is_control()).take(200).collect();
        (!clean.is_empty()).then_some(clean)
    }

    /// What both exchanges say in the same words.
    pub(super) fn refusal(&self, client: &Principal, asked: &[EncryptionType]) -> KerberosError {
        let account = || client.to_string();
        match self.error_code() {
            ErrorCode::CLIENT_UNKNOWN => {
                KerberosError::UnknownClient { principal: account(), realm: self.realm.0.clone() }
            }
            ErrorCode::SERVICE_UNKNOWN | ErrorCode::SERVER_NO_MATCH => KerberosError::UnknownService {
                principal: self.server.in_realm(&self.realm).to_string(),
                realm: self.realm.0.clone(),
            },
            ErrorCode::PREAUTH_FAILED | ErrorCode::BAD_INTEGRITY => KerberosError::WrongPassword(account()),
            ErrorCode::KEY_EXPIRED => KerberosError::PasswordExpired(account()),
            ErrorCode::NAME_EXPIRED => KerberosError::Revoked { account: account(), why: "expired" },
            ErrorCode::CLIENT_NOT_YET => KerberosError::Revoked { account: account(), why: "not valid yet" },
            ErrorCode::CLIENT_REVOKED => {
                KerberosError::Revoked { account: account(), why: revoked(self.status()) }
            }
            ErrorCode::ETYPE_NOT_SUPPORTED => KerberosError::NoCommonEncryption {
                with: format!("the KDC of {}", self.realm.0),
                asked: names(asked),
            },
            ErrorCode::TICKET_EXPIRED => KerberosError::TicketTime(account()),
            code => KerberosError::Peer { code: code.0, name: code.name(), text: self.shown_text() },
        }
    }

    pub(super) fn skew(&self, now: Now) -> KerberosError {
        KerberosError::Skew {
            here: shown_time(now.seconds),
            there_name: "the KDC",
            there: shown_time(self.server_time.seconds()),
        }
    }

    /// By how many seconds its clock is ahead of ours.
    pub(super) fn offset(&self, now: Now) -> i64 {
        difference(self.server_time.seconds(), now.seconds)
    }
}

/// `[MS-ERREF] 2.3.1`.
fn revoked(status: Option<u32>) -> &'static str {
    match status {
        Some(0xC000_0072) => "disabled",
        Some(0xC000_0234) => "locked out",
        Some(0xC000_0193) => "expired",
        Some(0xC000_006F) => "not allowed to sign in at this hour",
        Some(0xC000_0070) => "not allowed to sign in from this host",
        _ => "locked, disabled or expired",
    }
}

pub(super) fn find(list: &[PaData], kind: i32) -> Option<&OctetString> {
    list.iter().find(|one| one.data_type == kind).map(|one| &one.value)
}

pub(super) fn names(etypes: &[EncryptionType]) -> String {
    etypes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

pub(super) fn difference(there: u64, here: u64) -> i64 {
    let signed = |seconds| i64::try_from(seconds).unwrap_or(i64::MAX);
    signed(there).saturating_sub(signed(here))
}

/// RFC 3339.
fn shown_time(seconds: u64) -> String {
    KerberosTime::from_seconds(seconds).0.to_date_time().to_string()
}
