//! Rules that look at several keys at once.

use super::cloud::{Cloud, CloudSignIn};
use super::connection::{Authentication, Connection, Danger, Kerberos, Tls};
use super::endpoint::Endpoint;
use super::fields::{Fields, Sited};
use crate::plan::{CreateMethod, UserMaker};

/// The first character that a connection's name may not have: the name becomes part of file names.
pub(super) fn bad_name_character(name: &str) -> Option<char> {
    let forbidden = |c: char| c.is_control() || c.is_whitespace() || "<>:\"/\\|?*".contains(c);
    name.chars().find(|&c| forbidden(c)).or_else(|| name.starts_with('.').then_some('.'))
}

/// Users that are made in Graph need a token for it.
pub(super) fn graph(f: &mut Fields<'_>, cloud: &Cloud, create_method: CreateMethod) {
    let is_without = matches!(cloud.sign_in, CloudSignIn::Token { graph: None, .. });
    let makes = create_method == CreateMethod::New && cloud.maker == UserMaker::Graph;
    if is_without && makes && cloud.licence.is_none() {
        let hint = "create_method = \"new\" makes users in Microsoft Graph, which takes a token of its own; or \
                    create_users = \"exchange\"";
        f.missing("cloud.graph_access_token", hint);
    }
}

/// What belongs to the sign-in.
pub(super) struct Given<'a> {
    pub(super) authentication: &'a Sited<Authentication>,
    pub(super) endpoint: &'a Sited<Endpoint>,
    pub(super) danger: Danger,
    pub(super) has_username: bool,
    pub(super) has_password: bool,
    pub(super) kerberos: &'a Kerberos,
    pub(super) tls: &'a Tls,
}

/// Sign-in, endpoint and credentials must go together.
pub(super) fn sign_in(f: &mut Fields<'_>, given: &Given<'_>) {
    let Given { authentication, endpoint, danger, kerberos, tls, .. } = given;
    let at = authentication.at;
    let is_unverified = danger.skip_tls_verification && tls.server_certificate.is_none();
    let has_tickets = kerberos.keytab.is_some() || kerberos.ticket_cache.is_some();
    match authentication.value {
        Authentication::Kerberos if endpoint.value.is_ip_address() && kerberos.spn.is_none() => f.wrong(
            "server",
            endpoint.at,
            format!("`{}`: Kerberos needs the server's name, not an IP address", endpoint.value),
            Some(
                "the service principal is made of the name; write the name that the server has in the directory, or kerberos.spn",
            ),
        ),
        Authentication::Basic if !endpoint.value.is_tls() && !danger.basic_over_http => f.wrong(
            "authentication",
            at,
            "basic over http sends the password in clear",
            Some("use https, or another authentication; danger_basic_over_http = true does it all the same"),
        ),
        Authentication::Basic | Authentication::CredSsp if endpoint.value.is_tls() && is_unverified => f.wrong(
            "authentication",
            at,
            format!(
                "{} hands the password to the server, and danger_skip_tls_verification lets anybody be the server",
                authentication.value.name()
            ),
            Some("give tls.ca_file, or pin the server with tls.server_certificate"),
        ),
        Authentication::Certificate if !endpoint.value.is_tls() => {
            f.wrong("authentication", at, "certificate needs https", Some("write https:// into `server`, or port = 443 or 5986"));
        }
        Authentication::Certificate if tls.client_certificate.is_none() || tls.client_key.is_none() => f.wrong(
            "authentication",
            at,
            "certificate needs a client certificate and its key",
            Some("tls.client_certificate = \"/etc/mailwright/client.pem\" and tls.client_key = \"/etc/mailwright/client.key\""),
        ),
        _ => {}
    }
    if tls.client_certificate.is_some() != tls.client_key.is_some()
        && authentication.value != Authentication::Certificate
    {
        f.wrong(
            "tls",
            f.at(),
            "client_certificate and client_key go together",
            Some("write both or neither"),
        );
    }
    let with_password = match authentication.value {
        Authentication::Certificate => false,
        Authentication::Kerberos | Authentication::Negotiate => !has_tickets,
        Authentication::Basic | Authentication::Ntlm | Authentication::CredSsp => true,
    };
    if with_password && !given.has_username {
        f.missing("username", "username = \"svc-idm@CONTOSO.COM\"");
    }
    if with_password && !given.has_password {
        f.missing("password", "password = \"env:MAILWRIGHT_PASSWORD\"");
    }
}

/// Why a connection that is valid cannot be used, or not for this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
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
