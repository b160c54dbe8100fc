//! Users as Graph shows them, alone and in lists.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use url::Url;
use uuid::Uuid;

use super::Good;
use super::error::Problem;
use super::filter::Condition;
use crate::lab::cloud::Tenant;
use crate::lab::cloud::licence::{self, Sku};
use crate::lab::directory::{Attribute, Entry};

/// Users in a page when nothing is said ("List users").
const PAGE: usize = 100;
/// The most that may be asked for.
const LARGEST_PAGE: usize = 999;
/// What comes without `$select`.
const DEFAULT: [&str; 11] = [
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
];

impl Tenant {
    pub(super) fn skus(&self) -> Json {
        let skus = self.bought();
        let value: Vec<Json> =
            skus.iter().map(|sku| sku_json(sku, self.consumed(sku.id), self.id())).collect();
        json!({"@odata.context": format!("{}/v1.0/$metadata#subscribedSkus", self.hosts.graph), "value": value})
    }

    pub(super) fn bought(&self) -> &[Sku] {
        let cloud = self.exchange.directory.configuration.cloud.as_ref();
        cloud.map(|cloud| cloud.skus.as_slice()).unwrap_or_default()
    }

    /// Seats that are taken.
    pub(super) fn consumed(&self, sku: Uuid) -> usize {
        let entries = self.exchange.directory.replica(0).entries();
        entries.filter(|entry| licence::of(entry).iter().any(|it| it.sku == sku)).count()
    }

    /// The user with this id or principal name.
    pub(super) fn user(&self, id: &str) -> Result<Arc<Entry>, Problem> {
        let fits = |entry: &&Arc<Entry>| {
            entry.is_user()
                && (entry.text("ExternalDirectoryObjectId").eq_ignore_ascii_case(id)
                    || entry.text("UserPrincipalName").eq_ignore_ascii_case(id))
        };
        let found = self.exchange.directory.replica(0).lookup(id).find(fits).cloned();
        found.ok_or_else(|| Problem::not_found(id))
    }

    pub(super) fn one_user(&self, id: &str, url: &Url) -> Result<Good, Problem> {
        let user = self.user(id)?;
        let mut shown = self.shown(&user, &selected(url));
        if let Some(members) = shown.as_object_mut() {
            let context = format!("{}/v1.0/$metadata#users/$entity", self.hosts.graph);
            members.insert("@odata.context".to_owned(), context.into());
        }
        Ok((200, Some(shown)))
    }

    pub(super) fn users(&mut self, url: &Url) -> Result<Good, Problem> {
        let argument = |name: &str| url.query_pairs().find(|(held, _)| held == name).map(|(_, value)| value);
        let condition = argument("$filter").map(|text| Condition::parse(&text)).transpose()?;
        let begin: usize = match argument("$skiptoken") {
            None => 0,
            Some(text) => {
                let text = text.strip_prefix("lab").and_then(|text| text.parse().ok());
                text.ok_or_else(|| Problem::bad("The skip token is not valid."))?
            }
        };
        let size = argument("$top").and_then(|text| text.parse().ok()).unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
        let select = selected(url);
        let all = self.exchange.directory.replica(0).entries().filter(|entry| {
            let get = |name: &str| match property(entry, &[], name) {
                Json::String(text) => text,
                Json::Null => String::new(),
                other => other.to_string(),
            };
            entry.is_user() && condition.as_ref().is_none_or(|condition| condition.holds(&get))
        });
        let page: Vec<&Arc<Entry>> = all.skip(begin).take(size + 1).collect();
        let value: Vec<Json> = page.iter().take(size).map(|entry| self.shown(entry, &select)).collect();
        let mut body = json!({
            "@odata.context": format!("{}/v1.0/$metadata#users", self.hosts.graph),
            "value": value,
        });
        if let (true, Some(members)) = (page.len() > size, body.as_object_mut()) {
            let mut next = url.clone();
            let kept: Vec<(String, String)> =
                url.query_pairs().into_owned().filter(|(name, _)| name != "$skiptoken").collect();
            next.query_pairs_mut()
                .clear()
                .extend_pairs(kept)
                .append_pair("$skiptoken", &format!("lab{}", begin + size));
            members.insert("@odata.nextLink".to_owned(), next.as_str().into());
        }
        Ok((200, Some(body)))
    }

    pub(super) fn shown(&self, entry: &Entry, select: &[String]) -> Json {
        let names = if select.is_empty() { DEFAULT.map(str::to_owned).into() } else { select.to_vec() };
        let value = |name: String| {
            let value = property(entry, self.bought(), &name);
            (name, value)
        };
        Json::Object(names.into_iter().map(value).collect::<Map<_, _>>())
    }
}

fn selected(url: &Url) -> Vec<String> {
    let text = url.query_pairs().find(|(name, _)| name == "$select").map(|(_, value)| value.into_owned());
    text.unwrap_or_default()
        .split(',')
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

fn sku_json(sku: &Sku, consumed: usize, tenant: Uuid) -> Json {
    let plans: Vec<Json> = sku
        .plans
        .iter()
        .map(|plan| {
            json!({"servicePlanId": plan.id, "servicePlanName": plan.name, "provisioningStatus": "Success", "appliesTo": "User"})
        })
        .collect();
    json!({
        "id": format!("{tenant}_{}", sku.id),
        "skuId": sku.id,
        "skuPartNumber": sku.part_number,
        "capabilityStatus": "Enabled",
        "appliesTo": "User",
        "consumedUnits": consumed,
        "prepaidUnits": {"enabled": sku.enabled, "suspended": 0, "warning": 0, "lockedOut": 0},
        "servicePlans": plans,
    })
}

/// A property of a user ("user resource type").
fn property(entry: &Entry, skus: &[Sku], name: &str) -> Json {
    let text = |name: &str| match entry.text(name) {
        "" => Json::Null,
        text => text.into(),
    };
    match name {
        "id" => text("ExternalDirectoryObjectId"),
        "userPrincipalName" => text("UserPrincipalName"),
        "displayName" => text("DisplayName"),
        "givenName" => text("FirstName"),
        "surname" => text("LastName"),
        "jobTitle" => text("Title"),
        "department" => text("Department"),
        "companyName" => text("Company"),
        "officeLocation" => text("Office"),
        "city" => text("City"),
        "country" => text("CountryOrRegion"),
        "mobilePhone" => text("MobilePhone"),
        "mailNickname" => match entry.text("Alias") {
            "" => text("MailNickname"),
            alias => alias.into(),
        },
        "mail" => {
            let primary = entry.list("EmailAddresses").iter().find_map(|text| text.strip_prefix("SMTP:"));
            primary.map_or(Json::Null, Json::from)
        }
        "proxyAddresses" => entry.list("EmailAddresses").iter().filter(|text| !text.starts_with("SPO:")).cloned().collect(),
        "businessPhones" => entry.text("Phone").split(',').filter(|text| !text.is_empty()).map(str::to_owned).collect(),
        "usageLocation" => text("UsageLocation"),
        "accountEnabled" => (!entry.flag("AccountDisabled")).into(),
        "onPremisesSyncEnabled" => if entry.flag("IsDirSynced") { true.into() } else { Json::Null },
        "onPremisesImmutableId" => text("ImmutableId"),
        "userType" => "Member".into(),
        "assignedLicenses" => {
            let mut seen = Vec::new();
            let each = licence::of(entry).into_iter().filter(|it| {
                let is_new = !seen.contains(&it.sku);
                seen.push(it.sku);
                is_new
            });
            each.map(|it| json!({"skuId": it.sku, "disabledPlans": it.disabled})).collect()
        }
        "licenseAssignmentStates" => licence::of(entry)
            .iter()
            .map(|it| {
                json!({"skuId": it.sku, "disabledPlans": it.disabled, "assignedByGroup": it.group, "state": "Active", "error": "None", "lastUpdatedDateTime": "2026-01-01T00:00:00Z"})
            })
            .collect(),
        "assignedPlans" => licence::plans(entry, skus)
            .iter()
            .map(|plan| {
                json!({"assignedDateTime": "2026-01-01T00:00:00Z", "capabilityStatus": "Enabled", "service": plan.service, "servicePlanId": plan.id})
            })
            .collect(),
        "provisionedPlans" => licence::plans(entry, skus)
            .iter()
            .filter(|plan| plan.service != "exchange" || entry.is_mailbox())
            .map(|plan| {
                json!({"capabilityStatus": "Enabled", "provisioningStatus": "Success", "service": plan.service})
            })
            .collect(),
        _ => match entry.get(name) {
            Some(Attribute::Text(text)) => text.as_str().into(),
            _ => Json::Null,
        },
    }
}
