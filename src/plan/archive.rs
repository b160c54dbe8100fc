//! The archive: a step of its own, because Exchange takes `-Archive` in a parameter set of its own.

use super::{
    Context, Finding, ParameterValue, Step,
    attributes::{Attributes, initial, on, pinned},
};
use crate::recipient::{Change, ErrorClass, Recipient, Wanted, parameters::Cmdlet};

/// Parameters that go with the archive when one is made.
const BESIDE: &[&str] = &["ArchiveName", "ArchiveDatabase"];

/// Takes the archive out of the attributes; whether one is wanted.
pub(super) fn take(attributes: &mut Attributes, create_only: &mut Attributes) -> Option<bool> {
    match attributes.remove("Archive").or(create_only.remove("Archive")) {
        Some(Wanted::Bool(wanted)) => Some(wanted),
        _ => None,
    }
}

/// The step that makes an archive, when one is wanted and not there. What goes with it is taken out of the attributes.
#[allow(clippy::too_many_arguments)] // they are the change's parts, and two callers know them all
pub(super) fn step(
    wanted: Option<bool>,
    cmdlet: &Cmdlet,
    identity: &str,
    current: Option<&Recipient>,
    change: &Change,
    context: &Context,
    attributes: &mut Attributes,
    create_only: &mut Attributes,
) -> Result<Option<Step>, Finding> {
    let there = current.is_some_and(|current| current.archive.exists());
    match wanted {
        None => return Ok(None),
        Some(true) if there => return Ok(None),
        Some(true) => {}
        Some(false) if there => {
            return Err(Finding::refusal(
                ErrorClass::RefusedByRule,
                "the mailbox has an archive, and a column does not take it away",
                format!(
                    "run `invoke {} Archive=true` when its contents may go",
                    cmdlet.name.replace("Enable", "Disable")
                ),
            ));
        }
        Some(false) => return Ok(None),
    }
    let mut step =
        on(cmdlet.name, identity, "make the archive").with("Archive", ParameterValue::Switch(true));
    for name in BESIDE.iter().filter(|name| cmdlet.parameter(name).is_some_and(|it| it.works(context.side())))
    {
        for source in [&mut *create_only, &mut *attributes] {
            if let Some((name, wanted)) = source.remove_entry(*name) {
                initial(cmdlet, [(&name, &wanted)])
                    .into_iter()
                    .for_each(|(name, value)| step.push(&name, value));
            }
        }
    }
    Ok(Some(pinned(step, change, context, current)))
}
