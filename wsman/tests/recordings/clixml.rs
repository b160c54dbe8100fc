//! `powershell/clixml`: Microsoft's own serializer against ours.

use std::path::Path;

use serde_json::{Value as Json, json};
use wsman::clixml::{DecodeError, Decoder, SecureStringCipher, Value, encode};

use crate::common::{self, Tally};
use crate::session::{Hex, SessionKey};
use crate::tree::{Difference, compare};

const FOLDER: &str = "powershell/clixml";

fn is_layout(line: &Json, key: &str) -> bool {
    line.get("name").is_some() && line.get(key).is_some()
}

/// Text, or bytes as base64.
fn bytes(line: &Json, key: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    if let Some(text) = line.get(key).and_then(Json::as_str) {
        return Some(text.as_bytes().to_vec());
    }
    let text = line.get(format!("{key}_base64"))?.as_str()?;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

fn key_of(path: &Path) -> Option<SessionKey> {
    let text = std::fs::read_to_string(path.with_file_name("session_key.txt")).ok()?;
    Some(SessionKey::from_base64(text.trim()))
}

/// Every line of a file in the layout of `serialize.jsonl`: both forms decode to the line's tree.
#[test]
fn what_the_real_writer_writes_is_read() {
    for path in common::files(FOLDER, ".jsonl") {
        let lines = common::json_lines(&path);
        if !lines.iter().any(|line| is_layout(line, "depth")) {
            continue;
        }
        let key = key_of(&path);
        let mut tally = Tally::new(&path);
        let mut decoder = Decoder::default();
        for line in &lines {
            let name = line["name"].as_str().unwrap();
            if let Some(file) = bytes(line, "file") {
                // `X_base64` of a file form is UTF-16LE without a mark, as the document reader takes it.
                let read = decoder.decode_document(&file);
                let refused = line.get("file_refused").is_some();
                let tree = line.get("tree");
                tally.case(&format!("{name} (file)"), check_one(read, tree, refused, Some(&Hex)));
            }
            if let Some(wire) = bytes(line, "wire") {
                let wire = [b"\xEF\xBB\xBF", wire.as_slice()].concat();
                let read = decoder.decode(&wire).map(|value| vec![value]);
                let refused = line.get("wire_refused").is_some();
                let tree = line.get("wire_tree").or_else(|| line.get("tree"));
                let cipher = key.as_ref().map(|key| key as &dyn SecureStringCipher);
                tally.case(&format!("{name} (wire)"), check_one(read, tree, refused, cipher));
            }
        }
        tally.finish();
    }
}

fn check_one(
    read: Result<Vec<Value>, DecodeError>,
    tree: Option<&Json>,
    refused: bool,
    cipher: Option<&dyn SecureStringCipher>,
) -> Result<(), String> {
    match read {
        Err(_) if refused => Ok(()),
        Err(error) => Err(format!("refused: {error}")),
        // The document reader of the real engine refuses an empty SecureString, which only decrypting shows.
        Ok(values) if refused => match values.iter().any(|value| !can_decrypt(value, cipher)) {
            true => Ok(()),
            false => Err("accepted, where the real reader refuses".into()),
        },
        Ok(values) => match (values.as_slice(), tree) {
            ([value], Some(tree)) => {
                compare(value, tree, cipher).map_err(|difference| difference.to_string())
            }
            (_, None) => Ok(()),
            (values, _) => Err(format!("{} objects", values.len())),
        },
    }
}

/// What a client sends is written back token for token. Lines that nothing but another writer could make are those
/// where the text says something that the value does not.
#[test]
fn what_was_read_is_written_back() {
    for path in common::files(FOLDER, ".jsonl") {
        let lines = common::json_lines(&path);
        if !lines.iter().any(|line| is_layout(line, "depth")) {
            continue;
        }
        let mut tally = Tally::new(&path);
        let key = key_of(&path);
        for line in &lines {
            let name = line["name"].as_str().unwrap();
            let Some(wire) = line.get("wire").and_then(Json::as_str) else { continue };
            if line.get("wire_refused").is_some() {
                continue;
            }
            let Ok(value) = wsman::clixml::decode(wire.as_bytes()) else {
                tally.case(name, Err("refused".into()));
                continue;
            };
            let cipher = key.as_ref().map(|key| key as &dyn SecureStringCipher);
            // SecureStrings are decrypted and encrypted again, as a client does it.
            let value = crate::session::opened(&value, cipher);
            let written = encode(&value, cipher);
            let result = match &written {
                Ok(written) if written == wire => Ok(()),
                Ok(written) => Err(format!("{wire}\n    became {written}")),
                Err(error) => Err(error.to_string()),
            };
            match result {
                Err(_) if wire.contains("<Props />") => {
                    tally.deviation(name, "an empty Props is not told from none");
                }
                Err(_) if has_nested_member_set(wire) => {
                    tally.deviation(name, "a member set in a member set is read as empty");
                }
                result => tally.case(&format!("{name} (again)"), result),
            }
        }
        tally.finish();
    }
}

/// `MS` three deep: the outer one is no set.
fn has_nested_member_set(wire: &str) -> bool {
    let mut depth = 0;
    wire.split('<').any(|tag| {
        depth += i32::from(tag.starts_with("MS N=")) - i32::from(tag.starts_with("/MS") && depth > 0);
        depth > 1
    })
}

fn can_decrypt(value: &Value, cipher: Option<&dyn SecureStringCipher>) -> bool {
    crate::session::all_secure(value).iter().all(|text| text.decrypt(cipher).is_some())
}

/// Every line in the layout of `deserialize.jsonl` is accepted or refused as by the real reader.
#[test]
fn hand_written_texts_are_judged_as_by_the_real_reader() {
    for path in common::files(FOLDER, ".jsonl") {
        let lines = common::json_lines(&path);
        if !lines.iter().any(|line| is_layout(line, "mode") && line.get("accepted").is_some()) {
            continue;
        }
        let key = key_of(&path);
        let mut tally = Tally::new(&path);
        for line in &lines {
            let name = line["name"].as_str().unwrap();
            match judge(line, key.as_ref()) {
                Ok(()) => tally.case(name, Ok(())),
                Err(why) => match deviation(line, &why) {
                    Some(reason) => tally.deviation(name, reason),
                    None => tally.case(name, Err(why.to_string())),
                },
            }
        }
        tally.finish();
    }
}

fn text_of(line: &Json) -> Option<String> {
    if let Some(repeat) = line.get("repeat") {
        let part = |key: &str| repeat[key].as_str().unwrap_or_default();
        let count = repeat["count"].as_u64().unwrap() as usize;
        return Some(
            [
                part("prefix"),
                &part("unit").repeat(count),
                part("middle"),
                &part("close").repeat(count),
                part("suffix"),
            ]
            .concat(),
        );
    }
    line.get("clixml").and_then(Json::as_str).map(str::to_owned)
}

fn judge(line: &Json, key: Option<&SessionKey>) -> Result<(), Difference> {
    let mut decoder = Decoder::default();
    let wire = line["mode"] == "wire";
    let read = match (wire, text_of(line)) {
        (true, Some(text)) => decoder.decode(text.as_bytes()).map(|value| vec![value]),
        (true, None) => decoder.decode(&bytes(line, "clixml").expect("bytes")).map(|value| vec![value]),
        (false, Some(text)) => decoder.decode_document_text(&text),
        (false, None) => match line.get("clixml_base64") {
            Some(_) => decoder.decode_document(&bytes(line, "clixml").expect("bytes")),
            // Text with a lone surrogate, which is no Unicode: only bytes that are none either can carry it.
            None => return Err(Difference::NotUnicode),
        },
    };
    let cipher = match wire {
        true => key.map(|key| key as &dyn SecureStringCipher),
        false => Some(&Hex as &dyn SecureStringCipher),
    };
    // Reading a SecureString is decoding and decrypting it.
    let read = match read {
        Ok(values) if values.iter().all(|value| can_decrypt(value, cipher)) => Ok(values),
        Ok(_) => Err("a SecureString cannot be decrypted".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    let values = match (line["accepted"].as_bool().unwrap(), read) {
        (false, Err(_)) => return Ok(()),
        (false, Ok(_)) => return Err(Difference::Accepted),
        (true, Err(error)) => return Err(Difference::Refused(error)),
        (true, Ok(values)) => values,
    };
    if line.get("summary").is_some() {
        return match values.len() {
            1 => Ok(()),
            count => Err(Difference::Tree(format!("{count} objects"))),
        };
    }
    let trees = match (line.get("tree"), line.get("trees")) {
        (Some(tree), _) => vec![tree.clone()],
        (None, Some(Json::Array(trees))) => trees.clone(),
        _ => Vec::new(),
    };
    if trees.len() != values.len() {
        return Err(Difference::Tree(format!("{} objects, expected {}", values.len(), trees.len())));
    }
    // References reach across the objects of a document, the paths of the trees do not.
    values.iter().zip(&trees).try_for_each(|(value, tree)| compare(value, tree, cipher))
}

/// Where we differ on purpose, by rule; each stands in SPEC.md with its reason.
fn deviation(line: &Json, difference: &Difference) -> Option<&'static str> {
    let text =
        text_of(line).or_else(|| Some(String::from_utf8_lossy(&bytes(line, "clixml")?).into_owned()))?;
    match difference {
        Difference::Accepted if text.contains("<XD>") => {
            Some("XD is kept as text: what is inside is not parsed")
        }
        Difference::Xml => Some("XD is kept as text: it is not written anew"),
        Difference::Accepted if text.contains("<URI>") => {
            Some("URI is kept as text: its syntax is not checked")
        }
        Difference::ClampedDate => {
            Some("DT keeps the offset of the text; the real reader moves it to its own zone")
        }
        Difference::Refused(_)
            if text.starts_with("<?xml")
                && ["iso-8859-1", "windows-1252"].iter().any(|encoding| text.contains(encoding)) =>
        {
            Some("documents are UTF-8 or UTF-16")
        }
        _ => None,
    }
}

/// One real mailbox, 228 properties.
#[test]
fn a_real_mailbox_is_read() {
    let Some(root) = common::root() else { return };
    let path = root.join("../exchange/get-mailbox-exchange2016cu23.clixml");
    let Ok(bytes) = std::fs::read(&path) else {
        println!("SKIPPED: {}: not there", path.display());
        return;
    };
    let value = wsman::clixml::decode(&bytes).unwrap();
    let mailbox = value.object().unwrap();
    assert_eq!(mailbox.adapted.len() + mailbox.extended.len(), 228);
    assert!(mailbox.is_type("Microsoft.Exchange.Data.Directory.Management.Mailbox"));
    assert_eq!(value.display_text(), "Administrator");
    assert_eq!(value.get("recipienttypedetails").and_then(Value::as_str), Some("UserMailbox"));
    assert_eq!(json!(value.get("Database").map(|database| database.display_text())), json!("Ex2016-DB2"));
    println!("{}: 228 of 228 agree", path.display());
}
