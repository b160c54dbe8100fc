//! The form in which a directory is written down.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::Attribute;
use crate::lab::cloud::CloudSeed;
use crate::lab::{Fault, Faults};

/// A directory as JSON: the forest, its configuration and its objects.
///
/// ```
/// let seed = mailwright::lab::Seed::from_json(r#"{
///   "forest": "contoso.com",
///   "domain_controllers": ["dc01.contoso.com"],
///   "accepted_domains": [{"name": "contoso.com", "default": true}],
///   "databases": [{"name": "DB01"}],
///   "objects": [{"RecipientTypeDetails": "UserMailbox", "Name": "Ada Lovelace", "SamAccountName": "ada"}]
/// }"#)?;
/// assert_eq!(seed.objects.len(), 1);
/// # Ok::<(), mailwright::lab::SeedError>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// DNS name of the forest's only domain
    pub forest: String,
    /// NetBIOS name of the domain; the first label of the forest in upper case when absent
    #[serde(default)]
    pub netbios: String,
    /// Name of the Exchange organization
    #[serde(default = "default_organization")]
    pub organization: String,
    /// Name of the Exchange server
    #[serde(default = "default_server")]
    pub server: String,
    /// Full names of the domain controllers; the first is the default one
    pub domain_controllers: Vec<String>,
    /// Canonical names of organizational units; `<forest>/Users` is always there
    #[serde(default)]
    pub organizational_units: Vec<String>,
    /// Domains for which the organization accepts mail
    pub accepted_domains: Vec<AcceptedDomain>,
    /// Mailbox databases
    pub databases: Vec<Database>,
    /// Address policies; the first is applied to recipients that have `EmailAddressPolicyEnabled`
    #[serde(default)]
    pub address_policies: Vec<AddressPolicy>,
    /// Domain of the addresses by which mail reaches remote mailboxes
    #[serde(default)]
    pub remote_routing_domain: Option<String>,
    /// What the server keeps from those who sign in
    #[serde(default, skip_serializing_if = "Restrictions::is_none")]
    pub restrictions: Restrictions,
    /// What goes wrong, and when
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// The objects
    #[serde(default)]
    pub objects: Vec<SeedObject>,
    /// The tenant in the cloud
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud: Option<CloudSeed>,
}

/// What the server keeps from those who sign in: roles, quotas, a server without Exchange's tools.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Restrictions {
    /// Cmdlets that no role of theirs has
    pub hidden_cmdlets: Vec<String>,
    /// Parameters that no role of theirs has, by cmdlet
    pub hidden_parameters: BTreeMap<String, Vec<String>>,
    /// `NoLanguage` for an ordinary endpoint that runs no scripts; everything else is `FullLanguage`
    pub language_mode: Option<String>,
    /// An ordinary endpoint on a server without Exchange's management tools
    pub no_management_tools: bool,
    /// Shells of one user at once
    pub max_shells_per_user: Option<usize>,
}

impl Restrictions {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a cmdlet cannot be seen.
    pub(crate) fn hides(&self, cmdlet: &str) -> bool {
        self.hidden_cmdlets.iter().any(|hidden| hidden == "*" || hidden.eq_ignore_ascii_case(cmdlet))
    }

    /// Whether a parameter cannot be seen.
    pub(crate) fn hides_parameter(&self, cmdlet: &str, parameter: &str) -> bool {
        self.hidden_parameters.iter().any(|(of, names)| {
            of.eq_ignore_ascii_case(cmdlet) && names.iter().any(|name| name.eq_ignore_ascii_case(parameter))
        })
    }

    /// Whether the ordinary endpoint runs scripts.
    pub(crate) fn runs_scripts(&self) -> bool {
        self.language_mode.as_deref().is_none_or(|mode| mode == "FullLanguage")
    }
}

/// An accepted domain; `*.` in front includes subdomains.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptedDomain {
    /// The domain
    pub name: String,
    /// `Authoritative`, `InternalRelay` or `ExternalRelay`
    #[serde(default = "default_domain_type", rename = "type")]
    pub domain_type: String,
    /// Whether it is the default one
    #[serde(default)]
    pub default: bool,
}

/// A mailbox database.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Its name
    pub name: String,
    /// Whether it is mounted
    #[serde(default = "yes")]
    pub mounted: bool,
    /// Whether automatic distribution leaves it out
    #[serde(default)]
    pub excluded_from_provisioning: bool,
    /// Its GUID; made from the name when absent
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guid: Option<Uuid>,
    /// Any other property by the name that Exchange gives it
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, Attribute>,
}

/// An address policy: templates with `%m` (alias), `%g` (given name), `%s` (surname), `%d` (display name), `%1g` (first letters).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressPolicy {
    /// Its name
    pub name: String,
    /// Templates `SMTP:%m@contoso.com`; the one in upper case makes the primary address
    pub templates: Vec<String>,
}

/// An object: `RecipientTypeDetails`, `Name` and any attribute by the name that Exchange gives it. `Password` lets it sign in.
///
/// Whatever is absent is made as the create cmdlets would: alias, user principal name, addresses by policy, database, GUIDs.
pub type SeedObject = BTreeMap<String, Attribute>;

/// Why a seed was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SeedError {
    /// Not JSON of this form
    #[error("the directory file is not valid: {0}")]
    Json(#[from] serde_json::Error),
    /// No domain controller
    #[error("the directory names no domain controller")]
    NoDomainController,
    /// No accepted domain
    #[error("the directory names no accepted domain")]
    NoAcceptedDomain,
    /// No database
    #[error("the directory names no database")]
    NoDatabase,
    /// An object without a name or with an unknown type
    #[error("object {number} ({name}): {reason}")]
    Object {
        /// Position in the list, from 1
        number: usize,
        /// Its name
        name: String,
        /// What is wrong
        reason: String,
    },
}

/// Objects are only counted: they may hold passwords.
impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seed")
            .field("forest", &self.forest)
            .field("objects", &self.objects.len())
            .finish_non_exhaustive()
    }
}

impl Seed {
    /// Reads a seed.
    ///
    /// # Errors
    /// [`SeedError`] when the text is not JSON of this form or names no domain controller, accepted domain or database.
    pub fn from_json(text: &str) -> Result<Self, SeedError> {
        let mut seed: Self = serde_json::from_str(text)?;
        if seed.domain_controllers.is_empty() {
            return Err(SeedError::NoDomainController);
        }
        if seed.accepted_domains.is_empty() {
            return Err(SeedError::NoAcceptedDomain);
        }
        if seed.databases.is_empty() {
            return Err(SeedError::NoDatabase);
        }
        if seed.netbios.is_empty() {
            seed.netbios = seed.forest.split('.').next().unwrap_or_default().to_uppercase();
        }
        let users = format!("{}/Users", seed.forest);
        if !seed.organizational_units.iter().any(|unit| unit.eq_ignore_ascii_case(&users)) {
            seed.organizational_units.push(users);
        }
        Ok(seed)
    }

    /// Lets more go wrong, on both sides.
    #[must_use]
    pub fn with_faults(mut self, faults: Faults) -> Self {
        self.faults.extend(faults.on_premises);
        let mut cloud = self.cloud.take().unwrap_or_else(|| CloudSeed::of(&self));
        cloud.faults.extend(faults.cloud);
        self.cloud = Some(cloud);
        self
    }

    /// The default accepted domain.
    pub(crate) fn default_domain(&self) -> &str {
        let default =
            self.accepted_domains.iter().find(|domain| domain.default).or(self.accepted_domains.first());
        default.map_or("", |domain| domain.name.trim_start_matches("*."))
    }

    /// Whether mail for `domain` is accepted.
    pub(crate) fn accepts(&self, domain: &str) -> bool {
        let domain = domain.to_lowercase();
        self.accepted_domains.iter().any(|accepted| {
            let name = accepted.name.to_lowercase();
            match name.strip_prefix("*.") {
                Some(parent) => domain == parent || domain.ends_with(&format!(".{parent}")),
                None => domain == name,
            }
        })
    }
}

fn default_organization() -> String {
    "First Organization".to_owned()
}

fn default_server() -> String {
    "EX01".to_owned()
}

fn default_domain_type() -> String {
    "Authoritative".to_owned()
}

fn yes() -> bool {
    true
}
