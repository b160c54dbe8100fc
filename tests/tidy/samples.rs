//! Every sample is used by a test or shown in a document.

use crate::source::{rust_files, top, walk};

#[test]
fn every_sample_is_used() {
    let mut samples = Vec::new();
    walk(&top().join("samples"), &mut samples);
    let mut texts: Vec<String> =
        ["tests", "src", "wsman/tests"].into_iter().flat_map(rust_files).map(|source| source.text).collect();
    texts.push(std::fs::read_to_string(top().join(".ci/run")).unwrap());
    for sample in samples {
        let name = sample.file_name().unwrap().to_string_lossy().into_owned();
        if name == "README.md" {
            continue;
        }
        assert!(texts.iter().any(|text| text.contains(&name)), "samples/{name} is used by no test");
    }
}

#[test]
fn the_commands_of_the_readme_are_run_before_a_change_lands() {
    let read = |name: &str| std::fs::read_to_string(top().join(name)).unwrap();
    let (readme, script) = (read("README.md"), read(".ci/run"));
    let commands: Vec<&str> = readme.lines().filter(|line| line.starts_with("cargo ")).collect();
    assert_eq!(commands, ["cargo run -- apply samples/joiners.csv --lab", "cargo test --workspace"]);
    for command in commands {
        let is_run = script.lines().any(|line| line.split(" >").next() == Some(command));
        assert!(is_run, "{command}");
    }
}
