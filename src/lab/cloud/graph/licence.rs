//! Licences given and taken ("user: assignLicense").

use serde_json::Value as Json;
use uuid::Uuid;

use super::Good;
use super::error::Problem;
use crate::lab::cloud::Tenant;
use crate::lab::cloud::licence::{self, Assignment};
use crate::lab::directory::Changes;

impl Tenant {
    pub(super) fn assign_licence(&mut self, id: &str, body: &Json, now_ms: u64) -> Result<Good, Problem> {
        let user = self.user(id)?;
        let (add, remove) = asked(body)?;
        let held = licence::of(&user);
        let mut kept = held.clone();
        for sku in remove {
            let has = |own: bool| held.iter().any(|it| it.sku == sku && it.group.is_none() == own);
            if !has(true) {
                return Err(Problem::bad(if has(false) {
                    "User license is inherited from a group membership and it cannot be removed directly from the user."
                } else {
                    "User does not have a corresponding license."
                }));
            }
            kept.retain(|it| it.sku != sku || it.group.is_some());
        }
        for wanted in add {
            let sku = wanted.sku;
            let Some(bought) = self.bought().iter().find(|it| it.id == sku) else {
                return Err(Problem::bad(format!(
                    "License {sku} does not correspond to a valid company License."
                )));
            };
            if user.text("UsageLocation").is_empty() {
                return Err(Problem::bad(
                    "License assignment cannot be done for user with invalid usage location.",
                ));
            }
            let has_seat = held.iter().any(|it| it.sku == sku);
            if !has_seat && self.consumed(sku) >= usize::try_from(bought.enabled).unwrap_or(usize::MAX) {
                return Err(Problem::bad(format!(
                    "Subscription with SKU {sku} does not have any available licenses."
                )));
            }
            kept.retain(|it| it.sku != sku || it.group.is_some());
            kept.push(wanted);
        }
        let changes = Changes::from([(licence::DIRECT.to_owned(), Some(licence::written(&kept)))]);
        self.exchange.change(user.guid, changes, now_ms);
        self.exchange.licences_changed(&user, now_ms);
        let user = self.user(id)?;
        Ok((200, Some(self.shown(&user, &[]))))
    }
}

fn asked(body: &Json) -> Result<(Vec<Assignment>, Vec<Uuid>), Problem> {
    let malformed = || {
        Problem::bad(
            "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.",
        )
    };
    let id = |json: &Json| json.as_str().and_then(|text| Uuid::try_parse(text).ok());
    let list = |name: &str| body.get(name).and_then(Json::as_array).ok_or_else(malformed);
    let mut add = Vec::new();
    for licence in list("addLicenses")? {
        let sku = licence.get("skuId").and_then(id).ok_or_else(malformed)?;
        let disabled = licence.get("disabledPlans").and_then(Json::as_array);
        let disabled = disabled.into_iter().flatten().filter_map(id).collect();
        add.push(Assignment { sku, disabled, group: None });
    }
    let remove = list("removeLicenses")?.iter().map(|json| id(json).ok_or_else(malformed));
    let remove = remove.collect::<Result<_, _>>()?;
    Ok((add, remove))
}
