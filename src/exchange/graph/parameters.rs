//! The parameters of the calls: which attribute of a user each is.

use crate::recipient::parameters::ParameterKind;

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

/// What kind of value a parameter of one of the cmdlets takes.
#[must_use]
pub fn kind(parameter: &str) -> Option<ParameterKind> {
    let is = |name: &str| parameter.eq_ignore_ascii_case(name);
    Some(match attribute(parameter) {
        Some((_, Kind::Text)) => ParameterKind::Text,
        Some((_, Kind::Flag)) => ParameterKind::Bool,
        Some((_, Kind::List)) => ParameterKind::List,
        None if is("PasswordProfile") => ParameterKind::Secret,
        None if is("ForceChangePasswordNextSignIn") => ParameterKind::Bool,
        None if is("AddLicenses") || is("RemoveLicenses") => ParameterKind::List,
        None if is("UserId") || is("Filter") => ParameterKind::Text,
        None if is("Top") => ParameterKind::Int,
        None => return None,
    })
}
