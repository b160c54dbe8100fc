//! Tickets that are kept, and how they come in. Whoever needs a ticket that somebody else is getting waits for it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::OnceCell;
use tracing::{debug, warn};

use super::account::{self, Realms};
use super::conf;
use super::holder::{Account, lock};
use super::locate::Locator;
use super::settings::{Delegation, KerberosSettings};
use super::slot::Life;
use super::talk::Talk;
use crate::auth::kerberos::kdc::{
    AsExchange, AsRequest, Ask, Exchange, Granted, Now, Purpose, Step, TgsExchange, TgsRequest,
};
use crate::auth::kerberos::{EncryptionType, KerberosError, Krb5Conf, Principal, ServiceTicket, TicketFlags};
use crate::auth::{Credentials, Secret};

/// Requests of one exchange: names, realms and proofs that are tried.
const MAX_STEPS: usize = 40;
/// Tickets are replaced when less than this is left of them, or a tenth of their life where that is shorter.
const MARGIN: u64 = 300;
/// A week before a password expires, there is a warning.
const EXPIRES_SOON: u64 = 7 * 86_400;
/// A difference of the clocks that services would not take either.
const WORTH_A_WARNING: i64 = 300;
/// Requests up to this length go over UDP first, where krb5.conf says nothing else.
const UDP_PREFERENCE_LIMIT: usize = 1465;

/// See [`super::Kerberos`].
pub(super) struct Tickets {
    settings: KerberosSettings,
    conf: OnceCell<Krb5Conf>,
    locator: Locator,
    offset: AtomicI64,
    /// Microseconds since 1970 of the last authenticator
    last: AtomicU64,
    accounts: Mutex<Vec<Arc<Account>>>,
}

impl Tickets {
    pub(super) fn new(settings: KerberosSettings) -> Self {
        Self {
            settings,
            conf: OnceCell::new(),
            locator: Locator::default(),
            offset: AtomicI64::new(0),
            last: AtomicU64::new(0),
            accounts: Mutex::default(),
        }
    }

    pub(super) fn settings(&self) -> &KerberosSettings {
        &self.settings
    }

    pub(super) fn offset(&self) -> i64 {
        self.offset.load(Ordering::Relaxed)
    }

    pub(super) fn kdc_time(&self) -> Now {
        let now = self.clock();
        Now { seconds: now.seconds.saturating_add_signed(self.offset()), ..now }
    }

    /// The time for an authenticator: services take two with the same one for a replay, RFC 4120 3.2.3.
    pub(super) fn authenticator_time(&self) -> Now {
        let now = self.kdc_time();
        let now = now.seconds.saturating_mul(1_000_000).saturating_add(u64::from(now.microseconds));
        let after = |last: u64| now.max(last.saturating_add(1));
        // The closure always gives something.
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(after(last)));
        let time = after(last.unwrap_or_default());
        Now { seconds: time / 1_000_000, microseconds: (time % 1_000_000) as u32 }
    }

    /// Our own time.
    fn clock(&self) -> Now {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            seconds: now.as_secs().saturating_add_signed(self.settings.clock_correction),
            microseconds: now.subsec_micros(),
        }
    }

    pub(super) async fn service_ticket(
        &self,
        credentials: &Credentials,
        spn: &str,
    ) -> Result<ServiceTicket, KerberosError> {
        let service = account::service(spn)?;
        let account = self.account(credentials, &service);
        let slot = account.slot(&service.to_string());
        let life = |ticket: &ServiceTicket| self.life(ticket);
        slot.ticket(life, async |_, is_forgotten| self.obtain(&account, service, is_forgotten).await).await
    }

    pub(super) async fn forwarded_ticket(
        &self,
        credentials: &Credentials,
        service: &ServiceTicket,
    ) -> Result<Option<ServiceTicket>, KerberosError> {
        let wanted = match self.settings.delegate {
            Delegation::Never => false,
            Delegation::IfTrusted => service.flags.contains(TicketFlags::OK_AS_DELEGATE),
            Delegation::Always => true,
        };
        if !wanted {
            return Ok(None);
        }
        let account = self.account(credentials, &service.server);
        // No SPN has such a name.
        let slot = account.slot("");
        let life = |ticket: &ServiceTicket| self.life(ticket);
        let forwarded = slot.ticket(life, async |_, _| {
            let tgt = self.ticket_granting_ticket(&account).await?;
            if !tgt.flags.contains(TicketFlags::FORWARDABLE) {
                return Err(KerberosError::NotForwardable(tgt.client.to_string()));
            }
            Ok(self.tgs(&account, tgt, Purpose::Forward).await?.ticket)
        });
        forwarded.await.map(Some)
    }

    pub(super) async fn forget(&self, credentials: &Credentials, spn: &str) {
        if let Ok(service) = account::service(spn) {
            self.account(credentials, &service).slot(&service.to_string()).forget().await;
        }
    }

    /// From the ticket cache, or from the KDC, under the name of another class where it knows no other.
    async fn obtain(
        &self,
        account: &Account,
        service: Principal,
        is_forgotten: bool,
    ) -> Result<ServiceTicket, KerberosError> {
        let names = self.names_of(service).await?;
        if let Secret::TicketCache(cache) = &account.credentials.secret
            && !is_forgotten
        {
            let now = self.kdc_time().seconds;
            let cached = names.iter().find_map(|name| cache.ticket_for(name, now, 0).ok());
            let cached = cached.filter(|ticket| self.takes(ticket.key.etype()));
            // One that is ending does where nothing newer can be got.
            let has_tgt = cache.ticket_granting_ticket(now, 0).is_ok();
            if let Some(ticket) = cached.filter(|ticket| !has_tgt || self.life(ticket) == Life::Fresh) {
                debug!(server = %ticket.server, "a ticket of the ticket cache");
                return Ok(ticket.clone());
            }
        }
        let mut tgt = self.ticket_granting_ticket(account).await?;
        let mut first_error = None;
        for name in names {
            let mut result = self.tgs(account, tgt.clone(), Purpose::Service(name.clone())).await;
            if result.as_ref().is_err_and(is_stale) && !account.has_ticket_cache() {
                // The KDC forgot its keys, or took back what it gave.
                account.ticket_granting.forget().await;
                tgt = self.ticket_granting_ticket(account).await?;
                result = self.tgs(account, tgt.clone(), Purpose::Service(name)).await;
            }
            match result {
                Ok(granted) => return Ok(granted.ticket),
                Err(error @ KerberosError::UnknownService { .. }) if !is_about_realm(&error) => {
                    first_error.get_or_insert(error);
                }
                Err(error) => return Err(first_error.unwrap_or(error)),
            }
        }
        Err(first_error.unwrap_or(KerberosError::Caller("there is no SPN")))
    }

    /// The SPN and those of the other classes, in the realm where it is known.
    async fn names_of(&self, service: Principal) -> Result<Vec<Principal>, KerberosError> {
        let conf = self.conf().await?;
        let mut service = service;
        if service.realm.is_empty() {
            let known = self.settings.service_realm.as_deref();
            let known = known.or_else(|| conf.realm_of_host(account::host_of(&service)));
            service.realm = known.map(str::to_uppercase).unwrap_or_default();
        }
        let [class, host] = service.parts.as_slice() else { return Ok(vec![service]) };
        let is_one_of_them =
            |class: &str| ["HTTP", "host", "WSMAN"].iter().any(|known| known.eq_ignore_ascii_case(class));
        let others = self.settings.fallback_classes.iter().filter(|other| !other.eq_ignore_ascii_case(class));
        let others = others.filter(|_| is_one_of_them(class));
        let others =
            others.map(|other| Principal { parts: vec![other.clone(), host.clone()], ..service.clone() });
        Ok(std::iter::once(service.clone()).chain(others).collect())
    }

    /// From what is kept, from the ticket cache, or with password or keys.
    async fn ticket_granting_ticket(&self, account: &Account) -> Result<ServiceTicket, KerberosError> {
        let life = |ticket: &ServiceTicket| self.life(ticket);
        let ticket = account.ticket_granting.ticket(life, async |old, _| {
            let Secret::TicketCache(cache) = &account.credentials.secret else {
                return self.sign_in(account).await;
            };
            let now = self.kdc_time().seconds;
            let ticket = match old {
                Some(old) if old.is_valid(now, 0) => old,
                _ => cache.ticket_granting_ticket(now, 0)?,
            };
            account.adopt_home(&ticket.server.realm);
            // The difference of the clocks as `kinit` found it.
            if let Some(offset) = cache.kdc_offset().filter(|_| self.offset() == 0) {
                self.offset.store(offset.into(), Ordering::Relaxed);
            }
            let can_renew = ticket.flags.contains(TicketFlags::RENEWABLE)
                && ticket.renew_till.is_some_and(|till| till > ticket.end_time);
            if life(ticket) == Life::Fresh || !can_renew {
                return Ok(ticket.clone());
            }
            match self.tgs(account, ticket.clone(), Purpose::Renew).await {
                Ok(granted) => Ok(granted.ticket),
                // What is left of it may be enough.
                Err(error) => {
                    debug!(%error, "the ticket-granting ticket is not renewed");
                    Ok(ticket.clone())
                }
            }
        });
        ticket.await
    }

    /// The AS exchange.
    async fn sign_in(&self, account: &Account) -> Result<ServiceTicket, KerberosError> {
        let conf = self.conf().await?;
        let configured = self.settings.realm.as_deref();
        let is_known = |realm: &str| !self.configured_kdcs(conf, account, realm).is_empty();
        let realms = Realms {
            default: configured.or(conf.default_realm.as_deref()),
            of_host: account.host_domain.as_deref(),
            is_known: &is_known,
        };
        let Credentials { user, secret } = &account.credentials;
        let (clients, proof) = account::account_of(user, secret, &realms, self.settings.allow_rc4)?;
        let home = configured.or_else(|| clients.first().map(|client| client.realm.as_str()));
        account.adopt_home(home.unwrap_or_default());
        let mut refusal = None;
        for clients in account::by_realm(clients) {
            let exchange = AsExchange::new(AsRequest {
                clients,
                proof: proof.clone(),
                etypes: self.etypes(conf.default_tkt_enctypes.as_ref(), conf),
                forwardable: self.settings.delegate != Delegation::Never,
                offset: self.offset(),
            })?;
            match self.run(account, exchange).await {
                Ok(granted) => {
                    if !granted.is_referred {
                        // The realm as the KDC writes it, which may have been asked under its short name.
                        account.adopt_home(&granted.ticket.server.realm);
                    }
                    debug!(client = %granted.ticket.client, offset = granted.offset, "signed in at the KDC");
                    let now = self.kdc_time().seconds;
                    let left = granted.password_expires.map(|end| end.saturating_sub(now));
                    if let Some(seconds) = left.filter(|left| *left < EXPIRES_SOON) {
                        warn!(client = %granted.ticket.client, days = seconds / 86_400, "the password expires soon");
                    }
                    return Ok(granted.ticket);
                }
                // Another realm may know the name. What a KDC says counts more than that there is none.
                Err(error @ KerberosError::UnknownClient { .. }) => {
                    let said = refusal.take().filter(|said| !matches!(said, KerberosError::NoKdc(_)));
                    refusal = said.or(Some(error));
                }
                Err(error @ KerberosError::NoKdc(_)) => drop(refusal.get_or_insert(error)),
                Err(error) => return Err(error),
            }
        }
        Err(refusal.unwrap_or(KerberosError::Caller("there is no account name")))
    }

    async fn tgs(
        &self,
        account: &Account,
        tgt: ServiceTicket,
        purpose: Purpose,
    ) -> Result<Granted, KerberosError> {
        let conf = self.conf().await?;
        let etypes = self.etypes(conf.default_tgs_enctypes.as_ref(), conf);
        let exchange = TgsExchange::new(TgsRequest { tgt, purpose, etypes, offset: self.offset() });
        let granted = self.run(account, exchange).await?;
        debug!(server = %granted.ticket.server, etype = %granted.ticket.key.etype(), "a ticket of the KDC");
        Ok(granted)
    }

    async fn run(&self, account: &Account, mut exchange: impl Exchange) -> Result<Granted, KerberosError> {
        let mut step = exchange.begin(self.clock(), &super::entropy()?)?;
        for _ in 0..MAX_STEPS {
            let ask = match step {
                Step::Ask(ask) => ask,
                Step::Done(granted) => {
                    self.note_offset(granted.offset);
                    return Ok(*granted);
                }
            };
            let reply = self.send(account, &ask).await?;
            step = exchange.answer(&reply, self.clock(), &super::entropy()?)?;
        }
        Err(KerberosError::TooManyReferrals("the same KDC".into()))
    }

    fn note_offset(&self, offset: i64) {
        let before = self.offset.swap(offset, Ordering::Relaxed);
        if offset != before && offset.abs() > WORTH_A_WARNING {
            warn!(seconds = offset, "the KDC's clock is ahead of this machine's; its time is used");
        }
    }

    async fn send(&self, account: &Account, ask: &Ask) -> Result<Vec<u8>, KerberosError> {
        let conf = self.conf().await?;
        let named = self.configured_kdcs(conf, account, &ask.realm);
        let in_dns = conf.dns_lookup_kdc != Some(false);
        let addresses = self.locator.kdcs(&ask.realm, named, in_dns, self.settings.name_server).await?;
        let of_conf = conf.udp_preference_limit.and_then(|limit| usize::try_from(limit).ok());
        let limit = self.settings.udp_preference_limit.or(of_conf).unwrap_or(UDP_PREFERENCE_LIMIT);
        let talk = Talk {
            realm: &ask.realm,
            addresses: &addresses,
            request: &ask.request,
            stream: ask.stream,
            tcp_first: ask.request.len() > limit,
            patience: self.settings.kdc_patience,
            limit: self.settings.kdc_timeout,
        };
        let reply = talk.run().await?;
        self.locator.prefer(&ask.realm, &reply.from);
        Ok(reply.bytes)
    }

    /// The KDCs of a realm that are named in the settings or in krb5.conf.
    fn configured_kdcs<'a>(&'a self, conf: &'a Krb5Conf, account: &Account, realm: &str) -> &'a [String] {
        let settings = &self.settings;
        let is_service = settings.service_realm.as_deref().is_some_and(|of| of.eq_ignore_ascii_case(realm));
        if is_service && !settings.service_kdc.is_empty() {
            &settings.service_kdc
        } else if account.is_home(realm) && !settings.kdc.is_empty() {
            &settings.kdc
        } else {
            conf.kdcs(realm)
        }
    }

    async fn conf(&self) -> Result<&Krb5Conf, KerberosError> {
        let read = async || {
            let source = self.settings.krb5_conf.clone();
            let read = tokio::task::spawn_blocking(move || conf::read(&source)).await;
            read.map_err(|_| KerberosError::Caller("krb5.conf was not read to its end"))?
        };
        self.conf.get_or_try_init(read).await
    }

    fn etypes(&self, named: Option<&Vec<EncryptionType>>, conf: &Krb5Conf) -> Vec<EncryptionType> {
        let named = named.or(conf.permitted_enctypes.as_ref()).filter(|named| !named.is_empty());
        let mut etypes = named.cloned().unwrap_or_else(|| EncryptionType::STRONG.to_vec());
        if named.is_none() {
            etypes.push(EncryptionType::Rc4);
        }
        etypes.retain(|etype| self.takes(*etype));
        etypes
    }

    fn takes(&self, etype: EncryptionType) -> bool {
        etype != EncryptionType::Rc4 || self.settings.allow_rc4
    }

    fn life(&self, ticket: &ServiceTicket) -> Life {
        let length = ticket.end_time.saturating_sub(ticket.start_time);
        let now = self.kdc_time().seconds;
        match (ticket.is_valid(now, MARGIN.min(length / 10)), ticket.is_valid(now, 0)) {
            (true, _) => Life::Fresh,
            (false, true) => Life::Ending,
            (false, false) => Life::Ended,
        }
    }

    fn account(&self, credentials: &Credentials, service: &Principal) -> Arc<Account> {
        let mut accounts = lock(&self.accounts);
        if let Some(known) = accounts.iter().find(|account| account.is_of(credentials)) {
            return Arc::clone(known);
        }
        let account =
            Arc::new(Account::new(credentials.clone(), account::domain_of(service).map(str::to_owned)));
        accounts.push(Arc::clone(&account));
        account
    }
}

/// The KDC does not take the ticket-granting ticket any more.
fn is_stale(error: &KerberosError) -> bool {
    use crate::auth::kerberos::kdc::ErrorCode;
    match error {
        KerberosError::TicketTime(_) => true,
        KerberosError::Peer { code, .. } => [
            ErrorCode::TGT_REVOKED,
            ErrorCode::BAD_INTEGRITY,
            ErrorCode::MODIFIED,
            ErrorCode::BAD_KEY_VERSION,
            ErrorCode::NO_KEY,
            ErrorCode::NOT_US,
            ErrorCode::GENERIC,
        ]
        .iter()
        .any(|stale| stale.0 == *code),
        _ => false,
    }
}

/// There is no way to the realm; a service of another class has none either.
fn is_about_realm(error: &KerberosError) -> bool {
    matches!(error, KerberosError::UnknownService { principal, .. } if principal.starts_with("krbtgt/"))
}
