//! Which KDCs a realm has: configuration, krb5.conf, DNS.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::name_server::TokioConnectionProvider;
use hickory_resolver::proto::rr::rdata::SRV;
use hickory_resolver::proto::xfer::Protocol as DnsProtocol;
use hickory_resolver::{Resolver, TokioResolver};
use tracing::debug;

use super::address::{KdcAddress, Protocol};
use crate::auth::kerberos::KerberosError;

/// How long what DNS said is kept.
const KEPT: Duration = Duration::from_secs(300);
/// For one question to one name server; then it is asked once more, or the next one is.
const DNS_TIMEOUT: Duration = Duration::from_secs(2);

/// The KDCs of each realm; the one that answered last is asked first.
#[derive(Default)]
pub(super) struct Locator {
    found: Mutex<HashMap<String, Found>>,
}

struct Found {
    addresses: Vec<KdcAddress>,
    /// What DNS said, it may say differently later
    until: Option<Instant>,
}

impl Locator {
    /// The KDCs of a realm, at least one.
    pub(super) async fn kdcs(
        &self,
        realm: &str,
        named: &[String],
        dns: bool,
        name_server: Option<SocketAddr>,
    ) -> Result<Vec<KdcAddress>, KerberosError> {
        if let Some(found) = self.remembered(realm) {
            return Ok(found);
        }
        let addresses = named.iter().map(|text| KdcAddress::parse(text)).collect::<Result<Vec<_>, _>>()?;
        // The short name of a domain is none in DNS, and asking for it takes time.
        let (addresses, until) = if addresses.is_empty() && dns && realm.contains('.') {
            (in_dns(realm, name_server).await, Some(Instant::now() + KEPT))
        } else {
            (addresses, None)
        };
        if addresses.is_empty() {
            return Err(KerberosError::NoKdc(realm.to_owned()));
        }
        let mut found = self.lock();
        found.insert(realm.to_owned(), Found { addresses: addresses.clone(), until });
        Ok(addresses)
    }

    /// This one answered: it comes first from now on.
    pub(super) fn prefer(&self, realm: &str, address: &KdcAddress) {
        if let Some(found) = self.lock().get_mut(realm)
            && let Some(place) = found.addresses.iter().position(|one| one == address)
        {
            // Everything before it was tried in vain: it goes to the end.
            found.addresses.rotate_left(place);
        }
    }

    fn remembered(&self, realm: &str) -> Option<Vec<KdcAddress>> {
        let found = self.lock();
        let found = found.get(realm)?;
        let is_fresh = found.until.is_none_or(|until| Instant::now() < until);
        is_fresh.then(|| found.addresses.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Found>> {
        self.found.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// SRV records, RFC 4120 7.2.3.2 and RFC 2782. Only DNS names have them; a realm in capitals is one.
async fn in_dns(realm: &str, name_server: Option<SocketAddr>) -> Vec<KdcAddress> {
    let Some(resolver) = resolver(name_server) else { return Vec::new() };
    let ask = async |protocol: Protocol, label: &str| {
        let answer = resolver.srv_lookup(format!("_kerberos.{label}.{realm}.")).await;
        let records = match answer {
            Ok(answer) => answer.iter().cloned().collect(),
            Err(error) => {
                debug!(realm, label, %error, "DNS names no KDC");
                Vec::new()
            }
        };
        sorted(records).into_iter().map(|record| (protocol, record)).collect::<Vec<_>>()
    };
    let (udp, tcp) = tokio::join!(ask(Protocol::Udp, "_udp"), ask(Protocol::Tcp, "_tcp"));
    let mut addresses: Vec<KdcAddress> = Vec::new();
    for (protocol, record) in udp.into_iter().chain(tcp) {
        let host = record.target().to_utf8().trim_end_matches('.').to_owned();
        let port = record.port();
        // "." stands for: no such service.
        if host.is_empty() {
            continue;
        }
        match addresses.iter_mut().find(|one| one.host.eq_ignore_ascii_case(&host) && one.port == port) {
            Some(known) if known.protocol != Some(protocol) => known.protocol = None,
            Some(_) => {}
            None => addresses.push(KdcAddress { host, port, protocol: Some(protocol) }),
        }
    }
    addresses
}

/// By priority; among those of the same priority the heavier first more often, RFC 2782.
fn sorted(mut records: Vec<SRV>) -> Vec<SRV> {
    let chance = |record: &SRV| {
        let mut bytes = [0; 4];
        // Without random numbers the heaviest comes first.
        let _ = getrandom::fill(&mut bytes);
        (u64::from(record.weight()) + 1) * u64::from(u32::from_be_bytes(bytes) | 1)
    };
    records.sort_by_cached_key(|record| (record.priority(), std::cmp::Reverse(chance(record))));
    records
}

fn resolver(name_server: Option<SocketAddr>) -> Option<TokioResolver> {
    let mut builder = match name_server {
        Some(server) => {
            let mut config = ResolverConfig::new();
            config.add_name_server(NameServerConfig::new(server, DnsProtocol::Udp));
            Resolver::builder_with_config(config, TokioConnectionProvider::default())
        }
        None => match Resolver::builder_tokio() {
            Ok(builder) => builder,
            Err(error) => {
                debug!(%error, "the system's DNS settings cannot be read");
                return None;
            }
        },
    };
    builder.options_mut().timeout = DNS_TIMEOUT;
    builder.options_mut().attempts = 1;
    Some(builder.build())
}
