//! `mailwright init`

use super::{CONNECTION, Place};

#[test]
fn writes_a_configuration_that_can_be_used() {
    let place = Place::new();
    let ran = place.run(&["init", "--config", "new.toml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""));
    assert_eq!(std::fs::read_to_string(place.path().join("new.toml")).unwrap(), mailwright::config::TEMPLATE);
    place.run(&["status", "-c", "new.toml"]).refuses(2, &["there is no journal", "corp.db"]);
}

#[test]
fn never_overwrites() {
    let place = Place::new();
    place.run(&["init"]).refuses(2, &["mailwright.toml is there already", "--config"]);
    assert_eq!(std::fs::read_to_string(place.path().join("mailwright.toml")).unwrap(), CONNECTION);
    place.run(&["init", "-c", "no/such/folder.toml"]).refuses(2, &["cannot write"]);
}
