//! Properties that are made of others.

use crate::lab::directory::{Attribute, Directory, Entry, Proxy};

/// An object as one domain controller shows it.
pub(super) struct View<'a> {
    pub(super) directory: &'a Directory,
    pub(super) dc: &'a str,
    pub(super) entry: &'a Entry,
}

impl View<'_> {
    /// The value of a property; `None` when nothing is set.
    pub(super) fn get(&self, name: &str) -> Option<Attribute> {
        let entry = self.entry;
        let configuration = &self.directory.configuration;
        let list = |items: Vec<String>| Some(Attribute::List(items));
        let archive = !matches!(entry.text("ArchiveGuid"), "" | "00000000-0000-0000-0000-000000000000");
        match name {
            "MicrosoftOnlineServicesID" | "WindowsLiveID" if self.directory.is_online() => {
                Some(entry.text("UserPrincipalName").into())
            }
            "ImmutableId" if self.directory.hides_immutable_ids() => None,
            "Guid" => Some(entry.guid.to_string().into()),
            "PrimarySmtpAddress" => Some(primary(entry).into()),
            "WindowsEmailAddress" => Some(if entry.is_mail_enabled() { primary(entry) } else { entry.text(name).to_owned() }.into()),
            "RecipientType" => Some(entry.recipient_type().into()),
            "IsShared" => Some((entry.details() == "SharedMailbox").into()),
            "IsLinked" => Some((entry.details() == "LinkedMailbox").into()),
            "IsResource" => Some(matches!(entry.details(), "RoomMailbox" | "EquipmentMailbox").into()),
            "ResourceType" => match entry.details() {
                "RoomMailbox" => Some("Room".into()),
                "EquipmentMailbox" => Some("Equipment".into()),
                _ => None,
            },
            "ServerName" => Some(configuration.server.to_lowercase().into()),
            "ServerLegacyDN" => Some(
                format!(
                    "/o={}/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Configuration/cn=Servers/cn={}",
                    configuration.organization, configuration.server
                )
                .into(),
            ),
            "OriginatingServer" => Some(self.dc.into()),
            "Id" => Some(entry.text("Identity").into()),
            "OnPremisesOrganizationalUnit" => Some(entry.text("OrganizationalUnit").into()),
            "ObjectCategory" => Some(format!("{}/Configuration/Schema/{}", configuration.forest, self.category()).into()),
            "ObjectClass" => list(self.classes()),
            "WhenChangedUTC" => entry.get("WhenChanged").cloned(),
            "WhenCreatedUTC" => entry.get("WhenCreated").cloned(),
            "ArchiveStatus" => Some(if archive { "Active" } else { "None" }.into()),
            "ArchiveState" if !archive => Some("None".into()),
            "MailboxLocations" if entry.is_mailbox() => {
                let database = self.directory.find_database(entry.text("Database"));
                let id = database.map(|database| self.directory.database_guid(database)).unwrap_or_default();
                list(vec![format!("1;{};Primary;{};{id}", entry.text("ExchangeGuid"), configuration.forest)])
            }
            "ProtocolSettings" => list(vec!["RemotePowerShell§1".to_owned()]),
            "PoliciesIncluded" if entry.flag("EmailAddressPolicyEnabled") => {
                let policy = configuration.address_policies.first().map_or("Default Policy", |policy| policy.name.as_str());
                let id = self.directory.ids.named(&format!("policy {policy}"));
                list(vec![id.to_string(), POLICY_MARK.to_owned()])
            }
            "PoliciesExcluded" if entry.is_mail_enabled() && !entry.flag("EmailAddressPolicyEnabled") => list(vec![POLICY_MARK.to_owned()]),
            "AddressListMembership" if !entry.flag("HiddenFromAddressListsEnabled") => list(self.address_lists()),
            "UMDtmfMap" => list(self.tones()),
            _ => entry.get(name).cloned(),
        }
    }

    fn category(&self) -> &'static str {
        if self.entry.details().contains("Group") { "Group" } else { "Person" }
    }

    fn classes(&self) -> Vec<String> {
        let last: &[&str] = match self.entry.details() {
            details if details.contains("Group") => &["top", "group"],
            "MailContact" => &["top", "person", "organizationalPerson", "contact"],
            _ => &["top", "person", "organizationalPerson", "user"],
        };
        last.iter().map(|name| (*name).to_owned()).collect()
    }

    fn address_lists(&self) -> Vec<String> {
        let kind = match self.entry.details() {
            "RoomMailbox" => "\\All Rooms",
            details if details.contains("Group") => "\\All Distribution Lists",
            "MailContact" => "\\All Contacts",
            _ => "\\All Users",
        };
        let mut lists: Vec<&str> = if self.entry.is_mailbox() {
            vec!["\\Mailboxes(VLV)", "\\All Mailboxes(VLV)"]
        } else {
            Vec::new()
        };
        lists.extend(["\\All Recipients(VLV)", "\\Default Global Address List", kind]);
        lists.into_iter().map(str::to_owned).collect()
    }

    /// Names as the keys of a telephone.
    fn tones(&self) -> Vec<String> {
        let keys = |text: &str| -> String {
            let digit = |c: char| match c.to_ascii_lowercase() {
                'a'..='c' => Some('2'),
                'd'..='f' => Some('3'),
                'g'..='i' => Some('4'),
                'j'..='l' => Some('5'),
                'm'..='o' => Some('6'),
                'p'..='s' => Some('7'),
                't'..='v' => Some('8'),
                'w'..='z' => Some('9'),
                c if c.is_ascii_digit() => Some(c),
                _ => None,
            };
            text.chars().filter_map(digit).collect()
        };
        let (first, last) = (self.entry.text("FirstName"), self.entry.text("LastName"));
        let (first, last) = if first.is_empty() && last.is_empty() {
            (self.entry.text("DisplayName"), "")
        } else {
            (first, last)
        };
        vec![
            format!("emailAddress:{}", keys(primary(self.entry).split('@').next().unwrap_or_default())),
            format!("lastNameFirstName:{}{}", keys(last), keys(first)),
            format!("firstNameLastName:{}{}", keys(first), keys(last)),
        ]
    }
}

/// The mark of address policies in `PoliciesIncluded` and `PoliciesExcluded`, the same in every organization.
const POLICY_MARK: &str = "{26491cfc-9e50-4857-861b-0cb8df22b5d7}";

/// The primary SMTP address without its type.
pub(super) fn primary(entry: &Entry) -> String {
    let proxies = entry.list("EmailAddresses").iter().map(|text| Proxy::parse(text));
    proxies.filter(|proxy| proxy.prefix == "SMTP").map(|proxy| proxy.address).next().unwrap_or_default()
}

/// The texts of a property, for filters.
pub(crate) fn texts(directory: &Directory, entry: &Entry, name: &str) -> Vec<String> {
    let value = View { directory, dc: "", entry }.get(name).or_else(|| super::default_of(name));
    match value {
        Some(Attribute::Text(text)) => vec![text],
        Some(Attribute::Flag(flag)) => vec![if flag { "True" } else { "False" }.to_owned()],
        Some(Attribute::Number(ms)) if name.starts_with("When") => {
            vec![super::american_time(u64::try_from(ms).unwrap_or(0))]
        }
        Some(Attribute::Number(number)) => vec![number.to_string()],
        Some(Attribute::List(items)) => items,
        None => Vec::new(),
    }
}
