//! What the README says about Exchange Online, typed as it stands there, against the tenant of the lab.

use std::path::Path;
use std::process::Command;

use crate::cli::Place;
use crate::scenarios::bench::Bench;

const TOP: &str = env!("CARGO_MANIFEST_DIR");

/// The lines of the section's blocks for a shell.
fn commands() -> Vec<String> {
    let readme = std::fs::read_to_string(Path::new(TOP).join("README.md")).unwrap();
    let (_, section) = readme.split_once("### Exchange Online\n").unwrap();
    let (section, _) = section.split_once("\n### ").unwrap();
    let blocks = section.split("```sh\n").skip(1).filter_map(|block| block.split_once("```"));
    blocks.flat_map(|(block, _)| block.lines().map(str::to_owned)).collect()
}

/// What stands before the comment of a line.
fn typed(line: &str) -> &str {
    line.split(" # ").next().unwrap().trim()
}

#[test]
fn the_samples_are_applied_as_it_says() {
    let lines: Vec<String> =
        commands().into_iter().filter(|line| line.starts_with("mailwright apply ")).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    for line in lines {
        let there = |word: &str| match word.strip_prefix("samples/") {
            Some(name) => Path::new(TOP).join("samples").join(name).display().to_string(),
            None => word.to_owned(),
        };
        let words: Vec<String> =
            typed(&line).split(' ').skip(1).filter(|word| !word.is_empty()).map(there).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ran = Place::new().run(&words);
        assert_eq!(ran.code, Some(0), "{line}: {ran:?}");
    }
}

#[test]
fn a_certificate_is_made_signed_in_with_and_tried() {
    let place = Place::new();
    let lines = commands();
    for line in lines.iter().filter(|line| line.contains("bridge")) {
        let ran = Command::new("sh").args(["-c", typed(line)]).current_dir(place.path()).output().unwrap();
        if !ran.status.success() && line.starts_with("openssl") {
            assert!(std::env::var_os("MAILWRIGHT_REQUIRE_PEERS").is_none(), "{ran:?}");
            println!("SKIPPED: openssl is not installed: no certificate to sign in with");
            return;
        }
        assert!(ran.status.success(), "{line}: {ran:?}");
    }
    assert!(!place.path().join("bridge.key").exists());
    let seed = std::fs::read_to_string(Path::new(TOP).join("samples/directory.json")).unwrap();
    let certificate = place.path().join("bridge.crt");
    let options = ["--app-certificate", certificate.to_str().unwrap()];
    let bench = Bench::with(&serde_json::from_str(&seed).unwrap(), &options);
    let text = std::fs::read_to_string(bench.path("lab.toml")).unwrap();
    let (_, cloud) = text.split_once("[connections.lab-cloud]").unwrap();
    let (cloud, _) = cloud.split_once("\n[connections.lab-hybrid-full]").unwrap();
    let file = place.path().join("bridge.pem");
    let signed = format!("certificate_file = '{}'", file.display());
    let cloud: String = cloud
        .lines()
        .map(
            |line| {
                if line.starts_with("client_secret") { format!("{signed}\n") } else { format!("{line}\n") }
            },
        )
        .collect();
    let config = place.write("it.toml", &format!("[connections.lab-cloud]{cloud}"));
    let config = config.to_str().unwrap();
    let doctor = place.run(&["doctor", "-c", config]);
    assert_eq!(doctor.code, Some(0), "{doctor:?}");
    assert!(doctor.stdout.lines().all(|line| line.starts_with("ok ")), "{}", doctor.stdout);

    let test = lines.iter().find(|line| line.contains("--live-write-test")).unwrap();
    let words: Vec<&str> = typed(test).split(' ').skip(1).filter(|word| !word.is_empty()).collect();
    assert_eq!(words, ["doctor", "--live-write-test", "test@contoso.com"]);
    for mailbox in ["cloudbox005@contoso.com", "remote001@contoso.com"] {
        let ran = place.run(&["doctor", "-c", config, "--live-write-test", mailbox, "--yes"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let record = std::fs::read_to_string(place.path().join("live-write-test.json")).unwrap();
        assert!(!record.contains("contoso") && !record.contains("cloudbox"), "{record}");
        let synchronised = mailbox.starts_with("remote");
        assert_eq!(record.contains("\"nothing-written\""), synchronised, "{record}");
    }
}
