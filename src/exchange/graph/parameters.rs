//! The parameters of the calls: which attribute of a user each is.

/// What an attribute holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Flag,
    /// Several texts
    List,
}

/// Attributes that are written by their own name, as `microsoft.graph.user` has them (Graph reference, "user resource type").
const ATTRIBUTES: [(&str, Kind); 29] = [
    ("accountEnabled", Kind::Flag),
    ("ageGroup", Kind::Text),
    ("businessPhones", Kind::List),
    ("city", Kind::Text),
    ("companyName", Kind::Text),
    ("consentProvidedForMinor", Kind::Text),
    ("country", Kind::Text),
    ("department", Kind::Text),
    ("displayName", Kind::Text),
    ("employeeHireDate", Kind::Text),
    ("employeeId", Kind::Text),
    ("employeeType", Kind::Text),
    ("faxNumber", Kind::Text),
    ("givenName", Kind::Text),
    ("jobTitle", Kind::Text),
    ("mailNickname", Kind::Text),
    ("mobilePhone", Kind::Text),
    ("officeLocation", Kind::Text),
    ("onPremisesImmutableId", Kind::Text),
    ("otherMails", Kind::List),
    ("passwordPolicies", Kind::Text),
    ("postalCode", Kind::Text),
    ("preferredLanguage", Kind::Text),
    ("showInAddressList", Kind::Flag),
    ("state", Kind::Text),
    ("streetAddress", Kind::Text),
    ("surname", Kind::Text),
    ("usageLocation", Kind::Text),
    ("userPrincipalName", Kind::Text),
];

/// The attribute that a parameter writes.
pub(super) fn attribute(parameter: &str) -> Option<(&'static str, Kind)> {
    ATTRIBUTES.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(parameter))
}
