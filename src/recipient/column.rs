//! What a flow's column name means.

use super::{
    ObjectType,
    parameters::{self, Parameter, ParameterKind, Place},
};

/// The meaning of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Names the change.
    ChangeId,
    /// [`ObjectType`].
    ObjectType,
    /// [`Operation`](super::Operation).
    Operation,
    /// The object.
    Identity,
    /// [`MailboxType`](super::MailboxType).
    Type,
    /// The address list.
    EmailAddresses,
    /// A password's value; only its place is kept.
    Password,
    /// A reference to a password.
    PasswordReference,
    /// The connection.
    Connection,
    /// The domain controller.
    DomainController,
    /// The licence in the cloud.
    Licence,
    /// The country of the user in the cloud.
    UsageLocation,
    /// A managed parameter, by its canonical name.
    Attribute(&'static str),
    /// A parameter of the creating cmdlet only, by its canonical name.
    CreateOnly(&'static str),
}

/// Why a column cannot be used. Every variant says what to do instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ColumnError {
    /// No cmdlet has it.
    #[error("no column `{name}`{}", suggestion.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Unknown {
        /// As the flow wrote it.
        name: String,
        /// The nearest name there is.
        suggestion: Option<String>,
    },
    /// Exchange keeps it itself.
    #[error("`{name}` is kept by Exchange itself and cannot be written; {hint}")]
    ReadOnly {
        /// The canonical name.
        name: &'static str,
        /// What to do instead.
        hint: &'static str,
    },
    /// It is a parameter, but not one for a flow.
    #[error("`{name}` is not for a flow; {hint}")]
    NotForFlows {
        /// The canonical name.
        name: &'static str,
        /// What to do instead.
        hint: &'static str,
    },
    /// `_param_` before a parameter which no creating cmdlet has.
    #[error("no creating cmdlet has `{name}`; {hint}")]
    NotAtCreation {
        /// As the flow wrote it, without `_param_`.
        name: String,
        /// What to do instead.
        hint: String,
    },
}

/// Properties which only Exchange writes, and what a flow could mean by them.
const READ_ONLY: &[(&str, &str)] = &[
    ("AccountDisabledIsDirSynced", "leave the column out"),
    ("Guid", "use the column Identity to name the object"),
    ("ExchangeObjectId", "use the column Identity to name the object"),
    ("DistinguishedName", "use the column Identity to name the object"),
    ("LegacyExchangeDN", "leave the column out"),
    ("RecipientType", "use the column Type"),
    ("RecipientTypeDetails", "use the column Type"),
    ("IsResource", "use the column Type"),
    ("IsShared", "use the column Type"),
    ("IsLinked", "use the column Type"),
    ("IsMailboxEnabled", "use the column Operation"),
    ("ServerName", "a mailbox changes its server by a move request"),
    ("OrganizationalUnit", "use `_param_OrganizationalUnit` on create; later it is a move in the directory"),
    (
        "OnPremisesOrganizationalUnit",
        "use `_param_OrganizationalUnit` on create; later it is a move in the directory",
    ),
    ("WhenChanged", "leave the column out"),
    ("WhenChangedUTC", "leave the column out"),
    ("WhenCreated", "leave the column out"),
    ("WhenCreatedUTC", "leave the column out"),
    ("WhenMailboxCreated", "leave the column out"),
    ("ObjectCategory", "leave the column out"),
    ("ObjectClass", "leave the column out"),
    ("ObjectState", "leave the column out"),
    ("OriginatingServer", "use the column DomainController"),
    ("IsValid", "leave the column out"),
    ("PoliciesIncluded", "use the column EmailAddressPolicyEnabled"),
    ("PoliciesExcluded", "use the column EmailAddressPolicyEnabled"),
    ("IsDirSynced", "leave the column out"),
    ("IsInactiveMailbox", "leave the column out"),
    ("ExchangeUserAccountControl", "leave the column out"),
    ("ExchangeVersion", "leave the column out"),
    ("Mounted", "it is a column of databases: ObjectType = MailboxDatabase"),
];

/// Whether a database is mounted: a state that two cmdlets bring about and none takes as a parameter.
static MOUNTED: Parameter = Parameter {
    name: "Mounted",
    type_name: "Boolean",
    kind: ParameterKind::Bool,
    place: Place::OnPremises,
    since: Some(2010),
    required: false,
    sets: Vec::new(),
};

/// Parameters which this program sets itself, or which are deeds and not states.
const NOT_FOR_FLOWS: &[(&str, &str)] = &[
    ("Confirm", "it is always sent where it is needed"),
    ("WhatIf", "use `plan --what-if`"),
    ("Force", "leave it out"),
    ("IgnoreDefaultScope", "leave it out"),
    ("Shared", "use the column Type"),
    ("Room", "use the column Type"),
    ("Equipment", "use the column Type"),
    ("LinkedRoom", "this type of mailbox is not managed"),
    ("Password", "use `_param_password` or `_param_password_ref`"),
    ("NewPassword", "a password is set on create only: `_param_password`"),
    ("OldPassword", "a password is set on create only: `_param_password`"),
];

/// The switches that describe a state.
const STATE_SWITCHES: &[&str] =
    &["Archive", "AccountDisabled", "ACLableSyncedObjectEnabled", "IsExcludedFromInitialProvisioning"];

const RESERVED: &[(&str, Column)] = &[
    ("ChangeId", Column::ChangeId),
    ("ObjectType", Column::ObjectType),
    ("Operation", Column::Operation),
    ("Identity", Column::Identity),
    ("Type", Column::Type),
    ("EmailAddresses", Column::EmailAddresses),
    ("EmailAddresses_IncludingPrimary", Column::EmailAddresses),
    ("_param_password", Column::Password),
    ("_param_password_ref", Column::PasswordReference),
    ("Connection", Column::Connection),
    ("DomainController", Column::DomainController),
    ("Licence", Column::Licence),
    ("UsageLocation", Column::UsageLocation),
];

/// The cmdlets that make an object of this type.
#[must_use]
pub fn creating_cmdlets(object_type: ObjectType) -> &'static [&'static str] {
    match object_type {
        ObjectType::Mailbox => {
            &["New-Mailbox", "Enable-Mailbox", "New-RemoteMailbox", "Enable-RemoteMailbox"]
        }
        ObjectType::MailboxDatabase => &["New-MailboxDatabase"],
    }
}

/// The cmdlets that change an object of this type.
#[must_use]
pub fn changing_cmdlets(object_type: ObjectType) -> &'static [&'static str] {
    match object_type {
        ObjectType::Mailbox => &["Set-Mailbox", "Set-RemoteMailbox"],
        ObjectType::MailboxDatabase => &["Set-MailboxDatabase"],
    }
}

/// Whether the column exists whatever the row's object type is.
#[must_use]
pub fn reserved(name: &str) -> Option<Column> {
    let name = name.trim();
    RESERVED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, column)| *column)
}

/// What a column means in a row about an object of this type. Case does not matter.
///
/// # Errors
/// The column is unknown, read-only or not for a flow.
pub fn column(object_type: ObjectType, name: &str) -> Result<Column, ColumnError> {
    let name = name.trim();
    match reserved(name) {
        Some(
            Column::EmailAddresses
            | Column::Type
            | Column::Password
            | Column::PasswordReference
            | Column::Licence
            | Column::UsageLocation,
        ) if object_type == ObjectType::MailboxDatabase => {
            return Err(ColumnError::Unknown { name: name.to_owned(), suggestion: None });
        }
        Some(column) => return Ok(column),
        None => {}
    }
    if let Some(rest) = strip_param(name) {
        return create_only(object_type, rest);
    }
    if is_mounted(object_type, name) {
        return Ok(Column::Attribute(MOUNTED.name));
    }
    if let Some((name, hint)) = listed(READ_ONLY, name) {
        return Err(ColumnError::ReadOnly { name, hint });
    }
    if let Some((name, hint)) = listed(NOT_FOR_FLOWS, name) {
        return Err(ColumnError::NotForFlows { name, hint });
    }
    let found =
        find(changing_cmdlets(object_type), name).or_else(|| find(creating_cmdlets(object_type), name));
    match found {
        Some(parameter) => usable(parameter).map(Column::Attribute),
        None => Err(ColumnError::Unknown { name: name.to_owned(), suggestion: suggest(object_type, name) }),
    }
}

/// The parameter behind [`Column::Attribute`] or [`Column::CreateOnly`], for its kind.
#[must_use]
pub fn parameter(object_type: ObjectType, canonical: &str) -> Option<&'static Parameter> {
    if is_mounted(object_type, canonical) {
        return Some(&MOUNTED);
    }
    find(changing_cmdlets(object_type), canonical).or_else(|| find(creating_cmdlets(object_type), canonical))
}

fn is_mounted(object_type: ObjectType, name: &str) -> bool {
    object_type == ObjectType::MailboxDatabase && name.eq_ignore_ascii_case(MOUNTED.name)
}

/// The nearest column name, when one is near enough to have been meant.
#[must_use]
pub fn suggest(object_type: ObjectType, name: &str) -> Option<String> {
    let cmdlets = changing_cmdlets(object_type).iter().chain(creating_cmdlets(object_type));
    let names = cmdlets
        .filter_map(|cmdlet| parameters::cmdlet(cmdlet))
        .flat_map(|cmdlet| &cmdlet.parameters)
        .filter(|parameter| usable(parameter).is_ok())
        .map(|parameter| parameter.name)
        .chain(RESERVED.iter().map(|(name, _)| *name));
    parameters::nearest(name, names).map(str::to_owned)
}

fn create_only(object_type: ObjectType, name: &str) -> Result<Column, ColumnError> {
    // The remote cmdlet has its own name for the organizational unit; a flow need not know.
    let name =
        if name.eq_ignore_ascii_case("OnPremisesOrganizationalUnit") { "OrganizationalUnit" } else { name };
    if name.eq_ignore_ascii_case("DomainController") || name.eq_ignore_ascii_case("Identity") {
        return Err(ColumnError::NotAtCreation {
            name: name.to_owned(),
            hint: "it has a column of its own, without `_param_`".to_owned(),
        });
    }
    if let Some((name, hint)) = listed(NOT_FOR_FLOWS, name) {
        return Err(ColumnError::NotForFlows { name, hint });
    }
    match find(creating_cmdlets(object_type), name) {
        Some(parameter) => usable(parameter).map(Column::CreateOnly),
        None if find(changing_cmdlets(object_type), name).is_some() => Err(ColumnError::NotAtCreation {
            name: name.to_owned(),
            hint: format!("it belongs to Set-, so write the column as `{name}`"),
        }),
        None => {
            let suggestion = suggest(object_type, name).map(|near| format!("_param_{near}"));
            Err(ColumnError::Unknown { name: format!("_param_{name}"), suggestion })
        }
    }
}

fn strip_param(name: &str) -> Option<&str> {
    let (head, rest) = name.split_at_checked("_param_".len())?;
    head.eq_ignore_ascii_case("_param_").then_some(rest)
}

fn listed(list: &'static [(&'static str, &'static str)], name: &str) -> Option<(&'static str, &'static str)> {
    list.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).copied()
}

fn find(cmdlets: &[&str], name: &str) -> Option<&'static Parameter> {
    cmdlets.iter().find_map(|cmdlet| parameters::parameter(cmdlet, name))
}

fn usable(parameter: &Parameter) -> Result<&'static str, ColumnError> {
    let refuse = |hint| Err(ColumnError::NotForFlows { name: parameter.name, hint });
    match parameter.kind {
        ParameterKind::Secret => refuse("the only secret of a flow is `_param_password`"),
        ParameterKind::Credential => refuse("a credential cannot be flowed"),
        ParameterKind::Switch if !STATE_SWITCHES.contains(&parameter.name) => {
            refuse("it is a deed and not a state; run the cmdlet with `invoke`")
        }
        _ => Ok(parameter.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox(name: &str) -> Result<Column, ColumnError> {
        column(ObjectType::Mailbox, name)
    }

    #[test]
    fn columns_are_found_in_any_case() {
        assert_eq!(mailbox(" identity "), Ok(Column::Identity));
        assert_eq!(mailbox("emailaddresses_includingprimary"), Ok(Column::EmailAddresses));
        assert_eq!(mailbox("displayname"), Ok(Column::Attribute("DisplayName")));
        assert_eq!(mailbox("_PARAM_database"), Ok(Column::CreateOnly("Database")));
        assert_eq!(mailbox("_param_PASSWORD"), Ok(Column::Password));
        assert_eq!(
            mailbox("_param_OnPremisesOrganizationalUnit"),
            Ok(Column::CreateOnly("OrganizationalUnit"))
        );
        assert_eq!(mailbox("Archive"), Ok(Column::Attribute("Archive")));
        assert_eq!(mailbox("RemoteRoutingAddress"), Ok(Column::Attribute("RemoteRoutingAddress")));
        assert_eq!(mailbox("ExchangeGuid"), Ok(Column::Attribute("ExchangeGuid")));
    }

    #[test]
    fn what_cannot_be_written_is_refused_by_name() {
        for (name, _) in READ_ONLY {
            assert!(matches!(mailbox(name), Err(ColumnError::ReadOnly { .. })), "{name}");
        }
        for name in [
            "Confirm",
            "WhatIf",
            "Shared",
            "Password",
            "RoomMailboxPassword",
            "LinkedCredential",
            "RemovePicture",
        ] {
            assert!(matches!(mailbox(name), Err(ColumnError::NotForFlows { .. })), "{name}");
        }
        let text = mailbox("RecipientTypeDetails").unwrap_err().to_string();
        assert!(text.contains("column Type"), "{text}");
    }

    #[test]
    fn an_unknown_column_gets_the_nearest_name() {
        let text = mailbox("DisplyName").unwrap_err().to_string();
        assert_eq!(text, "no column `DisplyName`; did you mean `DisplayName`?");
        let text = mailbox("_param_Databse").unwrap_err().to_string();
        assert!(text.contains("_param_Database"), "{text}");
        assert_eq!(mailbox("Salary").unwrap_err().to_string(), "no column `Salary`");
    }

    #[test]
    fn a_set_parameter_is_no_create_parameter() {
        assert!(matches!(mailbox("_param_MailTip"), Err(ColumnError::NotAtCreation { .. })));
        assert!(matches!(mailbox("_param_EmailAddresses"), Err(ColumnError::NotAtCreation { .. })));
    }

    #[test]
    fn databases_have_columns_of_their_own() {
        let database = |name| column(ObjectType::MailboxDatabase, name);
        assert_eq!(database("MountAtStartup"), Ok(Column::Attribute("MountAtStartup")));
        assert_eq!(database("_param_EdbFilePath"), Ok(Column::CreateOnly("EdbFilePath")));
        assert_eq!(database("Server"), Ok(Column::Attribute("Server")));
        assert_eq!(database("mounted"), Ok(Column::Attribute("Mounted")));
        assert!(matches!(database("_param_Mounted"), Err(ColumnError::Unknown { .. })));
        assert!(matches!(mailbox("Mounted"), Err(ColumnError::ReadOnly { .. })));
        assert!(matches!(database("EmailAddresses"), Err(ColumnError::Unknown { .. })));
        assert!(matches!(database("CustomAttribute1"), Err(ColumnError::Unknown { .. })));
    }
}
