//! What is linked, and under which terms. `cargo deny` holds the same where it is installed.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::source::top;

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--all-features"])
        .current_dir(top())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The licences of `deny.toml`.
fn allowed() -> BTreeSet<String> {
    let text = std::fs::read_to_string(top().join("deny.toml")).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let list = table["licenses"]["allow"].as_array().unwrap();
    list.iter().map(|licence| licence.as_str().unwrap().to_owned()).collect()
}

/// The packages that `deny.toml` makes an exception for: by their licence nothing that ships may link them.
fn excepted() -> BTreeSet<String> {
    let text = std::fs::read_to_string(top().join("deny.toml")).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let list = table["licenses"]["exceptions"].as_array().unwrap();
    list.iter().map(|exception| exception["crate"].as_str().unwrap().to_owned()).collect()
}

/// Whether an SPDX expression can be met with the allowed licences: `OR` of `AND`s, brackets around `OR`s.
fn met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = expression.replace('/', " OR ");
    let all_of = |text: &str| text.split(" AND ").all(|part| any_of(part, allowed));
    fn any_of(text: &str, allowed: &BTreeSet<String>) -> bool {
        let text = text.trim().trim_start_matches('(').trim_end_matches(')');
        text.split(" OR ")
            .any(|part| allowed.contains(&part.split_whitespace().collect::<Vec<_>>().join(" ")))
    }
    if expression.contains(") AND") || expression.contains("AND (") {
        return all_of(&expression);
    }
    expression.split(" OR ").any(all_of)
}

#[test]
fn every_licence_is_allowed() {
    let (metadata, allowed, excepted) = (metadata(), allowed(), excepted());
    let packages = metadata["packages"].as_array().unwrap();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let licence = package["license"].as_str().unwrap_or_else(|| panic!("{name} states no licence"));
        assert!(met(licence, &allowed) || excepted.contains(name), "{name}: {licence}");
        if let Some(source) = package["source"].as_str() {
            assert!(source.starts_with("registry+"), "{name} comes from {source}");
        }
    }
    assert!(packages.len() > 50, "{}", packages.len());
}

#[test]
fn expressions_are_read_as_meant() {
    let allowed: BTreeSet<String> = ["MIT", "ISC", "Unicode-3.0"].map(str::to_owned).into();
    for good in ["MIT", "MIT OR GPL-3.0", "GPL-3.0/MIT", "(MIT OR Apache-2.0) AND Unicode-3.0", "MIT AND ISC"]
    {
        assert!(met(good, &allowed), "{good}");
    }
    for bad in ["GPL-3.0", "MIT AND GPL-3.0", "(GPL-3.0 OR Apache-2.0) AND MIT", "AGPL-3.0-only"] {
        assert!(!met(bad, &allowed), "{bad}");
    }
}

/// What the packages of these names reach through the dependencies that `counts` takes.
fn reached(metadata: &Value, from: impl Fn(&str) -> bool, counts: impl Fn(&Value) -> bool) -> BTreeSet<&str> {
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| (node["id"].as_str().unwrap(), node))
        .collect();
    let packages = metadata["packages"].as_array().unwrap();
    let name_of: BTreeMap<&str, &str> = packages
        .iter()
        .map(|package| (package["id"].as_str().unwrap(), package["name"].as_str().unwrap()))
        .collect();
    let members = metadata["workspace_members"].as_array().unwrap();
    let mut open: Vec<&str> =
        members.iter().map(|id| id.as_str().unwrap()).filter(|id| from(name_of[id])).collect();
    assert!(!open.is_empty());
    let mut found = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !found.insert(id) {
            continue;
        }
        for dependency in nodes[id]["deps"].as_array().unwrap() {
            if dependency["dep_kinds"].as_array().unwrap().iter().any(&counts) {
                open.push(dependency["pkg"].as_str().unwrap());
            }
        }
    }
    found.iter().map(|id| name_of[id]).collect()
}

/// Of the workspace only the unpublished oracles know them, in whatever way.
#[test]
fn exceptions_are_for_the_oracles_alone() {
    let (metadata, excepted) = (metadata(), excepted());
    let known = reached(&metadata, |name| name != "oracles", |_| true);
    for name in &excepted {
        assert!(!known.contains(name.as_str()), "{name} is known outside of the oracles");
    }
    assert!(excepted.contains("kerberos_asn1"));
    let packages = metadata["packages"].as_array().unwrap();
    let oracles = packages.iter().find(|package| package["name"] == "oracles").unwrap();
    assert_eq!(oracles["publish"], serde_json::json!([]), "they must not be published");
}

/// The oracles are for comparing only: nothing that ships may link them, nor C code for protocol or sign-in.
#[test]
fn what_ships_links_no_oracle() {
    let metadata = metadata();
    let ships = |name: &str| ["mailwright", "wsman"].contains(&name);
    let names = reached(&metadata, ships, |kind| kind["kind"].is_null());
    for wanted in ["reqwest", "quick-xml", "base64", "tokio", "serde", "uuid"] {
        assert!(names.contains(wanted), "{wanted} is not used");
    }
    for barred in ["ntlmclient", "kerberos_asn1", "openssl-sys", "native-tls", "libgssapi-sys"] {
        assert!(!names.contains(barred), "{barred} is linked");
    }
}
