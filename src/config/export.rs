//! `[connections.NAME.export]`: how the files of `mailwright export` are written.

use std::time::Duration;

use super::fields::Fields;

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
}

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
