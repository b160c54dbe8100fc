//! What a flow came to, compared without what differs from run to run.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::scenarios::bench::{name, writes};

/// GUIDs that a new object is given, what is made of them, and times.
const FLEETING: [&str; 12] = [
    "ExternalDirectoryObjectId",
    "Identity",
    "MailboxDelay",
    "VisibleFrom",
    "Guid",
    "guid",
    "ExchangeGuid",
    "ArchiveGuid",
    "DisabledArchiveGuid",
    "LegacyExchangeDN",
    "WhenCreated",
    "WhenMailboxCreated",
];

/// The objects of a directory by name, databases among them, without what differs from run to run.
pub fn objects(directory: &Json) -> BTreeMap<String, Map<String, Json>> {
    let objects = all(directory).map(|object| {
        let mut object = object.as_object().unwrap().clone();
        object.retain(|name, _| !FLEETING.contains(&name.as_str()));
        if let Some(Json::Array(addresses)) = object.get_mut("EmailAddresses") {
            // Made of the object's id.
            addresses.retain(|address| !address.as_str().unwrap().starts_with("SPO:"));
        }
        if let Some(Json::Object(properties)) = object.get_mut("properties") {
            properties.retain(|name, _| !FLEETING.contains(&name.as_str()) && name != "WhenChanged");
        }
        (name_of(&Json::Object(object.clone())).unwrap().to_owned(), object)
    });
    objects.collect()
}

fn all(directory: &Json) -> impl Iterator<Item = &Json> {
    ["objects", "databases"].into_iter().filter_map(|kind| directory[kind].as_array()).flatten()
}

fn name_of(object: &Json) -> Option<&str> {
    object.get("Name").or(object.get("name"))?.as_str()
}

/// The difference is shown where there is one.
#[track_caller]
pub fn same_directory(disturbed: &Json, undisturbed: &Json) {
    let (ours, theirs) = (objects(disturbed), objects(undisturbed));
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    for (name, ours) in ours {
        assert_eq!(ours, theirs[&name], "{name}");
    }
}

/// For each account by name what changed it, in order. Seeded accounts go by a GUID that is known; the others were named
/// when they were made.
pub fn history(cmdlets: &[Json], directories: &[&Json]) -> BTreeMap<String, Vec<Json>> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for object in directories.iter().flat_map(|directory| all(directory)) {
        for key in ["Guid", "guid", "ExternalDirectoryObjectId"] {
            if let (Some(guid), Some(name)) = (object[key].as_str(), name_of(object)) {
                names.insert(guid.to_lowercase(), name.to_owned());
            }
        }
    }
    let mut history: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    for entry in cmdlets.iter().filter(|entry| entry["wrote"] == true) {
        assert!(writes(name(entry)), "{entry}");
        let parameters = &entry["parameters"];
        let identity =
            ["Identity", "UserId", "UserPrincipalName"].iter().find_map(|name| parameters[*name].as_str());
        let account = match identity.filter(|_| !makes_named(entry)) {
            // A new account is known by its address until its GUID is.
            Some(identity) => match (names.get(&identity.to_lowercase()), identity.split_once('@')) {
                (Some(name), _) => name.clone(),
                (None, Some((name, _))) => name.to_owned(),
                // A new database goes by its name.
                (None, None) => identity.to_owned(),
            },
            None => {
                let made = parameters["Name"].as_str().or(parameters["MailNickname"].as_str());
                made.unwrap().to_owned()
            }
        };
        history.entry(account).or_default().push(entry.clone());
    }
    history
}

/// Whether it makes an object that its parameters name.
fn makes_named(entry: &Json) -> bool {
    name(entry).starts_with("New-")
}

/// Whether it makes a mailbox, or gives the licence that does.
pub fn makes(entry: &Json) -> bool {
    if name(entry) == "Set-MgUserLicense" {
        return entry["parameters"]["AddLicenses"].as_array().is_some_and(|added| !added.is_empty());
    }
    (name(entry).starts_with("New-") || name(entry).starts_with("Enable-"))
        && entry["parameters"].get("Archive").is_none_or(|_| name(entry).starts_with("New-"))
}
