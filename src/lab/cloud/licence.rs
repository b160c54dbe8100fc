//! Licences: what a tenant has bought, and who has what.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::CloudSeed;
use crate::lab::directory::{Attribute, Entry, Stamp};

/// Licences of a user: an id of a SKU each, then the plans that are switched off.
pub(in crate::lab) const DIRECT: &str = "AssignedLicenses";
/// Licences that a group brings: an id of a SKU and the id of the group each.
pub(in crate::lab) const BY_GROUP: &str = "LicensesByGroup";

/// What a tenant has bought: ids and names as of "Product names and service plan identifiers for licensing".
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sku {
    /// Its id
    pub id: Uuid,
    /// Its name, such as `ENTERPRISEPACK`
    pub part_number: String,
    /// Seats
    pub enabled: u32,
    /// What is in it
    pub plans: Vec<Plan>,
}

/// A service of a licence.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Its id
    pub id: Uuid,
    /// Its name, such as `EXCHANGE_S_ENTERPRISE`
    pub name: String,
    /// Which service it is of, such as `exchange`
    pub service: String,
}

impl Plan {
    fn gives_mailbox(&self) -> bool {
        self.service == "exchange" && self.name != "EXCHANGE_S_FOUNDATION"
    }
}

/// A licence that a user has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::lab) struct Assignment {
    pub(in crate::lab) sku: Uuid,
    pub(in crate::lab) disabled: Vec<Uuid>,
    /// The group that brings it
    pub(in crate::lab) group: Option<Uuid>,
}

/// What tenants have that say nothing about it.
pub(in crate::lab) fn usual() -> Vec<Sku> {
    const EXCHANGE_1: (&str, &str) = ("9aaf7827-d63c-4b61-89c3-182f06f82e5c", "EXCHANGE_S_STANDARD");
    const EXCHANGE_2: (&str, &str) = ("efb87545-963c-4e0d-99df-69c6916d9eb0", "EXCHANGE_S_ENTERPRISE");
    const KIOSK: (&str, &str) = ("4a82b400-a79f-41a4-b4e2-e94f5787b113", "EXCHANGE_S_DESKLESS");
    const FOUNDATION: (&str, &str) = ("113feb6c-3fe4-4440-bddc-54d774bf0318", "EXCHANGE_S_FOUNDATION");
    const TEAMS: (&str, &str) = ("57ff2da0-773e-42df-b2af-ffb7a2317929", "TEAMS1");
    let sku = |id: &str, part_number: &str, enabled, plans: &[(&str, &str)]| Sku {
        id: Uuid::try_parse(id).unwrap_or_default(),
        part_number: part_number.to_owned(),
        enabled,
        plans: plans
            .iter()
            .map(|(id, name)| Plan {
                id: Uuid::try_parse(id).unwrap_or_default(),
                name: (*name).to_owned(),
                service: if name.starts_with("EXCHANGE") { "exchange" } else { "TeamspaceAPI" }.to_owned(),
            })
            .collect(),
    };
    vec![
        sku("6fd2c87f-b296-42f0-b197-1e91e994b900", "ENTERPRISEPACK", 25_000, &[EXCHANGE_2, TEAMS]),
        sku("05e9a617-0261-4cee-bb44-138d3ef5d965", "SPE_E3", 3, &[EXCHANGE_2, TEAMS]),
        sku("4b9405b0-7788-4568-add1-99614e613b69", "EXCHANGESTANDARD", 1_000, &[EXCHANGE_1]),
        sku("19ec0d23-8335-4cbd-94ac-6050e30712fa", "EXCHANGEENTERPRISE", 1_000, &[EXCHANGE_2]),
        sku("80b2d799-d2ba-4d2a-8842-fb0d0f3a4b82", "EXCHANGEDESKLESS", 0, &[KIOSK]),
        sku("f30db892-07e9-47e9-837c-80727f46fd3d", "FLOW_FREE", 10_000, &[FOUNDATION]),
    ]
}

/// What a user has, of one's own first.
pub(in crate::lab) fn of(entry: &Entry) -> Vec<Assignment> {
    let direct = entry.list(DIRECT).iter().filter_map(|text| {
        let mut ids = text.split(' ').filter_map(|id| Uuid::try_parse(id).ok());
        Some(Assignment { sku: ids.next()?, disabled: ids.collect(), group: None })
    });
    let by_group = entry.list(BY_GROUP).iter().filter_map(|text| {
        let mut ids = text.split(' ').filter_map(|id| Uuid::try_parse(id).ok());
        Some(Assignment { sku: ids.next()?, disabled: Vec::new(), group: ids.next() })
    });
    direct.chain(by_group).collect()
}

/// Licences of one's own, as they are kept.
pub(in crate::lab) fn written(assignments: &[Assignment]) -> Attribute {
    let own = assignments.iter().filter(|it| it.group.is_none());
    let text = own.map(|it| {
        let ids = std::iter::once(&it.sku).chain(&it.disabled);
        ids.map(Uuid::to_string).collect::<Vec<_>>().join(" ")
    });
    Attribute::List(text.collect())
}

/// Plans that a user has, each once.
pub(in crate::lab) fn plans<'a>(entry: &Entry, skus: &'a [Sku]) -> Vec<&'a Plan> {
    let mut plans: Vec<&Plan> = Vec::new();
    for assignment in of(entry) {
        let sku = skus.iter().find(|sku| sku.id == assignment.sku);
        for plan in sku.iter().flat_map(|sku| &sku.plans) {
            if !assignment.disabled.contains(&plan.id) && !plans.iter().any(|it| it.id == plan.id) {
                plans.push(plan);
            }
        }
    }
    plans
}

/// Whether a user's licences bring a mailbox.
pub(in crate::lab) fn gives_mailbox(entry: &Entry, skus: &[Sku]) -> bool {
    plans(entry, skus).iter().any(|plan| plan.gives_mailbox())
}

/// Names of licences in a seed become ids; a group that has no id gets one.
pub(in crate::lab) fn normalize(
    entry: &mut Entry,
    cloud: Option<&CloudSeed>,
    stamp: Stamp,
) -> Result<(), String> {
    for name in [DIRECT, BY_GROUP] {
        if entry.list(name).is_empty() {
            continue;
        }
        let ids = entry.list(name).iter().map(|text| {
            let (sku, rest) = text.split_once(' ').unwrap_or((text.as_str(), ""));
            let skus = cloud.map(|cloud| cloud.skus.as_slice()).unwrap_or_default();
            let fits = |it: &&Sku| it.part_number.eq_ignore_ascii_case(sku) || it.id.to_string() == sku;
            let found = skus.iter().find(fits).ok_or_else(|| format!("{name}: there is no licence {sku}"))?;
            Ok(format!("{} {rest}", found.id).trim_end().to_owned())
        });
        let ids = ids.collect::<Result<Vec<_>, String>>()?;
        entry.set(name, Some(Attribute::List(ids)), stamp);
    }
    Ok(())
}
