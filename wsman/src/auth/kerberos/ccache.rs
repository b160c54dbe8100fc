//! Credential cache files of MIT Kerberos: the tickets that `kinit` got.

use std::fmt;

use zeroize::Zeroizing;

use super::reader::{Reader, file_kind};
use super::{EncryptionType, KerberosError, Key, NameType, Principal, ServiceTicket, TicketFlags};
use crate::wiped::wiped_by_parts;

const WHAT: &str = "ticket cache";
const VERSION_3: u16 = 0x0503;
const VERSION_4: u16 = 0x0504;
/// A ticket has up to 64 KiB; nobody holds more than some dozens.
const MAX_SIZE: usize = 16 << 20;
/// The header field that has the KDC's time minus that of this machine.
const DELTA_TIME: u16 = 1;
/// `X-CACHECONF:` holds settings of the library, not tickets; a removed one is renamed.
const SETTINGS: [&str; 2] = ["X-CACHECONF:", "X-RMED-CONF:"];

/// The tickets of one account.
#[derive(Clone, PartialEq, Eq)]
pub struct CredentialCache {
    default_principal: Principal,
    kdc_offset: Option<i32>,
    tickets: Vec<ServiceTicket>,
}

wiped_by_parts!(CredentialCache: ServiceTicket);

impl CredentialCache {
    /// A cache of these tickets.
    #[must_use]
    pub fn new(default_principal: Principal, kdc_offset: Option<i32>, tickets: Vec<ServiceTicket>) -> Self {
        Self { default_principal, kdc_offset, tickets }
    }

    /// Reads a file of version 3 or 4. Left out are the library's settings, tickets that were removed or whose session
    /// key has an encryption type that is not built in, and those for user-to-user sign-in.
    ///
    /// # Errors
    /// It is not such a file.
    pub fn parse(file: &[u8]) -> Result<Self, KerberosError> {
        let mut reader = Reader::new(file, WHAT);
        if file.len() > MAX_SIZE {
            return Err(reader.malformed("it is larger than 16 MiB"));
        }
        let version = reader.u16()?;
        let kdc_offset = match version {
            VERSION_3 => None,
            VERSION_4 => header(Reader::new(reader.data16()?, WHAT))?,
            0x0501 | 0x0502 => return Err(reader.malformed("it has an old version; run kinit again")),
            _ => return Err(reader.malformed("it does not begin as a ticket cache does")),
        };
        let default_principal = principal(&mut reader)?;
        let mut tickets = Vec::new();
        while !reader.is_empty() {
            tickets.extend(ticket(&mut reader, version)?);
        }
        Ok(Self { default_principal, kdc_offset, tickets })
    }

    /// The file of version 4, as [`CredentialCache::parse`] reads it.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut file = Zeroizing::new(VERSION_4.to_be_bytes().to_vec());
        match self.kdc_offset {
            Some(offset) => {
                file.extend([0, 12, 0, 1, 0, 8]);
                file.extend(offset.to_be_bytes());
                file.extend([0; 4]);
            }
            None => file.extend([0, 0]),
        }
        write_principal(&mut file, &self.default_principal);
        for ticket in &self.tickets {
            write_principal(&mut file, &ticket.client);
            write_principal(&mut file, &ticket.server);
            file.extend(u16::try_from(ticket.key.etype().number()).unwrap_or_default().to_be_bytes());
            write_data(&mut file, ticket.key.expose_bytes());
            let renew_till = ticket.renew_till.unwrap_or_default();
            for time in [ticket.auth_time, ticket.start_time, ticket.end_time, renew_till] {
                file.extend(u32::try_from(time).unwrap_or(u32::MAX).to_be_bytes());
            }
            file.push(0);
            file.extend(ticket.flags.0.to_be_bytes());
            // Neither addresses nor authorisation data.
            file.extend([0; 8]);
            write_data(&mut file, &ticket.ticket);
            write_data(&mut file, &[]);
        }
        file
    }

    /// The path in a name as `KRB5CCNAME` has it: `FILE:/tmp/krb5cc_0` or the bare path.
    ///
    /// ```
    /// use wsman::auth::kerberos::CredentialCache;
    /// assert_eq!(CredentialCache::file_name("FILE:/tmp/krb5cc_0").unwrap(), "/tmp/krb5cc_0");
    /// assert!(CredentialCache::file_name("KCM:1000").is_err());
    /// ```
    ///
    /// # Errors
    /// [`KerberosError::CacheType`] for what is not a file: `DIR:`, `KCM:`, `KEYRING:`, `API:`, `MEMORY:`.
    pub fn file_name(name: &str) -> Result<&str, KerberosError> {
        match file_kind(name) {
            (Some(kind), _) if kind != "FILE" => Err(KerberosError::CacheType(kind)),
            (_, path) => Ok(path),
        }
    }

    /// Whose tickets these are.
    #[must_use]
    pub fn default_principal(&self) -> &Principal {
        &self.default_principal
    }

    /// The KDC's time minus that of this machine in seconds, as `kinit` found it.
    #[must_use]
    pub fn kdc_offset(&self) -> Option<i32> {
        self.kdc_offset
    }

    /// All tickets, in the order of the file.
    #[must_use]
    pub fn tickets(&self) -> &[ServiceTicket] {
        &self.tickets
    }

    /// The ticket for a service that is valid the longest, and for at least `margin` more seconds. Service and realm
    /// are compared without regard to case; without a realm, any will do.
    ///
    /// # Errors
    /// [`KerberosError::NoTicket`], saying whether there is none or only an old one.
    pub fn ticket_for(
        &self,
        server: &Principal,
        now: u64,
        margin: u64,
    ) -> Result<&ServiceTicket, KerberosError> {
        let newest = self
            .tickets
            .iter()
            .filter(|ticket| server.names(&ticket.server) && ticket.client.is_same(&self.default_principal))
            .max_by_key(|ticket| ticket.end_time);
        match newest {
            Some(ticket) if ticket.is_valid(now, margin) => Ok(ticket),
            Some(_) => Err(KerberosError::NoTicket(format!("the one for `{server}` has ended"))),
            None => Err(KerberosError::NoTicket(format!("there is none for `{server}`"))),
        }
    }

    /// The ticket-granting ticket of the account's own realm.
    ///
    /// # Errors
    /// As [`CredentialCache::ticket_for`].
    pub fn ticket_granting_ticket(&self, now: u64, margin: u64) -> Result<&ServiceTicket, KerberosError> {
        let realm = &self.default_principal.realm;
        self.ticket_for(&Principal::ticket_granting(realm, realm), now, margin)
    }
}

impl fmt::Debug for CredentialCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialCache")
            .field("default_principal", &self.default_principal.to_string())
            .field("tickets", &self.tickets)
            .finish_non_exhaustive()
    }
}

/// The fields of version 4's header: each a tag and data.
fn header(mut reader: Reader<'_>) -> Result<Option<i32>, KerberosError> {
    let mut offset = None;
    while !reader.is_empty() {
        let (tag, data) = (reader.u16()?, reader.data16()?);
        if tag == DELTA_TIME {
            offset = Some(Reader::new(data, WHAT).i32()?);
        }
    }
    Ok(offset)
}

fn principal(reader: &mut Reader<'_>) -> Result<Principal, KerberosError> {
    let name_type = NameType::from_number(reader.i32()?);
    let parts = reader.u32()?;
    let parts = usize::try_from(parts).map_err(|_| reader.malformed("a length is out of range"))?;
    Ok(Principal { name_type, ..reader.principal(parts, Reader::data32)? })
}

/// One entry; `None` where it is not a ticket that can be used.
fn ticket(reader: &mut Reader<'_>, version: u16) -> Result<Option<ServiceTicket>, KerberosError> {
    let client = principal(reader)?;
    let server = principal(reader)?;
    let etype = i16::from_be_bytes(reader.u16()?.to_be_bytes());
    if version == VERSION_3 {
        // It is written twice.
        reader.u16()?;
    }
    let key = reader.data32()?;
    let [auth_time, start_time, end_time, renew_till] =
        [reader.u32()?, reader.u32()?, reader.u32()?, reader.u32()?];
    let is_user_to_user = reader.u8()? != 0;
    let flags = TicketFlags(reader.u32()?);
    // Addresses, then authorisation data: a type and data each, at least six bytes.
    for _ in 0..2 {
        for _ in 0..reader.u32()? {
            reader.u16()?;
            reader.data32()?;
        }
    }
    let ticket = reader.data32()?.to_vec();
    // The second ticket of user-to-user sign-in.
    reader.data32()?;
    let is_removed = end_time == 0 && auth_time == u32::MAX;
    let is_setting = SETTINGS.contains(&server.realm.as_str());
    let Ok(etype) = EncryptionType::from_number(etype.into()) else { return Ok(None) };
    if is_removed || is_setting || is_user_to_user {
        return Ok(None);
    }
    Ok(Some(ServiceTicket {
        client,
        server,
        ticket,
        key: Key::new(etype, key)?,
        flags,
        auth_time: auth_time.into(),
        // Not every KDC names it.
        start_time: if start_time == 0 { auth_time } else { start_time }.into(),
        end_time: end_time.into(),
        renew_till: (renew_till != 0).then_some(renew_till.into()),
    }))
}

fn write_principal(file: &mut Vec<u8>, principal: &Principal) {
    file.extend(principal.name_type.number().to_be_bytes());
    file.extend(u32::try_from(principal.parts.len()).unwrap_or(u32::MAX).to_be_bytes());
    write_data(file, principal.realm.as_bytes());
    principal.parts.iter().for_each(|part| write_data(file, part.as_bytes()));
}

fn write_data(file: &mut Vec<u8>, data: &[u8]) {
    file.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    file.extend(data);
}
