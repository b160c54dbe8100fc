//! Flows as people and systems write them, and as they should not.

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::*;
use crate::config::Secrets;
use crate::recipient::{AddressFlow, Delta, MailboxType, ObjectType, Operation, Wanted};

const CANARY: &str = "Canary-7c1f!pw";

fn read(text: &str) -> Result<Flow, IntakeError> {
    parse("flow", text.as_bytes().to_vec(), Uuid::nil())
}

fn changes(text: &str) -> Vec<Change> {
    let flow = read(text).unwrap();
    assert!(flow.rows.iter().all(|row| matches!(row, Row::Change(_))), "{:?}", flow.rows);
    flow.changes().cloned().collect()
}

fn one(text: &str) -> Change {
    let mut all = changes(text);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[track_caller]
fn refused(text: &str) -> RefusedRow {
    match read(text).unwrap().rows.into_iter().find(|row| matches!(row, Row::Refused(_))) {
        Some(Row::Refused(row)) => row,
        other => panic!("nothing was refused: {other:?}"),
    }
}

/// The whole flow is refused, at this place, with this text and hint.
#[track_caller]
fn unreadable(text: &str, place: (u64, u64), message: &str, hint: &str) {
    let error = read(text).unwrap_err();
    assert_eq!((error.line, error.column), place, "{error}");
    assert!(error.to_string().contains(message), "{error}");
    assert!(error.hint.as_deref().unwrap_or_default().contains(hint), "{:?}", error.hint);
}

fn list(texts: &[&str]) -> Wanted {
    Wanted::List(texts.iter().map(ToString::to_string).collect())
}

fn addresses(texts: &[&str]) -> Option<AddressFlow> {
    Some(AddressFlow::List(texts.iter().map(ToString::to_string).collect()))
}

#[test]
fn a_row_with_everything() {
    let change = one(
        "\u{feff}ChangeId;ObjectType;Operation;Identity;Type;EmailAddresses_IncludingPrimary;DisplayName;\
         HiddenFromAddressListsEnabled;Languages;_param_Database;_param_password_ref;Connection;DomainController\r\n\
         c1;Mailbox;CREATE;ada;shared;\"a@x.de; b@x.de\";\"Lovelace; Ada\";true;de-DE;DB1;env:PW;corp;dc1.x.de\r\n",
    );
    assert_eq!((change.change_id.as_str(), change.source.line), ("c1", 2));
    assert_eq!((change.operation, change.object_type), (Operation::Create, ObjectType::Mailbox));
    assert_eq!((change.identity.as_str(), change.mailbox_type), ("ada", Some(MailboxType::Shared)));
    assert_eq!(change.addresses, addresses(&["a@x.de", "b@x.de"]));
    assert_eq!(change.attributes["DisplayName"], "Lovelace; Ada".into());
    assert_eq!(change.attributes["HiddenFromAddressListsEnabled"], Wanted::Bool(true));
    assert_eq!(change.create_only["Database"], "DB1".into());
    assert_eq!(change.password, Some(SecretSource::Reference("env:PW".into())));
    assert_eq!(
        (change.connection.as_deref(), change.domain_controller.as_deref()),
        (Some("corp"), Some("dc1.x.de"))
    );
}

#[test]
fn empty_is_not_managed_and_null_clears() {
    let csv = one("Identity,Office,MailTip,EmailAddresses\nada,,$null,$null\n");
    assert_eq!(csv.attributes.len(), 1);
    assert_eq!(csv.attributes["MailTip"], Wanted::Clear);
    assert_eq!(csv.addresses, Some(AddressFlow::Clear));
    let json = one(r#"{"Identity":"ada","MailTip":null,"EmailAddresses":[]}"#);
    assert_eq!((json.attributes, json.addresses), (csv.attributes, csv.addresses));
    assert_eq!(one("Identity,EmailAddresses\nada,\n").addresses, None);
    assert_eq!(one(r#"{"Identity":"ada"}"#).addresses, None);
}

#[test]
fn multi_valued_cells_and_lists() {
    let csv = one("Identity,EmailAddresses,GrantSendOnBehalfTo\nada,a@x.de;X400:c=us\\;a= ;b@x.de,eve;bob\n");
    assert_eq!(csv.addresses, addresses(&["a@x.de", "X400:c=us;a=", "b@x.de"]));
    assert_eq!(csv.attributes["GrantSendOnBehalfTo"], list(&["eve", "bob"]));
    let json = one(
        r#"{"Identity":"ada","EmailAddresses":{"Add":["b@x.de"],"Remove":[]},"GrantSendOnBehalfTo":{"Remove":["eve"]},"ResourceCapacity":12}"#,
    );
    let delta = |add: &[&str], remove: &[&str]| Delta {
        add: add.iter().map(ToString::to_string).collect(),
        remove: remove.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(json.addresses, Some(AddressFlow::Delta(delta(&["b@x.de"], &[]))));
    assert_eq!(json.attributes["GrantSendOnBehalfTo"], Wanted::Delta(delta(&[], &["eve"])));
    assert_eq!(json.attributes["ResourceCapacity"], Wanted::Int(12));
}

#[test]
fn columns_that_cannot_be() {
    unreadable("Identity,DisplyName\nada,x\n", (1, 10), "DisplyName", "did you mean `DisplayName`?");
    unreadable("Identity;Name;name\n", (1, 15), "the same as column `Name`", "keep one");
    unreadable(
        "Identity,EmailAddresses,EmailAddresses_IncludingPrimary\n",
        (1, 25),
        "the same as column `EmailAddresses`",
        "",
    );
    unreadable("Identity,,Alias\n", (1, 10), "column 2 has no name", "");
    unreadable("Identity,WhenChanged\n", (1, 10), "WhenChanged", "leave the column out");
    unreadable("Alias,Name\nada,Ada\n", (1, 0), "no column `Identity`", "first row");
    unreadable("Identity,MountAtStartup\n", (1, 10), "MountAtStartup", "");
    unreadable("{\"Identity\":\"ada\"}\n{\"Identity\":\"b\",\"Aliass\":1}", (2, 17), "Aliass", "`Alias`");
    unreadable(r#"{"Identity":"ada","identity":"b"}"#, (1, 19), "the same as `Identity`", "");
}

#[test]
fn files_that_cannot_be_read() {
    unreadable("Identity,Alias\nada,\"x\n", (2, 5), "never closed", "quotes");
    unreadable("Identity,Alias\n\nada,x,y\n", (3, 7), "has 3 cells, the header has 2", "quote cells");
    unreadable("Identity,Alias\nada\n", (2, 1), "has 1 cells", "");
    unreadable("", (0, 0), "empty", "header row");
    unreadable(" \n\n", (0, 0), "empty", "header row");
    unreadable("[{\"Identity\":1}]", (1, 1), "JSON list", "one object per line");
    unreadable("{\"Identity\":\n\"ada\"}", (1, 12), "EOF", "one complete JSON object");
    unreadable("{\"Identity\":\"a\"}\n7", (2, 1), "a number, not an object", "");
    unreadable("Identity\na\0", (2, 2), "NUL", "UTF-8");
    let bytes = |bytes: &[u8]| parse("flow", bytes.to_vec(), Uuid::nil()).unwrap_err();
    assert_eq!((bytes(b"Identity\nJ\xf6rg").line, bytes(b"Identity\nJ\xf6rg").column), (2, 2));
    assert!(bytes(b"\xff\xfeI\0").to_string().contains("UTF-16"));
    assert!(
        read_bytes("/no/such/flow.csv")
            .unwrap_err()
            .to_string()
            .starts_with("/no/such/flow.csv: cannot be read")
    );
}

#[test]
fn what_is_wrong_with_a_row_refuses_the_row() {
    let row = refused("Identity,MaxSendSize,Operation\nada,1GB,ensure\neve,\"\nmuch\",ensure\n");
    assert_eq!((row.identity.as_str(), row.source.line), ("eve", 3));
    assert_eq!(row.problems.len(), 1);
    assert!(
        row.problems[0].starts_with("column `MaxSendSize` (3:5): MaxSendSize takes"),
        "{:?}",
        row.problems
    );
    let row = refused("Identity,Operation\nada,ensrue\n");
    assert!(row.problems[0].contains("unknown word `ensrue`"));
    assert_eq!(row.hint.as_deref(), Some("did you mean `ensure`?"));
    let row = refused("Identity,ObjectType,MountAtStartup,EmailAddresses\ndb,MailboxDatabase,true,a@x.de\n");
    assert!(row.problems[0].contains("EmailAddresses"), "the column is for mailboxes: {:?}", row.problems);
    let row = refused("Identity,ObjectType\ndb,Databse\n");
    assert_eq!(row.problems.len(), 1);
    assert!(
        refused(r#"{"Identity":"ada","EmailAddresses":{"Put":["a@x.de"]}}"#).problems[0]
            .contains("list of addresses")
    );
    assert!(refused(r#"{"Identity":"ada","Office":[[1]]}"#).problems[0].contains("fits no parameter"));
    assert!(refused(r#"{"Identity":["ada"]}"#).problems[0].contains("must be one text"));
    assert_eq!(refused("Identity,Alias,SamAccountName\nada,j\u{f6}rg,a@b\n").problems.len(), 2);
}

#[test]
fn change_ids() {
    let same = "ChangeId,Identity,Alias\nc1,ada,x\nc1,ada,x\nc2,ada,x\n";
    assert_eq!(changes(same).len(), 2);
    let row = refused("ChangeId,Identity,Alias\nc1,ada,x\nc1,ada,y\n");
    assert!(row.problems[0].contains("`c1` is that of line 2"), "{:?}", row.problems);
    let text = "Identity\nada\nada\n";
    let ids = |run| -> Vec<String> {
        parse("flow", text.into(), run).unwrap().changes().map(|change| change.change_id.clone()).collect()
    };
    let (first, second) = (ids(Uuid::from_u128(1)), ids(Uuid::from_u128(2)));
    assert_ne!(first[0], first[1]);
    assert_ne!(first[0], second[0], "without an id every run is new");
}

#[test]
fn the_hash_is_that_of_the_content() {
    let hash = |text: &str| content_hash(&one(text));
    let base = hash("ChangeId,Identity,Alias\nc1,ada,x\n");
    assert_eq!(base, hash("Alias;Identity\nx;ada"));
    assert_ne!(base, hash("Alias;Identity\ny;ada"));
    assert_ne!(base, hash("Alias;Identity;Office\nx;ada;$null"));
}

#[tokio::test]
async fn a_password_is_kept_by_place_only() {
    let text =
        format!("ChangeId,Identity,Operation,_param_password\nc1,ada,create,{CANARY}\nc2,eve,update,\n");
    let flow = read(&text).unwrap();
    let ada = flow.changes().next().unwrap();
    let expected = SecretSource::Flow { file: "flow".into(), line: 2, column: "_param_password".into() };
    assert_eq!(ada.password, Some(expected));
    assert!(flow.has_passwords());
    assert_eq!(flow.changes().nth(1).unwrap().password, None);
    let shown = format!("{flow:?} {} {}", serde_json::to_string(ada).unwrap(), content_hash(ada));
    assert!(!shown.contains(CANARY));
    assert_eq!(
        flow.secrets.resolve(ada, &Secrets::default()).await.unwrap().unwrap().expose_secret(),
        CANARY
    );
    for wrong in ["_param_password,_param_password_ref", "_param_password_ref,_param_password"] {
        let cells = if wrong.starts_with("_param_password,") { "CANARY,env:A" } else { "env:A,CANARY" };
        let row = refused(&format!("Identity,{wrong}\nada,{}\n", cells.replace("CANARY", CANARY)));
        assert!(!format!("{row:?}").contains(CANARY));
    }
    let row = refused(&format!("Identity,_param_password_ref\nada,{CANARY}\n"));
    assert!(!format!("{row:?}").contains(CANARY) && row.hint.unwrap().contains("env:NAME"));
    assert!(refused("Identity,_param_password\nada,$null\n").problems[0].contains("cannot be cleared"));
}

#[tokio::test]
async fn a_password_is_read_again_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flow.csv");
    let name = file.to_str().unwrap();
    let text = format!("Identity,_param_password\nada,\"{CANARY}\"\neve,other\n");
    std::fs::write(&file, &text).unwrap();
    let flow = parse(name, text.clone().into_bytes(), Uuid::nil()).unwrap();
    let ada = flow.changes().next().unwrap();
    let secrets = Secrets::default();
    let again = async || SecretStore::default().resolve(ada, &secrets).await.unwrap();
    assert_eq!(again().await.unwrap().expose_secret(), CANARY);
    std::fs::write(&file, text.replace("ada", "bob")).unwrap();
    assert!(again().await.unwrap_err().reason.contains("another identity"), "never somebody else's password");
    std::fs::write(&file, "Identity,_param_password\nada,\n").unwrap();
    assert!(again().await.unwrap_err().reason.contains("no password any more"));
    std::fs::remove_file(&file).unwrap();
    assert!(again().await.unwrap_err().reason.contains("cannot be read"));
    let mut piped = ada.clone();
    piped.password =
        Some(SecretSource::Flow { file: STDIN.into(), line: 2, column: "_param_password".into() });
    assert!(
        SecretStore::default()
            .resolve(&piped, &secrets)
            .await
            .unwrap()
            .unwrap_err()
            .reason
            .contains("standard input")
    );
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse("flow", bytes, Uuid::nil());
    }

    #[test]
    fn no_rows_panic(rows in "[ -~ä\\n\\t\"]{0,200}", json: bool) {
        let head = if json { "{\"Identity\":\"a\"}\n" } else { "ChangeId,Identity,Type,EmailAddresses,Office,_param_password\n" };
        let _ = parse("flow", format!("{head}{rows}").into_bytes(), Uuid::nil());
    }

    /// Every row comes out once, as a change or refused, with the line where it stands.
    #[test]
    fn no_row_is_lost(cells in prop::collection::vec(("[a-z]{1,6}", "[ -!#-~]{0,10}"), 1..20)) {
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        writer.write_record(["Identity", "Office"]).unwrap();
        for (identity, office) in &cells {
            writer.write_record([identity, office]).unwrap();
        }
        let flow = parse("flow", writer.into_inner().unwrap(), Uuid::nil()).unwrap();
        prop_assert_eq!(flow.rows.len(), cells.len());
        for (index, row) in flow.rows.iter().enumerate() {
            let line = match row {
                Row::Change(change) => change.source.line,
                Row::Refused(row) => row.source.line,
            };
            prop_assert_eq!(line, index as u64 + 2);
        }
    }
}

/// The source without its passwords, put together again from head and rows.
fn written_again(text: &str) -> String {
    let flow = parse("f", text.as_bytes().to_vec(), Uuid::nil()).unwrap();
    assert_eq!(flow.written.len(), flow.rows.len());
    let rows = flow.written.iter().map(|row| format!("{row}{}", flow.form.newline));
    format!("{}{}", flow.form.head, rows.collect::<String>())
}

#[test]
fn rows_are_kept_as_they_are_written() {
    let csv =
        "\u{feff}Identity;\"Name\";MailTip\r\nada;\"Lovelace; \"\"A\"\"\";\r\n\"bob\";;\"two\r\nlines\"\r\n";
    assert_eq!(written_again(csv), csv);
    let jsonl = "{\"Identity\": \"ada\",  \"Name\":\"\\u00c4\"}\n{ \"Identity\" : \"bob\" }\n";
    assert_eq!(written_again(jsonl), jsonl);
    // A row that cannot mean anything too, for it is given back to be mended.
    let refused = "Identity\tHiddenFromAddressListsEnabled\nada\tperhaps\n";
    assert_eq!(written_again(refused), refused);
}

#[test]
fn a_country_has_two_letters() {
    assert_eq!(one("Identity,UsageLocation\nada,ch\n").usage_location.as_deref(), Some("CH"));
    let row = refused("Identity,UsageLocation\nada,Germany\n");
    assert!(row.problems[0].contains("2:5") && row.problems[0].contains("`Germany`"), "{row:?}");
}

#[test]
fn passwords_are_left_out_of_what_is_kept() {
    let csv = "_PARAM_password,Identity,Name\n\"Canary,7c1f\",ada,x\n,bob,y\n";
    assert_eq!(written_again(csv), "_PARAM_password,Identity,Name\n,ada,x\n,bob,y\n");
    for (given, kept) in [
        (r#"{"_param_password": "Canary \" 7c1f", "Identity": "a"}"#, r#"{"Identity": "a"}"#),
        (
            r#"{"Identity": "a", "_Param_Password":["Canary"], "Name": "x"}"#,
            r#"{"Identity": "a", "Name": "x"}"#,
        ),
        (r#"{"Identity": "a" , "_param_password": "Canary"}"#, r#"{"Identity": "a" }"#),
        (r#"{"_param_password": "Canary"}"#, "{}"),
    ] {
        assert_eq!(written_again(given), format!("{kept}\n"));
    }
}
