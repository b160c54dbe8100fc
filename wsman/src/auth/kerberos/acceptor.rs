//! The service's side, RFC 4121 4.1 and RFC 4120 3.2.3.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::asn1::{
    ApRep, ApReq, Authenticator, EncApRepPart, EncTicketPart, EncryptedData, EncryptionKey, KerberosString,
    KerberosTime, KrbError, Message, PrincipalName, Ticket, bits,
};
use super::checksum::{self, GssChecksum};
use super::frame::{TokenId, framed, unframed};
use super::initiator::{as_sequence, sequence_number};
use super::wrap::{KerberosProtection, Role};
use super::{EncryptionType, KerberosError, Key, Keytab, KeytabEntry, Principal, Random, usage};
use crate::auth::{
    Acceptor, AcceptorStep, AccountStore, AuthError, BindingPolicy, Mechanism, Scheme, SecurityContext,
    UserName,
};

/// Most sign-ins that are remembered; more than that within ten minutes are refused.
const MAX_REMEMBERED: usize = 1_000_000;
/// invalid, RFC 4120 5.3.
const INVALID: u32 = 1 << 24;

/// A key of a service.
#[derive(Clone, Debug)]
pub struct ServiceKey {
    /// Whose key it is
    pub principal: Principal,
    /// Its version
    pub version: u32,
    /// The key
    pub key: Key,
}

/// What all sign-ins to a service share: its keys, and which sign-ins it has seen.
pub struct Service {
    keys: Vec<ServiceKey>,
    clock_skew: Duration,
    allow_rc4: bool,
    seen: Mutex<Seen>,
}

/// Sign-ins by the second in which their authenticators end to be good.
#[derive(Default)]
struct Seen {
    marks: HashSet<[u8; 32]>,
    by_end: BTreeMap<u64, Vec<[u8; 32]>>,
}

impl Service {
    /// A service with these keys that allows clocks to differ by five minutes, RFC 4120 8.2.
    #[must_use]
    pub fn new(keys: Vec<ServiceKey>) -> Self {
        Self { keys, clock_skew: Duration::from_secs(300), allow_rc4: false, seen: Mutex::default() }
    }

    /// A service with the keys of a keytab.
    #[must_use]
    pub fn from_keytab(keytab: &Keytab) -> Self {
        let key = |entry: &KeytabEntry| ServiceKey {
            principal: entry.principal.clone(),
            version: entry.kvno,
            key: entry.key.clone(),
        };
        Self::new(keytab.entries().iter().map(key).collect())
    }

    /// How far clocks may differ.
    #[must_use]
    pub fn with_clock_skew(mut self, skew: Duration) -> Self {
        self.clock_skew = skew;
        self
    }

    /// Takes tickets under RC4 as well.
    #[must_use]
    pub fn with_rc4(mut self) -> Self {
        self.allow_rc4 = true;
        self
    }

    /// The names that it goes by.
    pub fn principals(&self) -> impl Iterator<Item = &Principal> {
        self.keys.iter().map(|key| &key.principal)
    }

    /// The ticket's inside, with the first key that opens it. The name in the ticket does not matter: a service goes
    /// by many, and only the key proves anything.
    fn open(&self, ticket: &Ticket) -> Result<EncTicketPart, KerberosError> {
        let etype = self.take_etype(EncryptionType::from_number(ticket.encrypted.etype)?)?;
        let name = || ticket.server.in_realm(&ticket.realm).to_string();
        let mut fitting: Vec<&ServiceKey> =
            self.keys.iter().filter(|known| known.key.etype() == etype).collect();
        if fitting.is_empty() {
            return Err(KerberosError::NoKey { principal: name(), etype: Some(etype) });
        }
        fitting.sort_by_key(|known| {
            (ticket.encrypted.kvno != Some(i64::from(known.version)), u32::MAX - known.version)
        });
        let plain = fitting.iter().find_map(|known| ticket.encrypted.open(&known.key, usage::TICKET).ok());
        EncTicketPart::from_message(&plain.ok_or_else(|| KerberosError::WrongServiceKey(name()))?)
    }

    /// RC4 only where it is allowed: for the ticket, its session key, and the subkey.
    fn take_etype(&self, etype: EncryptionType) -> Result<EncryptionType, KerberosError> {
        match etype {
            EncryptionType::Rc4 if !self.allow_rc4 => {
                Err(KerberosError::UnsupportedEncryption(etype.number()))
            }
            etype => Ok(etype),
        }
    }

    /// Remembers a sign-in until its authenticator is too old; refuses one that it has seen.
    fn remember(&self, mark: [u8; 32], end: u64, now: u64) -> Result<(), KerberosError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(entry) = seen.by_end.first_entry().filter(|entry| *entry.key() < now) {
            for old in entry.remove() {
                seen.marks.remove(&old);
            }
        }
        if seen.marks.len() >= MAX_REMEMBERED || !seen.marks.insert(mark) {
            return Err(KerberosError::Replay);
        }
        seen.by_end.entry(end).or_default().push(mark);
        Ok(())
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("keys", &self.keys)
            .field("clock_skew", &self.clock_skew)
            .finish_non_exhaustive()
    }
}

/// Verifies one sign-in on one connection.
pub struct KerberosAcceptor {
    service: Arc<Service>,
    scheme: Scheme,
    binding: BindingPolicy,
    now: Duration,
    random: Option<Random>,
}

impl KerberosAcceptor {
    /// One sign-in; `now` is the time since 1970.
    #[must_use]
    pub fn new(service: Arc<Service>, now: Duration, random: Random) -> Self {
        Self { service, scheme: Scheme::Negotiate, binding: BindingPolicy::Ignore, now, random: Some(random) }
    }

    /// Under another HTTP scheme than `Negotiate`.
    #[must_use]
    pub fn with_scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// What is asked of the client's channel binding.
    #[must_use]
    pub fn with_binding_policy(mut self, policy: BindingPolicy) -> Self {
        self.binding = policy;
        self
    }

    fn accept(&mut self, token: &[u8]) -> Result<AcceptorStep, AuthError> {
        let (TokenId::ApReq, message) = unframed(token)? else {
            return Err(AuthError::Unexpected("something else than an AP-REQ"));
        };
        let mut random = self.random.take().ok_or(AuthError::Unexpected("the sign-in is over"))?;
        let request = ApReq::from_message(message)?;
        let ticket = super::asn1::to_der("Ticket", &request.ticket)?;
        let ticket = Ticket::from_message(&ticket)?;
        let inside = self.service.open(&ticket)?;
        let key = inside.key.to_key()?;
        self.service.take_etype(key.etype())?;
        self.check_times(&ticket, &inside)?;
        let authenticator = request.authenticator.open(&key, usage::AP_REQ_AUTHENTICATOR)?;
        let authenticator = Authenticator::from_message(&authenticator)?;
        let client = inside.client.in_realm(&inside.client_realm);
        if !client.is_same(&authenticator.client.in_realm(&authenticator.client_realm)) {
            return Err(KerberosError::Mismatch("ticket and authenticator name different accounts").into());
        }
        self.check_clock(&authenticator)?;
        let gss = self.check_checksum(&authenticator)?;
        let mark = Sha256::digest(request.authenticator.cipher.as_bytes()).into();
        let end = authenticator.time.seconds() + self.service.clock_skew.as_secs();
        self.service.remember(mark, end, self.now.as_secs())?;

        let theirs_or_session = match &authenticator.subkey {
            Some(subkey) => subkey.to_key()?,
            None => key.clone(),
        };
        let etype = self.service.take_etype(theirs_or_session.etype())?;
        let mut number = [0; 4];
        random(&mut number);
        let sequence = sequence_number(&number);
        let is_mutual = gss.flags & checksum::MUTUAL != 0;
        // Without an answer there can be no subkey of ours; and contexts of RFC 4757 know none.
        let ours = if is_mutual && etype != EncryptionType::Rc4 {
            let mut bytes = zeroize::Zeroizing::new(vec![0; etype.key_length()]);
            random(&mut bytes);
            Some(Key::new(etype, std::mem::take(&mut *bytes))?)
        } else {
            None
        };
        let reply = if is_mutual {
            let part = EncApRepPart {
                time: authenticator.time,
                microseconds: authenticator.microseconds,
                subkey: ours.as_ref().map(EncryptionKey::try_from).transpose()?,
                sequence_number: Some(i64::from(sequence)),
            };
            let plain = zeroize::Zeroizing::new(part.to_message()?);
            let mut confounder = [0; 16];
            random(&mut confounder);
            let encrypted = EncryptedData::seal(&key, usage::AP_REP, &plain, &confounder)?;
            let reply = ApRep { version: 5, message_type: 15, encrypted };
            Some(framed(TokenId::ApRep, &reply.to_message()?)?)
        } else {
            None
        };
        let from_acceptor = ours.is_some();
        let context_key = ours.unwrap_or(theirs_or_session);
        let incoming = authenticator.sequence_number.map_or(0, as_sequence);
        let numbers = (if is_mutual { u64::from(sequence) } else { incoming }, incoming);
        let protection = KerberosProtection::new(context_key, from_acceptor, Role::Acceptor, numbers, random);
        let context = SecurityContext::new(Mechanism::Kerberos, self.scheme, Box::new(protection));
        let user = UserName::new("", client.to_string());
        Ok(AcceptorStep::Established { token: reply, context, user })
    }

    /// What a client can do something about is told to it, RFC 4120 3.2.3.
    fn krb_error(&self, reason: &KerberosError) -> Result<Option<Vec<u8>>, AuthError> {
        let code = match reason {
            KerberosError::Skew { .. } => 37,
            KerberosError::WrongServiceKey(_) => 41,
            KerberosError::TicketTime(_) => 32,
            KerberosError::Replay => 34,
            KerberosError::NoKey { .. } => 45,
            _ => return Ok(None),
        };
        let Some(name) = self.service.principals().next() else { return Ok(None) };
        let error = KrbError {
            version: 5,
            message_type: 30,
            client_time: None,
            client_microseconds: None,
            server_time: KerberosTime::from_seconds(self.now.as_secs()),
            server_microseconds: self.now.subsec_micros(),
            code,
            client_realm: None,
            client: None,
            realm: KerberosString(name.realm.clone()),
            server: PrincipalName::from(name),
            text: None,
            data: None,
        };
        framed(TokenId::KrbError, &error.to_message()?).map(Some)
    }

    fn check_times(&self, ticket: &Ticket, inside: &EncTicketPart) -> Result<(), KerberosError> {
        let (now, skew) = (self.now.as_secs(), self.service.clock_skew.as_secs());
        let start = inside.start_time.unwrap_or(inside.auth_time).seconds();
        let outside = start > now + skew || inside.end_time.seconds() + skew < now;
        if outside || bits(&inside.flags) & INVALID != 0 {
            return Err(KerberosError::TicketTime(ticket.server.in_realm(&ticket.realm).to_string()));
        }
        Ok(())
    }

    fn check_clock(&self, authenticator: &Authenticator) -> Result<(), KerberosError> {
        let theirs = authenticator.time.seconds();
        if theirs.abs_diff(self.now.as_secs()) <= self.service.clock_skew.as_secs() {
            return Ok(());
        }
        let text = |seconds| KerberosTime::from_seconds(seconds).0.to_date_time().to_string();
        Err(KerberosError::Skew {
            here: text(self.now.as_secs()),
            there_name: "the client",
            there: text(theirs),
        })
    }

    fn check_checksum(&self, authenticator: &Authenticator) -> Result<GssChecksum, KerberosError> {
        let missing = KerberosError::malformed("authenticator", "it has no GSS checksum");
        let checksum = authenticator.checksum.as_ref().ok_or(missing.clone())?;
        if checksum.checksum_type != checksum::TYPE {
            return Err(missing);
        }
        let gss = GssChecksum::parse(checksum.checksum.as_bytes())?;
        let is_sent = gss.binding != [0; 16];
        let fits = match &self.binding {
            BindingPolicy::Ignore => true,
            BindingPolicy::WhenPresent(binding) => !is_sent || gss.binding == binding.md5(),
            BindingPolicy::Require(binding) => gss.binding == binding.md5(),
        };
        if fits { Ok(gss) } else { Err(KerberosError::BadChannelBinding) }
    }
}

impl Acceptor for KerberosAcceptor {
    fn mechanism(&self) -> Mechanism {
        Mechanism::Kerberos
    }

    fn step(&mut self, input: &[u8], _: &dyn AccountStore) -> Result<AcceptorStep, AuthError> {
        match self.accept(input) {
            Err(AuthError::Kerberos(reason)) => match self.krb_error(&reason)? {
                Some(token) => Ok(AcceptorStep::Refused { token, reason: reason.into() }),
                None => Err(reason.into()),
            },
            step => step,
        }
    }
}
