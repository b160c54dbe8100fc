//! `mailwright init`

use std::io::ErrorKind;

use clap::Args;

use super::CommandError;
use super::common::Context;
use crate::config::write_template;

/// Write a commented configuration file; one that is there is left alone
#[derive(Debug, Args)]
pub(super) struct Init {}

pub(super) fn run(context: &Context, _command: &Init) -> Result<u8, CommandError> {
    let file = &context.common.config;
    write_template(file).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => CommandError::usage(format!("{} is there already", file.display()))
            .hint("--config FILE writes another one"),
        _ => CommandError::usage(format!("cannot write {}: {error}", file.display())),
    })?;
    context.say(&format!("wrote {}", file.display()));
    Ok(0)
}
