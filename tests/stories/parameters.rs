//! Every provisioning parameter: the table of the program against the list that was taken from Microsoft's reference, and
//! what each of them means as a column.

use std::collections::BTreeSet;
use std::path::Path;

use mailwright::recipient::ObjectType;
use mailwright::recipient::column::{ColumnError, column};
use mailwright::recipient::parameters::{Place, parameter};

/// A row of the list.
struct Listed {
    cmdlet: String,
    parameter: String,
    type_name: String,
    place: String,
    sets: String,
    required: bool,
    note: String,
}

impl Listed {
    /// Both places are named where the cloud or an own server takes it and ignores it.
    fn place(&self) -> Place {
        match (self.place.as_str(), self.note.as_str()) {
            ("onprem", _) | (_, "functional on-prem only") => Place::OnPremises,
            ("cloud", _) | (_, "functional cloud only") => Place::Cloud,
            _ => Place::Both,
        }
    }

    fn is_internal(&self) -> bool {
        self.note == "internal-only"
    }
}

/// The list lies beside the recordings.
fn listed() -> Vec<Listed> {
    let Some(recordings) = std::env::var_os("WSMAN_RECORDINGS") else {
        println!(
            "SKIPPED: WSMAN_RECORDINGS is not set: the table of parameters is not compared with the reference"
        );
        return Vec::new();
    };
    let file = Path::new(&recordings).join("../exchange/exchange-params.tsv");
    let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').from_path(&file).unwrap();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let cell = |at: usize| row.get(at).unwrap_or_default().to_owned();
        Listed {
            cmdlet: cell(0),
            parameter: cell(1),
            type_name: cell(2),
            place: cell(3),
            sets: cell(5),
            required: cell(6) == "True",
            note: cell(7),
        }
    });
    rows.collect()
}

fn is_ours(cmdlet: &str) -> bool {
    let (verb, noun) = cmdlet.split_once('-').unwrap_or_default();
    matches!(verb, "New" | "Enable" | "Set" | "Get" | "Disable" | "Remove")
        && matches!(noun, "Mailbox" | "RemoteMailbox" | "MailboxDatabase")
}

#[test]
fn the_table_has_every_parameter_with_its_type_its_sets_and_where_it_works() {
    let listed = listed();
    for row in listed.iter().filter(|row| is_ours(&row.cmdlet)) {
        let name = format!("{} -{}", row.cmdlet, row.parameter);
        let found = parameter(&row.cmdlet, &row.parameter);
        if row.is_internal() {
            assert_eq!(found, None, "{name} is reserved for internal use");
            continue;
        }
        let found = found.unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(found.type_name, row.type_name, "{name}");
        assert_eq!(found.place, row.place(), "{name}");
        assert_eq!(found.required, row.required, "{name}");
        // The list has a blank for a comma here and there, so words are compared.
        let words = row.sets.split([',', ' ']).filter(|word| !matches!(*word, "" | "(All)"));
        let found: BTreeSet<&str> = found.sets.iter().flat_map(|set| set.split(' ')).collect();
        assert_eq!(found, words.collect(), "{name}");
    }
    assert!(listed.is_empty() || listed.iter().filter(|row| is_ours(&row.cmdlet)).count() > 500);
}

/// A column of that name is taken, or refused with what to do instead; it is never unknown.
#[test]
fn every_parameter_is_a_column_or_says_why_it_is_none() {
    let (mut taken, mut refused) = (0, 0);
    // What a cmdlet only reads or removes by is none of a flow's business.
    let writes = |row: &&Listed| {
        !row.is_internal() && ["New-", "Enable-", "Set-"].iter().any(|verb| row.cmdlet.starts_with(verb))
    };
    for row in listed().iter().filter(|row| is_ours(&row.cmdlet)).filter(writes) {
        let object = match row.cmdlet.ends_with("Database") {
            true => ObjectType::MailboxDatabase,
            false => ObjectType::Mailbox,
        };
        let name = format!("{} -{}", row.cmdlet, row.parameter);
        let meant = [column(object, &row.parameter), column(object, &format!("_param_{}", row.parameter))];
        match &meant {
            [Ok(_), _] | [_, Ok(_)] => taken += 1,
            [Err(ColumnError::Unknown { .. }), _] => panic!("{name} is unknown as a column"),
            [Err(error), _] => {
                refused += 1;
                assert!(
                    error.to_string().contains(&row.parameter) && error.to_string().len() > 30,
                    "{name}: {error}"
                );
            }
        }
    }
    println!("parameters: {taken} are columns, {refused} are refused with the reason");
}
