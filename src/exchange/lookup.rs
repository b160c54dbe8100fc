//! Reading: the recipient behind an identity, the owners of addresses, accepted domains, other objects by name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;
use wsman::clixml::Value;

use super::decode::{self, NotARecipient};
use super::{Answer, Call, Exchange, ExchangeError, Refusal};
use crate::address::{self, AcceptedDomains, Key, Owner};
use crate::plan::Reference;
use crate::recipient::{ErrorClass, Identity, ObjectType, Recipient, RecipientKind, Side};

/// Addresses in one filter; keeps the filter well below what the parser takes.
const IN_ONE_FILTER: usize = 50;

/// What can be read through a connection.
#[derive(Clone)]
pub struct Directory {
    exchange: Arc<dyn Exchange>,
    /// The domain controller that every read and write goes to
    domain_controller: Option<String>,
    /// Where it is
    side: Side,
}

/// Why a read gave nothing that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// No answer
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// Exchange refuses
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// The answer is not about what was asked
    #[error("asked for `{asked}`, Exchange answered with {answered}; nothing was written")]
    AnotherObject {
        /// The identity
        asked: String,
        /// What came
        answered: String,
    },
    /// An object that cannot be read
    #[error(transparent)]
    NotARecipient(#[from] NotARecipient),
}

impl Directory {
    /// Reads through `exchange`; on `domain_controller`, or on any.
    pub fn new(exchange: Arc<dyn Exchange>, domain_controller: Option<String>) -> Self {
        Self { exchange, domain_controller, side: Side::Here }
    }

    /// What there is in Exchange Online, read through `exchange`.
    pub fn of_cloud(exchange: Arc<dyn Exchange>) -> Self {
        Self { exchange, domain_controller: None, side: Side::Cloud }
    }

    /// Where it is.
    pub fn side(&self) -> Side {
        self.side
    }

    /// An object of an answer as a recipient.
    ///
    /// # Errors
    /// It is none.
    pub fn recipient(&self, object: &Value) -> Result<Recipient, NotARecipient> {
        decode::recipient_of(self.side, object)
    }

    /// The same connection on another domain controller.
    #[must_use]
    pub fn on(&self, domain_controller: Option<String>) -> Self {
        Self { exchange: Arc::clone(&self.exchange), domain_controller, side: self.side }
    }

    /// The domain controller that reads go to.
    pub fn domain_controller(&self) -> Option<&str> {
        self.domain_controller.as_deref()
    }

    /// The connection itself.
    pub fn exchange(&self) -> &Arc<dyn Exchange> {
        &self.exchange
    }

    /// The object that an identity names; `None` when there is none. An answer with more than one object, or with another
    /// one than was asked for, is an error.
    pub async fn find(
        &self,
        object_type: ObjectType,
        identity: &Identity,
    ) -> Result<Option<Recipient>, LookupError> {
        if object_type == ObjectType::MailboxDatabase {
            let call =
                self.call("Get-MailboxDatabase").with("Identity", Value::from(identity.text().as_str()));
            let found = self.single(call.with("Status", Value::Bool(true)), identity).await?;
            return found.map(|database| checked(database, identity)).transpose();
        }
        let user = Call::new("Get-User").with("Identity", Value::from(identity.text().as_str()));
        let user = match self.single(self.pinned(user), identity).await? {
            Some(user) => user,
            // A contact or a group is no user, but has the name all the same.
            None => {
                let any = self.call("Get-Recipient").with("Identity", Value::from(identity.text().as_str()));
                let Some(other) = self.single(any, identity).await? else { return Ok(None) };
                other
            }
        };
        let cmdlet = match &user.kind {
            RecipientKind::Mailbox(_) => "Get-Mailbox",
            RecipientKind::RemoteMailbox(_) => "Get-RemoteMailbox",
            _ => return checked(user, identity).map(Some),
        };
        // Both name the mailbox: the second read goes by what never changes.
        let guid = Identity::Guid(user.guid);
        let call = self.call(cmdlet).with("Identity", Value::from(guid.text().as_str()));
        match self.single(call, &guid).await? {
            Some(mut mailbox) => {
                mailbox.add_user_view(user);
                // `Get-User` shows no mail properties, so only now the name can be checked.
                checked(mailbox, identity).map(Some)
            }
            // The mailbox went between the two reads.
            None => Ok(Some(user)),
        }
    }

    /// The accepted domains, and the domain controller that answered.
    pub async fn accepted_domains(&self) -> Result<(AcceptedDomains, Option<String>), LookupError> {
        let answer = self.ask(&self.call("Get-AcceptedDomain")).await?;
        let names: Vec<String> =
            answer.objects.iter().filter_map(|domain| decode::text(domain, "DomainName")).collect();
        let server = answer.objects.iter().find_map(|domain| decode::text(domain, "OriginatingServer"));
        Ok((AcceptedDomains::new(names), server))
    }

    /// Whether mailboxes can be read at all.
    ///
    /// # Errors
    /// There is no answer, or Exchange refuses.
    pub async fn may_see_mailboxes(&self) -> Result<(), LookupError> {
        self.ask(&self.call("Get-Mailbox").with("ResultSize", Value::from("1"))).await.map(drop)
    }

    /// Who holds these addresses, `except` one account.
    pub async fn owners(
        &self,
        addresses: &BTreeSet<Key>,
        except: Option<Uuid>,
    ) -> Result<BTreeMap<Key, Owner>, LookupError> {
        let mut owners = BTreeMap::new();
        let addresses: Vec<&Key> = addresses.iter().collect();
        for some in addresses.chunks(IN_ONE_FILTER) {
            // A quotation mark inside a value is doubled: the boundary against injection.
            let filter: Vec<String> = some
                .iter()
                .map(|key| format!("EmailAddresses -eq '{}'", key.to_string().replace('\'', "''")))
                .collect();
            let call = self
                .call("Get-Recipient")
                .with("Filter", Value::from(filter.join(" -or ").as_str()))
                .with("ResultSize", Value::from("Unlimited"));
            for object in self.ask(&call).await?.objects {
                let holder = self.recipient(&object)?;
                if Some(holder.guid) == except {
                    continue;
                }
                // A filter may match more than was meant: what counts is what the object really holds.
                let held = holder.email_addresses.iter().chain(holder.primary_smtp_address.as_ref());
                let owner = owner(&holder);
                for key in held.filter_map(|address| address::key(address)) {
                    if some.contains(&&key) {
                        owners.insert(key, owner.clone());
                    }
                }
            }
        }
        Ok(owners)
    }

    /// The object that Exchange named as the owner of something, or that bears this name or address itself; `None` where it
    /// cannot be told which one that is.
    pub async fn owner_named(&self, name: &str) -> Option<Owner> {
        let identity = Identity::parse(name).ok()?;
        let found = self.find(ObjectType::Mailbox, &identity).await.ok()??;
        Some(owner(&found))
    }

    /// Every name of the objects that attributes name, by that name in lower case; unknown ones are left out.
    pub async fn references(
        &self,
        names: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Reference>, LookupError> {
        let mut references = BTreeMap::new();
        for name in names {
            let Ok(identity) = Identity::parse(name) else { continue };
            let call = self.call("Get-Recipient").with("Identity", Value::from(identity.text().as_str()));
            let answer = self.exchange.run(&call).await?;
            let [object] = answer.objects.as_slice() else { continue };
            let found = self.recipient(object)?;
            let names = [
                Some(found.identity.clone()),
                Some(found.distinguished_name.clone()),
                Some(found.guid.to_string()),
                found.alias.clone(),
                found.name.clone(),
                found.primary_smtp_address.clone(),
                found.user_principal_name.clone(),
                found.sam_account_name.clone(),
            ];
            let addresses = found
                .email_addresses
                .iter()
                .filter_map(|address| address::key(address))
                .map(|key| key.to_string());
            let names =
                names.into_iter().flatten().filter(|name| !name.is_empty()).chain(addresses).collect();
            references.insert(name.clone(), Reference { names });
        }
        Ok(references)
    }

    fn call(&self, cmdlet: &str) -> Call {
        self.pinned(Call::new(cmdlet))
    }

    pub(super) fn pinned(&self, call: Call) -> Call {
        let call = call.on(self.side);
        match &self.domain_controller {
            Some(server) => call.with("DomainController", Value::from(server.as_str())),
            None => call,
        }
    }

    pub(super) async fn ask(&self, call: &Call) -> Result<Answer, LookupError> {
        let answer = self.exchange.run(call).await?;
        match answer.refusal() {
            Some(refusal) => Err(LookupError::Refused(refusal)),
            None => Ok(answer),
        }
    }

    /// The one object of an answer; none when Exchange says that there is none.
    async fn single(&self, call: Call, identity: &Identity) -> Result<Option<Recipient>, LookupError> {
        let answer = self.exchange.run(&call).await?;
        if let Some(refusal) = answer.refusal() {
            if refusal.class == ErrorClass::NotFound {
                return Ok(None);
            }
            return Err(LookupError::Refused(refusal));
        }
        match answer.objects.as_slice() {
            [] => Ok(None),
            [object] => Ok(Some(self.recipient(object)?)),
            more => Err(another(identity, format!("{} objects", more.len()))),
        }
    }
}

fn owner(holder: &Recipient) -> Owner {
    // In the cloud the identity may be the object's id, which says nothing to anybody.
    let says_something = |name: &&&String| !name.is_empty() && Uuid::try_parse(name).is_err();
    let names = [
        Some(&holder.identity),
        Some(&holder.distinguished_name),
        holder.primary_smtp_address.as_ref(),
        holder.user_principal_name.as_ref(),
    ];
    let name = names.iter().flatten().find(says_something).map(|name| name.to_string());
    Owner {
        guid: Some(holder.guid),
        name: name.unwrap_or_default(),
        kind: holder.type_name(),
        // On-premises a deleted mailbox holds no addresses: those who hold one are there.
        soft_deleted: false,
    }
}

fn checked(found: Recipient, identity: &Identity) -> Result<Recipient, LookupError> {
    if identity.names(&found) { Ok(found) } else { Err(another(identity, format!("`{}`", found.identity))) }
}

fn another(identity: &Identity, answered: String) -> LookupError {
    LookupError::AnotherObject { asked: identity.text(), answered }
}
