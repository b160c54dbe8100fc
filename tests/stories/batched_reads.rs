//! Many accounts read with few cmdlets give what reading one by one gives.

use std::collections::BTreeSet;

use mailwright::config::Config;
use mailwright::exchange::{self, Asked, Directory, Found};
use mailwright::flow::base_hash;
use mailwright::lab::{self, Seed, ServeOptions};
use mailwright::recipient::{Identity, ObjectType};
use serde_json::Value as Json;

use crate::cli::Place;

/// Names of every form for the objects of a directory, and some that name nothing or several objects.
fn names(directory: &Json) -> Vec<String> {
    let mut names: Vec<String> =
        ["nobody", "nobody@contoso.com", "O'Brien (external)", "x'; y"].map(str::to_owned).into();
    names.push("00000000-0000-4000-8000-000000000001".into());
    let forms = [
        "Guid",
        "DistinguishedName",
        "UserPrincipalName",
        "SamAccountName",
        "Alias",
        "Name",
        "DisplayName",
        "Identity",
    ];
    for (position, object) in directory["objects"].as_array().unwrap().iter().enumerate() {
        // Each object by one form, so that all forms meet all kinds of objects.
        for form in [forms[position % forms.len()], forms[(position / 7) % forms.len()]] {
            names.extend(object[form].as_str().filter(|name| !name.is_empty()).map(str::to_owned));
        }
        if position % 5 == 0
            && let Some(addresses) = object["EmailAddresses"].as_array()
        {
            let bare =
                |address: &Json| address.as_str()?.split_once(':').map(|(_, address)| address.to_owned());
            names.extend(addresses.iter().filter_map(bare));
        }
    }
    names
}

#[tokio::test]
async fn a_batch_tells_what_single_reads_tell() {
    let place = Place::new();
    let running = lab::serve(Seed::sample().unwrap(), ServeOptions::default()).await.unwrap();
    let file = place.path().join("lab.toml");
    running.write_config(&file).unwrap();
    let config = Config::load(&file).unwrap();
    let names = names(&running.directory());
    assert!(names.len() > 300, "{}", names.len());
    for name in ["lab", "lab-hybrid"] {
        let open = exchange::open(config.connection(Some(name)).unwrap(), None).await.unwrap();
        let directory = Directory::new(open, None);
        let asked: Vec<Asked> = names
            .iter()
            .step_by(if name == "lab" { 2 } else { 5 })
            .filter_map(|name| Identity::parse(name).ok())
            .map(|identity| Asked { identity, properties: BTreeSet::from(["FirstName".to_owned()]) })
            .collect();
        let found = directory.find_many(&asked, name == "lab-hybrid").await;
        let mut open = 0;
        for (asked, found) in asked.iter().zip(found) {
            let single = directory.find(ObjectType::Mailbox, &asked.identity).await;
            match found {
                Found::Recipient(found) => {
                    let single = single.unwrap_or_else(|error| panic!("{}: {error}", asked.identity));
                    let single = single.unwrap_or_else(|| panic!("{}: nothing", asked.identity));
                    assert_eq!(base_hash(Some(&found)), base_hash(Some(&single)), "{}", asked.identity);
                    assert_eq!(
                        found.property("FirstName"),
                        single.property("FirstName"),
                        "{}",
                        asked.identity
                    );
                }
                Found::Nothing => assert_eq!(single.unwrap(), None, "{}", asked.identity),
                Found::Open => open += 1,
            }
        }
        // Canonical names, contacts and groups, names of several objects; most names are no such thing.
        println!("{name}: {open} of {} names are left open", asked.len());
        assert!(open * 4 < asked.len(), "{open} of {}", asked.len());
        directory.exchange().close().await;
    }
    running.shutdown().await.unwrap();
}
