//! The whole program with a password that must show up nowhere: not in its output, not in any file that it writes.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::cli::{CANARY, Place};

fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[test]
fn no_command_lets_it_out() {
    let place = Place::new();
    let mut lab = Command::new(assert_cmd::cargo::cargo_bin!("mailwright"))
        .current_dir(place.path())
        .args(["lab", "--log", "lab.log", "--dump", "dump.json", "--write-config", "lab.toml"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(lab.stdout.take().unwrap()).read_line(&mut line).unwrap();

    // One that succeeds, one that Exchange refuses (the name is taken), one that is refused before.
    let flow = format!(
        "ChangeId,Identity,Name,UserPrincipalName,_param_password,EmailAddresses,_param_OrganizationalUnit\n\
         c1,canary@contoso.com,Canary,canary@contoso.com,{CANARY},canary@contoso.com,contoso.com/Staff\n\
         c2,other@contoso.com,Canary,other@contoso.com,{CANARY},other@contoso.com,contoso.com/Staff\n\
         c3,enable001,Canary,third@contoso.com,{CANARY},third@contoso.com,contoso.com/Staff\n"
    );
    place.write("flow.csv", &flow);
    let broken = format!("Identity,_param_password,Nonsense\nx,{CANARY},1\n");
    place.write("broken.csv", &broken);
    let secret = place.write("secret", CANARY);
    let chmod = Command::new("chmod").arg("600").arg(&secret).status().unwrap();
    assert!(chmod.success());
    let config = std::fs::read_to_string(place.path().join("lab.toml")).unwrap();
    let wrong: String = config
        .lines()
        .map(|line| {
            if line.starts_with("password") {
                "password = \"file:secret\"\n".into()
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    place.write("wrong.toml", &wrong);
    // A value where a reference belongs is refused without being repeated.
    place.write("value.toml", &wrong.replace("file:secret", CANARY));

    let at = ["-c", "lab.toml", "-n", "lab", "-v", "--journal", "journal.db"];
    let runs: [(&[&str], i32); 13] = [
        (&["plan", "flow.csv"], 1),
        (&["plan", "flow.csv", "--output", "jsonl"], 1),
        (&["plan", "flow.csv", "--out", "plan.json", "--what-if", "--output", "json"], 1),
        (&["plan", "broken.csv"], 2),
        (&["apply", "broken.csv"], 2),
        (&["apply", "flow.csv"], 1),
        (&["apply", "flow.csv", "--output", "jsonl"], 1),
        (&["apply", "plan.json", "--output", "json"], 1),
        (&["status"], 0),
        (&["status", "--failed", "--output", "json"], 0),
        (
            &[
                "invoke",
                "New-Mailbox",
                "Name=Inv",
                "UserPrincipalName=inv@contoso.com",
                "Password=file:secret",
            ],
            0,
        ),
        (
            &[
                "invoke",
                "New-Mailbox",
                "Name=Inv",
                "UserPrincipalName=inv@contoso.com",
                "Password=file:secret",
            ],
            1,
        ),
        (&["invoke", "Set-Mailbox", "Identity=inv@contoso.com", "Password=file:secret", "Nonsense=1"], 1),
    ];
    let mut said = String::new();
    for (arguments, code) in runs {
        let ran = place.run(&[arguments, &at].concat());
        assert_eq!(ran.code, Some(code), "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        said += &format!("{}{}", ran.stdout, ran.stderr);
    }
    for (file, code) in [("wrong.toml", 3), ("value.toml", 2)] {
        let ran = place.run(&["invoke", "Get-Mailbox", "Identity=inv", "-c", file, "-n", "lab", "-v"]);
        assert_eq!(ran.code, Some(code), "{}", ran.stderr);
        said += &format!("{}{}", ran.stdout, ran.stderr);
    }
    let ended = Command::new("kill").args(["-TERM", &lab.id().to_string()]).status().unwrap();
    assert!(ended.success() && lab.wait().unwrap().success());

    assert!(said.contains("***"), "nothing was masked, so nothing was shown:\n{said}");
    assert!(!said.contains(CANARY), "the password was printed");
    let mut written = Vec::new();
    files(place.path(), &mut written);
    let ours = ["flow.csv", "broken.csv", "secret", "value.toml"];
    let written: Vec<_> =
        written.iter().filter(|path| !ours.contains(&path.file_name().unwrap().to_str().unwrap())).collect();
    for wanted in ["lab.log", "dump.json", "journal.db", "plan.json"] {
        assert!(written.iter().any(|path| path.ends_with(wanted)), "{wanted} was not written: {written:?}");
    }
    for path in written {
        let bytes = std::fs::read(path).unwrap();
        for encoded in
            [CANARY.as_bytes().to_vec(), CANARY.encode_utf16().flat_map(u16::to_le_bytes).collect()]
        {
            let found = bytes.windows(encoded.len()).any(|part| part == encoded);
            assert!(!found, "the password is in {}", path.display());
        }
    }
}
