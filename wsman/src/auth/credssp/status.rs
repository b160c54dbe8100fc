//! errorCode, `[MS-CSSP] 2.2.1`: an NTSTATUS, `[MS-ERREF] 2.3`, or an HRESULT of a security package, `[MS-ERREF] 2.1`.

use std::fmt;

use crate::auth::AuthError;
use crate::auth::kerberos::KerberosError;

/// A status by which a server says why it refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NtStatus(pub u32);

/// Number, name, what it means and what helps.
const KNOWN: [(u32, &str, &str); 33] = [
    (0xC000_0022, "STATUS_ACCESS_DENIED", "the account may not sign in at this server"),
    (0xC000_005E, "STATUS_NO_LOGON_SERVERS", "the server reaches no domain controller"),
    (0xC000_0064, "STATUS_NO_SUCH_USER", "there is no such account"),
    (0xC000_006A, "STATUS_WRONG_PASSWORD", "the password is wrong"),
    (0xC000_006D, "STATUS_LOGON_FAILURE", "the user name or the password is wrong"),
    (0xC000_006E, "STATUS_ACCOUNT_RESTRICTION", "the account is restricted: an empty password, or a policy"),
    (0xC000_006F, "STATUS_INVALID_LOGON_HOURS", "the account may not sign in at this time"),
    (0xC000_0070, "STATUS_INVALID_WORKSTATION", "the account may not sign in from this machine"),
    (0xC000_0071, "STATUS_PASSWORD_EXPIRED", "the password has expired: set a new one"),
    (0xC000_0072, "STATUS_ACCOUNT_DISABLED", "the account is disabled"),
    (0xC000_009A, "STATUS_INSUFFICIENT_RESOURCES", "the server lacks resources"),
    (
        0xC000_00BB,
        "STATUS_NOT_SUPPORTED",
        "the server does not support this sign-in; the account may be a protected user, for whom NTLM and delegation are off",
    ),
    (0xC000_00DC, "STATUS_INVALID_SERVER_STATE", "the server's security authority is not ready"),
    (0xC000_00E5, "STATUS_INTERNAL_ERROR", "an error inside the server"),
    (0xC000_0133, "STATUS_TIME_DIFFERENCE_AT_DC", "the clocks differ too much"),
    (
        0xC000_015B,
        "STATUS_LOGON_TYPE_NOT_GRANTED",
        "the account lacks the right to sign in over the network at this server",
    ),
    (0xC000_018C, "STATUS_TRUSTED_DOMAIN_FAILURE", "the trust between the domains is broken"),
    (0xC000_018D, "STATUS_TRUSTED_RELATIONSHIP_FAILURE", "the server's trust in its domain is broken"),
    (
        0xC000_0192,
        "STATUS_NETLOGON_NOT_STARTED",
        "the server is not ready to sign anybody in: its Netlogon service is not running",
    ),
    (0xC000_0193, "STATUS_ACCOUNT_EXPIRED", "the account has expired"),
    (0xC000_0224, "STATUS_PASSWORD_MUST_CHANGE", "the password must be changed before the first sign-in"),
    (0xC000_0234, "STATUS_ACCOUNT_LOCKED_OUT", "the account is locked after too many wrong passwords"),
    (
        0xC000_0388,
        "STATUS_DOWNGRADE_DETECTED",
        "the server saw an attempt to weaken the sign-in, or reaches no domain controller",
    ),
    (
        0xC000_0413,
        "STATUS_AUTHENTICATION_FIREWALL_FAILED",
        "the account's domain may not sign in at this server (selective authentication)",
    ),
    (0x8009_0302, "SEC_E_UNSUPPORTED_FUNCTION", "the server's CredSSP does not take this sign-in"),
    (0x8009_0304, "SEC_E_INTERNAL_ERROR", "an error inside the server"),
    (
        0x8009_0305,
        "SEC_E_SECPKG_NOT_FOUND",
        "the server lacks the security package: CredSSP or the mechanism inside is off there",
    ),
    (0x8009_0308, "SEC_E_INVALID_TOKEN", "the server could not read a token"),
    (0x8009_030C, "SEC_E_LOGON_DENIED", "the user name or the password is wrong"),
    (0x8009_030E, "SEC_E_NO_CREDENTIALS", "the server found no credentials"),
    (
        0x8009_0322,
        "SEC_E_WRONG_PRINCIPAL",
        "the ticket is for another account than the service runs as: check the SPN",
    ),
    (0x8009_0324, "SEC_E_TIME_SKEW", "the clocks differ too much"),
    (0x8009_0346, "SEC_E_BAD_BINDINGS", "the sign-in belongs to another TLS connection"),
];

impl NtStatus {
    /// STATUS_LOGON_FAILURE.
    pub const LOGON_FAILURE: Self = Self(0xC000_006D);
    /// SEC_E_INVALID_TOKEN.
    pub const INVALID_TOKEN: Self = Self(0x8009_0308);
    /// SEC_E_BAD_BINDINGS.
    pub const BAD_BINDINGS: Self = Self(0x8009_0346);

    /// Its name, where it is known.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        self.known().map(|(_, name, _)| *name)
    }

    fn known(self) -> Option<&'static (u32, &'static str, &'static str)> {
        KNOWN.iter().find(|(number, ..)| *number == self.0)
    }

    /// What an acceptor says to its peer.
    #[must_use]
    pub fn of(error: &AuthError) -> Self {
        match error {
            AuthError::NtStatus(status) => *status,
            AuthError::LogonFailed | AuthError::Rejected => Self::LOGON_FAILURE,
            AuthError::Kerberos(KerberosError::Skew { .. } | KerberosError::TicketClock { .. }) => {
                Self(0x8009_0324)
            }
            AuthError::Kerberos(KerberosError::WrongServiceKey(_)) => Self(0x8009_0322),
            AuthError::BadChannelBinding | AuthError::BadPublicKey => Self::BAD_BINDINGS,
            AuthError::TooWeak(_) | AuthError::NoCommonMechanism { .. } => Self(0x8009_0302),
            _ => Self::INVALID_TOKEN,
        }
    }
}

impl fmt::Display for NtStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some((number, name, meaning)) => write!(f, "{meaning} ({name}, 0x{number:08X})"),
            None => write!(f, "status 0x{:08X}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_told_in_words() {
        let locked = NtStatus(0xC000_0234).to_string();
        assert_eq!(
            locked,
            "the account is locked after too many wrong passwords (STATUS_ACCOUNT_LOCKED_OUT, 0xC0000234)"
        );
        assert_eq!(NtStatus(0xC000_1234).to_string(), "status 0xC0001234");
    }

    #[test]
    fn no_status_is_listed_twice() {
        for (at, (number, ..)) in KNOWN.iter().enumerate() {
            assert!(KNOWN[at + 1..].iter().all(|(other, ..)| other != number), "0x{number:08X}");
        }
    }
}
