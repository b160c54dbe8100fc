//! Users made, changed and removed ("Create user", "Update user", "Delete a user").

use secrecy::SecretString;
use serde_json::Value as Json;

use super::Good;
use super::error::Problem;
use crate::lab::cloud::Tenant;
use crate::lab::directory::{Attribute, Changes, Entry, is_smtp_address};

/// Properties that may be written, and the attributes that they are.
const WRITABLE: [(&str, &str); 14] = [
    ("displayName", "DisplayName"),
    ("givenName", "FirstName"),
    ("surname", "LastName"),
    ("jobTitle", "Title"),
    ("department", "Department"),
    ("companyName", "Company"),
    ("officeLocation", "Office"),
    ("city", "City"),
    ("country", "CountryOrRegion"),
    ("mobilePhone", "MobilePhone"),
    ("mailNickname", "MailNickname"),
    ("usageLocation", "UsageLocation"),
    ("userPrincipalName", "UserPrincipalName"),
    ("onPremisesImmutableId", "ImmutableId"),
];

/// What a synchronised user may be given here all the same.
const OWN: [&str; 3] = ["usageLocation", "accountEnabled", "passwordProfile"];

/// What is wanted of a user.
struct Wanted {
    changes: Changes,
    password: Option<SecretString>,
}

impl Tenant {
    pub(super) fn new_user(&mut self, body: &Json, now_ms: u64) -> Result<Good, Problem> {
        let text = |name: &str| body.get(name).and_then(Json::as_str).unwrap_or_default();
        for name in ["displayName", "mailNickname", "userPrincipalName"] {
            if text(name).is_empty() {
                return Err(Problem::bad(format!(
                    "A value is required for property '{name}' of resource 'User'."
                )));
            }
        }
        if !body.get("accountEnabled").is_some_and(Json::is_boolean) {
            return Err(Problem::bad(
                "A value is required for property 'accountEnabled' of resource 'User'.",
            ));
        }
        let wanted = self.wanted(body, None)?;
        let Some(password) = wanted.password else {
            return Err(Problem::bad("A password must be specified to create a new user."));
        };
        let mut entry = Entry::new(self.exchange.directory.ids.next());
        let stamp = self.exchange.directory.stamp(now_ms);
        entry.set("RecipientTypeDetails", Some("User".into()), stamp);
        let name = text("userPrincipalName").split('@').next().unwrap_or_default();
        entry.set("Name", Some(name.into()), stamp);
        for (name, value) in wanted.changes {
            entry.set(&name, value, stamp);
        }
        entry.set_password(password, stamp);
        if self.exchange.lag_ms > 0 {
            let visible = i64::try_from(now_ms.saturating_add(self.exchange.lag_ms)).unwrap_or(i64::MAX);
            entry.set("VisibleFrom", Some(Attribute::Number(visible)), stamp);
        }
        self.exchange.directory.complete(&mut entry, now_ms).map_err(Problem::bad)?;
        let mut shown = self.shown(&entry, &[]);
        if let Some(members) = shown.as_object_mut() {
            let context = format!("{}/v1.0/$metadata#users/$entity", self.hosts.graph);
            members.insert("@odata.context".to_owned(), context.into());
        }
        self.exchange.directory.create(0, entry, now_ms);
        Ok((201, Some(shown)))
    }

    pub(super) fn update_user(&mut self, id: &str, body: &Json, now_ms: u64) -> Result<Good, Problem> {
        let user = self.user(id)?;
        let Some(members) = body.as_object() else {
            return Err(Problem::bad("Unable to read JSON request payload."));
        };
        if user.flag("IsDirSynced") && members.keys().any(|name| !OWN.contains(&name.as_str())) {
            return Err(Problem::synchronised());
        }
        let Wanted { changes, password } = self.wanted(body, Some(&user))?;
        self.exchange.directory.update(0, user.guid, changes, password, now_ms);
        Ok((204, None))
    }

    pub(super) fn remove_user(&mut self, id: &str, now_ms: u64) -> Result<Good, Problem> {
        let user = self.user(id)?;
        if user.flag("IsDirSynced") {
            return Err(Problem::synchronised());
        }
        if user.is_mailbox() {
            self.exchange.soft_deleted.push(Entry::clone(&user));
        }
        self.exchange.directory.delete(0, user.guid, now_ms);
        Ok((204, None))
    }

    fn wanted(&self, body: &Json, user: Option<&Entry>) -> Result<Wanted, Problem> {
        let mut wanted = Wanted { changes: Changes::new(), password: None };
        for (name, value) in body.as_object().into_iter().flatten() {
            let invalid =
                || Problem::bad(format!("Invalid value specified for property '{name}' of resource 'User'."));
            match (name.as_str(), value) {
                ("accountEnabled", Json::Bool(enabled)) => {
                    wanted.changes.insert("AccountDisabled".to_owned(), Some((!enabled).into()));
                }
                ("passwordProfile", Json::Object(profile)) => {
                    if let Some(password) = profile.get("password") {
                        let password = password.as_str().ok_or_else(invalid)?;
                        check_password(password)?;
                        wanted.password = Some(SecretString::from(password));
                    }
                    let next = profile.get("forceChangePasswordNextSignIn").and_then(Json::as_bool);
                    wanted.changes.insert("ResetPasswordOnNextLogon".to_owned(), next.map(Attribute::Flag));
                }
                ("businessPhones", Json::Array(phones)) => {
                    let phone = phones.first().and_then(Json::as_str).map(Attribute::from);
                    wanted.changes.insert("Phone".to_owned(), phone);
                }
                (_, Json::Null) | (_, Json::String(_)) => {
                    let Some((_, attribute)) = WRITABLE.iter().find(|(known, _)| known == name) else {
                        return Err(Problem::bad(format!(
                            "Property '{name}' is read-only and cannot be set."
                        )));
                    };
                    let text = value.as_str();
                    self.check(name, text.unwrap_or_default(), user)?;
                    wanted.changes.insert((*attribute).to_owned(), text.map(Attribute::from));
                }
                _ => return Err(invalid()),
            }
        }
        Ok(wanted)
    }

    fn check(&self, name: &str, value: &str, user: Option<&Entry>) -> Result<(), Problem> {
        if name == "usageLocation" && (value.len() != 2 || !value.bytes().all(|c| c.is_ascii_uppercase())) {
            return Err(Problem::bad(
                "Invalid value specified for property 'usageLocation' of resource 'User'.",
            ));
        }
        if name != "userPrincipalName" {
            return Ok(());
        }
        if !is_smtp_address(value) {
            return Err(Problem::bad("Property userPrincipalName is invalid."));
        }
        let domain = value.rsplit('@').next().unwrap_or_default();
        if !self.exchange.directory.configuration.accepts(domain) {
            return Err(Problem::bad(
                "The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization.",
            ));
        }
        let mut others = self.exchange.directory.replica(0).lookup(value);
        let is_taken = others.any(|other| {
            user.is_none_or(|user| user.guid != other.guid)
                && other.text("UserPrincipalName").eq_ignore_ascii_case(value)
        });
        if is_taken { Err(Problem::conflict("userPrincipalName")) } else { Ok(()) }
    }
}

/// Eight characters of three kinds ("Password policies" of Entra).
fn check_password(password: &str) -> Result<(), Problem> {
    let has = |fits: fn(&char) -> bool| usize::from(password.chars().any(|c| fits(&c)));
    let kinds = has(char::is_ascii_lowercase)
        + has(char::is_ascii_uppercase)
        + has(char::is_ascii_digit)
        + has(|c| !c.is_ascii_alphanumeric());
    if (8..=256).contains(&password.chars().count()) && kinds >= 3 {
        return Ok(());
    }
    Err(Problem::bad(
        "The specified password does not comply with password complexity requirements. Please provide a different password.",
    ))
}
