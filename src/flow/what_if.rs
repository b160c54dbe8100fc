//! `--what-if`: a planned cmdlet sent to Exchange with `-WhatIf`, which checks rights and parameters and writes nothing.

use crate::exchange::{Call, Directory, Refusal};
use crate::plan::{ParameterValue, Step};
use crate::recipient::{Action, ErrorClass, Side, parameters};
use crate::report::{PlannedChange, ResultError};

/// Asks Exchange about the first step. What that proves nothing about is marked, with the reason.
pub(super) async fn ask(mut planned: PlannedChange, directory: &Directory) -> PlannedChange {
    let Some(steps) = planned.planned.as_ref().map(|planned| planned.steps.clone()) else { return planned };
    let [step, rest @ ..] = steps.as_slice() else { return planned };
    match question(step) {
        Err(reason) => planned.not_previewed(reason),
        Ok(call) => match directory.exchange().run(&call).await {
            Err(error) => planned.not_previewed(format!("Exchange gave no answer: {error}")),
            Ok(answer) => match answer.refusal() {
                Some(refusal) if lacks_what_if(&refusal) => {
                    planned.not_previewed(format!("the account's roles do not let {} ask", step.cmdlet));
                }
                Some(refusal) => {
                    planned.result.action = Action::Refused;
                    planned.result.error = Some(ResultError {
                        message: format!("{} -WhatIf: {}", step.cmdlet, refusal.message),
                        ..refusal.into()
                    });
                }
                None => planned.previewed_steps = 1,
            },
        },
    }
    if let (Some(next), true) = (rest.first(), planned.previewed_steps == 1) {
        planned.not_previewed(format!("{} depends on what {} does", next.cmdlet, step.cmdlet));
    }
    planned
}

/// The call that asks, or why it cannot be asked.
fn question(step: &Step) -> Result<Call, String> {
    if step.parameters.iter().any(|(_, value)| matches!(value, ParameterValue::Secret(_))) {
        return Err("a password does not travel for a question".to_owned());
    }
    if step.side == Side::Cloud {
        // Nobody has published what this interface makes of it, and a question must not write.
        return Err("whether Exchange Online heeds -WhatIf in a request is not known".to_owned());
    }
    if parameters::parameter(&step.cmdlet, "WhatIf").is_none() {
        return Err(format!("{} has no -WhatIf", step.cmdlet));
    }
    let asking = step.clone().with("WhatIf", ParameterValue::Switch(true));
    Call::of_step(&asking, None).ok_or_else(|| format!("{} cannot be asked", step.cmdlet))
}

/// Whether the one parameter that a role hides is the one that asks.
fn lacks_what_if(refusal: &Refusal) -> bool {
    refusal.class == ErrorClass::AccessDenied && refusal.message.contains("'WhatIf'")
}
