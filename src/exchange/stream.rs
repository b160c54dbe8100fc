//! Output object by object, however much there is.

use std::ops::ControlFlow;
use std::time::Duration;

use wsman::client::RunspacePool;
use wsman::clixml::Value;
use wsman::psrp::{Command, Outcome, Record};

use super::remote::lost;
use super::{Answer, ExchangeError};

/// Runs one command and hands over its output. `silence` is how long nothing may come: how long all of it takes depends
/// on how much there is.
pub(super) async fn stream(
    pool: &RunspacePool,
    command: Command,
    silence: Duration,
    each: &mut (dyn FnMut(Value) -> ControlFlow<()> + Send),
) -> Result<Answer, ExchangeError> {
    let mut pipeline = pool.pipeline().command(command).run().await.map_err(lost)?;
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    loop {
        let next = tokio::time::timeout(silence, pipeline.next()).await.map_err(|_| {
            ExchangeError::SessionLost(format!("nothing came for {} seconds", silence.as_secs()))
        })?;
        match next.map_err(lost)? {
            None => break,
            Some(Record::Output(value)) => {
                if each(value).is_break() {
                    return Ok(Answer {
                        objects: Vec::new(),
                        errors,
                        warnings,
                        outcome: Outcome::Stopped(None),
                    });
                }
            }
            Some(Record::Error(error)) => errors.push(*error),
            Some(Record::Warning(text)) => warnings.push(text),
            Some(_) => {}
        }
    }
    if pipeline.may_have_gaps() {
        return Err(ExchangeError::SessionLost("an answer got lost on its way, perhaps with objects".into()));
    }
    let outcome = pipeline.outcome().cloned().unwrap_or(Outcome::Completed);
    Ok(Answer { objects: Vec::new(), errors, warnings, outcome })
}
