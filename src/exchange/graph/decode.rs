//! Users and licences from the objects of an answer.

use std::collections::BTreeSet;

use uuid::Uuid;
use wsman::clixml::Value;

use crate::exchange::decode::text;
use crate::recipient::{GraphUser, Sku};

/// Why an object is no user or licence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Graph answered with something that is no {0}")]
pub struct NotFromGraph(&'static str);

/// Plans of the service `exchange` that give no mailbox ("Product names and service plan identifiers for licensing"): the
/// foundation that nearly every licence has, analytics, and archives for mailboxes that are elsewhere.
const WITHOUT_MAILBOX: [Uuid; 6] = [
    Uuid::from_u128(0x113f_eb6c_3fe4_4440_bddc_54d7_74bf_0318),
    Uuid::from_u128(0x922b_a911_5694_4e99_a794_73ae_d9bf_eec8),
    Uuid::from_u128(0x34c0_d7a0_a70f_4668_9238_47f9_fc20_8882),
    Uuid::from_u128(0x2081_20d1_9adb_4daf_8c22_816b_d5d2_37e7),
    Uuid::from_u128(0x176a_09a6_7ec5_4039_ac02_b279_1c6b_a793),
    Uuid::from_u128(0xda04_0e0a_b393_4bea_bb76_928b_3fa1_cf5a),
];

/// Reads a user, from what `Get-MgUser` gives.
///
/// # Errors
/// The object has no id.
pub fn user(value: &Value) -> Result<GraphUser, NotFromGraph> {
    let id = id(value, "Id").ok_or(NotFromGraph("user"))?;
    let licences: BTreeSet<Uuid> =
        items(value, "AssignedLicenses").filter_map(|licence| self::id(licence, "SkuId")).collect();
    let mut direct = BTreeSet::new();
    let mut by_group = BTreeSet::new();
    // An assignment in error gives nothing, and has nothing that could be taken away.
    let states = items(value, "LicenseAssignmentStates")
        .filter(|state| text(state, "State").is_none_or(|state| !state.eq_ignore_ascii_case("Error")));
    for state in states {
        if let Some(sku) = self::id(state, "SkuId") {
            let is_from_group = text(state, "AssignedByGroup").is_some();
            if is_from_group {
                by_group.insert(sku)
            } else {
                direct.insert(sku)
            };
        }
    }
    direct.extend(licences.difference(&by_group));
    Ok(GraphUser {
        id,
        user_principal_name: text(value, "UserPrincipalName").unwrap_or_default(),
        account_enabled: value.get("AccountEnabled").and_then(Value::as_bool).unwrap_or(true),
        usage_location: text(value, "UsageLocation"),
        is_dir_synced: value.get("OnPremisesSyncEnabled").and_then(Value::as_bool).unwrap_or(false),
        immutable_id: text(value, "OnPremisesImmutableId"),
        licences,
        direct,
        by_group,
        exchange: items(value, "AssignedPlans").any(gives_mailbox),
    })
}

fn gives_mailbox(plan: &Value) -> bool {
    let is =
        |name: &str, wanted: &str| text(plan, name).is_some_and(|text| text.eq_ignore_ascii_case(wanted));
    is("Service", "exchange") && is("CapabilityStatus", "Enabled") && !is_without_mailbox(plan)
}

fn is_without_mailbox(plan: &Value) -> bool {
    id(plan, "ServicePlanId").is_some_and(|id| WITHOUT_MAILBOX.contains(&id))
}

/// Reads a licence of the tenant, from what `Get-MgSubscribedSku` gives.
///
/// # Errors
/// The object has no id or no name.
pub fn sku(value: &Value) -> Result<Sku, NotFromGraph> {
    let (Some(id), Some(part_number)) = (id(value, "SkuId"), text(value, "SkuPartNumber")) else {
        return Err(NotFromGraph("licence"));
    };
    let units = |name: &str| value.get("PrepaidUnits").map_or(0, |units| number(units, name));
    let has_exchange = items(value, "ServicePlans").any(|plan| {
        // Such as EXCHANGE_S_STANDARD, EXCHANGE_S_ENTERPRISE_GOV, EXCHANGE_B_STANDARD, EXCHANGE_L_STANDARD.
        let name = text(plan, "ServicePlanName").unwrap_or_default().to_ascii_uppercase();
        name.starts_with("EXCHANGE_")
            && !["FOUNDATION", "ANALYTICS", "ARCHIVE"].iter().any(|part| name.contains(part))
            && !is_without_mailbox(plan)
    });
    Ok(Sku {
        id,
        part_number,
        // Seats in their time of grace can be given away.
        enabled: units("Enabled").saturating_add(units("Warning")),
        consumed: number(value, "ConsumedUnits"),
        has_exchange,
    })
}

fn id(value: &Value, name: &str) -> Option<Uuid> {
    Uuid::try_parse(&text(value, name)?).ok()
}

fn number(value: &Value, name: &str) -> u32 {
    value.get(name).and_then(Value::as_u64).map_or(0, |number| u32::try_from(number).unwrap_or(u32::MAX))
}

fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::items).unwrap_or_default().iter()
}
