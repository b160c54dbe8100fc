//! Settings and secrets that the age of Go has encrypted, binary and in letters, for keys and with a passphrase: the
//! program opens them, names problems inside with their place, and lets nothing out.

use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::hunt::Hunt;
use crate::python;
use crate::their_client::start_lab;

const SECRET: &str = "Canary-61c3!Age";
const PASSPHRASE: &str = "Canary-a0f7!Phrase";

struct Bench {
    folder: TempDir,
    said: Vec<u8>,
}

impl Bench {
    fn new() -> Option<Self> {
        python::programs(&["age", "age-keygen"], &["age"])
            .then(|| Self { folder: tempfile::tempdir().unwrap(), said: Vec::new() })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
        assert!(Command::new("chmod").arg("600").arg(self.path(name)).status().unwrap().success());
    }

    fn tool(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).current_dir(self.folder.path()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A key pair; gives the public key.
    fn key(&self, name: &str) -> String {
        let file = self.path(name);
        self.tool("age-keygen", &["-o", file.to_str().unwrap()]);
        self.tool("age-keygen", &["-y", file.to_str().unwrap()])
    }

    /// Encrypts a text into a file, as a person does who has it in a file in clear.
    fn encrypt(&self, text: &str, name: &str, options: &[&str]) {
        self.write("clear", text);
        self.tool("age", &[options, &["-o", name, "clear"]].concat());
        std::fs::remove_file(self.path("clear")).unwrap();
    }

    fn run(&mut self, arguments: &[&str], identity: Option<&str>) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailwright"));
        command.current_dir(self.folder.path()).env_clear().env("HOME", self.folder.path());
        command.args(arguments).envs(identity.map(|identity| ("MAILWRIGHT_IDENTITY", identity)));
        let output = command.output().unwrap();
        self.said.extend([output.stdout.as_slice(), &output.stderr].concat());
        output
    }

    #[track_caller]
    fn refuses(&mut self, arguments: &[&str], identity: Option<&str>, texts: &[&str]) {
        let output = self.run(arguments, identity);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        for text in texts {
            assert!(said.contains(text), "`{text}` is missing in:\n{said}");
        }
    }
}

fn settings(given: &serde_json::Value, password: &str) -> String {
    format!(
        "[connections.it]\ninfrastructure = \"on-premises\"\nserver = \"{}\"\nusername = '{}'\npassword = \"{password}\"\n\
         create_method = \"new\"\n",
        given["powershell"].as_str().unwrap(),
        given["user"].as_str().unwrap()
    )
}

const GET: [&str; 6] = ["invoke", "Get-Mailbox", "Identity=Administrator", "-v", "--trace", "trace"];

#[test]
fn settings_and_secrets_are_opened_and_nothing_of_them_gets_out() {
    let Some(mut bench) = Bench::new() else { return };
    let Some(interpreter) = python::interpreter() else { return };
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/directory.json");
    bench.write("seed.json", std::fs::read_to_string(sample).unwrap().replace("Lab-Passw0rd!", SECRET));
    let (seed, log) = (bench.path("seed.json"), bench.path("lab.log"));
    let (lab, given) = start_lab(|command| {
        command.arg("--seed").arg(&seed).arg("--log").arg(&log);
    });
    let (public, other) = (bench.key("identity.txt"), bench.key("other.txt"));
    let identity = Some("file:identity.txt");
    bench.encrypt(&format!("exchange = \"{SECRET}\"\nnumber = 1\n"), "secrets.age", &["-r", &public]);
    let text = settings(&given, "age:secrets.age#exchange");
    // For several readers, binary; in letters; under the usual name, which is found without being named.
    bench.encrypt(&text, "binary.age", &["-r", &other, "-r", &public]);
    bench.encrypt(&text, "letters.age", &["-a", "-r", &public]);
    bench.encrypt(&text, "mailwright.toml.age", &["-r", &public]);
    for config in [&["-c", "binary.age"][..], &["-c", "letters.age"], &[]] {
        let ran = bench.run(&[config, &GET].concat(), identity);
        assert_eq!(ran.status.code(), Some(0), "{config:?}: {ran:?}");
    }
    // The lab has what an administrator has: other connections, of which this is none.
    let doctor = bench.run(&["doctor", "--output", "json"], identity);
    assert_eq!(doctor.status.code(), Some(0), "{doctor:?}");
    let header = "ChangeId,Identity,Name,UserPrincipalName,_param_password_ref,_param_OrganizationalUnit";
    let row = "a,a@contoso.com,Ada,a@contoso.com,age:secrets.age#exchange,contoso.com/Staff";
    bench.write("flow.csv", format!("{header}\n{row}\n"));
    let applied = bench.run(&["apply", "flow.csv", "--journal", "journal.db", "--output", "jsonl"], identity);
    assert_eq!(applied.status.code(), Some(0), "{applied:?}");

    // With a passphrase, which age asks for at a terminal.
    bench.write("clear", settings(&given, "age:secrets.age#exchange"));
    bench.write("phrase.txt", format!("{PASSPHRASE}\n"));
    let typed = Command::new(interpreter)
        .current_dir(bench.folder.path())
        .arg(python::script("at_a_terminal.py"))
        .args([PASSPHRASE, "age", "-p", "-o", "phrase.age", "clear"])
        .output()
        .unwrap();
    assert!(typed.status.success(), "{typed:?}");
    let ran = bench.run(&[&["-c", "phrase.age"][..], &GET].concat(), Some("file:phrase.txt"));
    // The settings open; the key of the secrets is another one.
    assert_eq!(ran.status.code(), Some(2), "{ran:?}");
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(said.contains("age:secrets.age#exchange") && said.contains("no key of age"), "{said}");
    bench.refuses(
        &["-c", "phrase.age", "doctor"],
        identity,
        &["phrase.age", "passphrase, and what is given is a key"],
    );
    bench.write("phrase.txt", "another\n");
    bench.refuses(
        &["-c", "phrase.age", "doctor"],
        Some("file:phrase.txt"),
        &["the passphrase does not open it"],
    );
    drop(lab);

    let keys = ["identity.txt", "other.txt"].map(|name| {
        let text = String::from_utf8(bench.read(name)).unwrap();
        text.lines().find(|line| !line.starts_with('#')).unwrap().to_owned()
    });
    let hunt = Hunt::default().text("the secret", SECRET).text("the passphrase", PASSPHRASE);
    let hunt = keys.iter().fold(hunt, |hunt, key| hunt.text("a key", key));
    hunt.search("the output", &bench.said);
    let ours = ["seed.json", "identity.txt", "other.txt", "phrase.txt"];
    let searched = hunt.search_below(bench.folder.path(), &ours);
    assert!(searched.iter().any(|path| path.ends_with("journal.db")), "{searched:?}");
    // Nor is the text of the settings: only the file that the test wrote for the passphrase has it.
    let settings = Hunt::default().text("a setting", "create_method = \"new\"");
    settings.search_below(bench.folder.path(), &["clear"]);
}

#[test]
fn what_cannot_be_opened_is_named_and_so_is_what_is_wrong_inside() {
    let Some(mut bench) = Bench::new() else { return };
    let public = bench.key("identity.txt");
    bench.key("other.txt");
    let wrong = "# ours\n[connections.it]\ninfrastructure = \"on-premises\"\nserver = \"http://ex01/PowerShell/\"\nusernam = 'svc'\n\
                 password = \"env:X\"\n";
    bench.encrypt(wrong, "m.toml.age", &["-a", "-r", &public]);
    let plan = ["-c", "m.toml.age", "doctor"];
    let identity = Some("file:identity.txt");
    bench.refuses(
        &plan,
        identity,
        &["m.toml.age:5:1: connections.it.usernam: unknown key", "did you mean `username`?"],
    );
    // The name that it has in clear will do.
    bench.refuses(&["-c", "m.toml", "doctor"], identity, &["m.toml.age:5:1"]);
    bench.refuses(&plan, None, &["m.toml.age: it is encrypted with age", "MAILWRIGHT_IDENTITY"]);
    bench.refuses(&plan, Some("file:other.txt"), &["none of the keys opens it", "age -r"]);
    bench.refuses(&plan, Some("file:nobody.txt"), &["MAILWRIGHT_IDENTITY (file:nobody.txt)", "No such file"]);
    let key = String::from_utf8(bench.read("identity.txt")).unwrap().lines().last().unwrap().to_owned();
    bench.refuses(&plan, Some(&key), &["a secret must be a reference"]);
    bench.refuses(&plan, Some("vault:a/b#c"), &["only env:, file:, cred: and exec:"]);
    bench.write("empty.txt", "# nothing\n");
    bench.refuses(&plan, Some("file:empty.txt"), &["no key in it"]);
    bench.write("noise.txt", "Canary-noise\n");
    bench.refuses(&plan, Some("file:noise.txt"), &["no key of age (not shown)"]);

    bench.encrypt(wrong, "whole.age", &["-r", &public]);
    let whole = bench.read("whole.age");
    let plan = ["-c", "part.age", "doctor"];
    // Cut anywhere, and a bit turned anywhere.
    for length in [22, 60, 150, 210, whole.len() - 1] {
        bench.write("part.age", &whole[..length]);
        bench.refuses(&plan, identity, &["part.age: ", "damaged or cut short"]);
    }
    for at in [30, 100, 190, whole.len() - 20] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        bench.write("part.age", &changed);
        bench.refuses(&plan, identity, &["part.age: "]);
    }
    bench.write("part.age", [whole.as_slice(), b"more"].concat());
    bench.refuses(&plan, identity, &["part.age: ", "damaged or cut short"]);

    bench.encrypt("a = 1\nb = \"x\"\n", "secrets.age", &["-r", &public]);
    for (reference, said) in [
        ("age:secrets.age#a", "`a` is not a text"),
        ("age:secrets.age#c", "no `c` in the file"),
        ("age:identity.txt#a", "not encrypted with age"),
        ("age:whole.age#a", "no `a` in the file"),
        ("age:nobody.age#a", "No such file"),
        ("age:secrets.age", "needs FILE#key"),
    ] {
        let clear = wrong.replace("usernam ", "username ").replace("env:X", reference);
        bench.encrypt(&clear, "ref.age", &["-r", &public]);
        bench.refuses(&["-c", "ref.age", "doctor"], identity, &[said]);
    }
    Hunt::default().text("the key", &key).text("noise", "Canary-noise").search("the output", &bench.said);
}
