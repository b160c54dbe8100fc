//! What an error of Graph means: by its code where that says something, else by its text, which Graph has in English only.

use crate::recipient::ErrorClass;

/// The class of a code with its text, and what to do about it. None for errors that are not Graph's, which `id` tells.
pub(in crate::exchange) fn meaning(id: &str, message: &str) -> Option<(ErrorClass, &'static str)> {
    let (code, from) = id.split_once(',')?;
    from.starts_with("Microsoft.Graph.")
        .then(|| by_code(code).or_else(|| by_text(message)).unwrap_or(UNKNOWN))
}

const UNKNOWN: (ErrorClass, &str) =
    (ErrorClass::Internal, "Graph gave an error that is not known; the full text is above");

fn by_code(code: &str) -> Option<(ErrorClass, &'static str)> {
    use ErrorClass::{AccessDenied, Conflict, InvalidInput, NotFound, RefusedByRule, Throttled, Transient};
    Some(match code {
        "Request_ResourceNotFound" | "Directory_ObjectNotFound" | "ResourceNotFound" | "itemNotFound" => {
            (NotFound, "check the identity; a user that was just made may not be known everywhere yet")
        }
        "Authorization_RequestDenied" | "accessDenied" | "Forbidden" => (
            AccessDenied,
            "give the application the permissions User.ReadWrite.All and Organization.Read.All of Microsoft Graph, with an \
             administrator's consent; an account with an administrator's role needs a role of its own to be changed",
        ),
        "Authorization_IdentityNotFound" | "Authorization_IdentityDisabled" => {
            (AccessDenied, "the application is not known in this tenant, or is disabled")
        }
        "ObjectConflict" | "PropertyConflict" | "Request_MultipleObjectsWithSameKeyValue" => {
            (Conflict, "another object has this already, perhaps a deleted user")
        }
        // "Error due to concurrent requests being made to the tenant. Please wait briefly and retry."
        "Directory_ConcurrencyViolation"
        | "Directory_ReplicaUnavailable"
        | "Directory_BindingRedirection" => (Transient, "try again later"),
        "TooManyRequests" | "Request_ThrottledTemporarily" | "activityLimitReached" => {
            (Throttled, "try again later")
        }
        "Request_ThrottledPermanently" => {
            (RefusedByRule, "the tenant is kept from asking Graph; ask Microsoft")
        }
        "Directory_QuotaExceeded" => {
            (RefusedByRule, "the directory is full; deleted objects count for thirty days")
        }
        "Directory_ExpiredPageToken" => (Transient, "the list was not read in time; try again"),
        "Request_UnsupportedQuery" | "Request_InvalidDataContractVersion" | PARAMETERS => (
            InvalidInput,
            "see `Get-MgUser`, `New-MgUser`, `Update-MgUser`, `Set-MgUserLicense` in the documentation",
        ),
        _ => return None,
    })
}

/// The id of an error that is found before anything is sent.
pub(in crate::exchange) const PARAMETERS: &str = "ParameterBindingFailed";

fn by_text(message: &str) -> Option<(ErrorClass, &'static str)> {
    use ErrorClass::{Conflict, InvalidInput, RefusedByRule};
    let has = |part: &str| message.contains(part);
    Some(if has("invalid usage location") {
        (
            InvalidInput,
            "the user needs a usage location: usage_location in [connections.*.cloud], or a column UsageLocation",
        )
    } else if has("does not have any available licenses") || has("LicenseQuotaExceeded") {
        (RefusedByRule, "no seat of the licence is free: buy some, or take one from somebody else")
    } else if has("Another object with the same value") || has("already exists") {
        (Conflict, "another object has this already, perhaps a deleted user")
    } else if has("password complexity") || has("password does not comply") || has("weak password") {
        (InvalidInput, "choose a password that the tenant's policy allows, without the user's name in it")
    } else if has("password") && (has("previously") || has("banned")) {
        (InvalidInput, "choose another password")
    } else if has("on-premises mastered") {
        (RefusedByRule, "the object is mastered on-premises; change it there")
    } else if has("inherited from a group") {
        (RefusedByRule, "the licence comes from a group; take the user out of the group")
    } else if has("does not have a corresponding license") {
        (InvalidInput, "the user does not have this licence")
    } else if has("Subscription with SKU") || has("does not correspond to a valid company License") {
        (InvalidInput, "the tenant does not have this licence; see Get-MgSubscribedSku")
    } else if has("mutually exclusive")
        || has("conflicting service plans")
        || has("depend on the service plan")
    {
        (RefusedByRule, "the licence does not go together with another one of the user")
    } else if has("domain portion") || has("verified domains") {
        (InvalidInput, "the domain of the user principal name is not one of the tenant")
    } else if has("invalid") || has("Invalid") || has("required") || has("missing") {
        (InvalidInput, "Graph does not take this value")
    } else {
        return None;
    })
}
