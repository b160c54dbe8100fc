//! The cure for an error of the connection.

use url::Url;
use wsman::auth::AuthError;
use wsman::client::{Error, RedirectRefused, SignInError};

use crate::config::{Authentication, Connection};

/// For a sign-in that came to nothing. `F74`: a refusal has several causes that the server does not tell apart.
pub(super) fn sign_in(connection: &Connection, error: &SignInError) -> String {
    if let SignInError::Mechanism(AuthError::Kerberos(reason)) = error
        && let Some(hint) = reason.hint()
    {
        return hint.into();
    }
    if connection.authentication == Authentication::Certificate {
        return "map the certificate to an account on the server (New-Item WSMan:\\localhost\\ClientCertificate), with its issuer \
                among the trusted authorities there, switch the sign-in on (winrm set winrm/config/service/auth @{Certificate=\"true\"}), \
                and let the account use remote PowerShell"
            .into();
    }
    let mut hint = "check user name and password, that the account is neither locked nor expired, and that it may use remote \
                    PowerShell (Set-User -RemotePowerShellEnabled $true)"
        .to_owned();
    if connection.endpoint.is_tls() {
        hint += "; a device on the way that opens TLS makes every bound sign-in fail: danger_skip_channel_binding";
    }
    hint
}

/// For a server that answers with something else than a greeting.
pub(super) fn http(error: &Error) -> String {
    let Error::Redirected { location, refused } = error else {
        return "check that the port is that of Exchange or WinRM, and that http and https are not mixed up"
            .into();
    };
    let host = Url::parse(location).ok().and_then(|url| url.host_str().map(str::to_owned));
    match (refused, host) {
        (RedirectRefused::NotAllowed | RedirectRefused::Host, Some(host)) => {
            format!(
                "connect there: server = \"{location}\"; or let it be followed: redirect_hosts = [\"{host}\"]"
            )
        }
        (RedirectRefused::NotHttps, _) => {
            "only https is followed to https; if that is the right place, connect there".into()
        }
        _ => "check that the URL is that of Exchange or WinRM, and not of a portal or a load balancer's page"
            .into(),
    }
}

/// For a shell that was refused after a sign-in that was taken.
pub(super) fn shell(connection: &Connection, error: &Error) -> String {
    match error {
        Error::Fault(fault) if fault.is_quota() => {
            "close sessions that others of this account have open, or wait until they end by themselves".into()
        }
        // F62: nothing a client can do but open another shell.
        Error::Fault(fault) if fault.is_shell_gone() => {
            "the server lost the shell between two connections: where they leave through several addresses (SNAT pool) or \
             reach several servers (load balancer without affinity), connect to one server by its own name"
                .into()
        }
        // F19: an endpoint with a virtual account that refuses Kerberos and takes NTLM.
        Error::Fault(fault) if fault.is_access_denied() && connection.authentication == Authentication::Kerberos => {
            "the account may not use this session configuration (Get-PSSessionConfiguration shows who may); restricted (JEA) \
             endpoints with a virtual account are known to refuse Kerberos where they take NTLM: try authentication = \"ntlm\""
                .into()
        }
        Error::Fault(fault) if fault.is_access_denied() => {
            "the account may not use this session configuration: Set-User -RemotePowerShellEnabled, or \
             Set-PSSessionConfiguration -ShowSecurityDescriptorUI"
                .into()
        }
        Error::Redirected { .. } => http(error),
        Error::Http { status: 404, .. } => {
            format!("there is nothing at {}: check the path", connection.endpoint.url().path())
        }
        _ => format!(
            "check `configuration_name` (now `{}`) against the path {}: /PowerShell is Microsoft.Exchange, /wsman is \
             Microsoft.PowerShell",
            connection.configuration_name,
            connection.endpoint.url().path()
        ),
    }
}
