//! The front door: arguments in, output and an exit code out. One file per command.

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::flow::run::Stop;

mod apply;
mod common;
mod doctor;
mod error;
mod export;
mod fulfill;
mod init;
mod input;
mod invoke;
mod lab;
mod literal;
mod mailing;
mod perform;
mod plan;
mod progress;
mod report;
mod results;
mod retry;
mod session;
mod signal;
mod status;
mod trace;
mod watch;

pub use error::{CommandError, ErrorKind};

use common::{Common, Context};

/// Keeps Exchange mailboxes as an identity system says they should be.
#[derive(Debug, Parser)]
#[command(name = "mailwright", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Exit codes:
  0    all done
  1    some changes were refused or failed
  2    usage, configuration or unreadable input; nothing was tried
  3    the endpoint cannot be reached or refuses the sign-in; nothing was tried
  4    there are changes (plan --detailed-exitcode)
  5    some changes wait, kept in the journal
  130  stopped by a signal, work kept";

#[derive(Debug, Subcommand)]
enum Command {
    Plan(plan::Plan),
    Apply(apply::Apply),
    Fulfill(fulfill::Fulfill),
    Export(export::Export),
    Invoke(invoke::Invoke),
    Doctor(doctor::Doctor),
    Status(status::Status),
    Retry(retry::Retry),
    Report(report::Report),
    Watch(watch::Watch),
    Lab(lab::Lab),
    Init(init::Init),
}

/// The full help of the program and of every command.
pub fn help() -> String {
    let mut command = Cli::command().color(clap::ColorChoice::Never);
    command.build();
    let mut text = command.render_long_help().to_string();
    for sub in command.get_subcommands_mut().filter(|sub| sub.get_name() != "help") {
        text.push_str(&format!("\n=== {} ===\n{}", sub.get_name(), sub.clone().render_long_help()));
    }
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n"
}

/// Runs the program with these arguments, the first being its name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let parsed = Cli::command()
        .color(common::clap_color(&arguments))
        .try_get_matches_from(arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come here too, and go to stdout. A closed pipe is nobody's fault.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: cannot start: {error}");
            return ExitCode::from(1);
        }
    };
    let context = Context::new(cli.common);
    let code = match runtime.block_on(run(&context, cli.command)) {
        Ok(code) => code,
        Err(error) => {
            error.print(context.error_style());
            error.kind.exit_code()
        }
    };
    // A blocked read of standard input must not keep a stopped program alive.
    runtime.shutdown_background();
    ExitCode::from(code)
}

async fn run(context: &Context, command: Command) -> Result<u8, CommandError> {
    let stop = Stop::default();
    let by_itself = match command {
        Command::Apply(_) | Command::Retry(_) | Command::Watch(_) | Command::Lab(_) => 1,
        Command::Doctor(ref command) if command.writes() => 1,
        // With the second one it still says what became of the orders.
        Command::Fulfill(_) => 2,
        _ => 0,
    };
    tokio::select! {
        biased;
        () = signal::ended(&stop, by_itself, std::io::stderr().is_terminal()) => Err(CommandError::interrupted()),
        code = dispatch(context, command, &stop) => code,
    }
}

async fn dispatch(context: &Context, command: Command, stop: &Stop) -> Result<u8, CommandError> {
    match command {
        Command::Plan(command) => plan::run(context, command).await,
        Command::Apply(command) => apply::run(context, command, stop).await,
        Command::Fulfill(command) => fulfill::run(context, command, stop).await,
        Command::Export(command) => export::run(context, command).await,
        Command::Invoke(command) => invoke::run(context, command).await,
        Command::Doctor(command) => doctor::run(context, command).await,
        Command::Status(command) => status::run(context, command).await,
        Command::Retry(command) => retry::run(context, command, stop).await,
        Command::Report(command) => report::run(context, command).await,
        Command::Watch(command) => watch::run(context, command, stop).await,
        Command::Lab(command) => lab::run(context, command, stop).await,
        Command::Init(command) => init::run(context, &command),
    }
}
