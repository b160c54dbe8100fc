//! Mistakes in the configuration, as a person sees them: place, sentence, hint, exit code 2.

use super::{CANARY, CONNECTION, Place};

fn with(text: &str) -> Place {
    let place = Place::new();
    place.write("mailwright.toml", text);
    place.write("flow.csv", "Identity\nada\n");
    place
}

#[test]
fn each_mistake_has_its_place() {
    let place = with(&CONNECTION.replace("username", "usernam"));
    place.run(&["plan", "flow.csv"]).refuses(
        2,
        &[
            "error: mailwright.toml:5:1: connections.corp.usernam: unknown key",
            "hint: did you mean `username`?",
        ],
    );
    let place = with(&CONNECTION.replace("env:MAILWRIGHT_TEST_PASSWORD", CANARY));
    place.run(&["apply", "flow.csv"]).refuses(
        2,
        &["mailwright.toml:6:12: connections.corp.password: a secret must be a reference", "env:NAME"],
    );
    let place = with(&CONNECTION.replace("on-premises", "cloud"));
    place.run(&["invoke", "Get-Mailbox"]).refuses(
        2,
        &["mailwright.toml:1:14: connections.corp.cloud", "mailwright.toml:3:10", "no server of one's own"],
    );
}

/// Each with its own hint right below it.
#[test]
fn several_mistakes_are_told_one_by_one() {
    let text = "[connections.x]\ninfrastructure = \"cloud\"\n[connections.x.cloud]\ntenant = \"a.b\"\nlogin_url = \"http://login.example\"\nusage_location = \"DEU\"\napplication_id = \"app\"\n";
    let told = with(text).run(&["invoke", "Get-Mailbox"]);
    let lines: Vec<&str> = told.stderr.lines().collect();
    let [first, first_hint, second, second_hint, third, third_hint] = lines[..] else { panic!("{lines:?}") };
    assert!(first.contains("3:1: connections.x.cloud.authentication: the key is missing"), "{lines:?}");
    assert!(first_hint.starts_with("hint: certificate_file and application_id"), "{lines:?}");
    assert!(second.contains("5:13: connections.x.cloud.login_url: "), "{lines:?}");
    assert!(second_hint.starts_with("hint: the address of a host alone"), "{lines:?}");
    assert!(third.contains("6:18: connections.x.cloud.usage_location: "), "{lines:?}");
    assert_eq!(third_hint, "hint: \"DE\"");
}

#[test]
fn which_file_and_which_connection() {
    let place = with(&format!("{CONNECTION}{}", CONNECTION.replace("corp", "lab")));
    place.run(&["plan", "flow.csv"]).refuses(2, &["has 2 connections", "--connection: corp, lab"]);
    place
        .run(&["plan", "flow.csv", "-n", "crop"])
        .refuses(2, &["no connection `crop`", "did you mean `corp`?"]);
    place.run(&["plan", "flow.csv", "-c", "none.toml"]).refuses(2, &["none.toml", "mailwright init"]);
}

#[test]
fn what_only_shows_when_it_is_used() {
    let text = format!("{CONNECTION}[connections.corp.tls]\nca_file = \"none.pem\"\n");
    with(&text)
        .run(&["plan", "flow.csv"])
        .refuses(2, &["`corp` cannot be used", "tls.ca_file = \"none.pem\""]);
    let text = CONNECTION.replace("\"ntlm\"", "\"digest\"");
    with(&text).run(&["plan", "flow.csv"]).refuses(2, &["`digest` cannot be used", "use negotiate"]);
}

#[test]
fn colours_only_where_wanted() {
    let place = with(&CONNECTION.replace("username", "usernam"));
    let ran = place.run(&["plan", "flow.csv", "--color", "always"]);
    assert!(ran.stderr.contains("\u{1b}["), "{ran:?}");
    place.run(&["plan", "flow.csv"]).refuses(2, &["unknown key"]);
}
