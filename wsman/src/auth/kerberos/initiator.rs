//! The client's side of the exchange with a service, RFC 4121 4.1.

use std::time::Duration;

use der::Decode;
use der::asn1::{Any, OctetString};

use super::asn1::{
    ApRep, ApReq, Authenticator, Checksum, EncApRepPart, EncKrbCredPart, EncryptedData, EncryptionKey,
    KerberosString, KerberosTime, KrbCred, KrbCredInfo, KrbError, Message, PrincipalName, flags,
};
use super::checksum::{self, GssChecksum};
use super::frame::{TokenId, framed, unframed};
use super::wrap::{KerberosProtection, Role};
use super::{EncryptionType, KerberosError, Key, Random, ServiceTicket, usage};
use crate::auth::{AuthError, ChannelBinding, Initiator, Mechanism, Scheme, SecurityContext, Step};

/// mutual-required, RFC 4120 5.5.1.
const MUTUAL_REQUIRED: u32 = 1 << 29;

/// Signs in to a service with a ticket for it; the service proves itself as well.
pub struct KerberosInitiator {
    ticket: ServiceTicket,
    scheme: Scheme,
    channel_binding: Option<ChannelBinding>,
    delegated: Option<ServiceTicket>,
    now: Duration,
    random: Option<Random>,
    state: State,
}

enum State {
    Start,
    /// The AP-REQ is out
    Asked(Asked),
    Done,
}

struct Asked {
    subkey: Key,
    sequence: u64,
}

impl KerberosInitiator {
    /// One sign-in on one connection. `now` is the time since 1970 as the KDC and the service see it; `random` gives
    /// the subkey, the sequence number and confounders.
    #[must_use]
    pub fn new(ticket: ServiceTicket, now: Duration, random: Random) -> Self {
        Self {
            ticket,
            scheme: Scheme::Negotiate,
            channel_binding: None,
            delegated: None,
            now,
            random: Some(random),
            state: State::Start,
        }
    }

    /// Under another HTTP scheme than `Negotiate`.
    #[must_use]
    pub fn with_scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// Binds the sign-in to a TLS connection, RFC 4121 4.1.1.2.
    #[must_use]
    pub fn with_channel_binding(mut self, binding: ChannelBinding) -> Self {
        self.channel_binding = Some(binding);
        self
    }

    /// Hands the service a forwarded ticket-granting ticket, so that it can act for the user elsewhere.
    #[must_use]
    pub fn with_delegation(mut self, forwarded: ServiceTicket) -> Self {
        self.delegated = Some(forwarded);
        self
    }

    fn random(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        if let Some(random) = &mut self.random {
            random(&mut bytes);
        }
        bytes
    }

    fn request(&mut self) -> Result<Vec<u8>, AuthError> {
        let etype = self.ticket.key.etype();
        let subkey = Key::new(etype, self.random(etype.key_length()))?;
        let sequence = sequence_number(&self.random(4));
        let delegation = match self.delegated.take() {
            Some(forwarded) => {
                let confounder = self.random(16);
                Some(krb_cred(&forwarded, &self.ticket.key, self.now, &confounder)?)
            }
            None => None,
        };
        let mut asked =
            checksum::MUTUAL | checksum::REPLAY | checksum::SEQUENCE | checksum::CONF | checksum::INTEG;
        if delegation.is_some() {
            asked |= checksum::DELEG;
        }
        let binding = self.channel_binding.as_ref().map_or([0; 16], ChannelBinding::md5);
        let gss = GssChecksum { binding, flags: asked, delegation }.to_bytes()?;
        let authenticator = Authenticator {
            version: 5,
            client_realm: KerberosString(self.ticket.client.realm.clone()),
            client: PrincipalName::from(&self.ticket.client),
            checksum: Some(Checksum { checksum_type: checksum::TYPE, checksum: octets(gss)? }),
            microseconds: self.now.subsec_micros(),
            time: KerberosTime::from_seconds(self.now.as_secs()),
            subkey: Some(EncryptionKey::try_from(&subkey)?),
            sequence_number: Some(i64::from(sequence)),
            authorization_data: None,
        };
        let plain = zeroize::Zeroizing::new(authenticator.to_message()?);
        let confounder = self.random(16);
        let request = ApReq {
            version: 5,
            message_type: 14,
            options: flags(MUTUAL_REQUIRED),
            ticket: any(&self.ticket.ticket)?,
            authenticator: EncryptedData::seal(
                &self.ticket.key,
                usage::AP_REQ_AUTHENTICATOR,
                &plain,
                &confounder,
            )?,
        };
        let token = framed(TokenId::ApReq, &request.to_message()?)?;
        self.state = State::Asked(Asked { subkey, sequence: u64::from(sequence) });
        Ok(token)
    }

    fn reply(&mut self, asked: Asked, token: &[u8]) -> Result<SecurityContext, AuthError> {
        let message = match unframed(token)? {
            (TokenId::ApRep, message) => message,
            (TokenId::KrbError, message) => {
                return Err(KerberosError::of_service(
                    &KrbError::from_message(message)?,
                    &self.ticket,
                    self.now,
                )
                .into());
            }
            (TokenId::ApReq, _) => return Err(AuthError::Unexpected("an AP-REQ instead of an AP-REP")),
        };
        // Under the key of the ticket, not under the subkey.
        let reply = ApRep::from_message(message)?.encrypted.open(&self.ticket.key, usage::AP_REP)?;
        let reply = EncApRepPart::from_message(&reply)?;
        let ours = (self.now.as_secs(), self.now.subsec_micros());
        if (reply.time.seconds(), reply.microseconds) != ours {
            return Err(
                KerberosError::Mismatch("the service repeats another time than the one it was sent").into()
            );
        }
        let (key, from_acceptor) = match reply.subkey.as_ref().map(EncryptionKey::to_key).transpose()? {
            // Contexts of RFC 4757 know no key of the acceptor's: MIT sends none, Windows sends ours back. Nor does
            // anybody talk the two sides into RC4 this way.
            Some(subkey) if subkey.etype() != EncryptionType::Rc4 => (subkey, true),
            Some(_) if asked.subkey.etype() != EncryptionType::Rc4 => {
                return Err(KerberosError::UnsupportedEncryption(EncryptionType::Rc4.number()).into());
            }
            _ => (asked.subkey, false),
        };
        let theirs = reply.sequence_number.map_or(0, as_sequence);
        let random = self.random.take().ok_or(AuthError::Unexpected("the sign-in is over"))?;
        let numbers = (asked.sequence, theirs);
        let protection = KerberosProtection::new(key, from_acceptor, Role::Initiator, numbers, random);
        Ok(SecurityContext::new(Mechanism::Kerberos, self.scheme, Box::new(protection)))
    }
}

impl Initiator for KerberosInitiator {
    fn scheme(&self) -> Scheme {
        self.scheme
    }

    fn mechanism(&self) -> Mechanism {
        Mechanism::Kerberos
    }

    fn step(&mut self, input: Option<&[u8]>) -> Result<Step, AuthError> {
        match (std::mem::replace(&mut self.state, State::Done), input) {
            (State::Start, None) => self.request().map(Step::Continue),
            (State::Start, Some(_)) => Err(AuthError::Caller("Kerberos begins without a token")),
            (State::Asked(asked), Some(token)) => {
                let context = self.reply(asked, token)?;
                Ok(Step::Established { token: None, context })
            }
            (State::Asked(_), None) => {
                Err(AuthError::Unexpected("the service did not prove itself (no AP-REP)"))
            }
            (State::Done, _) => Err(AuthError::Unexpected("the sign-in is over")),
        }
    }
}

/// A sequence number that no implementation takes for negative.
pub(super) fn sequence_number(random: &[u8]) -> u32 {
    let mut bytes = [0; 4];
    bytes.iter_mut().zip(random).for_each(|(to, from)| *to = *from);
    u32::from_be_bytes(bytes) & 0x3FFF_FFFF
}

/// A sequence number of the peer, which may have written it as a negative one.
pub(super) fn as_sequence(number: i64) -> u64 {
    u64::from(number as u32)
}

pub(super) fn octets(bytes: impl Into<Vec<u8>>) -> Result<OctetString, KerberosError> {
    OctetString::new(bytes.into()).map_err(|_| KerberosError::malformed("message", "a field is too large"))
}

/// A ticket as it was sent.
pub(super) fn any(ticket: &[u8]) -> Result<Any, KerberosError> {
    Any::from_der(ticket).map_err(|_| KerberosError::malformed("Ticket", "it is not DER"))
}

/// The forwarded ticket with its session key, RFC 4120 3.6, under the session key of the ticket for the service.
fn krb_cred(
    forwarded: &ServiceTicket,
    key: &Key,
    now: Duration,
    confounder: &[u8],
) -> Result<Vec<u8>, KerberosError> {
    let time = |seconds| Some(KerberosTime::from_seconds(seconds));
    let info = KrbCredInfo {
        key: EncryptionKey::try_from(&forwarded.key)?,
        client_realm: Some(KerberosString(forwarded.client.realm.clone())),
        client: Some(PrincipalName::from(&forwarded.client)),
        flags: Some(forwarded.flags.into()),
        auth_time: time(forwarded.auth_time),
        start_time: time(forwarded.start_time),
        end_time: time(forwarded.end_time),
        renew_till: forwarded.renew_till.map(KerberosTime::from_seconds),
        server_realm: Some(KerberosString(forwarded.server.realm.clone())),
        server: Some(PrincipalName::from(&forwarded.server)),
        client_addresses: None,
    };
    let part = EncKrbCredPart {
        ticket_info: vec![info],
        nonce: None,
        timestamp: time(now.as_secs()),
        microseconds: Some(now.subsec_micros()),
        sender_address: None,
        recipient_address: None,
    };
    let plain = zeroize::Zeroizing::new(part.to_message()?);
    KrbCred {
        version: 5,
        message_type: 22,
        tickets: vec![any(&forwarded.ticket)?],
        encrypted: EncryptedData::seal(key, usage::KRB_CRED, &plain, confounder)?,
    }
    .to_message()
}
