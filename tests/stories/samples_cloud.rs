//! The samples of the cloud against the embedded tenant: planned, applied, applied again.

use std::collections::BTreeMap;
use std::path::Path;

use mailwright::config::Config;
use serde_json::Value as Json;

use crate::cli::{Place, Ran};
use crate::log::log_entries;
use crate::scenarios::bench::Bench;

fn sample(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name).display().to_string()
}

fn results(ran: &Ran) -> Vec<Json> {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn counted(results: &[Json]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for result in results {
        *counts.entry(result["action"].as_str().unwrap()).or_default() += 1;
    }
    counts
}

/// As the README shows it: with `--lab` and the file that leads to a real tenant.
#[test]
fn the_samples_run_against_the_tenant_of_the_lab() {
    for (flow, config, least) in [("cloud.jsonl", "cloud.toml", 60), ("hybrid.jsonl", "hybrid-full.toml", 30)]
    {
        let place = Place::new();
        let (flow, config) = (sample(flow), sample(config));
        let with = ["--lab", "-c", &config, "--output", "jsonl"];
        let planned = results(&place.run(&[&["plan", &flow][..], &with].concat()));
        let applied = results(&place.run(&[&["apply", &flow][..], &with].concat()));
        assert!(planned.len() >= least, "{}", planned.len());
        assert_eq!(counted(&planned), counted(&applied));
        for result in &applied {
            assert!(result["error"].is_null() && result["action"] != "unchanged", "{result}");
        }
    }
}

/// On a tenant that stays: the second time nothing is written, on either side.
#[test]
fn applied_again_they_write_nothing() {
    let bench = Bench::new(
        &serde_json::from_str(&std::fs::read_to_string(sample("directory.json")).unwrap()).unwrap(),
    );
    let place = &bench.place;
    let text = std::fs::read_to_string(place.path().join("lab.toml")).unwrap();
    let text =
        text.replace("\n[connections.lab-cloud]\n", "\n[connections.lab-cloud]\nallow_remove = true\n");
    place.write("it.toml", &text);
    let writes = || {
        let wrote = |entry: &&Json| {
            let to_graph = entry["http"]["host"] == "graph" && entry["http"]["method"] != "GET";
            entry["cmdlet"]["wrote"] == true || to_graph
        };
        log_entries(&bench.path("lab.log")).iter().filter(wrote).count()
    };
    // What was deleted is not there the second time, which a row of `remove` takes for done.
    for (flow, connection) in [("cloud.jsonl", "lab-cloud"), ("hybrid.jsonl", "lab-hybrid-full")] {
        let flow = sample(flow);
        let apply = |journal: &str| {
            let apply = [
                "apply",
                &flow,
                "-c",
                "it.toml",
                "-n",
                connection,
                "--output",
                "jsonl",
                "--journal",
                journal,
            ];
            results(&place.run(&apply))
        };
        let first = apply(&format!("{connection}-1.db"));
        assert!(first.iter().all(|result| result["action"] != "unchanged"), "{first:#?}");
        let before = writes();
        assert!(before > 0);
        let again = apply(&format!("{connection}-2.db"));
        assert_eq!(counted(&again), [("unchanged", again.len())].into(), "{connection}");
        assert_eq!(writes(), before, "{connection}");
    }
}

/// The connection files themselves are sound.
#[test]
fn the_connection_files_are_read_without_a_fault() {
    for name in ["cloud.toml", "hybrid-full.toml"] {
        let config = Config::load(sample(name).as_ref()).unwrap_or_else(|error| panic!("{error}"));
        assert!(config.connection(None).unwrap().cloud.is_some(), "{name}");
    }
}
