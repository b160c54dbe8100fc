//! R33 for a flow as a whole.

use super::{Finding, Planned};
use crate::{address::Rule, recipient::ErrorClass};

/// Flows below this size are not judged by share.
const SMALLEST: usize = 50;

/// Whether too large a share of the flow's accounts would lose addresses. The refusal is for the whole run.
#[must_use]
pub fn mass_removal<'p>(
    plans: impl IntoIterator<Item = &'p Planned>,
    most_percent: Option<u32>,
) -> Option<Finding> {
    let most = usize::try_from(most_percent?).unwrap_or(usize::MAX);
    let (mut all, mut losing) = (0usize, 0usize);
    for plan in plans {
        all += 1;
        losing += usize::from(!plan.steps.is_empty() && plan.removed_addresses() > 0);
    }
    (all >= SMALLEST && losing * 100 > all.saturating_mul(most)).then(|| {
        Finding::refusal(
            ErrorClass::RefusedByRule,
            format!("{losing} of {all} accounts would lose addresses; max_removing_percent is {most}"),
            "check the flow; --allow-mass-removal lifts the limit for one run",
        )
        .by(Rule::MassRemoval)
    })
}
