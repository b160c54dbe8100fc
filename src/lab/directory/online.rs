//! Objects of Exchange Online: where they are, and what is filled in.

use super::load::{check_addresses, escape_dn};
use super::{Attribute, Directory, Entry, Stamp, account_name, alias_from, local_part};
use crate::lab::cloud::licence;

/// The forest in which the tenant is.
const FOREST: &str = "DC=EURPR01A001,DC=PROD,DC=OUTLOOK,DC=COM";

/// Quotas that come with a mailbox, as the service writes them.
const QUOTAS: [(&str, &str); 3] = [
    ("IssueWarningQuota", "98 GB (105,226,698,752 bytes)"),
    ("ProhibitSendQuota", "99 GB (106,300,440,576 bytes)"),
    ("ProhibitSendReceiveQuota", "100 GB (107,374,182,400 bytes)"),
];

impl Directory {
    /// Whether this is the directory of a tenant.
    pub(crate) fn is_online(&self) -> bool {
        self.configuration.cloud.is_some()
    }

    /// The domain that came with the tenant.
    pub(crate) fn initial_domain(&self) -> &str {
        self.configuration.cloud.as_ref().map_or("", |cloud| cloud.initial_domain.as_str())
    }

    /// Whether Exchange keeps to itself what ties an object to its source.
    pub(crate) fn hides_immutable_ids(&self) -> bool {
        self.configuration.cloud.as_ref().is_some_and(|cloud| cloud.behaviour.immutable_id_in_graph_only)
    }

    /// `Identity` is the object's id in Entra.
    pub(super) fn place_online(&self, entry: &mut Entry, stamp: Stamp) {
        let name = entry.text("Name").to_owned();
        let dn = format!(
            "CN={},OU={},OU=Microsoft Exchange Hosted Organizations,{FOREST}",
            escape_dn(&name),
            self.initial_domain()
        );
        entry.set("DistinguishedName", Some(dn.into()), stamp);
        let id = entry.text("ExternalDirectoryObjectId");
        let identity = if id.is_empty() { name } else { id.to_owned() };
        entry.set("Identity", Some(identity.into()), stamp);
    }

    /// Fills in what every object of its type has.
    pub(super) fn complete_online(&mut self, entry: &mut Entry, now_ms: u64) -> Result<(), String> {
        let stamp = self.stamp(now_ms);
        let default = |entry: &mut Entry, name: &str, value: Attribute| {
            if entry.get(name).is_none() {
                entry.set(name, Some(value), stamp);
            }
        };
        let created = Attribute::Number(i64::try_from(now_ms).unwrap_or(i64::MAX));
        default(entry, "WhenCreated", created.clone());
        let name = entry.text("Name").to_owned();
        default(entry, "DisplayName", name.as_str().into());
        default(entry, "OrganizationalUnit", self.default_unit().into());
        let id = self.ids.named(&format!("entra {}", entry.guid));
        default(entry, "ExternalDirectoryObjectId", id.to_string().into());
        self.place_online(entry, stamp);
        if entry.is_user() {
            let local = if entry.text("Alias").is_empty() {
                account_name(&name)
            } else {
                entry.text("Alias").to_owned()
            };
            let principal = format!("{local}@{}", self.configuration.default_domain());
            default(entry, "UserPrincipalName", principal.into());
            let account = self.account_online(entry);
            default(entry, "SamAccountName", account.into());
            let has_nobody = matches!(
                entry.details(),
                "SharedMailbox" | "RoomMailbox" | "EquipmentMailbox" | "DisabledUser"
            );
            default(entry, "AccountDisabled", has_nobody.into());
            licence::normalize(entry, self.configuration.cloud.as_ref(), stamp)?;
        }
        if entry.is_mail_enabled() {
            let from = if entry.is_user() { local_part(entry.text("UserPrincipalName")) } else { name };
            default(entry, "Alias", alias_from(&from).into());
            let legacy = format!(
                "/o=ExchangeLabs/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn={}",
                self.ids.named(&format!("legacy {}", entry.guid)).simple()
            );
            default(entry, "LegacyExchangeDN", legacy.into());
            default(entry, "EmailAddressPolicyEnabled", false.into());
            if entry.get("EmailAddresses").is_none() {
                let addresses = self.addresses_online(entry, None);
                entry.set("EmailAddresses", Some(Attribute::List(addresses)), stamp);
            }
            check_addresses(entry)?;
        }
        if entry.is_mailbox() {
            let guid = self.ids.named(&format!("mailbox {}", entry.guid));
            default(entry, "ExchangeGuid", guid.to_string().into());
            default(entry, "Database", "EURPR01DG001-db001".into());
            default(entry, "WhenMailboxCreated", created);
            for (name, size) in QUOTAS {
                default(entry, name, size.into());
            }
        }
        Ok(())
    }

    /// An account name that nobody has.
    fn account_online(&self, entry: &Entry) -> String {
        let wanted = account_name(&local_part(entry.text("UserPrincipalName")));
        let is_taken = self.replica(0).lookup(&wanted).any(|other| {
            other.guid != entry.guid && other.text("SamAccountName").eq_ignore_ascii_case(&wanted)
        });
        if !is_taken {
            return wanted;
        }
        let start: String = wanted.chars().take(13).collect();
        let end: String = entry.guid.simple().to_string().chars().take(7).collect();
        start + &end
    }

    /// The addresses of a new mailbox: its primary one, the routing address in the domain of the tenant, and those of
    /// other services.
    pub(crate) fn addresses_online(&self, entry: &Entry, primary: Option<&str>) -> Vec<String> {
        let principal = entry.text("UserPrincipalName");
        let primary = primary.unwrap_or(principal);
        let mut addresses = vec![format!("SMTP:{primary}")];
        let routing = format!("{}@{}", entry.text("Alias"), self.initial_domain());
        if !routing.eq_ignore_ascii_case(primary) {
            addresses.push(format!("smtp:{routing}"));
        }
        if entry.details() == "UserMailbox" {
            let tenant = self.configuration.cloud.as_ref().map(|cloud| cloud.tenant).unwrap_or_default();
            addresses.push(format!("SIP:{}", principal.to_lowercase()));
            addresses.push(format!("SPO:SPO_{}@SPO_{tenant}", entry.text("ExternalDirectoryObjectId")));
        }
        addresses
    }
}
