//! What a tenant begins with.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::licence::{self, Sku};
use crate::lab::directory::{Attribute, Ids};
use crate::lab::{AcceptedDomain, Fault, Restrictions, Seed, SeedObject};

/// The part of a directory file that tells the tenant. One that is not there is made of the rest: every remote mailbox
/// has its mailbox in the tenant.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloudSeed {
    /// Its GUID
    pub tenant: Uuid,
    /// The domain that came with it, such as `contoso.onmicrosoft.com`
    pub initial_domain: String,
    /// Domains for which it accepts mail
    pub accepted_domains: Vec<AcceptedDomain>,
    /// What it has bought; what is usual when absent
    #[serde(default = "licence::usual")]
    pub skus: Vec<Sku>,
    /// What goes wrong, and when
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// How it behaves where tenants differ
    #[serde(default)]
    pub behaviour: Behaviour,
    /// What the application's role groups keep from it
    #[serde(default)]
    pub restrictions: Restrictions,
    /// Users and mailboxes. A user may have `UsageLocation`, `AssignedLicenses` (names or ids), `LicensesByGroup` (`NAME
    /// GROUP-ID`), `IsDirSynced`, `IsExchangeCloudManaged`, `IsMultiFactor`,
    /// `IsExchangeAdministrator`, and `MailboxDelay` in milliseconds
    #[serde(default)]
    pub objects: Vec<SeedObject>,
}

/// How a tenant behaves where tenants differ, or where nobody knows how they do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Behaviour {
    /// Links to pages are never good: the server that began a list is not found again
    pub pages_without_affinity: bool,
    /// Passwords may come as plain text as well
    pub plain_passwords: bool,
    /// Passwords that are encrypted for the former key are taken too
    pub former_key_is_good: bool,
    /// Exchange does not show what ties an object to its source; Graph does
    pub immutable_id_in_graph_only: bool,
    /// Where the main host sends requests of Exchange
    pub redirect: Option<Redirect>,
}

/// Where a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redirect {
    /// To the host of the region
    Regional,
    /// To the host of the region, under a port that is not open to the world
    Port446,
    /// To a host that has no business here
    Hostile,
}

/// Objects are only counted: they may hold passwords.
impl std::fmt::Debug for CloudSeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CloudSeed")
            .field("tenant", &self.tenant)
            .field("objects", &self.objects.len())
            .finish_non_exhaustive()
    }
}

impl CloudSeed {
    /// The tenant of an organisation that says nothing about it.
    pub(in crate::lab) fn of(seed: &Seed) -> Self {
        let name = seed.forest.split('.').next().unwrap_or_default().to_lowercase();
        let routing = seed.remote_routing_domain.as_deref().and_then(|domain| {
            domain.to_lowercase().strip_suffix(".mail.onmicrosoft.com").map(str::to_owned)
        });
        let initial_domain = format!("{}.onmicrosoft.com", routing.unwrap_or(name));
        let mut accepted_domains = seed.accepted_domains.clone();
        accepted_domains.push(AcceptedDomain {
            name: initial_domain.clone(),
            domain_type: "Authoritative".to_owned(),
            default: false,
        });
        Self {
            tenant: Ids::new(&seed.forest).named("tenant"),
            accepted_domains,
            skus: licence::usual(),
            faults: Vec::new(),
            behaviour: Behaviour::default(),
            restrictions: Restrictions::default(),
            objects: seed.objects.iter().filter_map(|object| synchronised(object, &initial_domain)).collect(),
            initial_domain,
        }
    }

    /// The directory of this tenant, in the form of a seed.
    pub(in crate::lab) fn directory(mut self, seed: &Seed) -> Seed {
        Seed {
            restrictions: Restrictions::default(),
            faults: std::mem::take(&mut self.faults),
            domain_controllers: vec!["EURPR01A001DC01.EURPR01A001.PROD.OUTLOOK.COM".to_owned()],
            accepted_domains: self.accepted_domains.clone(),
            objects: std::mem::take(&mut self.objects),
            organizational_units: vec![format!("{}/Users", seed.forest)],
            cloud: Some(self),
            ..seed.clone()
        }
    }
}

/// The mailbox that belongs to a remote mailbox.
fn synchronised(object: &SeedObject, initial_domain: &str) -> Option<SeedObject> {
    let Some(Attribute::Text(details)) = object.get("RecipientTypeDetails") else { return None };
    let details = details.strip_prefix("Remote")?;
    let mut made: SeedObject =
        ["Name", "DisplayName", "FirstName", "LastName", "Alias", "UserPrincipalName", "EmailAddresses"]
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), object.get(*name)?.clone())))
            .collect();
    made.insert("RecipientTypeDetails".to_owned(), details.into());
    if details == "UserMailbox" {
        made.insert(licence::DIRECT.to_owned(), Attribute::List(vec!["ENTERPRISEPACK".to_owned()]));
        made.insert("UsageLocation".to_owned(), "CH".into());
    }
    let alias = match made.get("Alias") {
        Some(Attribute::Text(alias)) => alias.clone(),
        _ => String::new(),
    };
    if let Some(Attribute::List(addresses)) = made.get_mut("EmailAddresses") {
        addresses.push(format!("smtp:{alias}@{initial_domain}"));
        addresses.push(format!("SPO:SPO_{alias}@SPO_{initial_domain}"));
    }
    made.insert("IsDirSynced".to_owned(), true.into());
    Some(made)
}
