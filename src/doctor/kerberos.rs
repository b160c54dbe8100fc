//! What the KDC says: whether it knows the service, its clock, the ticket.

use wsman::auth::Secret;
use wsman::auth::kerberos::{EncryptionType, KerberosError, ServiceTicket};
use wsman::client::ConnectionConfig;

use super::judge::{self, SKEW};
use super::way::{Server, Stop};
use super::{Check, names, needs_before};
use crate::config::{Authentication, Connection};

/// Whether Kerberos is tried at all: an IP address has no SPN, and then `negotiate` is NTLM.
pub(super) fn plays_a_part(connection: &Connection) -> bool {
    match connection.authentication {
        Authentication::Kerberos => true,
        Authentication::Negotiate | Authentication::CredSsp => {
            let has_spn = connection.kerberos.spn.is_some() || !connection.endpoint.is_ip_address();
            has_spn || !connection.allow_ntlm
        }
        Authentication::Basic | Authentication::Ntlm | Authentication::Certificate => false,
    }
}

/// Asks for a ticket for the service, as the sign-in will do; it gets the same one.
pub(super) async fn tickets(
    connection: &Connection,
    config: &ConnectionConfig,
    server: &Server,
    checks: &mut Vec<Check>,
) -> Result<(), Stop> {
    if !plays_a_part(connection) {
        checks.push(judge::clock(connection, server.clocks, None));
        return Ok(());
    }
    let spn = config.target_name.clone().unwrap_or_else(|| format!("HTTP/{}", server.host));
    let got = config.kerberos.service_ticket(&config.credentials, &spn).await;
    // A ticket cache is used without asking for the time.
    let is_asked = !matches!(config.credentials.secret, Secret::TicketCache(_))
        && matches!(
            got,
            Ok(_) | Err(KerberosError::UnknownService { .. } | KerberosError::NoCommonEncryption { .. })
        );
    let offset = config.kerberos.clock_offset();
    let ahead = (is_asked || offset != 0).then_some(offset);
    let clock = match &got {
        Err(error @ KerberosError::Skew { .. }) => Check::failed(names::CLOCK, error.to_string(), judge::NTP),
        _ => judge::clock(connection, server.clocks, ahead),
    };
    let clocks_fit = match (server.clocks, ahead) {
        (Some(clocks), Some(ahead)) => (clocks.ahead() - ahead).abs() <= SKEW,
        _ => true,
    };
    let Findings { service, ticket, result } = match got {
        // The service would take the ticket's time for a wrong one.
        Ok(ticket) if !clocks_fit => {
            Findings { result: Err(Stop::Needs(needs_before(names::CLOCK))), ..granted(&ticket) }
        }
        Ok(ticket) => granted(&ticket),
        Err(error) => refused(connection, config, &spn, &error),
    };
    checks.extend([service, clock, ticket]);
    result
}

struct Findings {
    service: Check,
    ticket: Check,
    result: Result<(), Stop>,
}

fn granted(ticket: &ServiceTicket) -> Findings {
    let etype = ticket.key.etype();
    let shown = Check::ok(names::TICKET, format!("encryption {etype}"));
    let shown = match etype {
        EncryptionType::Rc4 => shown
            .warn("RC4 is weak")
            .hint("let the service's account have AES keys (msDS-SupportedEncryptionTypes, and change its password once)"),
        _ => shown,
    };
    Findings { service: known(&ticket.server.to_string()), ticket: shown, result: Ok(()) }
}

fn known(server: &str) -> Check {
    Check::ok(names::SPN, format!("the KDC knows {server}"))
}

/// Whose fault it is that there is no ticket: that of the service's name, of its keys, or of the account.
fn refused(connection: &Connection, config: &ConnectionConfig, spn: &str, error: &KerberosError) -> Findings {
    use KerberosError::*;
    let ntlm_is_possible = connection.authentication != Authentication::Kerberos
        && config.allow_ntlm
        && matches!(config.credentials.secret, Secret::Password(_) | Secret::NtHash(_));
    let unless_ntlm = |name| match ntlm_is_possible {
        true => Ok(()),
        false => Err(Stop::Needs(needs_before(name))),
    };
    let hint = error.hint().unwrap_or("check realm, KDC and the account");
    let failed = |name| Check::failed(name, error.to_string(), hint);
    let open = |name, cause| Check::unknown(name, needs_before(cause));
    match error {
        UnknownService { .. } => Findings {
            service: failed(names::SPN),
            ticket: open(names::TICKET, names::SPN),
            result: unless_ntlm(names::SPN),
        },
        NoCommonEncryption { with, .. } => {
            let is_service = with
                .split('@')
                .next()
                .is_some_and(|name| name.eq_ignore_ascii_case(spn.split('@').next().unwrap_or_default()));
            let service = if is_service { known(with) } else { open(names::SPN, names::TICKET) };
            Findings { service, ticket: failed(names::TICKET), result: unless_ntlm(names::TICKET) }
        }
        Skew { .. } => Findings {
            service: open(names::SPN, names::CLOCK),
            ticket: open(names::TICKET, names::CLOCK),
            result: unless_ntlm(names::CLOCK),
        },
        // The account is let in nowhere: one more try would bring it nearer to being locked.
        WrongPassword(_) | PasswordExpired(_) | Revoked { .. } => Findings {
            service: open(names::SPN, names::SIGN_IN),
            ticket: open(names::TICKET, names::SIGN_IN),
            result: Err(Stop::Judged(Check::failed(names::SIGN_IN, error.to_string(), hint))),
        },
        _ if ntlm_is_possible => Findings {
            service: Check::unknown(names::SPN, format!("{error}; the sign-in is by NTLM")).hint(hint),
            ticket: open(names::TICKET, names::SPN),
            result: Ok(()),
        },
        UnknownClient { .. }
        | NoCommonPreauthentication { .. }
        | NoKey { .. }
        | NoTicket(_)
        | TicketTime(_) => Findings {
            service: open(names::SPN, names::SIGN_IN),
            ticket: open(names::TICKET, names::SIGN_IN),
            result: Err(Stop::Judged(failed(names::SIGN_IN))),
        },
        _ => Findings {
            service: failed(names::SPN),
            ticket: open(names::TICKET, names::SPN),
            result: Err(Stop::Needs(needs_before(names::SPN))),
        },
    }
}
