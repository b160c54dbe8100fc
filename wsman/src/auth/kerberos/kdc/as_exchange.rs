//! The AS exchange, RFC 4120 3.1: from a password to a ticket-granting ticket.

use std::collections::VecDeque;

use super::super::asn1::{
    self, Checksum, EncKdcRepPart, EncryptedData, EtypeInfo2Entry, KdcRep, KdcReq, KdcReqBody, KerberosTime,
    KrbError, Message, PaData, PaEncTsEnc,
};
use super::super::{EncryptionType, KerberosError, Key, Principal, ServiceTicket, TicketFlags, usage};
use super::proof::Proof;
use super::refusal::{difference, find, names};
use super::{
    Ask, Entropy, ErrorCode, Exchange, FOREVER, Granted, MAX_HOPS, Now, Reply, Step, VERSION, octets, option,
    padata, ticket_of,
};

/// msg-type of AS-REP.
const AS_REP: i32 = 11;
/// By how much the KDC's clock may differ before it is gone by.
const TOLERATED: i64 = 60;
/// The flag that goes with PA-REQ-ENC-PA-REP, RFC 6806 11.
const ENC_PA_REP: TicketFlags = TicketFlags(1 << 16);

/// Who signs in, and for what.
#[derive(Debug, Clone)]
pub struct AsRequest {
    /// The account; the next name is tried where the KDC does not know one
    pub clients: Vec<Principal>,
    /// What proves it
    pub proof: Proof,
    /// Encryption types, best first; no other is accepted
    pub etypes: Vec<EncryptionType>,
    /// Whether the ticket shall be forwardable, for delegation
    pub forwardable: bool,
    /// By how many seconds the KDC's clock is known to be ahead
    pub offset: i64,
}

/// The exchange.
pub struct AsExchange {
    client: Principal,
    others: VecDeque<Principal>,
    proof: Proof,
    etypes: Vec<EncryptionType>,
    forwardable: bool,
    offset: i64,
    has_new_offset: bool,
    hops: usize,
    preauth: Preauth,
    asked: Option<Asked>,
}

/// The request that an answer is waited for.
struct Asked {
    bytes: Vec<u8>,
    nonce: u32,
    stream: bool,
}

/// How far pre-authentication is, RFC 4120 5.2.7.
enum Preauth {
    /// Not asked for yet
    None,
    /// With the first of these keys; the KDC may know only one of the others
    With { keys: VecDeque<Key>, info: Option<EtypeInfo2Entry>, cookie: Option<PaData> },
}

impl AsExchange {
    /// An exchange to begin with.
    ///
    /// # Errors
    /// No name, or a proof that fits none of the encryption types.
    pub fn new(request: AsRequest) -> Result<Self, KerberosError> {
        let mut others = VecDeque::from(request.clients);
        let client = others.pop_front().ok_or(KerberosError::Caller("there is no account name"))?;
        let mut etypes = request.etypes;
        if !etypes.iter().any(|etype| request.proof.has(*etype)) {
            return Err(KerberosError::NoKey { principal: client.to_string(), etype: None });
        }
        // The KDC takes the first one that the account has a key of; the others are good for session keys.
        etypes.sort_by_key(|etype| !request.proof.has(*etype));
        Ok(Self {
            client,
            others,
            proof: request.proof,
            etypes,
            forwardable: request.forwardable,
            offset: request.offset,
            has_new_offset: false,
            hops: 0,
            preauth: Preauth::None,
            asked: None,
        })
    }

    fn ask(&mut self, now: Now, entropy: &Entropy) -> Result<Step, KerberosError> {
        let nonce = entropy.positive_nonce();
        let mut pa_data = vec![PaData { data_type: padata::REQ_ENC_PA_REP, value: octets(Vec::new())? }];
        if let Preauth::With { keys, cookie, .. } = &self.preauth {
            let key = keys.front().ok_or(KerberosError::WrongPassword(self.client.to_string()))?;
            let stamp = PaEncTsEnc {
                timestamp: KerberosTime::from_seconds(now.ahead(self.offset)),
                microseconds: Some(now.microseconds),
            };
            let plain = asn1::to_der("PA-ENC-TS-ENC", &stamp)?;
            let sealed = EncryptedData::seal(key, usage::PA_ENC_TIMESTAMP, &plain, &entropy.confounder)?;
            let value = octets(asn1::to_der("PA-ENC-TIMESTAMP", &sealed)?)?;
            pa_data.push(PaData { data_type: padata::ENC_TIMESTAMP, value });
            pa_data.extend(cookie.clone());
        }
        let mut options = option::CANONICALIZE | option::RENEWABLE;
        if self.forwardable {
            options |= option::FORWARDABLE;
        }
        let realm = &self.client.realm;
        let body = KdcReqBody {
            options: asn1::flags(options),
            client: Some((&self.client).into()),
            realm: realm.as_str().into(),
            server: Some((&Principal::ticket_granting(realm, realm)).into()),
            from: None,
            till: KerberosTime::from_seconds(FOREVER),
            renew_till: Some(KerberosTime::from_seconds(FOREVER)),
            nonce,
            etypes: self.etypes.iter().map(|etype| etype.number()).collect(),
            addresses: None,
            authorization_data: None,
            additional_tickets: None,
        };
        let request = KdcReq { version: VERSION, message_type: KdcReq::AS, pa_data: Some(pa_data), body };
        let bytes = request.to_request()?;
        self.asked = Some(Asked { bytes: bytes.clone(), nonce, stream: false });
        Ok(Step::Ask(Ask { realm: realm.clone(), request: bytes, stream: false }))
    }

    fn on_error(
        &mut self,
        error: &KrbError,
        asked: Asked,
        now: Now,
        entropy: &Entropy,
    ) -> Result<Step, KerberosError> {
        let refusal = || error.refusal(&self.client, &self.etypes);
        match (error.error_code(), &mut self.preauth) {
            (ErrorCode::PREAUTH_REQUIRED, Preauth::None) => {
                self.preauth = self.begin_preauth(error)?;
            }
            // The first key was too new for this KDC.
            (ErrorCode::PREAUTH_FAILED, Preauth::With { keys, .. }) if keys.len() > 1 => {
                keys.pop_front();
            }
            (ErrorCode::SKEW, _) if !self.has_new_offset => {
                self.has_new_offset = true;
                self.offset = error.offset(now);
            }
            (ErrorCode::SKEW, _) => return Err(error.skew(now)),
            (ErrorCode::RESPONSE_TOO_BIG, _) if !asked.stream => {
                let ask =
                    Ask { realm: self.client.realm.clone(), request: asked.bytes.clone(), stream: true };
                self.asked = Some(Asked { stream: true, ..asked });
                return Ok(Step::Ask(ask));
            }
            (ErrorCode::WRONG_REALM, _) => {
                let realm = error.client_realm.as_ref().map(|realm| realm.0.clone());
                let realm = realm.filter(|realm| !realm.is_empty() && *realm != self.client.realm);
                let realm = realm.ok_or_else(refusal)?;
                self.hops += 1;
                if self.hops > MAX_HOPS {
                    return Err(KerberosError::TooManyReferrals(realm));
                }
                self.client.realm = realm;
                self.preauth = Preauth::None;
            }
            (ErrorCode::CLIENT_UNKNOWN, _) if !self.others.is_empty() => {
                self.client = self.others.pop_front().ok_or_else(refusal)?;
                self.preauth = Preauth::None;
            }
            _ => return Err(refusal()),
        }
        self.ask(now, entropy)
    }

    /// The key for PA-ENC-TIMESTAMP, from what the KDC says about the account.
    fn begin_preauth(&self, error: &KrbError) -> Result<Preauth, KerberosError> {
        let methods = error.method_data();
        let no_common_encryption = || KerberosError::NoCommonEncryption {
            with: format!("the KDC of {}", self.client.realm),
            asked: names(&self.etypes),
        };
        if !methods.is_empty() && find(&methods, padata::ENC_TIMESTAMP).is_none() {
            let ways =
                methods.iter().map(|one| one.data_type).filter(|kind| !padata::NO_PROOF.contains(kind));
            let offered = ways.map(|kind| kind.to_string()).collect::<Vec<_>>().join(", ");
            // MIT's KDC offers none at all when the account has no key of a type that was asked for.
            return Err(match offered.is_empty() {
                true => no_common_encryption(),
                false => {
                    let realm = self.client.realm.clone();
                    KerberosError::NoCommonPreauthentication { realm, offered }
                }
            });
        }
        let info = etype_info(&methods)?;
        let (etype, info) = match &info {
            // In our order: the first that the account has a key for.
            Some(info) => {
                let find = |etype: &EncryptionType| {
                    let entry = info.iter().find(|entry| entry.etype == etype.number());
                    entry.map(|entry| (*etype, Some(entry.clone())))
                };
                let mut ours = self.etypes.iter().filter(|etype| self.proof.has(**etype));
                ours.find_map(find).ok_or_else(no_common_encryption)?
            }
            None => (self.etypes.first().copied().unwrap_or(EncryptionType::Aes256Sha1), None),
        };
        let keys = self.proof.keys(etype, &self.client, info.as_ref(), None)?.into();
        let cookie = methods.into_iter().find(|one| one.data_type == padata::FX_COOKIE);
        Ok(Preauth::With { keys, info, cookie })
    }

    fn on_ticket(&mut self, reply: &KdcRep, asked: &Asked, now: Now) -> Result<Step, KerberosError> {
        let (key, plain) = self.open(reply)?;
        let part = EncKdcRepPart::from_message(&plain)?;
        let (ticket, bytes) = ticket_of(reply)?;
        let server = part.server.in_realm(&part.server_realm);
        if part.nonce != i64::from(asked.nonce) {
            return Err(KerberosError::Mismatch("its nonce is another one"));
        }
        if !server.is_same(&ticket.server.in_realm(&ticket.realm)) || !server.is_ticket_granting() {
            return Err(KerberosError::Mismatch("its ticket is for another service"));
        }
        self.verify_request(&part, &key, asked)?;
        let session = part.key.to_key()?;
        if !self.etypes.contains(&session.etype()) {
            return Err(KerberosError::Mismatch("its session key is of a type that was not asked for"));
        }
        let start = part.start_time.unwrap_or(part.auth_time).seconds();
        let offset = difference(start, now.seconds);
        if (offset - self.offset).abs() > TOLERATED {
            self.offset = offset;
        }
        let end_time = part.end_time.seconds();
        let client = reply.client.in_realm(&reply.client_realm);
        if end_time <= now.ahead(self.offset) {
            return Err(KerberosError::TicketTime(server.to_string()));
        }
        Ok(Step::Done(Box::new(Granted {
            ticket: ServiceTicket {
                client,
                server,
                ticket: bytes,
                key: session,
                flags: TicketFlags(asn1::bits(&part.flags)),
                auth_time: part.auth_time.seconds(),
                start_time: start,
                end_time,
                renew_till: part.renew_till.map(KerberosTime::seconds),
            },
            offset: self.offset,
            is_referred: self.hops > 0,
            password_expires: part.key_expiration.map(KerberosTime::seconds),
        })))
    }

    /// Decrypts the reply: what opens it proves that the KDC knows the account's key.
    fn open(&self, reply: &KdcRep) -> Result<(Key, zeroize::Zeroizing<Vec<u8>>), KerberosError> {
        let etype = self.etypes.iter().find(|etype| etype.number() == reply.encrypted.etype).copied();
        let etype = etype.ok_or(KerberosError::Mismatch("its encryption type was not asked for"))?;
        let named = etype_info(reply.pa_data.as_deref().unwrap_or_default())?.unwrap_or_default();
        let named = named.into_iter().find(|entry| entry.etype == etype.number());
        let keys = match &self.preauth {
            Preauth::With { keys, info, .. }
                if keys.front().is_some_and(|key| key.etype() == etype)
                    && (named.is_none() || named == *info) =>
            {
                keys.iter().cloned().collect()
            }
            _ => self.proof.keys(etype, &self.client, named.as_ref(), reply.encrypted.kvno)?,
        };
        for key in keys {
            if let Ok(plain) = reply.encrypted.open(&key, usage::AS_REP) {
                return Ok((key, plain));
            }
        }
        Err(KerberosError::WrongPassword(self.client.to_string()))
    }

    /// RFC 6806 11: that the KDC got the request as it was sent.
    fn verify_request(&self, part: &EncKdcRepPart, key: &Key, asked: &Asked) -> Result<(), KerberosError> {
        if !TicketFlags(asn1::bits(&part.flags)).contains(ENC_PA_REP) {
            return Ok(());
        }
        let list = part.encrypted_pa_data.as_deref().unwrap_or_default();
        let changed = KerberosError::Mismatch("the request was changed on its way");
        let value = find(list, padata::REQ_ENC_PA_REP).ok_or(changed.clone())?;
        let sum: Checksum = asn1::from_der("Checksum", value.as_bytes())?;
        let holds = sum.checksum_type == key.etype().checksum_type()
            && key.verify(usage::AS_REQ_CHECKSUM, &asked.bytes, sum.checksum.as_bytes());
        if holds { Ok(()) } else { Err(changed) }
    }
}

impl Exchange for AsExchange {
    fn begin(&mut self, now: Now, entropy: &Entropy) -> Result<Step, KerberosError> {
        self.ask(now, entropy)
    }

    fn answer(&mut self, reply: &[u8], now: Now, entropy: &Entropy) -> Result<Step, KerberosError> {
        let asked = self.asked.take().ok_or(KerberosError::Caller("nothing was asked"))?;
        match Reply::read(reply, AS_REP)? {
            Reply::Ticket(reply) => self.on_ticket(&reply, &asked, now),
            Reply::Error(error) => self.on_error(&error, asked, now, entropy),
        }
    }

    fn offset(&self) -> i64 {
        self.offset
    }
}

fn etype_info(list: &[PaData]) -> Result<Option<Vec<EtypeInfo2Entry>>, KerberosError> {
    let value = find(list, padata::ETYPE_INFO2);
    value.map(|value| asn1::from_der("ETYPE-INFO2", value.as_bytes())).transpose()
}
