//! From a seed to objects, and back to JSON.

use secrecy::SecretString;
use uuid::Uuid;

use super::seed::{Seed, SeedError, SeedObject};
use super::{Attribute, Directory, Entry, Proxy, is_smtp_address};

/// When the objects of a seed were made: 2024-01-15T08:00:00Z.
const SEED_TIME_MS: u64 = 1_705_305_600_000;

/// Types of objects that the directory knows.
pub(crate) const DETAILS: [&str; 16] = [
    "User",
    "DisabledUser",
    "UserMailbox",
    "LinkedMailbox",
    "SharedMailbox",
    "RoomMailbox",
    "EquipmentMailbox",
    "RemoteUserMailbox",
    "RemoteSharedMailbox",
    "RemoteRoomMailbox",
    "RemoteEquipmentMailbox",
    "MailUser",
    "MailContact",
    "MailUniversalDistributionGroup",
    "MailUniversalSecurityGroup",
    "LinkedUser",
];

impl Directory {
    /// A directory with the objects of the seed, the same on every domain controller.
    pub(crate) fn load(mut seed: Seed, delay_ms: u64) -> Result<Self, SeedError> {
        let objects = std::mem::take(&mut seed.objects);
        let mut directory = Self::empty(seed, 0);
        for (index, object) in objects.into_iter().enumerate() {
            let name = match object.get("Name") {
                Some(Attribute::Text(name)) => name.clone(),
                _ => String::new(),
            };
            let entry = directory.seeded(object).map_err(|reason| SeedError::Object {
                number: index + 1,
                name: name.clone(),
                reason,
            })?;
            directory.create(0, entry, SEED_TIME_MS);
        }
        directory.set_delay(delay_ms);
        Ok(directory)
    }

    fn seeded(&mut self, object: SeedObject) -> Result<Entry, String> {
        let text = |name: &str| match object.get(name) {
            Some(Attribute::Text(text)) => text.clone(),
            _ => String::new(),
        };
        if text("Name").is_empty() {
            return Err("it has no Name".to_owned());
        }
        let details = if text("RecipientTypeDetails").is_empty() {
            "User".to_owned()
        } else {
            text("RecipientTypeDetails")
        };
        if !DETAILS.contains(&details.as_str()) {
            return Err(format!(
                "RecipientTypeDetails {details} is unknown; known are {}",
                DETAILS.join(", ")
            ));
        }
        let unit = if text("OrganizationalUnit").is_empty() {
            self.default_unit()
        } else {
            text("OrganizationalUnit")
        };
        let unit = self.find_unit(&unit).ok_or_else(|| format!("there is no organizational unit {unit}"))?;
        let guid = match text("Guid") {
            // The directory of the cloud is another one, and so are its GUIDs.
            empty if empty.is_empty() && self.is_online() => {
                self.ids.named(&format!("tenant {unit}/{}", text("Name")))
            }
            empty if empty.is_empty() => self.ids.named(&format!("{unit}/{}", text("Name"))),
            given => Uuid::parse_str(&given).map_err(|error| format!("Guid: {error}"))?,
        };
        let stamp = self.stamp(SEED_TIME_MS);
        let mut entry = Entry::new(guid);
        let archive = object.get("Archive") == Some(&Attribute::Flag(true));
        let mut password = None;
        for (name, value) in object {
            match (name.as_str(), value) {
                ("Guid" | "Archive", _) => {}
                ("Password", Attribute::Text(text)) => password = Some(SecretString::from(text)),
                (_, value) => entry.set(&name, Some(value), stamp),
            }
        }
        entry.set("RecipientTypeDetails", Some(details.into()), stamp);
        entry.set("OrganizationalUnit", Some(unit.into()), stamp);
        if let Some(password) = password {
            entry.set_password(password, stamp);
        }
        self.complete(&mut entry, SEED_TIME_MS)?;
        if archive {
            self.add_archive(&mut entry, SEED_TIME_MS);
        }
        self.check_unique(0, &entry)?;
        Ok(entry)
    }

    /// When what came with the seed was made.
    pub(crate) fn seeded_at(&self) -> Attribute {
        Attribute::Number(i64::try_from(SEED_TIME_MS).unwrap_or(i64::MAX))
    }

    /// Fills in what every object of its type has.
    pub(crate) fn complete(&mut self, entry: &mut Entry, now_ms: u64) -> Result<(), String> {
        if self.is_online() {
            return self.complete_online(entry, now_ms);
        }
        let stamp = self.stamp(now_ms);
        let default = |entry: &mut Entry, name: &str, value: Attribute| {
            if entry.get(name).is_none() {
                entry.set(name, Some(value), stamp);
            }
        };
        let name = entry.text("Name").to_owned();
        let created = Attribute::Number(i64::try_from(now_ms).unwrap_or(i64::MAX));
        default(entry, "WhenCreated", created.clone());
        default(entry, "DisplayName", name.as_str().into());
        self.place(entry, stamp);
        if entry.is_user() {
            let sam = if entry.text("Alias").is_empty() {
                account_name(&name)
            } else {
                account_name(entry.text("Alias"))
            };
            default(entry, "SamAccountName", sam.into());
            let principal =
                format!("{}@{}", entry.text("SamAccountName"), self.configuration.default_domain());
            default(entry, "UserPrincipalName", principal.into());
            default(entry, "NetbiosDomain", self.configuration.netbios.as_str().into());
            let disabled = matches!(
                entry.details(),
                "SharedMailbox" | "RoomMailbox" | "EquipmentMailbox" | "LinkedMailbox" | "DisabledUser"
            );
            default(entry, "AccountDisabled", disabled.into());
        }
        if entry.is_mail_enabled() {
            let from =
                if entry.is_user() { local_part(entry.text("UserPrincipalName")) } else { name.clone() };
            default(entry, "Alias", alias_from(&from).into());
            let legacy = self.legacy_dn(entry);
            default(entry, "LegacyExchangeDN", legacy.into());
            let owned = entry.get("EmailAddresses").is_none();
            default(entry, "EmailAddressPolicyEnabled", owned.into());
            if entry.is_remote() {
                let routing = self.routing_address(entry.text("Alias"));
                default(entry, "RemoteRoutingAddress", routing.into());
                default(entry, "RemoteRecipientType", "ProvisionMailbox".into());
            }
            if owned {
                let addresses = self.policy_addresses(entry, None);
                entry.set("EmailAddresses", Some(Attribute::List(addresses)), stamp);
            }
            check_addresses(entry)?;
        }
        if entry.is_mailbox() {
            let database =
                self.distribute(entry.guid).ok_or("every database is excluded from provisioning")?;
            default(entry, "Database", database.into());
            let guid = self.ids.named(&format!("mailbox {}", entry.guid));
            default(entry, "ExchangeGuid", guid.to_string().into());
            default(entry, "WhenMailboxCreated", created);
        }
        Ok(())
    }

    /// Distinguished and canonical name from the unit and the name.
    pub(crate) fn place(&self, entry: &mut Entry, stamp: super::Stamp) {
        if self.is_online() {
            return self.place_online(entry, stamp);
        }
        let (unit, name) = (entry.text("OrganizationalUnit").to_owned(), entry.text("Name").to_owned());
        let dn = format!("CN={},{}", escape_dn(&name), self.unit_dn(&unit));
        entry.set("DistinguishedName", Some(dn.into()), stamp);
        entry.set("Identity", Some(format!("{unit}/{}", name.replace('/', "\\/")).into()), stamp);
    }

    /// Distinguished name of a unit given by its canonical name.
    pub(crate) fn unit_dn(&self, unit: &str) -> String {
        let mut parts = unit.split('/');
        let domain: Vec<String> =
            parts.next().unwrap_or_default().split('.').map(|label| format!("DC={label}")).collect();
        let mut units: Vec<String> = parts
            .map(|part| {
                let container = part.eq_ignore_ascii_case("Users") && unit.matches('/').count() == 1;
                format!("{}={}", if container { "CN" } else { "OU" }, escape_dn(part))
            })
            .collect();
        units.reverse();
        units.extend(domain);
        units.join(",")
    }

    /// The canonical name of a unit given by canonical name, distinguished name or its last part.
    pub(crate) fn find_unit(&self, name: &str) -> Option<String> {
        let units = &self.configuration.organizational_units;
        let exact = units
            .iter()
            .find(|unit| unit.eq_ignore_ascii_case(name) || self.unit_dn(unit).eq_ignore_ascii_case(name));
        let by_part = || {
            let mut fits = units
                .iter()
                .filter(|unit| unit.rsplit('/').next().is_some_and(|part| part.eq_ignore_ascii_case(name)));
            fits.next().filter(|_| fits.next().is_none())
        };
        exact.or_else(by_part).cloned()
    }

    /// `<forest>/Users`
    pub(crate) fn default_unit(&self) -> String {
        format!("{}/Users", self.configuration.forest)
    }

    /// The addresses of a new mailbox: a `primary` that is given takes it out of the policy, so it is all there is.
    pub(crate) fn policy_addresses(&self, entry: &Entry, primary: Option<&str>) -> Vec<String> {
        let fallback = [format!("SMTP:%m@{}", self.configuration.default_domain())];
        let templates =
            self.configuration.address_policies.first().map_or(&fallback[..], |policy| &policy.templates);
        let mut addresses: Vec<Proxy> = match primary {
            Some(primary) => vec![Proxy { prefix: "SMTP".to_owned(), address: primary.to_owned() }],
            None => Vec::new(),
        };
        for template in templates.iter().filter(|_| primary.is_none()) {
            let proxy = Proxy::parse(&fill(template, entry));
            if !addresses.iter().any(|known| known.key() == proxy.key()) {
                addresses.push(proxy);
            }
        }
        let routing = entry.text("RemoteRoutingAddress");
        if !routing.is_empty() {
            let routing = Proxy { prefix: "smtp".to_owned(), address: Proxy::parse(routing).address };
            if !addresses.iter().any(|known| known.key() == routing.key()) {
                addresses.push(routing);
            }
        }
        addresses.iter().map(Proxy::to_string).collect()
    }

    /// `SMTP:<alias>@<routing domain>`
    pub(crate) fn routing_address(&self, alias: &str) -> String {
        let domain = self
            .configuration
            .remote_routing_domain
            .as_deref()
            .unwrap_or(self.configuration.default_domain());
        format!("SMTP:{alias}@{domain}")
    }

    fn legacy_dn(&self, entry: &Entry) -> String {
        let start: String = entry.text("Alias").chars().filter(char::is_ascii_alphanumeric).take(5).collect();
        format!(
            "/o={}/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn={}-{start}",
            self.configuration.organization,
            self.ids.named(&format!("legacy {}", entry.guid)).simple()
        )
    }

    /// Automatic distribution: mounted databases that are not excluded, by the object's GUID.
    pub(crate) fn distribute(&self, guid: Uuid) -> Option<String> {
        let fit: Vec<_> = self
            .configuration
            .databases
            .iter()
            .filter(|d| d.mounted && !d.excluded_from_provisioning)
            .collect();
        let index = usize::from(guid.as_bytes()[15]) % fit.len().max(1);
        fit.get(index).map(|database| database.name.clone())
    }

    /// Gives an archive to a mailbox or remote mailbox.
    pub(crate) fn add_archive(&mut self, entry: &mut Entry, now_ms: u64) {
        let stamp = self.stamp(now_ms);
        let guid = self.ids.named(&format!("archive {}", entry.guid));
        entry.set("ArchiveGuid", Some(guid.to_string().into()), stamp);
        let name = format!("In-Place Archive -{}", entry.text("DisplayName"));
        if entry.list("ArchiveName").is_empty() {
            entry.set("ArchiveName", Some(Attribute::List(vec![name])), stamp);
        }
        if entry.is_remote() {
            entry.set("ArchiveState", Some("HostedPending".into()), stamp);
            entry.set("RemoteRecipientType", Some("ProvisionMailbox, ProvisionArchive".into()), stamp);
        } else {
            entry.set("ArchiveState", Some("Local".into()), stamp);
            let database = entry.text("Database").to_owned();
            if entry.get("ArchiveDatabase").is_none() {
                entry.set("ArchiveDatabase", Some(database.into()), stamp);
            }
        }
    }

    /// Refuses a seed object that takes a name or address of another.
    fn check_unique(&self, dc: usize, entry: &Entry) -> Result<(), String> {
        for name in ["SamAccountName", "UserPrincipalName", "Identity", "Alias"] {
            let value = entry.text(name);
            let taken = self
                .replica(dc)
                .lookup(value)
                .find(|other| other.guid != entry.guid && other.text(name).eq_ignore_ascii_case(value));
            if let (false, Some(other)) = (value.is_empty(), taken) {
                return Err(format!("{name} {value} is also that of {}", other.text("Identity")));
            }
        }
        for text in entry.list("EmailAddresses") {
            if let Some(other) =
                self.replica(dc).lookup(&Proxy::parse(text).key()).find(|other| other.guid != entry.guid)
            {
                return Err(format!("{text} is also an address of {}", other.text("Identity")));
            }
        }
        Ok(())
    }

    /// The directory as JSON in the form of a seed, from the first domain controller; passwords are left out.
    pub(crate) fn dump(&self) -> serde_json::Value {
        let objects: Vec<SeedObject> = self.replicas[0]
            .entries()
            .map(|entry| {
                let attributes = entry.attributes().filter(|(name, _)| *name != "WhenChanged");
                let mut object: SeedObject =
                    attributes.map(|(name, value)| (name.to_owned(), value.clone())).collect();
                object.insert("Guid".to_owned(), entry.guid.to_string().into());
                object
            })
            .collect();
        let mut value = serde_json::to_value(&self.configuration).unwrap_or_default();
        if let (Some(map), Ok(objects)) = (value.as_object_mut(), serde_json::to_value(objects)) {
            map.insert("objects".to_owned(), objects);
        }
        value
    }
}

fn fill(template: &str, entry: &Entry) -> String {
    let first = |text: &str, count: usize| text.chars().take(count).collect::<String>();
    let plain = |name: &str| entry.text(name).chars().filter_map(best_fit).collect::<String>();
    template
        .replace("%1g", &first(&plain("FirstName"), 1))
        .replace("%1s", &first(&plain("LastName"), 1))
        .replace("%m", &plain("Alias"))
        .replace("%g", &plain("FirstName"))
        .replace("%s", &plain("LastName"))
        .replace("%d", &plain("DisplayName"))
}

/// The letter of US-ASCII that stands for a character in an address; none for what has no place there.
fn best_fit(c: char) -> Option<char> {
    const FOLDED: [(&str, char); 16] = [
        ("àáâãäåāăą", 'a'),
        ("çćč", 'c'),
        ("ďđ", 'd'),
        ("èéêëēęě", 'e'),
        ("ğ", 'g'),
        ("ìíîïīı", 'i'),
        ("ł", 'l'),
        ("ñńň", 'n'),
        ("òóôõöøō", 'o'),
        ("ř", 'r'),
        ("śšşß", 's'),
        ("ťţ", 't'),
        ("ùúûüūů", 'u'),
        ("ýÿ", 'y'),
        ("źżž", 'z'),
        ("æ", 'a'),
    ];
    if is_alias_character(c) {
        return Some(c);
    }
    let lower = c.to_lowercase().next()?;
    let (_, folded) = FOLDED.iter().find(|(letters, _)| letters.contains(lower))?;
    Some(if c.is_uppercase() { folded.to_ascii_uppercase() } else { *folded })
}

/// A value of a distinguished name, RFC 4514.
pub(super) fn escape_dn(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (index, c) in text.chars().enumerate() {
        if matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=') || (index == 0 && c == '#') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// At most 20 characters without those that an account name must not have.
pub(crate) fn account_name(from: &str) -> String {
    from.chars().filter(|c| !c.is_whitespace() && !"\"/\\[]:;|=,+*?<>@".contains(*c)).take(20).collect()
}

/// What stands before the last `@`.
pub(crate) fn local_part(principal: &str) -> String {
    principal.rsplit_once('@').map_or(principal, |(local, _)| local).to_owned()
}

/// An alias made of a name: blanks go, every character that cannot be in an alias becomes `?`.
pub(crate) fn alias_from(text: &str) -> String {
    let fit = |c: char| if is_alias_character(c) { c } else { '?' };
    text.chars().filter(|c| !c.is_whitespace()).map(fit).take(64).collect()
}

/// Characters of an alias: letters and digits of ASCII, `!#$%&'*+-/=?^_{|}~` and the grave accent, and dots.
pub(crate) fn is_alias_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
}

/// That what a seed calls an address is one.
pub(super) fn check_addresses(entry: &Entry) -> Result<(), String> {
    let wrong = entry.list("EmailAddresses").iter().find(|text| {
        let proxy = Proxy::parse(text);
        proxy.is_smtp() && !is_smtp_address(&proxy.address)
    });
    wrong.map_or(Ok(()), |text| Err(format!("{text} is no SMTP address")))
}
