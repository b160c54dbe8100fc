//! What mailwright makes of a case: the merge by itself, and the merge as a part of a plan.

use std::collections::BTreeMap;

use mailwright::{
    address::{self, AcceptedDomains, ExcludedDomains, Merge, MergePolicy, Owner, Refusal, Surroundings},
    plan::{self, Context, Planned},
    recipient::{AddressFlow, Change, Delta, MailboxDetails, Operation, Recipient, RecipientKind, Wanted},
};
use uuid::Uuid;

use crate::case::{Case, Flow, Options};

/// None when the options are refused as a configuration.
pub fn policy(options: &Options) -> Option<MergePolicy> {
    let excluded = if options.literal {
        ExcludedDomains::parse_literal(&options.excluded)
    } else {
        ExcludedDomains::parse(&options.excluded)
    };
    Some(MergePolicy {
        excluded: excluded.ok()?,
        keep_primary_when_empty: options.keep_primary,
        primary_is_last: options.primary_last,
        promote_excluded_primary: options.promote,
        drop_excluded_secondary: options.drop_excluded,
        keep_old_primary: options.keep_old_primary,
        protect_moera: options.protect_moera,
        force_case: options.force_case,
        managed_types: options.managed_types.clone(),
        max_removed_addresses: options.max_removed,
    })
}

fn owners(case: &Case) -> BTreeMap<address::Key, Owner> {
    let owner = Owner {
        guid: None,
        name: "contoso.com/Staff/Other".into(),
        kind: "UserMailbox".into(),
        soft_deleted: false,
    };
    case.taken.iter().filter_map(|taken| Some((address::key(taken)?, owner.clone()))).collect()
}

/// The merge. None when the options are refused as a configuration.
pub fn merge(case: &Case) -> Option<Result<Merge, Refusal>> {
    let policy = policy(&case.options)?;
    let accepted = case.accepted.as_ref().map(AcceptedDomains::new);
    let owners = owners(case);
    let around = Surroundings {
        routing: case.routing.as_deref(),
        cloud: case.cloud,
        accepted: accepted.as_ref(),
        owners: Some(&owners),
    };
    let flow = match &case.flow {
        Flow::Absent => address::Flow::Absent,
        Flow::Clear => address::Flow::Clear,
        Flow::List(list) => address::Flow::List(list),
        Flow::Delta { add, remove } => address::Flow::Delta { add, remove },
    };
    Some(address::merge(&case.current, flow, &policy, around))
}

/// The plan of an update of a mailbox that holds the addresses.
pub fn plan(case: &Case) -> Option<Planned> {
    let policy = plan::Policy {
        merge: policy(&case.options)?,
        disable_email_address_policy: case.policy.disable,
        ..plan::Policy::default()
    };
    let context = Context {
        accepted_domains: case.accepted.as_ref().map(AcceptedDomains::new),
        owners: owners(case),
        ..Context::default()
    };
    let kind = match case.routing {
        Some(_) => RecipientKind::RemoteMailbox(MailboxDetails::User),
        None => RecipientKind::Mailbox(MailboxDetails::User),
    };
    let mut recipient = Recipient::new(kind, Uuid::from_u128(7));
    recipient.email_addresses = case.current.clone();
    recipient.primary_smtp_address =
        case.current.iter().find_map(|value| value.strip_prefix("SMTP:")).map(str::to_owned);
    recipient.remote_routing_address = case.routing.clone();
    recipient.email_address_policy_enabled = case.policy.on;
    let mut change = Change::new(Operation::Update, "jane@contoso.com");
    change.addresses = match case.flow.clone() {
        Flow::Absent => None,
        Flow::Clear => Some(AddressFlow::Clear),
        Flow::List(list) => Some(AddressFlow::List(list)),
        Flow::Delta { add, remove } => Some(AddressFlow::Delta(Delta { add, remove })),
    };
    if let Some(column) = case.policy.column {
        change.attributes.insert("EmailAddressPolicyEnabled".into(), Wanted::Bool(column));
    }
    Some(plan::plan(Some(&recipient), &change, &policy, &context))
}
