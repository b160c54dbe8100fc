//! A call as a request to Graph.

use std::collections::BTreeMap;

use reqwest::Method;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};
use url::Url;
use uuid::Uuid;
use wsman::clixml::{SecureText, Value};

use super::parameters::{Kind, attribute};
use crate::exchange::{Call, to_json};

/// Users in one page: the most that is allowed (Graph reference, "List users").
const PAGE: u32 = 999;
/// What is read of a user. Without it Graph gives a dozen attributes, and none of these that matter here.
const USER: &str = "id,userPrincipalName,displayName,accountEnabled,usageLocation,onPremisesSyncEnabled,onPremisesImmutableId,\
                    assignedLicenses,licenseAssignmentStates,assignedPlans";

/// What is to be sent, and what is to come back.
#[derive(Clone)]
pub(in crate::exchange) struct Prepared {
    pub(super) method: Method,
    pub(super) url: Url,
    /// May hold a password
    pub(super) body: Zeroizing<Vec<u8>>,
    pub(super) expects: Expects,
    /// What the caller wants at most
    pub(super) limit: Option<usize>,
}

/// What a good answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expects {
    Object,
    List,
    Nothing,
}

/// Makes the request of a call; says what is wrong with the call otherwise.
pub(in crate::exchange) fn prepare(base: &Url, call: &Call) -> Result<Prepared, String> {
    let known = [
        ("Get-MgUser", get_user as Build),
        ("New-MgUser", new_user),
        ("Update-MgUser", update_user),
        ("Remove-MgUser", remove_user),
        ("Set-MgUserLicense", set_licence),
        ("Get-MgSubscribedSku", get_skus),
    ];
    let build = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(&call.cmdlet));
    let Some((cmdlet, build)) = build else {
        let names = known.map(|(name, _)| name).join(", ");
        return Err(format!("`{}` is not known; of Microsoft Graph there are {names}", call.cmdlet));
    };
    let mut given = Given::new(cmdlet, call)?;
    // Graph asks nobody.
    given.take("Confirm");
    let prepared = build(base, &mut given)?;
    match given.left.keys().next() {
        Some(name) => Err(format!("{cmdlet} has no parameter -{name} here")),
        None => Ok(prepared),
    }
}

type Build = fn(&Url, &mut Given<'_>) -> Result<Prepared, String>;

/// The parameters that are not used yet.
struct Given<'a> {
    cmdlet: &'a str,
    left: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Given<'a> {
    fn new(cmdlet: &'a str, call: &'a Call) -> Result<Self, String> {
        let mut left: BTreeMap<&str, &Value> = BTreeMap::new();
        for (name, value) in &call.parameters {
            if left.keys().any(|held| held.eq_ignore_ascii_case(name)) {
                return Err(format!("-{name} is given twice"));
            }
            left.insert(name, value);
        }
        Ok(Self { cmdlet, left })
    }

    fn take(&mut self, name: &str) -> Option<&'a Value> {
        let held = self.left.keys().copied().find(|held| held.eq_ignore_ascii_case(name))?;
        self.left.remove(held)
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match to_json(value) {
            Json::String(text) if !text.trim().is_empty() => Ok(Some(text.trim().to_owned())),
            _ => Err(format!("-{name} is no text")),
        }
    }

    fn needed(&self, name: &str) -> String {
        format!("{} needs -{name}", self.cmdlet)
    }

    /// `users/ID` and what follows.
    fn user(&mut self, base: &Url, rest: &[&str]) -> Result<Url, String> {
        let id = self.text("UserId")?.ok_or_else(|| self.needed("UserId"))?;
        user_url(base, &id, rest)
    }
}

/// The address of a user. A name that is neither an id nor a principal name could be a function of Graph, such as `delta`.
fn user_url(base: &Url, id: &str, rest: &[&str]) -> Result<Url, String> {
    if Uuid::try_parse(id).is_err() && (!id.contains('@') || id.chars().any(char::is_control)) {
        return Err(format!("-UserId `{id}` is neither an object id nor a user principal name"));
    }
    // "If the userPrincipalName begins with a $ character, remove the slash and enclose it" (Graph reference, "Get a user").
    if id.starts_with('$') {
        let quoted = format!("users('{}')", id.replace('\'', "''"));
        return address(base, &[&[quoted.as_str()][..], rest].concat());
    }
    address(base, &[&["users", id][..], rest].concat())
}

fn address(base: &Url, parts: &[&str]) -> Result<Url, String> {
    let mut url = base.clone();
    match url.path_segments_mut() {
        Ok(mut path) => path.pop_if_empty().push("v1.0").extend(parts),
        Err(()) => return Err(format!("graph_url = \"{base}\" cannot be used")),
    };
    Ok(url)
}

fn get_user(base: &Url, given: &mut Given<'_>) -> Result<Prepared, String> {
    let limit = match given.take("Top") {
        None => None,
        Some(value) => {
            let top = value.as_u64().or_else(|| value.as_str()?.parse().ok());
            let top = top.and_then(|top| usize::try_from(top).ok()).filter(|top| *top > 0);
            Some(top.ok_or("-Top is no number of users")?)
        }
    };
    let filter = given.text("Filter")?;
    // Every page is read in any case.
    given.take("All");
    let is_one = given.left.keys().any(|name| name.eq_ignore_ascii_case("UserId"));
    let mut url = if is_one { given.user(base, &[])? } else { address(base, &["users"])? };
    if is_one && (filter.is_some() || limit.is_some()) {
        return Err("-UserId does not go together with -Filter or -Top".into());
    }
    url.query_pairs_mut().append_pair("$select", USER);
    if !is_one {
        let page = limit.and_then(|limit| u32::try_from(limit).ok()).map_or(PAGE, |limit| limit.min(PAGE));
        url.query_pairs_mut().append_pair("$top", &page.to_string());
    }
    if let Some(filter) = filter {
        url.query_pairs_mut().append_pair("$filter", &filter);
    }
    let expects = if is_one { Expects::Object } else { Expects::List };
    Ok(Prepared { method: Method::GET, url, body: Zeroizing::default(), expects, limit })
}

fn get_skus(base: &Url, _: &mut Given<'_>) -> Result<Prepared, String> {
    let url = address(base, &["subscribedSkus"])?;
    let body = Zeroizing::default();
    Ok(Prepared { method: Method::GET, url, body, expects: Expects::List, limit: None })
}

fn remove_user(base: &Url, given: &mut Given<'_>) -> Result<Prepared, String> {
    let url = given.user(base, &[])?;
    let body = Zeroizing::default();
    Ok(Prepared { method: Method::DELETE, url, body, expects: Expects::Nothing, limit: None })
}

fn new_user(base: &Url, given: &mut Given<'_>) -> Result<Prepared, String> {
    let url = address(base, &["users"])?;
    let body = attributes(given)?;
    // What Graph asks for of everybody ("Create user"); the password it says itself, as federated users may have none.
    for name in ["AccountEnabled", "DisplayName", "MailNickname", "UserPrincipalName"] {
        if !body.keys().any(|held| held.eq_ignore_ascii_case(name)) {
            return Err(given.needed(name));
        }
    }
    Ok(Prepared { method: Method::POST, url, body: written(&body)?, expects: Expects::Object, limit: None })
}

fn update_user(base: &Url, given: &mut Given<'_>) -> Result<Prepared, String> {
    let url = given.user(base, &[])?;
    let body = attributes(given)?;
    if body.is_empty() {
        return Err("Update-MgUser changes nothing".into());
    }
    Ok(Prepared { method: Method::PATCH, url, body: written(&body)?, expects: Expects::Nothing, limit: None })
}

fn set_licence(base: &Url, given: &mut Given<'_>) -> Result<Prepared, String> {
    let url = given.user(base, &["assignLicense"])?;
    let add = given.take("AddLicenses").map_or(Ok(Vec::new()), |value| added(&to_json(value)))?;
    let remove = given.take("RemoveLicenses").map_or(Ok(Vec::new()), |value| removed(&to_json(value)))?;
    if add.is_empty() && remove.is_empty() {
        return Err("Set-MgUserLicense changes nothing".into());
    }
    // Both have to be there, also where one is empty ("assignLicense").
    let body = json!({"addLicenses": add, "removeLicenses": remove}).to_string().into_bytes();
    Ok(Prepared { method: Method::POST, url, body: body.into(), expects: Expects::Object, limit: None })
}

/// Licences by the id of their SKU, or as objects with `SkuId` and `DisabledPlans`.
fn added(json: &Json) -> Result<Vec<Json>, String> {
    listed(json)
        .into_iter()
        .map(|item| {
            let Json::Object(members) = item else {
                return Ok(json!({"skuId": id(item)?, "disabledPlans": []}));
            };
            let member = |name: &str| {
                members.iter().find(|(held, _)| held.eq_ignore_ascii_case(name)).map(|(_, it)| it)
            };
            if members
                .keys()
                .any(|name| !["skuid", "disabledplans"].contains(&name.to_ascii_lowercase().as_str()))
            {
                return Err("a licence has SkuId and DisabledPlans, and nothing else".to_owned());
            }
            let plans = member("DisabledPlans").map_or_else(Vec::new, listed);
            let plans = plans.into_iter().map(id).collect::<Result<Vec<_>, _>>()?;
            Ok(json!({"skuId": id(member("SkuId").unwrap_or(&Json::Null))?, "disabledPlans": plans}))
        })
        .collect()
}

fn removed(json: &Json) -> Result<Vec<Json>, String> {
    listed(json).into_iter().map(|item| id(item).map(Json::from)).collect()
}

/// The items of a list, or the one that stands alone.
fn listed(json: &Json) -> Vec<&Json> {
    match json {
        Json::Null => Vec::new(),
        Json::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

fn id(json: &Json) -> Result<String, String> {
    let id = json.as_str().and_then(|text| Uuid::try_parse(text.trim()).ok());
    id.map(|id| id.to_string()).ok_or_else(|| format!("{json} is not the id of a licence or plan"))
}

/// A member of the body. A secret goes from where it is held to the body, and nowhere else.
enum Field<'a> {
    Plain(Json),
    Password { password: Option<&'a SecretString>, change: Option<bool> },
}

impl Serialize for Field<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// `passwordProfile` (Graph reference, "passwordProfile resource type")
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Profile<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            password: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            force_change_password_next_sign_in: Option<bool>,
        }
        match self {
            Self::Plain(json) => json.serialize(serializer),
            Self::Password { password, change } => {
                let password = password.map(|password| password.expose_secret());
                Profile { password, force_change_password_next_sign_in: *change }.serialize(serializer)
            }
        }
    }
}

/// The attributes among the parameters.
fn attributes<'a>(given: &mut Given<'a>) -> Result<BTreeMap<&'static str, Field<'a>>, String> {
    let mut body = BTreeMap::new();
    let password = match given.take("PasswordProfile") {
        None => None,
        Some(Value::SecureString(SecureText::Clear(secret))) => Some(secret),
        Some(_) => return Err("-PasswordProfile is no SecureString".into()),
    };
    let change = match given.take("ForceChangePasswordNextSignIn") {
        None => None,
        Some(value) => Some(value.as_bool().ok_or("-ForceChangePasswordNextSignIn is true or false")?),
    };
    if password.is_some() || change.is_some() {
        body.insert("passwordProfile", Field::Password { password, change });
    }
    for name in given.left.keys().copied().collect::<Vec<_>>() {
        let Some((attribute, kind)) = attribute(name) else { continue };
        let json = given.take(name).map_or(Json::Null, to_json);
        let json = match (kind, json) {
            (_, Json::Null) => Json::Null,
            (Kind::Text, json @ Json::String(_)) | (Kind::Flag, json @ Json::Bool(_)) => json,
            (Kind::List, json) if listed(&json).iter().all(|item| item.is_string()) => {
                listed(&json).into_iter().cloned().collect()
            }
            _ => return Err(format!("-{name} is not of the type that the attribute has")),
        };
        body.insert(attribute, Field::Plain(json));
    }
    Ok(body)
}

fn written(body: &BTreeMap<&'static str, Field<'_>>) -> Result<Zeroizing<Vec<u8>>, String> {
    // Room for the longest body that there is, so that nothing of a password stays where the bytes were before they grew.
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 * 1024));
    serde_json::to_writer(&mut *bytes, body).map_err(|error| error.to_string())?;
    Ok(bytes)
}
