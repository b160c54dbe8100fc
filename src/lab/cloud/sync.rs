//! Directory synchronisation: what is made or changed on-premises comes to the tenant.
//!
//! It carries accounts, one way, as Entra Connect does: those with a remote mailbox become mail users and get their mailbox with a
//! licence, shared ones and rooms without; those with a mailbox on-premises become mail users. Where the cloud owns the attributes
//! of Exchange (`IsExchangeCloudManaged`) only those of the person come. Attributes that name other recipients are left out.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use super::due::difference;
use super::{CloudSeed, Tenant, licence};
use crate::lab::Exchange;
use crate::lab::cmdlet::{EXCHANGE, PERSON, REFERENCES};
use crate::lab::directory::{Attribute, Entry, Proxy, immutable_id_key};

/// What stays as the cloud has it, though it is of Exchange: these are made of others, or say what to do.
const NOT_STORED: [&str; 5] =
    ["EmailAddresses", "PrimarySmtpAddress", "WindowsEmailAddress", "SecondaryAddress", "Type"];

/// What an account has become on-premises; nothing where it is gone.
#[derive(Debug)]
pub(in crate::lab) struct Carried {
    pub(in crate::lab) source: Uuid,
    pub(in crate::lab) entry: Option<Arc<Entry>>,
}

/// What ties an object of the cloud to its source: base64 of the GUID's bytes in the order of .NET ("Microsoft Entra Connect:
/// Design concepts", sourceAnchor).
fn immutable_id(source: Uuid) -> String {
    STANDARD.encode(source.to_bytes_le())
}

impl CloudSeed {
    /// Ties what is synchronised to what has its sign-in name or its name on-premises, where the seed does not say to what.
    pub(in crate::lab) fn join(&mut self, here: &Exchange) {
        for object in &mut self.objects {
            let text = |name: &str| match object.get(name) {
                Some(Attribute::Text(text)) => text.clone(),
                _ => String::new(),
            };
            if object.get("IsDirSynced") != Some(&Attribute::Flag(true)) || !text("ImmutableId").is_empty() {
                continue;
            }
            let property = if text("UserPrincipalName").is_empty() { "Name" } else { "UserPrincipalName" };
            let wanted = text(property);
            let fits =
                |entry: &&Arc<Entry>| entry.is_user() && entry.text(property).eq_ignore_ascii_case(&wanted);
            let Some(source) = here.directory.replica(0).lookup(&wanted).find(fits) else { continue };
            object.insert("ImmutableId".to_owned(), immutable_id(source.guid).into());
            for name in ["ExchangeGuid", "RemoteRecipientType"] {
                if let Some(value) = source.get(name) {
                    object.entry(name.to_owned()).or_insert_with(|| value.clone());
                }
            }
        }
    }
}

impl Tenant {
    /// Takes over what has changed on-premises.
    pub(in crate::lab) fn synchronise(&mut self, carried: &[Carried], now_ms: u64) {
        for one in carried {
            self.exchange.carry(one, now_ms);
        }
    }
}

impl Exchange {
    fn carry(&mut self, carried: &Carried, now_ms: u64) {
        let id = immutable_id(carried.source);
        let twin = self.directory.replica(0).lookup(&immutable_id_key(&id)).next().cloned();
        match (&carried.entry, twin) {
            (Some(source), Some(twin)) => self.carry_changes(source, &twin, now_ms),
            (Some(source), None) if source.is_user() => self.carry_new(source, id, now_ms),
            (None, Some(twin)) => {
                if twin.is_mailbox() {
                    self.soft_deleted.push(Entry::clone(&twin));
                }
                self.directory.delete(0, twin.guid, now_ms);
            }
            _ => {}
        }
    }

    fn carry_new(&mut self, source: &Entry, id: String, now_ms: u64) {
        let mut made = Entry::new(self.directory.ids.named(&format!("synchronised {}", source.guid)));
        let stamp = self.directory.stamp(now_ms);
        made.set("IsDirSynced", Some(true.into()), stamp);
        made.set("ImmutableId", Some(id.into()), stamp);
        self.carry_person(source, &mut made, now_ms);
        if made.text("UserPrincipalName").is_empty() {
            // Somebody else has the sign-in name: who administers synchronisation is told, and nothing comes.
            return;
        }
        self.carry_exchange(source, &mut made, now_ms);
        if self.directory.complete(&mut made, now_ms).is_ok() {
            self.directory.create(0, made.clone(), now_ms);
        }
    }

    fn carry_changes(&mut self, source: &Entry, twin: &Entry, now_ms: u64) {
        let is_managed = twin.flag("IsExchangeCloudManaged");
        let had_remote = !twin.text("RemoteRecipientType").is_empty();
        let came_with_it = had_remote || twin.details() == "MailUser";
        if !is_managed && came_with_it && twin.is_mail_enabled() && !source.is_mail_enabled() {
            // `Disable-RemoteMailbox`: the mailbox goes, and the user stays.
            self.lose_mailbox(twin, now_ms);
        }
        let Some(twin) = self.directory.replica(0).get(twin.guid).cloned() else { return };
        let mut made = Entry::clone(&twin);
        self.carry_person(source, &mut made, now_ms);
        if !is_managed {
            self.carry_exchange(source, &mut made, now_ms);
        }
        if self.directory.complete(&mut made, now_ms).is_ok() {
            self.change(twin.guid, difference(&twin, &made), now_ms);
        }
        if !twin.is_mailbox() && source.is_remote() {
            self.licences_changed(&made, now_ms);
        }
    }

    /// What is of the person, and comes always.
    fn carry_person(&mut self, source: &Entry, made: &mut Entry, now_ms: u64) {
        let stamp = self.directory.stamp(now_ms);
        for name in PERSON.iter().filter(|name| **name != "ImmutableId" && **name != "Manager") {
            made.set(name, source.get(name).cloned(), stamp);
        }
        if source.get("AccountDisabled").is_some() {
            made.set("AccountDisabled", source.get("AccountDisabled").cloned(), stamp);
        }
        let principal = source.text("UserPrincipalName");
        let is_of_another = |other: &Arc<Entry>| {
            other.guid != made.guid && other.text("UserPrincipalName").eq_ignore_ascii_case(principal)
        };
        if !self.directory.replica(0).lookup(principal).any(is_of_another) {
            made.set("UserPrincipalName", Some(principal.into()), stamp);
        }
    }

    /// What is of Exchange, and what the object is by it.
    fn carry_exchange(&mut self, source: &Entry, made: &mut Entry, now_ms: u64) {
        let stamp = self.directory.stamp(now_ms);
        let details = self.details_of(source, made);
        made.set("RecipientTypeDetails", Some(details.into()), stamp);
        made.set("RemoteRecipientType", source.get("RemoteRecipientType").cloned(), stamp);
        if !made.is_mail_enabled() {
            return;
        }
        let is_carried = |name: &&&str| !NOT_STORED.contains(*name) && !REFERENCES.contains(*name);
        for name in EXCHANGE.iter().filter(is_carried) {
            made.set(name, source.get(name).cloned(), stamp);
        }
        if made.text("ExchangeGuid").is_empty() && source.get("ExchangeGuid").is_some() {
            made.set("ExchangeGuid", source.get("ExchangeGuid").cloned(), stamp);
        }
        if source.is_remote() {
            made.set("ExternalEmailAddress", source.get("RemoteRoutingAddress").cloned(), stamp);
        }
        // Where the source has none the cloud keeps its own.
        if source.is_mail_enabled() {
            let addresses = self.carried_addresses(source, made);
            made.set("EmailAddresses", Some(Attribute::List(addresses)), stamp);
        }
    }

    /// What a source is in the cloud.
    fn details_of(&self, source: &Entry, made: &Entry) -> String {
        let skus = self.directory.configuration.cloud.as_ref().map(|cloud| cloud.skus.as_slice());
        let is_licensed = licence::gives_mailbox(made, skus.unwrap_or_default());
        match source.details().strip_prefix("Remote") {
            // Nobody needs a licence for a shared mailbox or a room.
            Some(details) if details != "UserMailbox" || made.is_mailbox() => details.to_owned(),
            Some(_) => "MailUser".to_owned(),
            None if made.is_mailbox() => made.details().to_owned(),
            None if source.is_mail_enabled() => "MailUser".to_owned(),
            None if is_licensed => made.details().to_owned(),
            None => "User".to_owned(),
        }
    }

    /// The addresses of the source, as far as nobody else has them, and what the cloud has put beside them.
    fn carried_addresses(&self, source: &Entry, made: &Entry) -> Vec<String> {
        let initial = format!("@{}", self.directory.initial_domain().to_lowercase());
        let is_free = |text: &&String| {
            let key = Proxy::parse(text).key();
            self.directory.replica(0).lookup(&key).all(|holder| holder.guid == made.guid)
        };
        let is_of_the_cloud = |text: &&String| {
            let proxy = Proxy::parse(text);
            ["SPO", "SIP"].contains(&proxy.prefix.to_uppercase().as_str())
                || (proxy.prefix == "smtp" && proxy.address.to_lowercase().ends_with(&initial))
        };
        let mut addresses: Vec<String> =
            source.list("EmailAddresses").iter().filter(is_free).cloned().collect();
        let routing = format!("smtp:{}{initial}", made.text("Alias"));
        let of_the_cloud = made.list("EmailAddresses").iter().filter(is_of_the_cloud).cloned();
        for text in of_the_cloud.chain([routing]).collect::<Vec<_>>() {
            let key = Proxy::parse(&text).key();
            if is_free(&&text) && !addresses.iter().any(|held| Proxy::parse(held).key() == key) {
                addresses.push(text);
            }
        }
        addresses
    }
}
