//! Rules that look at several keys at once.

use super::connection::{Authentication, Connection, Danger, Kerberos, Tls};
use super::endpoint::Endpoint;
use super::fields::{Fields, Sited};

/// The first character that a connection's name may not have: the name becomes part of file names.
pub(super) fn bad_name_character(name: &str) -> Option<char> {
    let forbidden = |c: char| c.is_control() || c.is_whitespace() || "<>:\"/\\|?*".contains(c);
    name.chars().find(|&c| forbidden(c)).or_else(|| name.starts_with('.').then_some('.'))
}

/// Sign-in, endpoint and credentials must go together.
#[allow(clippy::too_many_arguments)]
pub(super) fn sign_in(
    f: &mut Fields<'_>,
    authentication: &Sited<Authentication>,
    endpoint: &Sited<Endpoint>,
    danger: Danger,
    has_username: bool,
    has_password: bool,
    kerberos: &Kerberos,
    tls: &Tls,
) {
    let at = authentication.at;
    let has_tickets = kerberos.keytab.is_some() || kerberos.ticket_cache.is_some();
    match authentication.value {
        Authentication::Kerberos if endpoint.value.is_ip_address() => f.wrong(
            "server",
            endpoint.at,
            format!("`{}`: Kerberos needs the server's name, not an IP address", endpoint.value),
            Some("the service principal is made of the name; write the name that the server has in the directory"),
        ),
        Authentication::Basic if !endpoint.value.is_tls() && !danger.basic_over_http => f.wrong(
            "authentication",
            at,
            "basic over http sends the password in clear",
            Some("use https, or another authentication; danger_basic_over_http = true does it all the same"),
        ),
        Authentication::Certificate if !endpoint.value.is_tls() => {
            f.wrong("authentication", at, "certificate needs https", None);
        }
        Authentication::Certificate if tls.client_certificate.is_none() || tls.client_key.is_none() => {
            f.missing("tls.client_certificate", "tls.client_certificate and tls.client_key name the files");
        }
        _ => {}
    }
    let with_password = match authentication.value {
        Authentication::Certificate => false,
        Authentication::Kerberos | Authentication::Negotiate => !has_tickets,
        Authentication::Basic | Authentication::Ntlm | Authentication::CredSsp => true,
    };
    if with_password && !has_username {
        f.missing("username", "username = \"svc-idm@CONTOSO.COM\"");
    }
    if with_password && !has_password {
        f.missing("password", "password = \"env:MAILWRIGHT_PASSWORD\"");
    }
}

/// Why a connection that is valid cannot be used, or not for this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// The mechanism is known and read, but not built in
    #[error("authentication = \"{0}\" is not built in yet")]
    NotYet(&'static str),
    /// A new password cannot reach the domain controller from the ordinary endpoint
    #[error(
        "the flow carries passwords, and over an ordinary endpoint (/wsman) Exchange would have to sign in at a domain \
         controller on behalf of this session (the second hop), which authentication = \"{0}\" does not allow"
    )]
    SecondHop(&'static str),
}

impl Unusable {
    /// What the reader may do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotYet(_) => "use negotiate, ntlm or (over https) basic",
            Self::SecondHop(_) => "use negotiate or credssp, or Exchange's own endpoint (/PowerShell)",
        }
    }
}

impl Authentication {
    /// The word in the configuration file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Ntlm => "ntlm",
            Self::Negotiate => "negotiate",
            Self::Kerberos => "kerberos",
            Self::CredSsp => "credssp",
            Self::Certificate => "certificate",
        }
    }
}

impl Connection {
    /// Whether this program can sign in this way; to be asked before connecting.
    pub fn check_sign_in(&self) -> Result<(), Unusable> {
        match self.authentication {
            Authentication::Basic
            | Authentication::Ntlm
            | Authentication::Negotiate
            | Authentication::CredSsp => Ok(()),
            Authentication::Kerberos | Authentication::Certificate => {
                Err(Unusable::NotYet(self.authentication.name()))
            }
        }
    }

    /// Whether a flow with `_param_password` may go over this connection.
    pub fn check_password_flow(&self) -> Result<(), Unusable> {
        let enough = matches!(self.authentication, Authentication::Negotiate | Authentication::CredSsp);
        if self.endpoint.is_exchange() || enough {
            Ok(())
        } else {
            Err(Unusable::SecondHop(self.authentication.name()))
        }
    }
}
