//! `--what-if`: a planned cmdlet sent to Exchange with `-WhatIf`, which checks rights and parameters and writes nothing.

use crate::exchange::{Call, Directory};
use crate::plan::ParameterValue;
use crate::recipient::Action;
use crate::report::{PlannedChange, ResultError};

/// Asks Exchange about the first step. Later steps depend on it and prove nothing before it was really done.
pub(super) async fn ask(mut planned: PlannedChange, directory: &Directory) -> PlannedChange {
    let Some(steps) = planned.planned.as_ref().map(|planned| planned.steps.clone()) else { return planned };
    let Some(step) = steps.first() else { return planned };
    let has_secret = step.parameters.iter().any(|(_, value)| matches!(value, ParameterValue::Secret(_)));
    if has_secret || steps.len() > 1 {
        planned.not_previewed = true;
    }
    // A password does not travel for a question.
    if has_secret {
        return planned;
    }
    let Some(call) = Call::of_step(&step.clone().with("WhatIf", ParameterValue::Switch(true)), None) else {
        return planned;
    };
    let error = match directory.exchange().run(&call).await {
        Ok(answer) => answer.refusal().map(|refusal| ResultError {
            message: format!("{} -WhatIf: {}", step.cmdlet, refusal.message),
            ..refusal.into()
        }),
        Err(error) => Some(ResultError::new(error.class(), error.to_string())),
    };
    if let Some(error) = error {
        planned.result.action = Action::Refused;
        planned.result.error = Some(error);
    }
    planned
}
