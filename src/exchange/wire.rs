//! From a connection of the configuration to what the wire is told: files are read and secrets fetched here, now.

use std::path::Path;
use std::sync::Arc;

use secrecy::ExposeSecret as _;
use wsman::auth::kerberos::{CredentialCache, Keytab};
use wsman::auth::{Credentials, Secret, UserName};
use wsman::client::{
    Authentication as Wire, CertificatePin, ClientIdentity, ConnectionConfig, Delegation, Kerberos,
    KerberosSettings, Krb5ConfSource, RedirectPolicy, Timeouts, TlsOptions, Trace,
};

use super::ExchangeError;
use crate::config::{Authentication, Connection, Tls};

/// After how long without a request the server deletes a shell: soon, for those of a client that was killed count against the
/// 18 that an account may have. WinRM takes no less than a minute (`[MS-WSMV] 2.2.4.37`); while a cmdlet runs, a Receive comes at
/// least every minute.
pub(super) const SHELL_IDLE: std::time::Duration = std::time::Duration::from_secs(180);

/// Largest file that is read: keytab, ticket cache, certificates.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// The connection as the wire takes it. Clones of it share their Kerberos tickets.
pub(crate) async fn wire_config(
    connection: &Connection,
    trace: Option<&Trace>,
) -> Result<ConnectionConfig, ExchangeError> {
    let faults = Faults(connection);
    let url = connection.endpoint.url().to_string();
    let mut config = ConnectionConfig::new(url, credentials(connection, faults).await?);
    config.resource_uri =
        format!("http://schemas.microsoft.com/powershell/{}", connection.configuration_name);
    config.authentication = match connection.authentication {
        Authentication::Basic => Wire::Basic,
        Authentication::Ntlm => Wire::Ntlm,
        Authentication::Negotiate => Wire::Negotiate,
        Authentication::Kerberos => Wire::Kerberos,
        Authentication::CredSsp => Wire::CredSsp,
        Authentication::Certificate => Wire::Certificate,
    };
    config.allow_ntlm = connection.allow_ntlm;
    config.target_name.clone_from(&connection.kerberos.spn);
    config.kerberos = kerberos(connection);
    config.tls = tls(&connection.tls, connection.danger.skip_tls_verification, faults)?;
    if let Some(proxy) = &connection.proxy {
        config.proxy = Some(proxy.url.to_string());
        if let (Some(user), Some(password)) = (&proxy.username, &proxy.password) {
            let secrets = &connection.secrets;
            config.proxy_credentials =
                Some(Credentials::new(user, secrets.fetch(password).await?.expose_secret()));
        }
    }
    if !connection.redirect_hosts.is_empty() {
        config.redirects = RedirectPolicy::Hosts(connection.redirect_hosts.clone());
    }
    let timeouts = &connection.timeouts;
    config.timeouts = Timeouts {
        connect: timeouts.connect,
        sign_in: timeouts.sign_in,
        shell_idle: Some(SHELL_IDLE),
        ..Timeouts::default()
    };
    config.danger_basic_over_http = connection.danger.basic_over_http;
    config.danger_skip_channel_binding = connection.danger.skip_channel_binding;
    config.danger_old_credssp = connection.danger.old_credssp;
    config.trace = trace.cloned();
    Ok(config)
}

/// Names the connection and the key in what goes wrong.
#[derive(Clone, Copy)]
struct Faults<'a>(&'a Connection);

impl Faults<'_> {
    fn setting(self, key: &str, value: &str, why: impl std::fmt::Display) -> ExchangeError {
        ExchangeError::Setting {
            connection: self.0.name.clone(),
            message: format!("{key} = \"{value}\": {why}"),
        }
    }

    fn read(self, key: &str, file: &Path) -> Result<Vec<u8>, ExchangeError> {
        let fault = |why: &dyn std::fmt::Display| self.setting(key, &file.display().to_string(), why);
        let length = std::fs::metadata(file).map_err(|error| fault(&error))?.len();
        if length > MAX_FILE {
            return Err(fault(&"the file is too large"));
        }
        std::fs::read(file).map_err(|error| fault(&error))
    }
}

/// Keytab and ticket cache go before a password, which goes to the mechanisms that know no tickets.
async fn credentials(connection: &Connection, faults: Faults<'_>) -> Result<Credentials, ExchangeError> {
    let user = UserName::parse(connection.username.as_deref().unwrap_or_default());
    let kerberos = &connection.kerberos;
    let takes_tickets =
        matches!(connection.authentication, Authentication::Kerberos | Authentication::Negotiate);
    let secret = match (&kerberos.keytab, &kerberos.ticket_cache, &connection.password) {
        _ if connection.authentication == Authentication::Certificate => Secret::None,
        (Some(file), ..) if takes_tickets => {
            let (key, name) = ("kerberos.keytab", file.display().to_string());
            let path = Keytab::file_name(&name).map_err(|error| faults.setting(key, &name, error))?;
            let keytab = Keytab::parse(&faults.read(key, Path::new(path))?);
            Secret::Keytab(Arc::new(keytab.map_err(|error| faults.setting(key, &name, error))?))
        }
        (_, Some(file), _) if takes_tickets => {
            let (key, name) = ("kerberos.ticket_cache", file.display().to_string());
            let path =
                CredentialCache::file_name(&name).map_err(|error| faults.setting(key, &name, error))?;
            let cache = CredentialCache::parse(&faults.read(key, Path::new(path))?);
            Secret::TicketCache(Arc::new(cache.map_err(|error| faults.setting(key, &name, error))?))
        }
        (.., Some(reference)) => Secret::Password(connection.secrets.fetch(reference).await?),
        (.., None) => Secret::None,
    };
    Ok(Credentials { user, secret })
}

fn kerberos(connection: &Connection) -> Kerberos {
    let settings = &connection.kerberos;
    Kerberos::new(KerberosSettings {
        kdc: settings.kdc.clone(),
        realm: settings.realm.clone(),
        service_realm: settings.service_realm.clone(),
        service_kdc: settings.service_kdc.clone(),
        krb5_conf: settings.krb5_conf.clone().map_or_else(Krb5ConfSource::default, Krb5ConfSource::Path),
        delegate: if settings.delegate { Delegation::Always } else { Delegation::Never },
        allow_rc4: settings.allow_rc4,
        ..KerberosSettings::default()
    })
}

fn tls(tls: &Tls, skip_verification: bool, faults: Faults<'_>) -> Result<TlsOptions, ExchangeError> {
    let mut options = TlsOptions { danger_skip_tls_verification: skip_verification, ..TlsOptions::default() };
    if let Some(file) = &tls.ca_file {
        options.ca_pem = Some(faults.read("tls.ca_file", file)?);
    }
    if let Some(pin) = &tls.server_certificate {
        options.pin = Some(server_pin(pin, faults)?);
    }
    if let (Some(certificate), Some(key)) = (&tls.client_certificate, &tls.client_key) {
        let name = certificate.display().to_string();
        let certificate = faults.read("tls.client_certificate", certificate)?;
        let key = faults.read("tls.client_key", key)?;
        let identity = ClientIdentity::from_pem(&certificate, &key);
        let identity = identity.map_err(|error| faults.setting("tls.client_certificate", &name, error))?;
        options.client_identity = Some(identity);
    }
    Ok(options)
}

/// The pin itself, or a file with a certificate, a public key or a pin in it.
fn server_pin(value: &str, faults: Faults<'_>) -> Result<CertificatePin, ExchangeError> {
    let key = "tls.server_certificate";
    if let Ok(pin) = CertificatePin::parse(value) {
        return Ok(pin);
    }
    let text = faults.read(key, Path::new(value))?;
    CertificatePin::parse(&String::from_utf8_lossy(&text)).map_err(|error| faults.setting(key, value, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    async fn wired(keys: &str) -> Result<ConnectionConfig, ExchangeError> {
        let text = format!(
            "[connections.corp]\ninfrastructure = \"on-premises\"\nhostname = \"ex01.contoso.com\"\n\
             username = \"svc@CONTOSO.COM\"\npassword = 'exec:[\"printf\", \"canary-password\"]'\n{keys}"
        );
        let config = Config::parse(Path::new("m.toml"), text).unwrap_or_else(|error| panic!("{error}"));
        wire_config(&config.connections[0], None).await
    }

    #[tokio::test]
    async fn a_host_name_is_enough_of_an_endpoint() {
        let config = wired("").await.unwrap();
        assert_eq!(config.url, "http://ex01.contoso.com/PowerShell/");
        assert_eq!(config.resource_uri, "http://schemas.microsoft.com/powershell/Microsoft.Exchange");
        assert_eq!((config.authentication, config.allow_ntlm), (Wire::Negotiate, true));
        assert_eq!(config.redirects, RedirectPolicy::Refuse);
        assert!(!format!("{config:?}").contains("canary"));
    }

    #[tokio::test]
    async fn every_key_arrives() {
        let config = wired(
            "port = 443\npath = \"tenant1/PowerShell\"\nauthentication = \"kerberos\"\nallow_ntlm = false\n\
             danger_skip_channel_binding = true\ndanger_old_credssp = true\nredirect_hosts = [\"contoso.com\"]\n\
             [connections.corp.kerberos]\nkdc = [\"dc1\", \"dc2:88\"]\nrealm = \"CONTOSO.COM\"\nspn = \"HTTP/mail.contoso.com\"\n\
             service_realm = \"RES\"\nservice_kdc = \"dc3\"\ndelegate = true\nallow_rc4 = true\nkrb5_conf = \"/etc/other.conf\"\n\
             [connections.corp.tls]\nserver_certificate = \"pin-sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"\n\
             [connections.corp.proxy]\nurl = \"socks5h://proxy:1080\"\nusername = \"p\"\npassword = 'exec:[\"printf\", \"canary-proxy\"]'\n\
             [connections.corp.timeouts]\nconnect = \"3s\"\nsign_in = \"4s\"\n",
        )
        .await
        .unwrap();
        assert_eq!(config.url, "https://ex01.contoso.com/tenant1/PowerShell");
        assert_eq!((config.authentication, config.allow_ntlm), (Wire::Kerberos, false));
        assert!(config.danger_skip_channel_binding && config.danger_old_credssp);
        assert_eq!(config.redirects, RedirectPolicy::Hosts(vec!["contoso.com".into()]));
        assert_eq!(config.target_name.as_deref(), Some("HTTP/mail.contoso.com"));
        assert_eq!(config.tls.pin, Some(CertificatePin::PublicKeySha256([0; 32])));
        assert_eq!(config.proxy.as_deref(), Some("socks5h://proxy:1080"));
        assert_eq!(config.proxy_credentials.as_ref().map(|it| it.user.to_string()).as_deref(), Some("p"));
        assert_eq!((config.timeouts.connect.as_secs(), config.timeouts.sign_in.as_secs()), (3, 4));
        let kerberos = config.kerberos.settings();
        assert_eq!((kerberos.kdc.len(), &*kerberos.service_kdc), (2, ["dc3".to_owned()].as_slice()));
        assert_eq!(
            (kerberos.realm.as_deref(), kerberos.service_realm.as_deref()),
            (Some("CONTOSO.COM"), Some("RES"))
        );
        assert_eq!((kerberos.delegate, kerberos.allow_rc4), (Delegation::Always, true));
        assert_eq!(kerberos.krb5_conf, Krb5ConfSource::Path("/etc/other.conf".into()));
        assert!(!format!("{config:?}").contains("canary"));
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_used_is_named_with_its_key() {
        let refused = async |keys: &str| wired(keys).await.unwrap_err().to_string();
        let table = |table: &str, line: &str| format!("[connections.corp.{table}]\n{line}\n");
        let text = refused(&table("tls", "ca_file = \"/no/ca.pem\"")).await;
        assert!(text.contains("`corp`") && text.contains("tls.ca_file = \"/no/ca.pem\""), "{text}");
        let text = refused(&table("tls", "server_certificate = \"/no/ex01.pem\"")).await;
        assert!(text.contains("tls.server_certificate"), "{text}");
        let text = refused(&table("kerberos", "ticket_cache = \"KCM:1000\"")).await;
        assert!(text.contains("kerberos.ticket_cache = \"KCM:1000\"") && text.contains("KCM"), "{text}");
        let text = refused(&table("kerberos", "keytab = \"Cargo.toml\"")).await;
        assert!(text.contains("kerberos.keytab = \"Cargo.toml\""), "{text}");
        let text =
            refused(&table("tls", "client_certificate = \"Cargo.toml\"\nclient_key = \"Cargo.toml\"")).await;
        assert!(text.contains("tls.client_certificate") && text.contains("no certificate"), "{text}");
    }
}
