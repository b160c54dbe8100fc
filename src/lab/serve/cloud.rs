//! The tenant beside the Exchange of one's own.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;
use wsman::auth::ntlm::ServerNames;
use wsman::server::ServerIdentity;

use super::service::Shared;
use super::{ServeError, ServeOptions};
use crate::lab::cloud::{Application, CloudSeed, IDENTITY_HEADER, Identity, Running, Tenant};
use crate::lab::{Exchange, Options, Seed};

/// What the application may do that connections sign in as.
const ROLES: [&str; 3] = ["Exchange.ManageAsApp", "User.ReadWrite.All", "Organization.Read.All"];

/// A tenant that is served, and the application that may do everything in it.
#[derive(Debug)]
pub struct Cloud {
    pub(super) running: Running,
    pub(super) tenant: Uuid,
    pub(super) initial_domain: String,
    pub(super) application: Uuid,
    pub(super) public: Uuid,
    pub(super) secret: SecretString,
}

impl Cloud {
    /// Where one signs in, and where Exchange Online answers.
    pub fn base_url(&self) -> &str {
        self.running.base()
    }

    /// Where Graph answers.
    pub fn graph_url(&self) -> &str {
        self.running.graph()
    }

    /// The tenant's GUID.
    pub fn tenant(&self) -> Uuid {
        self.tenant
    }

    /// The domain that came with the tenant.
    pub fn initial_domain(&self) -> &str {
        &self.initial_domain
    }

    /// The application's id.
    pub fn application(&self) -> Uuid {
        self.application
    }

    /// The id of an application that keeps no secret: people sign in with it.
    pub fn public_application(&self) -> Uuid {
        self.public
    }

    /// Where a machine asks for its identity, which is that of the application.
    pub fn identity_url(&self) -> &str {
        self.running.identity()
    }

    /// What it shows there where it is an App Service.
    pub fn identity_header(&self) -> &'static str {
        IDENTITY_HEADER
    }

    /// The application's secret.
    pub fn secret(&self) -> &SecretString {
        &self.secret
    }

    /// The tenant itself, which answers nobody while this is held.
    pub fn state(&self) -> impl std::ops::DerefMut<Target = Tenant> + '_ {
        self.running.tenant()
    }
}

pub(super) async fn serve(
    mut seed: Seed,
    options: &ServeOptions,
    ip: IpAddr,
    identity: &Identity,
    shared: Arc<Shared>,
) -> Result<Cloud, ServeError> {
    let ms = |delay: Duration| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    let behaviour = Options {
        replication_delay_ms: ms(options.replication_delay),
        mailbox_delay_ms: ms(options.mailbox_delay),
        ..Options::default()
    };
    let mut tenant = seed.cloud.take().unwrap_or_else(|| CloudSeed::of(&seed));
    tenant.join(&shared.exchange());
    seed.cloud = Some(tenant);
    let exchange = Exchange::cloud(seed, behaviour)?;
    let id = exchange.tenant().unwrap_or_default();
    // Whoever starts it again with another secret must not be let in with the former.
    let secret = SecretString::from(format!("{}~Lab", Uuid::new_v4().simple()));
    let key = Uuid::new_v4();
    let application = exchange.named("application");
    let registered = Application {
        id: application.to_string(),
        certificates: options.application_certificates.clone(),
        secret: Some(secret.clone()),
        roles: ROLES.map(str::to_owned).into(),
        restrictions: exchange.restrictions(),
        is_public: false,
    };
    let public = exchange.named("public application");
    let open = Application { id: public.to_string(), is_public: true, ..Application::default() };
    let make = |hosts: &_| Tenant::new(id, hosts, vec![registered, open], key.as_bytes(), exchange);
    let running =
        Running::serve(ip, identity, shared, options.latency, make).await.map_err(ServeError::Cloud)?;
    let initial_domain = running.tenant().initial_domain().to_owned();
    Ok(Cloud { running, tenant: id, initial_domain, application, public, secret })
}

/// One certificate for all doors: by every name and address of the server.
pub(super) fn identity(names: &ServerNames, ip: IpAddr) -> io::Result<Identity> {
    let mut all = vec!["localhost".to_owned(), names.dns_computer.clone(), names.netbios_computer.clone()];
    all.push(ip.to_string());
    all.retain(|name| !name.is_empty());
    Identity::made(all)
}

/// As a server of one's own takes it.
pub(super) fn given(identity: &Identity) -> ServerIdentity {
    ServerIdentity {
        certificate_pem: identity.certificate_pem.clone().into_bytes(),
        key_pem: Arc::new(identity.key_pem.expose_secret().as_bytes().to_vec().into()),
    }
}
