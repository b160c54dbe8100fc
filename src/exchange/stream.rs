//! Output object by object, however much there is.

use std::ops::ControlFlow;
use std::time::Duration;

use wsman::client::{Error, RunspacePool};
use wsman::clixml::Value;
use wsman::psrp::{Command, Outcome, Record};

use super::{Answer, ExchangeError};

/// Why the output came to no end.
pub(super) enum Broken {
    /// What the wire says
    Wire(Error),
    /// What was seen here
    Other(ExchangeError),
}

impl Broken {
    fn lost(reason: impl Into<String>) -> Self {
        Self::Other(ExchangeError::SessionLost(reason.into()))
    }
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Wire(error)
    }
}

/// Runs one command and hands over its output. `silence` is how long nothing may come: how long all of it takes depends
/// on how much there is.
pub(super) async fn stream(
    pool: &RunspacePool,
    command: Command,
    silence: Duration,
    each: &mut (dyn FnMut(Value) -> ControlFlow<()> + Send),
) -> Result<Answer, Broken> {
    let mut pipeline = pool.pipeline().command(command).run().await?;
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    loop {
        let next = tokio::time::timeout(silence, pipeline.next())
            .await
            .map_err(|_| Broken::lost(format!("nothing came for {} seconds", silence.as_secs())))?;
        match next? {
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
        return Err(Broken::lost("an answer got lost on its way, perhaps with objects"));
    }
    let outcome = pipeline.outcome().cloned().unwrap_or(Outcome::Completed);
    Ok(Answer { objects: Vec::new(), errors, warnings, outcome })
}
