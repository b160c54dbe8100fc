//! What can go wrong with Kerberos: at which step, who is at fault, and what to do.

use std::time::Duration;

use super::asn1::{KerberosTime, KrbError};
use super::{EncryptionType, ServiceTicket};

/// A Kerberos exchange that failed. No variant carries a key or a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KerberosError {
    /// Bytes that are not what they should be.
    #[error("malformed {what}: {why}")]
    Malformed {
        /// Which structure
        what: &'static str,
        /// What is wrong with it
        why: &'static str,
    },
    /// Encrypted with another key, or changed on its way.
    #[error("an encrypted part cannot be read: another key, or changed on its way")]
    Integrity,
    /// An encryption type that is not built in.
    #[error("encryption type {0} is not supported")]
    UnsupportedEncryption(i32),
    /// Neither side has an encryption type that the other one takes.
    #[error("no encryption type in common with {with}; asked for {asked}")]
    NoCommonEncryption {
        /// The KDC, or the service
        with: String,
        /// What was asked for
        asked: String,
    },
    /// An IP address has no SPN.
    #[error("Kerberos knows hosts by name, and `{0}` is an IP address")]
    AddressAsHost(String),
    /// It is not known which realm the account or the service belongs to.
    #[error("the realm of `{0}` is not known")]
    UnknownRealm(String),
    /// No KDC of the realm answers.
    #[error("no KDC of {realm} can be reached: {tried}")]
    Unreachable {
        /// The realm
        realm: String,
        /// Each address with what became of it
        tried: String,
    },
    /// No KDC is known.
    #[error("no KDC of {0} is known: neither configured, nor in krb5.conf, nor in DNS")]
    NoKdc(String),
    /// The account is not in the KDC's database.
    #[error("the KDC of {realm} does not know the account `{principal}`")]
    UnknownClient {
        /// The account
        principal: String,
        /// The realm that was asked
        realm: String,
    },
    /// The SPN is not in the KDC's database.
    #[error("the KDC of {realm} does not know the service `{principal}`")]
    UnknownService {
        /// The SPN
        principal: String,
        /// The realm that was asked
        realm: String,
    },
    /// The password or the key is wrong.
    #[error("wrong password or key for `{0}`")]
    WrongPassword(String),
    /// The password is right and too old.
    #[error("the password of `{0}` has expired")]
    PasswordExpired(String),
    /// The account is locked, disabled or expired.
    #[error("the account `{account}` is {why}")]
    Revoked {
        /// The account
        account: String,
        /// What the KDC says of it
        why: &'static str,
    },
    /// The KDC wants a proof that is not built in, such as FAST or a smart card.
    #[error(
        "the KDC of {realm} does not take an encrypted time stamp as proof; it offers pre-authentication types {offered}"
    )]
    NoCommonPreauthentication {
        /// The realm
        realm: String,
        /// Numbers of RFC 4120 7.5.2
        offered: String,
    },
    /// The clocks differ too much.
    #[error("the clocks differ too much: here it is {here}, {there_name} says {there}")]
    Skew {
        /// Our time, RFC 3339
        here: String,
        /// Whose clock it is
        there_name: &'static str,
        /// Its time, RFC 3339
        there: String,
    },
    /// The service takes a ticket for not valid yet, or for expired, that by the KDC's clock is neither.
    #[error(
        "the clocks of KDC and service differ too much: the ticket for `{service}` is valid from {from} to {until}, and the service says {there}"
    )]
    TicketClock {
        /// The service
        service: String,
        /// When the ticket begins, RFC 3339
        from: String,
        /// When it ends, RFC 3339
        until: String,
        /// The service's time, RFC 3339
        there: String,
    },
    /// The service cannot read the ticket: its key is another than the KDC thinks.
    #[error(
        "the service cannot decrypt the ticket for `{0}`: the SPN belongs to another account, or its key is out of date"
    )]
    WrongServiceKey(String),
    /// A ticket outside its time.
    #[error("the ticket for `{0}` is not valid at this time")]
    TicketTime(String),
    /// The account's tickets may not be given away.
    #[error("the tickets of `{0}` are not forwardable: they cannot be delegated")]
    NotForwardable(String),
    /// A message that was seen before.
    #[error("the message was seen before")]
    Replay,
    /// The channel binding is absent or that of another TLS connection.
    #[error("the channel binding is absent or belongs to another TLS connection")]
    BadChannelBinding,
    /// The peer's answer belongs to another request.
    #[error("the answer does not belong to the request: {0}")]
    Mismatch(&'static str),
    /// Referrals that come to no end.
    #[error("the KDCs refer to one another without end, last to {0}")]
    TooManyReferrals(String),
    /// Another error of the KDC or of the service.
    #[error("Kerberos error {code} ({name}){}", .text.as_deref().map(|text| format!(": {text}")).unwrap_or_default())]
    Peer {
        /// RFC 4120 7.5.9
        code: i32,
        /// Its name there
        name: &'static str,
        /// e-text, cleaned and shortened
        text: Option<String>,
    },
    /// A keytab without a key for the name.
    #[error("the keytab has no key for `{principal}`{}", .etype.map(|etype| format!(" of type {etype}")).unwrap_or_default())]
    NoKey {
        /// Who was looked for
        principal: String,
        /// Of which type
        etype: Option<EncryptionType>,
    },
    /// A ticket cache without a usable ticket.
    #[error("the ticket cache has no valid ticket: {0}")]
    NoTicket(String),
    /// A ticket cache of a kind that is not a file.
    #[error("ticket caches of type `{0}` cannot be read; write one with `kinit -c FILE:...`")]
    CacheType(String),
    /// A keytab of a kind that is not a file.
    #[error("keytabs of type `{0}` cannot be read; name a file")]
    KeytabType(String),
    /// A line of `krb5.conf` that cannot be read.
    #[error("line {line} of {file}: {why}")]
    Configuration {
        /// The file
        file: String,
        /// Counted from 1
        line: usize,
        /// What is wrong with it
        why: &'static str,
    },
    /// A file that cannot be read.
    #[error("{file} cannot be read: {reason}")]
    File {
        /// Its name
        file: String,
        /// What the system says
        reason: String,
    },
    /// The credentials are of a kind that Kerberos cannot use.
    #[error("{0}")]
    Caller(&'static str),
}

impl KerberosError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::AddressAsHost(_) => "use the server's full DNS name, or give the SPN",
            Self::UnknownRealm(_) => "write the account as user@REALM, or configure the realm",
            Self::Unreachable { .. } | Self::NoKdc(_) => {
                "configure realm and KDC (host or host:port), or check DNS, firewall and port 88"
            }
            Self::UnknownClient { .. } => "check account and realm; the realm is usually written in capitals",
            Self::UnknownService { .. } => {
                "use the name that the server's SPN is registered for (setspn -Q HTTP/host), or configure the SPN"
            }
            Self::WrongPassword(_) => "check the password, or make the keytab again",
            Self::PasswordExpired(_) => "change the password",
            Self::Revoked { .. } => "unlock or enable the account",
            Self::Skew { .. } => {
                "set the clock of this machine, or of the other one, by NTP; Kerberos allows five minutes"
            }
            Self::TicketClock { .. } => {
                "set the clocks of KDC and server by NTP; Kerberos allows five minutes"
            }
            Self::WrongServiceKey(_) => {
                "check which account holds the SPN (setspn -Q), or configure another SPN such as WSMAN/host or HTTP/host:5985"
            }
            Self::TicketTime(_) | Self::NoTicket(_) => "run kinit again",
            Self::NoCommonEncryption { .. } | Self::UnsupportedEncryption(_) => {
                "let the account have AES keys (msDS-SupportedEncryptionTypes, and change its password once)"
            }
            Self::NotForwardable(_) => "let the account be delegated, or run kinit -f",
            Self::BadChannelBinding => "something between here and the server ends TLS",
            Self::CacheType(_) => "set KRB5CCNAME to the file, or name it in the configuration",
            Self::Configuration { .. } => "mend the file, or name another one with KRB5_CONFIG",
            Self::NoKey { .. } => "make the keytab for this name (ktpass, ktutil)",
            _ => return None,
        })
    }

    /// The hint as the end of a sentence.
    pub(crate) fn cure(&self) -> String {
        self.hint().map(|hint| format!(": {hint}")).unwrap_or_default()
    }

    /// What a service answered to an AP-REQ, RFC 4120 3.2.
    pub(crate) fn of_service(error: &KrbError, ticket: &ServiceTicket, now: Duration) -> Self {
        let service = ticket.server.to_string();
        let text = |seconds| KerberosTime::from_seconds(seconds).0.to_date_time().to_string();
        let at = error.server_time.seconds();
        let (here, there) = (text(now.as_secs()), text(at));
        let is_new = at < ticket.start_time;
        let is_old = at > ticket.end_time && now.as_secs() < ticket.end_time;
        match error.code {
            // KRB_AP_ERR_BAD_INTEGRITY, KRB_AP_ERR_NOKEY, KRB_AP_ERR_NOT_US, KRB_AP_ERR_BADKEYVER, KRB_AP_ERR_MODIFIED
            31 | 35 | 41 | 44 | 45 => Self::WrongServiceKey(service),
            // KRB_AP_ERR_TKT_EXPIRED, KRB_AP_ERR_TKT_NYV
            32 | 33 if is_new || is_old => Self::TicketClock {
                service,
                from: text(ticket.start_time),
                until: text(ticket.end_time),
                there,
            },
            32 | 33 => Self::TicketTime(service),
            34 => Self::Replay,
            37 => Self::Skew { here, there_name: "the service", there },
            code => Self::peer(code, error.text.as_ref().map(|text| text.0.as_str())),
        }
    }

    /// An error that only has its number and name.
    pub(crate) fn peer(code: i32, text: Option<&str>) -> Self {
        let plain = |text: &str| -> String {
            text.chars().filter(|c| !c.is_control()).take(200).collect::<String>().trim().to_owned()
        };
        Self::Peer { code, name: name(code), text: text.map(plain).filter(|text| !text.is_empty()) }
    }

    /// A malformed structure.
    pub(crate) fn malformed(what: &'static str, why: &'static str) -> Self {
        Self::Malformed { what, why }
    }
}

/// Names of RFC 4120 7.5.9.
fn name(code: i32) -> &'static str {
    match code {
        1 => "KDC_ERR_NAME_EXP",
        2 => "KDC_ERR_SERVICE_EXP",
        3 => "KDC_ERR_BAD_PVNO",
        6 => "KDC_ERR_C_PRINCIPAL_UNKNOWN",
        7 => "KDC_ERR_S_PRINCIPAL_UNKNOWN",
        8 => "KDC_ERR_PRINCIPAL_NOT_UNIQUE",
        9 => "KDC_ERR_NULL_KEY",
        10 => "KDC_ERR_CANNOT_POSTDATE",
        11 => "KDC_ERR_NEVER_VALID",
        12 => "KDC_ERR_POLICY",
        13 => "KDC_ERR_BADOPTION",
        14 => "KDC_ERR_ETYPE_NOSUPP",
        15 => "KDC_ERR_SUMTYPE_NOSUPP",
        16 => "KDC_ERR_PADATA_TYPE_NOSUPP",
        18 => "KDC_ERR_CLIENT_REVOKED",
        19 => "KDC_ERR_SERVICE_REVOKED",
        20 => "KDC_ERR_TGT_REVOKED",
        21 => "KDC_ERR_CLIENT_NOTYET",
        22 => "KDC_ERR_SERVICE_NOTYET",
        23 => "KDC_ERR_KEY_EXPIRED",
        24 => "KDC_ERR_PREAUTH_FAILED",
        25 => "KDC_ERR_PREAUTH_REQUIRED",
        26 => "KDC_ERR_SERVER_NOMATCH",
        27 => "KDC_ERR_MUST_USE_USER2USER",
        28 => "KDC_ERR_PATH_NOT_ACCEPTED",
        29 => "KDC_ERR_SVC_UNAVAILABLE",
        31 => "KRB_AP_ERR_BAD_INTEGRITY",
        32 => "KRB_AP_ERR_TKT_EXPIRED",
        33 => "KRB_AP_ERR_TKT_NYV",
        34 => "KRB_AP_ERR_REPEAT",
        35 => "KRB_AP_ERR_NOT_US",
        36 => "KRB_AP_ERR_BADMATCH",
        37 => "KRB_AP_ERR_SKEW",
        38 => "KRB_AP_ERR_BADADDR",
        39 => "KRB_AP_ERR_BADVERSION",
        40 => "KRB_AP_ERR_MSG_TYPE",
        41 => "KRB_AP_ERR_MODIFIED",
        42 => "KRB_AP_ERR_BADORDER",
        44 => "KRB_AP_ERR_BADKEYVER",
        45 => "KRB_AP_ERR_NOKEY",
        46 => "KRB_AP_ERR_MUT_FAIL",
        47 => "KRB_AP_ERR_BADDIRECTION",
        48 => "KRB_AP_ERR_METHOD",
        49 => "KRB_AP_ERR_BADSEQ",
        50 => "KRB_AP_ERR_INAPP_CKSUM",
        51 => "KRB_AP_PATH_NOT_ACCEPTED",
        52 => "KRB_ERR_RESPONSE_TOO_BIG",
        60 => "KRB_ERR_GENERIC",
        61 => "KRB_ERR_FIELD_TOOLONG",
        68 => "KDC_ERR_WRONG_REALM",
        _ => "unknown",
    }
}
