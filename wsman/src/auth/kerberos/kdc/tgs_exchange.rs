//! The TGS exchange, RFC 4120 3.3: from a ticket-granting ticket to one for a service, realm by realm.

use super::super::asn1::{
    self, ApReq, Authenticator, Checksum, EncKdcRepPart, EncryptedData, KdcRep, KdcReq, KdcReqBody,
    KerberosTime, KrbError, Message, PaData,
};
use super::super::{EncryptionType, KerberosError, Key, Principal, ServiceTicket, TicketFlags, usage};
use super::refusal::{difference, names};
use super::{
    Ask, Entropy, ErrorCode, Exchange, Granted, MAX_HOPS, Now, Reply, Step, VERSION, any, octets, option,
    padata, ticket_of,
};

/// msg-type of TGS-REP.
const TGS_REP: i32 = 13;
/// msg-type of AP-REQ.
const AP_REQ: i32 = 14;

/// By how many seconds clocks may differ, RFC 4120 3.1.3.
const MAX_SKEW: i64 = 300;

/// What a ticket-granting ticket is used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// A ticket for a service; its realm is where the service lives, or empty where the KDCs are to find out
    Service(Principal),
    /// The same ticket-granting ticket for longer, RFC 4120 2.3
    Renew,
    /// A ticket-granting ticket to give away, RFC 4120 2.6
    Forward,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct TgsRequest {
    /// The ticket-granting ticket
    pub tgt: ServiceTicket,
    /// For what
    pub purpose: Purpose,
    /// Encryption types, best first; no other is accepted
    pub etypes: Vec<EncryptionType>,
    /// By how many seconds the KDC's clock is known to be ahead
    pub offset: i64,
}

/// The exchange.
pub struct TgsExchange {
    tgt: ServiceTicket,
    purpose: Purpose,
    etypes: Vec<EncryptionType>,
    offset: i64,
    has_new_offset: bool,
    hops: usize,
    asked: Option<Asked>,
}

/// The request that an answer is waited for.
struct Asked {
    bytes: Vec<u8>,
    server: Principal,
    nonce: u32,
    subkey: Key,
    stream: bool,
}

impl TgsExchange {
    /// An exchange to begin with.
    #[must_use]
    pub fn new(request: TgsRequest) -> Self {
        let TgsRequest { tgt, purpose, etypes, offset } = request;
        Self { tgt, purpose, etypes, offset, has_new_offset: false, hops: 0, asked: None }
    }

    /// The realm whose KDC takes the ticket-granting ticket.
    fn realm(&self) -> &str {
        self.tgt.server.parts.get(1).map_or("", String::as_str)
    }

    /// Whom to ask for: the service, or the way to its realm.
    fn next_server(&self) -> Principal {
        let realm = self.realm();
        match &self.purpose {
            Purpose::Service(service) if service.realm.is_empty() || service.realm == realm => {
                Principal { realm: realm.to_owned(), ..service.clone() }
            }
            Purpose::Service(service) => Principal::ticket_granting(&service.realm, realm),
            Purpose::Renew | Purpose::Forward => self.tgt.server.clone(),
        }
    }

    fn options(&self) -> u32 {
        // Asking for what the ticket-granting ticket does not allow is an error at some KDCs.
        let kept = self.tgt.flags.0 & option::FORWARDABLE;
        match self.purpose {
            Purpose::Service(_) => option::CANONICALIZE | kept,
            Purpose::Renew => option::RENEW | kept | (self.tgt.flags.0 & option::RENEWABLE),
            Purpose::Forward => option::FORWARDED | option::FORWARDABLE,
        }
    }

    fn ask(&mut self, now: Now, entropy: &Entropy) -> Result<Step, KerberosError> {
        let server = self.next_server();
        let realm = self.realm().to_owned();
        let nonce = entropy.positive_nonce();
        let body = KdcReqBody {
            options: asn1::flags(self.options()),
            client: None,
            realm: realm.as_str().into(),
            server: Some((&server).into()),
            from: None,
            till: KerberosTime::from_seconds(self.tgt.end_time),
            renew_till: None,
            nonce,
            etypes: self.etypes.iter().map(|etype| etype.number()).collect(),
            addresses: None,
            authorization_data: None,
            additional_tickets: None,
        };
        let etype = self.tgt.key.etype();
        let subkey = entropy.subkey.get(..etype.key_length()).unwrap_or_default();
        let subkey = Key::new(etype, subkey)?;
        let proof = self.ap_req(&body, &subkey, now, entropy)?;
        let pa_data = vec![PaData { data_type: padata::TGS_REQ, value: octets(proof)? }];
        let request = KdcReq { version: VERSION, message_type: KdcReq::TGS, pa_data: Some(pa_data), body };
        let bytes = request.to_request()?;
        self.asked = Some(Asked { bytes: bytes.clone(), server, nonce, subkey, stream: false });
        Ok(Step::Ask(Ask { realm, request: bytes, stream: false }))
    }

    /// PA-TGS-REQ, RFC 4120 5.2.7.1: the body is signed, so that nobody can ask for something else.
    fn ap_req(
        &self,
        body: &KdcReqBody,
        subkey: &Key,
        now: Now,
        entropy: &Entropy,
    ) -> Result<Vec<u8>, KerberosError> {
        let key = &self.tgt.key;
        let signed = asn1::to_der("KDC-REQ-BODY", body)?;
        let authenticator = Authenticator {
            version: VERSION,
            client_realm: self.tgt.client.realm.as_str().into(),
            client: (&self.tgt.client).into(),
            checksum: Some(Checksum {
                checksum_type: key.etype().checksum_type(),
                checksum: octets(key.checksum(usage::TGS_REQ_CHECKSUM, &signed))?,
            }),
            microseconds: now.microseconds,
            time: KerberosTime::from_seconds(now.ahead(self.offset)),
            subkey: Some(subkey.try_into()?),
            sequence_number: None,
            authorization_data: None,
        };
        let plain = zeroize::Zeroizing::new(authenticator.to_message()?);
        let sealed = EncryptedData::seal(key, usage::TGS_REQ_AUTHENTICATOR, &plain, &entropy.confounder)?;
        ApReq {
            version: VERSION,
            message_type: AP_REQ,
            options: asn1::flags(0),
            ticket: any(&self.tgt.ticket)?,
            authenticator: sealed,
        }
        .to_message()
    }

    fn on_error(
        &mut self,
        error: &KrbError,
        asked: Asked,
        now: Now,
        entropy: &Entropy,
    ) -> Result<Step, KerberosError> {
        match error.error_code() {
            ErrorCode::SKEW | ErrorCode::TICKET_NOT_YET_VALID if !self.has_new_offset => {
                self.has_new_offset = true;
                self.offset = error.offset(now);
                self.ask(now, entropy)
            }
            ErrorCode::SKEW => Err(error.skew(now)),
            ErrorCode::RESPONSE_TOO_BIG if !asked.stream => {
                let ask = Ask { realm: self.realm().to_owned(), request: asked.bytes.clone(), stream: true };
                self.asked = Some(Asked { stream: true, ..asked });
                Ok(Step::Ask(ask))
            }
            ErrorCode::SERVICE_UNKNOWN | ErrorCode::SERVER_NO_MATCH => Err(KerberosError::UnknownService {
                principal: asked.server.to_string(),
                realm: self.realm().to_owned(),
            }),
            ErrorCode::ETYPE_NOT_SUPPORTED => Err(KerberosError::NoCommonEncryption {
                with: asked.server.to_string(),
                asked: names(&self.etypes),
            }),
            // It is the key of the ticket-granting service that does not fit, not that of the account.
            code @ (ErrorCode::BAD_INTEGRITY | ErrorCode::PREAUTH_FAILED) => {
                Err(KerberosError::Peer { code: code.0, name: code.name(), text: None })
            }
            _ => Err(error.refusal(&self.tgt.client, &self.etypes)),
        }
    }

    fn on_ticket(
        &mut self,
        reply: &KdcRep,
        asked: &Asked,
        now: Now,
        entropy: &Entropy,
    ) -> Result<Step, KerberosError> {
        // Under the subkey; some KDCs do not take up subkeys (RFC 4120 3.3.3).
        let plain = reply
            .encrypted
            .open(&asked.subkey, usage::TGS_REP_SUBKEY)
            .or_else(|_| reply.encrypted.open(&self.tgt.key, usage::TGS_REP_SESSION_KEY))?;
        let part = EncKdcRepPart::from_message(&plain)?;
        let (ticket, bytes) = ticket_of(reply)?;
        let client = reply.client.in_realm(&reply.client_realm);
        let server = part.server.in_realm(&part.server_realm);
        if part.nonce != i64::from(asked.nonce) {
            return Err(KerberosError::Mismatch("its nonce is another one"));
        }
        if !client.is_same(&self.tgt.client) {
            return Err(KerberosError::Mismatch("its ticket is for another account"));
        }
        if !server.is_same(&ticket.server.in_realm(&ticket.realm)) {
            return Err(KerberosError::Mismatch("its ticket is for another service"));
        }
        let key = part.key.to_key()?;
        if !self.etypes.contains(&key.etype()) {
            return Err(KerberosError::Mismatch("its session key is of a type that was not asked for"));
        }
        // The time of an error is anybody's word, that of a ticket is the KDC's.
        let starts = part.start_time.map(|start| difference(start.seconds(), now.ahead(self.offset)));
        if self.has_new_offset && starts.is_some_and(|away| away.abs() > MAX_SKEW) {
            return Err(KerberosError::Mismatch("its time is another one than that of the KDC's error"));
        }
        let end_time = part.end_time.seconds();
        if end_time <= now.ahead(self.offset) {
            return Err(KerberosError::TicketTime(server.to_string()));
        }
        let ticket = ServiceTicket {
            client: self.tgt.client.clone(),
            server,
            ticket: bytes,
            key,
            flags: TicketFlags(asn1::bits(&part.flags)),
            auth_time: part.auth_time.seconds(),
            start_time: part.start_time.unwrap_or(part.auth_time).seconds(),
            end_time,
            renew_till: part.renew_till.map(KerberosTime::seconds),
        };
        self.take(ticket, asked, now, entropy)
    }

    /// A ticket that was wanted, or a ticket-granting ticket of a realm that is nearer to the service.
    fn take(
        &mut self,
        ticket: ServiceTicket,
        asked: &Asked,
        now: Now,
        entropy: &Entropy,
    ) -> Result<Step, KerberosError> {
        let wants_service =
            matches!(&self.purpose, Purpose::Service(service) if !service.is_ticket_granting());
        if !wants_service && !ticket.server.is_same(&asked.server) {
            return Err(KerberosError::Mismatch("its ticket is for another service"));
        }
        if !wants_service || !ticket.server.is_ticket_granting() {
            if wants_service && asked.server.is_ticket_granting() {
                return Err(KerberosError::Mismatch("its ticket is for another service"));
            }
            let is_referred = self.hops > 0;
            let granted = Granted { ticket, offset: self.offset, is_referred, password_expires: None };
            return Ok(Step::Done(Box::new(granted)));
        }
        // A referral, RFC 6806 8, or a hop on the way to the service's realm, RFC 4120 1.2.
        let realm = ticket.server.parts.get(1).cloned().unwrap_or_default();
        self.hops += 1;
        if self.hops > MAX_HOPS || realm == self.realm() {
            return Err(KerberosError::TooManyReferrals(realm));
        }
        self.tgt = ticket;
        self.ask(now, entropy)
    }
}

impl Exchange for TgsExchange {
    fn begin(&mut self, now: Now, entropy: &Entropy) -> Result<Step, KerberosError> {
        self.ask(now, entropy)
    }

    fn answer(&mut self, reply: &[u8], now: Now, entropy: &Entropy) -> Result<Step, KerberosError> {
        let asked = self.asked.take().ok_or(KerberosError::Caller("nothing was asked"))?;
        match Reply::read(reply, TGS_REP)? {
            Reply::Ticket(reply) => self.on_ticket(&reply, &asked, now, entropy),
            Reply::Error(error) => self.on_error(&error, asked, now, entropy),
        }
    }

    fn offset(&self) -> i64 {
        self.offset
    }
}
