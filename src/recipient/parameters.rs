//! The table of cmdlets and their parameters.
//!
//! Facts from Microsoft's cmdlet reference, kept in `parameters.txt` beside this file and read once. Names are looked up
//! without case and answered in their canonical form.

use std::sync::LazyLock;

use super::Side;

/// A cmdlet and what it takes.
#[derive(Debug)]
pub struct Cmdlet {
    /// The canonical name.
    pub name: &'static str,
    /// Its parameters, in the order of the reference.
    pub parameters: Vec<Parameter>,
}

/// A parameter of a cmdlet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The canonical name.
    pub name: &'static str,
    /// The .NET type as the reference names it.
    pub type_name: &'static str,
    /// What kind of value that is.
    pub kind: ParameterKind,
    /// Where it exists.
    pub place: Place,
    /// The first version on-premises; none for the cloud.
    pub since: Option<u16>,
    /// Required in at least one of its parameter sets.
    pub required: bool,
    /// Its parameter sets; empty means all.
    pub sets: Vec<&'static str>,
}

/// Where a parameter works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On-premises and in the cloud.
    Both,
    /// On-premises only.
    OnPremises,
    /// In the cloud only.
    Cloud,
}

/// What kind of value a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// Free text.
    Text,
    /// True or false.
    Bool,
    /// A switch.
    Switch,
    /// A whole number.
    Int,
    /// A size in bytes, or (for `Unlimited`) none; a count in a few.
    Size,
    /// A span of time.
    TimeSpan,
    /// A point in time.
    DateTime,
    /// A GUID.
    Guid,
    /// One SMTP address without prefix.
    SmtpAddress,
    /// One proxy address.
    ProxyAddress,
    /// The list of proxy addresses.
    ProxyAddresses,
    /// Several texts.
    List,
    /// Several names of recipients.
    RecipientList,
    /// The name of another object.
    Reference,
    /// One of a few words.
    Enum(&'static [&'static str]),
    /// A secret.
    Secret,
    /// A name and a secret.
    Credential,
}

impl ParameterKind {
    /// How a person would call the value.
    #[must_use]
    pub fn describe(self) -> String {
        match self {
            Self::Text => "text".into(),
            Self::Bool | Self::Switch => "true or false".into(),
            Self::Int => "a whole number".into(),
            Self::Size => "a size such as 2GB, a number, or Unlimited".into(),
            Self::TimeSpan => "a time span such as 14.00:00:00".into(),
            Self::DateTime => "a date and time such as 2026-12-01T08:00:00Z".into(),
            Self::Guid => "a GUID".into(),
            Self::SmtpAddress => "an e-mail address".into(),
            Self::ProxyAddress => "an e-mail address, with or without prefix".into(),
            Self::ProxyAddresses => "a list of e-mail addresses".into(),
            Self::List => "a list of values".into(),
            Self::RecipientList => "a list of recipients".into(),
            Self::Reference => "the name of an object".into(),
            Self::Enum(words) => format!("one of {}", words.join(", ")),
            Self::Secret => "a secret".into(),
            Self::Credential => "a credential".into(),
        }
    }

    /// Whether several values are taken.
    #[must_use]
    pub fn is_list(self) -> bool {
        matches!(self, Self::List | Self::RecipientList | Self::ProxyAddresses)
    }
}

static TABLE: LazyLock<Vec<Cmdlet>> = LazyLock::new(|| read(include_str!("parameters.txt")));

/// Every cmdlet of the table.
#[must_use]
pub fn cmdlets() -> &'static [Cmdlet] {
    &TABLE
}

/// A cmdlet by its name, in any case.
#[must_use]
pub fn cmdlet(name: &str) -> Option<&'static Cmdlet> {
    TABLE.iter().find(|cmdlet| cmdlet.name.eq_ignore_ascii_case(name))
}

/// A parameter of a cmdlet, both in any case.
#[must_use]
pub fn parameter(cmdlet_name: &str, name: &str) -> Option<&'static Parameter> {
    cmdlet(cmdlet_name)?.parameter(name)
}

impl Cmdlet {
    /// A parameter by its name, in any case.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name))
    }
}

impl Parameter {
    /// Whether it belongs to the parameter set.
    #[must_use]
    pub fn in_set(&self, set: &str) -> bool {
        self.sets.is_empty() || self.sets.contains(&set)
    }

    /// Whether it works on-premises.
    #[must_use]
    pub fn on_premises(&self) -> bool {
        self.place != Place::Cloud
    }

    /// Whether it works on this side.
    #[must_use]
    pub fn works(&self, side: Side) -> bool {
        match side {
            Side::Here => self.place != Place::Cloud,
            Side::Cloud => self.place != Place::OnPremises,
        }
    }
}

/// The nearest of the names, when one is near enough to have been meant.
#[must_use]
pub fn nearest<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let name: String = name.chars().take(64).collect::<String>().to_ascii_lowercase();
    let allowed = (name.chars().count() / 3).clamp(1, 3);
    names
        .into_iter()
        .map(|candidate| (distance(&name, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits between two words: insert, delete, replace, swap neighbours.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut best = (previous[j] + usize::from(a != b)).min(previous[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut previous, row);
    }
    previous.last().copied().unwrap_or(0)
}

fn read(text: &'static str) -> Vec<Cmdlet> {
    let mut table: Vec<Cmdlet> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            table.push(Cmdlet { name, parameters: Vec::new() });
        } else if let (Some(cmdlet), Some(parameter)) = (table.last_mut(), read_parameter(line)) {
            cmdlet.parameters.push(parameter);
        }
    }
    table
}

fn read_parameter(line: &'static str) -> Option<Parameter> {
    let mut fields = line.split('\t');
    let (name, type_name) = (fields.next()?, fields.next()?);
    let place = match fields.next()? {
        "both" => Place::Both,
        "onprem" => Place::OnPremises,
        "cloud" => Place::Cloud,
        _ => return None,
    };
    let since = fields.next()?.parse().ok();
    let required = fields.next()? == "!";
    let sets = match fields.next()? {
        "*" => Vec::new(),
        sets => sets.split(',').collect(),
    };
    Some(Parameter { name, type_name, kind: kind(name, type_name)?, place, since, required, sets })
}

const CONVERTIBLE: &[&str] = &["Regular", "Room", "Equipment", "Shared"];
const MODERATION: &[&str] = &["Always", "Internal", "Never"];
const OUT_OF_OFFICE: &[&str] = &["External", "InternalOnly"];

/// The reference gives recipients and plain texts the same type; the names tell them apart.
const RECIPIENT_LISTS: &[&str] = &[
    "AcceptMessagesOnlyFrom",
    "AcceptMessagesOnlyFromDLMembers",
    "AcceptMessagesOnlyFromSendersOrMembers",
    "BypassModerationFromSendersOrMembers",
    "GrantSendOnBehalfTo",
    "ModeratedBy",
    "RejectMessagesFrom",
    "RejectMessagesFromDLMembers",
    "RejectMessagesFromSendersOrMembers",
];

fn kind(name: &str, type_name: &str) -> Option<ParameterKind> {
    Some(match type_name {
        "Boolean" => ParameterKind::Bool,
        "SwitchParameter" => ParameterKind::Switch,
        "Int32" | "Int64" => ParameterKind::Int,
        // An unlimited *time span*, which the reference does not tell from an unlimited size.
        "Unlimited" if name == "LitigationHoldDuration" => ParameterKind::TimeSpan,
        "Unlimited" | "ByteQuantifiedSize" => ParameterKind::Size,
        "EnhancedTimeSpan" => ParameterKind::TimeSpan,
        "DateTime" => ParameterKind::DateTime,
        "Guid" => ParameterKind::Guid,
        "SmtpAddress" | "WindowsLiveId" => ParameterKind::SmtpAddress,
        "ProxyAddress" => ParameterKind::ProxyAddress,
        "ProxyAddressCollection" => ParameterKind::ProxyAddresses,
        "MultiValuedProperty" if RECIPIENT_LISTS.contains(&name) => ParameterKind::RecipientList,
        // The reference calls it multi-valued; it holds one name.
        "MultiValuedProperty" if name == "ArchiveName" => ParameterKind::Text,
        "MultiValuedProperty" => ParameterKind::List,
        "SecureString" => ParameterKind::Secret,
        "PSCredential" => ParameterKind::Credential,
        "ConvertibleMailboxSubType" | "ConvertibleRemoteMailboxSubType" => ParameterKind::Enum(CONVERTIBLE),
        "TransportModerationNotificationFlags" => ParameterKind::Enum(MODERATION),
        "ExternalOofOptions" => ParameterKind::Enum(OUT_OF_OFFICE),
        other if other.ends_with("[]") => ParameterKind::List,
        other if other.contains("IdParameter") => ParameterKind::Reference,
        "" => return None,
        _ => ParameterKind::Text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        let text = include_str!("parameters.txt");
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '['])).count();
        assert_eq!(cmdlets().iter().map(|cmdlet| cmdlet.parameters.len()).sum::<usize>(), lines);
        assert!(lines > 500, "{lines}");
    }

    #[test]
    fn names_are_found_in_any_case() {
        let found = parameter("SET-mailbox", "prohibitsendquota").unwrap();
        assert_eq!((found.name, found.kind), ("ProhibitSendQuota", ParameterKind::Size));
        assert!(parameter("Set-RemoteMailbox", "ProhibitSendQuota").is_none());
        assert!(cmdlet("Remove-Everything").is_none());
    }

    /// Sections 1.2 to 1.6 of Microsoft's pages in brief: what the operation table leans on.
    #[test]
    fn the_facts_that_planning_leans_on() {
        for cmdlet in ["New-Mailbox", "Enable-Mailbox", "New-RemoteMailbox", "Enable-RemoteMailbox"] {
            assert!(parameter(cmdlet, "EmailAddresses").is_none(), "{cmdlet}");
            assert!(parameter(cmdlet, "PrimarySmtpAddress").is_some(), "{cmdlet}");
            assert!(parameter(cmdlet, "Archive").is_some(), "{cmdlet}");
        }
        let routing = parameter("Enable-RemoteMailbox", "RemoteRoutingAddress").unwrap();
        assert!(routing.in_set("Default") && !routing.in_set("Archive"));
        let database = parameter("Enable-Mailbox", "Database").unwrap();
        assert!(database.in_set("User") && !database.in_set("Archive"));
        assert!(parameter("New-RemoteMailbox", "Database").is_none());
        assert!(parameter("New-RemoteMailbox", "OrganizationalUnit").is_none());
        assert!(parameter("New-RemoteMailbox", "OnPremisesOrganizationalUnit").is_some());
        assert_eq!(parameter("New-Mailbox", "Password").unwrap().kind, ParameterKind::Secret);
        assert_eq!(parameter("Set-Mailbox", "MicrosoftOnlineServicesID").unwrap().place, Place::Cloud);
        assert!(parameter("Set-RemoteMailbox", "Password").is_none());
    }

    #[test]
    fn a_slip_of_the_pen_finds_its_word() {
        let names = || cmdlet("Set-Mailbox").unwrap().parameters.iter().map(|parameter| parameter.name);
        assert_eq!(nearest("DisplyName", names()), Some("DisplayName"));
        assert_eq!(nearest("EmailAdresses", names()), Some("EmailAddresses"));
        assert_eq!(nearest("custom_attribute1", names()), Some("CustomAttribute1"));
        assert_eq!(nearest("Salary", names()), None);
    }
}
