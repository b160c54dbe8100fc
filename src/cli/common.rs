//! What every command takes, and where its output goes.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, ColorChoice, ValueEnum};

use super::CommandError;
use crate::config::{Config, Connection, Mail};
use crate::flow::journal::{Journal, default_path};
use crate::report::Style;

/// Options that every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Common options")]
pub(super) struct Common {
    /// The configuration file
    #[arg(short, long, global = true, value_name = "FILE", default_value = "mailwright.toml")]
    pub(super) config: PathBuf,
    /// The connection; not needed when there is only one
    #[arg(short = 'n', long, global = true, value_name = "NAME")]
    pub(super) connection: Option<String>,
    /// Use an embedded Exchange in this process
    #[arg(long, global = true)]
    pub(super) lab: bool,
    /// The journal [default: mailwright/<connection>.db in the user's state folder; with --lab a temporary one]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) journal: Option<PathBuf>,
    /// How stdout is written
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(super) output: Output,
    /// Show no progress
    #[arg(long, global = true)]
    pub(super) no_progress: bool,
    /// When to colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
    /// Say more on stderr
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
    /// Write every exchange with the server into this folder, a file each, without secrets
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) trace: Option<PathBuf>,
}

/// How stdout is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// One JSON object per line
    Jsonl,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On terminals, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The choice for clap's own messages, before the arguments are parsed.
pub(super) fn clap_color(arguments: &[OsString]) -> ColorChoice {
    let pair = |first: &OsString, second: &OsString| first == "--color" && second == "never";
    let never = arguments.iter().any(|argument| argument == "--color=never")
        || arguments.windows(2).any(|two| matches!(two, [first, second] if pair(first, second)));
    if never || no_color() { ColorChoice::Never } else { ColorChoice::Auto }
}

fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// What a configuration file says.
pub(super) struct Loaded {
    /// The connection that is meant
    pub(super) default: Connection,
    /// The others
    pub(super) others: Vec<Connection>,
    /// Who is told when a run fails
    pub(super) mail: Option<Mail>,
}

/// The common options with what follows from them.
pub(super) struct Context {
    pub(super) common: Common,
}

impl Context {
    pub(super) fn new(common: Common) -> Self {
        Self { common }
    }

    fn style(&self, is_terminal: bool) -> Style {
        Style::new(match self.common.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && !no_color(),
        })
    }

    pub(super) fn output_style(&self) -> Style {
        self.style(io::stdout().is_terminal())
    }

    pub(super) fn error_style(&self) -> Style {
        self.style(io::stderr().is_terminal())
    }

    /// Writes data to stdout. A reader that went away ends the output and nothing else.
    pub(super) fn out(&self, text: &str) -> Result<(), CommandError> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(CommandError::internal(format!("cannot write the output: {error}"))),
            Ok(()) => Ok(()),
        }
    }

    /// Writes values to stdout as the format says: one document or one per line.
    pub(super) fn out_json<T: serde::Serialize>(&self, values: &[T]) -> Result<(), CommandError> {
        let fault = |error: serde_json::Error| CommandError::internal(error.to_string());
        let text = if self.common.output == Output::Json {
            serde_json::to_string_pretty(values).map_err(fault)? + "\n"
        } else {
            let lines =
                values.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>().map_err(fault)?;
            lines.into_iter().map(|line| line + "\n").collect()
        };
        self.out(&text)
    }

    /// Writes one value to stdout: over several lines, or on one.
    pub(super) fn out_document(&self, value: &serde_json::Value) -> Result<(), CommandError> {
        let text =
            if self.common.output == Output::Json { format!("{value:#}\n") } else { format!("{value}\n") };
        self.out(&text)
    }

    /// Says something on stderr.
    pub(super) fn say(&self, text: &str) {
        // There is nobody left to tell when stderr is closed.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Says something on stderr with `-v` only.
    pub(super) fn detail(&self, text: &str) {
        if self.common.verbose {
            self.say(text);
        }
    }

    /// What the configuration file says: the connection that is meant, the others, and who is told of failures.
    pub(super) fn load(&self) -> Result<Loaded, CommandError> {
        let config = Config::load(&self.common.config)?;
        config.warnings.iter().for_each(|warning| self.say(&format!("warning: {warning}")));
        let default = config.connection(self.common.connection.as_deref())?.clone();
        let others = config.connections.into_iter().filter(|other| other.name != default.name).collect();
        Ok(Loaded { default, others, mail: config.mail })
    }

    /// Where the journal of a connection is.
    pub(super) fn journal_file(&self, connection: &str) -> Result<PathBuf, CommandError> {
        if let Some(file) = &self.common.journal {
            return Ok(file.clone());
        }
        default_path(connection, |name| std::env::var_os(name)).ok_or_else(|| {
            CommandError::config("there is no state folder for this user")
                .hint("name the file with --journal FILE")
        })
    }

    /// Opens the journal of a connection, making it where it is not there.
    pub(super) async fn open_journal(&self, file: &Path) -> Result<Journal, CommandError> {
        self.detail(&format!("journal: {}", file.display()));
        Ok(Journal::open(file).await?)
    }

    /// Opens the journal that is meant, which must be there.
    pub(super) async fn existing_journal(&self) -> Result<Journal, CommandError> {
        let file = match &self.common.journal {
            Some(file) => file.clone(),
            None if self.common.lab => {
                return Err(CommandError::usage("with --lab the journal is a temporary one")
                    .hint("name it with --journal FILE, when applying too"));
            }
            None => self.journal_file(&self.load()?.default.name)?,
        };
        self.detail(&format!("journal: {}", file.display()));
        Ok(Journal::open_existing(&file).await?)
    }
}
