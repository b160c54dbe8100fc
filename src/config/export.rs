//! `[connections.NAME.export]`: how the files of `mailwright export` are written, and how often by `mailwright watch`.

use std::path::PathBuf;
use std::time::Duration;

use super::fields::{Fields, Sited};

/// How the files of an export are written. The defaults are what a Usercube or Netwrix agent reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// What stands between two cells
    pub delimiter: char,
    /// `Command` of an object that is new, and of every object of a full export
    pub insert: String,
    /// `Command` of an object that has changed
    pub update: String,
    /// `Command` of an object that is gone
    pub delete: String,
    /// Whether `AccountDisabledIsDirSynced` is written as the two columns that it must once have been
    pub two_columns: bool,
    /// Whether every cell that has a value is quoted, not only those that need it
    pub quote_always: bool,
    /// What stands between two addresses of one cell
    pub address_separator: String,
    /// Whether a cell that a spreadsheet would take for a formula gets an apostrophe in front
    pub formula_safe: bool,
    /// How far an incremental export looks back before the end of the last one
    pub overlap: Duration,
    /// How often `watch` exports, and where to
    pub schedule: Option<Schedule>,
}

/// Exports at intervals.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// From the beginning of one to the beginning of the next
    pub interval: Duration,
    /// The folder of the files
    pub directory: PathBuf,
    /// The folder of the cookie
    pub cookie_directory: PathBuf,
    /// How often everything is exported, not only what has changed
    pub full_every: Option<Duration>,
}

/// An export reads every mailbox's name at least: more often would be all that the server does.
const SHORTEST: Duration = Duration::from_secs(60);
/// With `danger_short_interval`, which is for tests.
const SHORTEST_OF_ALL: Duration = Duration::from_secs(1);

impl Default for Export {
    fn default() -> Self {
        Self {
            delimiter: ',',
            insert: "Insert".into(),
            update: "Update".into(),
            delete: "Delete".into(),
            two_columns: false,
            quote_always: false,
            address_separator: " ".into(),
            formula_safe: false,
            overlap: Duration::from_secs(15 * 60),
            schedule: None,
        }
    }
}

pub(super) fn read(f: &mut Fields<'_>) -> Export {
    let default = Export::default();
    let either =
        |f: &mut Fields<'_>, key, choices| f.choice::<bool>(key, choices).is_some_and(|choice| choice.value);
    let delimiter = f
        .choice("delimiter", &[(",", ','), (";", ';'), ("\t", '\t'), ("|", '|')])
        .map_or(default.delimiter, |choice| choice.value);
    let export = Export {
        delimiter,
        insert: f.text("insert").map_or(default.insert, |text| text.value),
        update: f.text("update").map_or(default.update, |text| text.value),
        delete: f.text("delete").map_or(default.delete, |text| text.value),
        two_columns: either(f, "columns", &[("usercube", false), ("fixed", true)]),
        quote_always: either(f, "quotes", &[("needed", false), ("always", true)]),
        address_separator: f
            .choice("address_separator", &[("blank", " "), (";", ";"), ("|", "|"), (",", ",")])
            .map_or(default.address_separator, |choice| choice.value.to_owned()),
        formula_safe: f.flag("formula_safe", false).value,
        overlap: f.duration("overlap", default.overlap),
        schedule: schedule(f),
    };
    let words = [&export.insert, &export.update, &export.delete];
    if words[0] == words[2] || words[1] == words[2] {
        f.wrong(
            "delete",
            f.at(),
            "what is deleted must be told from what is there",
            Some("give `delete` a word of its own"),
        );
    }
    export
}

fn schedule(f: &mut Fields<'_>) -> Option<Schedule> {
    let interval = sited_duration(f, "interval");
    let (directory, cookie_directory) = (f.path("directory"), f.path("cookie_directory"));
    let full_every = sited_duration(f, "full_every");
    let shortest = if f.flag("danger_short_interval", false).value { SHORTEST_OF_ALL } else { SHORTEST };
    let Some(interval) = interval else {
        if directory.is_some() || cookie_directory.is_some() || full_every.is_some() {
            let hint = Some("interval = \"1h\"");
            f.wrong("interval", f.at(), "without `interval` nothing is exported by `watch`", hint);
        }
        return None;
    };
    if interval.value < shortest {
        let message = format!(
            "shorter than {} s: each export asks the server about all of its mailboxes",
            shortest.as_secs()
        );
        f.wrong("interval", interval.at, message, Some("10m is often enough for most"));
    }
    if let Some(full) = full_every.as_ref().filter(|full| full.value < interval.value) {
        let hint = Some("for example \"1d\"");
        f.wrong("full_every", full.at, "shorter than `interval`", hint);
    }
    let Some(directory) = directory else {
        f.missing("directory", "directory = \"/var/lib/mailwright/export\"");
        return None;
    };
    Some(Schedule {
        interval: interval.value,
        cookie_directory: cookie_directory.unwrap_or_else(|| directory.clone()),
        directory,
        full_every: full_every.map(|full| full.value),
    })
}

fn sited_duration(f: &mut Fields<'_>, key: &'static str) -> Option<Sited<Duration>> {
    let at = f.place_of(key);
    let value = f.duration(key, Duration::MAX);
    // What is no duration has been said.
    at.filter(|_| value != Duration::MAX).map(|at| Sited { value, at })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, ConfigError};

    fn parse(keys: &str) -> Result<Option<Schedule>, ConfigError> {
        let text = format!(
            "[connections.corp]\ninfrastructure = \"hybrid\"\nserver = \"http://ex01/PowerShell/\"\n\
             username = \"svc\"\npassword = \"env:PW\"\n[connections.corp.export]\n{keys}"
        );
        Ok(Config::parse(Path::new("it.toml"), text)?.connections.remove(0).export.schedule)
    }

    #[track_caller]
    fn wrong(keys: &str, text: &str) {
        let error = parse(keys).unwrap_err();
        let said = format!("{error} {}", error.hints().join(" "));
        assert!(said.contains(text), "`{text}` is not in {said}");
    }

    #[test]
    fn exports_at_intervals_are_off_where_none_is_named() {
        assert_eq!(parse("delimiter = \";\"\n").unwrap(), None);
        let schedule = parse("interval = \"1h\"\ndirectory = \"out\"\nfull_every = \"1d\"").unwrap().unwrap();
        assert_eq!(schedule.interval, Duration::from_secs(3600));
        assert_eq!(schedule.cookie_directory, Path::new("out"));
        assert_eq!(schedule.full_every, Some(Duration::from_secs(86400)));
    }

    #[test]
    fn an_interval_that_wears_the_server_out_is_refused() {
        wrong(
            "interval = \"59s\"\ndirectory = \"out\"",
            "it.toml:7:12: connections.corp.export.interval: shorter than 60 s",
        );
        assert!(parse("interval = \"2s\"\ndirectory = \"out\"\ndanger_short_interval = true").is_ok());
        wrong("interval = \"0s\"\ndirectory = \"out\"\ndanger_short_interval = true", "shorter than 1 s");
        wrong("interval = \"soon\"\ndirectory = \"out\"", "`soon` is not a duration");
    }

    #[test]
    fn what_goes_together_goes_together() {
        wrong("interval = \"1h\"", "directory = ");
        wrong("directory = \"out\"", "without `interval`");
        wrong("interval = \"1h\"\ndirectory = \"out\"\nfull_every = \"5m\"", "shorter than `interval`");
    }
}
