//! The cure for an error of the connection.

use wsman::client::Error;

use crate::config::{Authentication, Connection};

/// For a sign-in that came to nothing. `F74`: a refusal has several causes that the server does not tell apart.
pub(super) fn sign_in(connection: &Connection) -> String {
    let mut hint = "check user name and password, that the account is neither locked nor expired, and that it may use remote \
                    PowerShell (Set-User -RemotePowerShellEnabled $true)"
        .to_owned();
    if connection.endpoint.is_tls() {
        hint += "; a device on the way that opens TLS makes every bound sign-in fail: danger_skip_channel_binding";
    }
    hint
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
