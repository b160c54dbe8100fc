//! `keyring:` against GNOME Keyring on a session bus of its own, with an entry that secret-tool made.

use std::process::Command;

use crate::hunt::Hunt;
use crate::python;
use crate::their_client::start_lab;

const SECRET: &str = "Canary-3fd9!Ring";

#[test]
fn an_entry_signs_in_and_what_is_missing_or_locked_is_told() {
    let tools = ["gnome-keyring-daemon", "secret-tool", "dbus-run-session", "dbus-send"];
    if !python::programs(&tools, &["gnome-keyring", "libsecret-tools", "dbus", "dbus-bin", "dbus-daemon"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/directory.json");
    let seed = std::fs::read_to_string(sample).unwrap().replace("Lab-Passw0rd!", SECRET);
    std::fs::write(path("seed.json"), seed).unwrap();
    let (lab, given) = start_lab(|command| {
        command.arg("--seed").arg(path("seed.json")).arg("--log").arg(path("lab.log"));
    });
    let settings = format!(
        "[connections.it]\ninfrastructure = \"on-premises\"\nserver = \"{}\"\nusername = '{}'\n\
         password = 'keyring:mailwright/exchange/CONTOSO\\svc-idm'\n",
        given["powershell"].as_str().unwrap(),
        given["user"].as_str().unwrap()
    );
    std::fs::write(path("m.toml"), settings).unwrap();
    let program = env!("CARGO_BIN_EXE_mailwright");
    let trace = path("trace");
    let get = ["-v", "--trace", trace.to_str().unwrap(), "invoke", "Get-Mailbox", "Identity=Administrator"];
    let config = path("m.toml");
    let mut command = Command::new("dbus-run-session");
    command.arg("--").arg("sh").arg(python::script("keyring.sh")).arg(folder.path()).arg(SECRET);
    let ran = command.arg(program).arg("-c").arg(&config).args(get).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");

    let mut outside = Command::new(program);
    outside.env_clear().env("HOME", folder.path()).env("XDG_RUNTIME_DIR", folder.path());
    let outside = outside.arg("-c").arg(&config).args(get).output().unwrap();
    let said = [outside.stdout, outside.stderr].concat();
    let said = format!("{}exit code {}", String::from_utf8(said).unwrap(), outside.status.code().unwrap());
    std::fs::write(path("run-outside"), said).unwrap();
    drop(lab);
    for (name, texts) in [
        ("stored", &["\"SamAccountName\":\"Administrator\"", "exit code 0"][..]),
        ("missing", &["no such entry in the keyring", "secret-tool store", "exit code 2"]),
        ("locked", &["the keyring is locked", "cred:, file: or vault:", "exit code 2"]),
        ("outside", &["no session bus", "DBUS_SESSION_BUS_ADDRESS", "exit code 2"]),
    ] {
        let said = std::fs::read_to_string(path(&format!("run-{name}"))).unwrap();
        for text in texts {
            assert!(said.contains(text), "{name}: `{text}` is missing in:\n{said}");
        }
    }
    let searched = Hunt::default().text("the secret", SECRET).search_below(folder.path(), &["seed.json"]);
    assert!(searched.iter().any(|path| path.ends_with("trace/000001-sign-in.txt")), "{searched:?}");
}
