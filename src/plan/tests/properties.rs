//! After an ideal application nothing is left to do.

use proptest::prelude::*;

use super::*;
use crate::{
    plan::plan_after_create,
    recipient::{Action, MailboxType},
};

fn attributes() -> impl Strategy<Value = Vec<(&'static str, Wanted)>> {
    let texts = || prop::sample::select(vec!["A", "b", "Jane", "ü"]).prop_map(Wanted::from);
    let one = prop_oneof![
        (
            prop::sample::select(vec!["DisplayName", "CustomAttribute1", "Office", "SimpleDisplayName"]),
            texts()
        ),
        (Just("CustomAttribute2"), Just(Wanted::Clear)),
        (Just("HiddenFromAddressListsEnabled"), any::<bool>().prop_map(Wanted::Bool)),
        (
            Just("MaxSendSize"),
            prop::sample::select(vec!["10MB", "Unlimited", "1048576"]).prop_map(Wanted::from)
        ),
        (Just("ResourceCapacity"), (0i64..9).prop_map(Wanted::Int)),
        (
            Just("RetainDeletedItemsFor"),
            prop::sample::select(vec!["14", "30.00:00:00"]).prop_map(Wanted::from)
        ),
        (Just("ExtensionCustomAttribute1"), prop::collection::vec("[ab]{1,2}", 1..3).prop_map(Wanted::List)),
        (Just("Archive"), Just(Wanted::Bool(true))),
    ];
    prop::collection::vec(one, 0..6)
}

fn change() -> impl Strategy<Value = Change> {
    let addresses = prop::option::of(prop::collection::vec("[a-c]{1,2}@(contoso|CONTOSO)\\.com", 1..5));
    let types = prop::option::of(prop::sample::select(vec![
        MailboxType::Regular,
        MailboxType::Shared,
        MailboxType::Room,
        MailboxType::Equipment,
    ]));
    (attributes(), addresses, types).prop_map(|(attributes, addresses, mailbox_type)| {
        let mut change = with(joiner(), &attributes);
        change.addresses = addresses.map(AddressFlow::List);
        change.mailbox_type = mailbox_type;
        change
    })
}

/// Runs a plan as it is run: after the creating step the rest is looked at again.
fn execute(
    current: Option<Recipient>,
    change: &Change,
    policy: &Policy,
    context: &Context,
) -> Result<Recipient, Planned> {
    let planned = plan(current.as_ref(), change, policy, context);
    if planned.refusal().is_some() {
        return Err(planned);
    }
    if planned.action != Action::Created {
        return Ok(toy::apply(current, &planned.steps).unwrap());
    }
    let created = toy::apply(current, &planned.steps[..1]).unwrap();
    let (rest, findings) = plan_after_create(&created, change, policy, context, &planned.steps[1..]);
    assert_eq!(rest, &planned.steps[1..], "the plan shown is not the plan run: {findings:?}");
    Ok(toy::apply(Some(created), &rest).unwrap())
}

fn settled(
    done: &Recipient,
    change: &Change,
    policy: &Policy,
    context: &Context,
) -> Result<(), TestCaseError> {
    let again = plan(Some(done), change, policy, context);
    prop_assert_eq!(again.steps, vec![], "{:?}", again.findings);
    prop_assert_eq!(again.action, Action::Unchanged);
    Ok(())
}

proptest! {
    #[test]
    fn a_second_run_after_an_update_writes_nothing(change in change()) {
        if let Ok(done) = execute(Some(mailbox()), &change, &policy(), &here()) {
            settled(&done, &change, &policy(), &here())?;
        } else {
            prop_assert!(false, "refused");
        }
    }

    #[test]
    fn a_second_run_after_creating_writes_nothing(change in change(), enable in any::<bool>()) {
        let (current, change, policy) = if enable {
            (Some(user()), Change { password: None, ..change }, policy())
        } else {
            (None, change, new_policy())
        };
        match execute(current, &change, &policy, &here()) {
            Ok(done) => settled(&done, &change, &policy, &here())?,
            Err(planned) => prop_assert!(false, "{:?}", planned.findings),
        }
    }

    #[test]
    fn a_second_run_after_creating_in_the_cloud_writes_nothing(change in change(), enable in any::<bool>()) {
        let mut change = change;
        for name in ["MaxSendSize", "ResourceCapacity", "RetainDeletedItemsFor", "Office", "SimpleDisplayName"] {
            change.attributes.remove(name);
        }
        let (current, change, policy) = if enable {
            (Some(user()), Change { password: None, ..change }, policy())
        } else {
            (None, change, new_policy())
        };
        match execute(current, &change, &policy, &hybrid()) {
            Ok(done) => settled(&done, &change, &policy, &hybrid())?,
            Err(planned) => prop_assert!(false, "{:?}", planned.findings),
        }
    }
}
