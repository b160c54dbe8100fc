//! `mailwright lab`: the line it prints, the files it writes, its end.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};

use mailwright::config::{CloudSignIn, Config};
use secrecy::ExposeSecret as _;
use serde_json::Value as Json;

use super::Place;

/// Starts the command here and reads its line.
fn start(place: &Place, arguments: &[&str]) -> (Child, Json) {
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("mailwright"))
        .current_dir(place.path())
        .arg("lab")
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let line = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    (child, line)
}

fn end(mut child: Child) -> ExitStatus {
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap()
}

#[test]
fn it_tells_where_it_is_and_writes_a_connection_file_and_the_directory() {
    let place = Place::new();
    let (child, line) =
        start(&place, &["--write-config", "lab.toml", "--dump", "dump.json", "--mailboxes", "3"]);
    assert!(!place.path().join("dump.json").exists(), "the directory is written at the end");
    let config = Config::load(&place.path().join("lab.toml")).unwrap();
    let urls = config.connections.iter().map(|it| (it.name.as_str(), it.endpoint.to_string()));
    let key = |name: &str| line[name].as_str().unwrap().to_owned();
    assert_eq!(
        urls.collect::<Vec<_>>(),
        [
            ("lab", key("powershell")),
            ("lab-enable", key("powershell")),
            ("lab-hybrid", key("powershell")),
            ("lab-hybrid-enable", key("powershell")),
            ("lab-https", key("https_powershell")),
            ("lab-wsman", key("wsman")),
            ("lab-cloud", format!("{}/PowerShell/", line["cloud"]["url"].as_str().unwrap())),
            ("lab-hybrid-full", key("https_powershell")),
        ]
    );
    assert!(key("http").starts_with("http://127.0.0.1:") && key("https").starts_with("https://127.0.0.1:"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for connection in config.connections.iter().filter(|it| it.name != "lab-cloud") {
        assert_eq!(connection.username.as_deref(), Some(key("user").as_str()));
        let reference = connection.password.as_ref().unwrap();
        let password = runtime.block_on(connection.secrets.fetch(reference)).unwrap();
        assert_eq!(password.expose_secret(), key("password"));
    }
    for name in ["lab-cloud", "lab-hybrid-full"] {
        let connection = config.connection(Some(name)).unwrap();
        let cloud = connection.cloud.as_ref().unwrap();
        assert_eq!(cloud.tenant, line["cloud"]["tenant"].as_str().unwrap());
        assert_eq!(cloud.organization.as_deref(), line["cloud"]["organization"].as_str());
        assert_eq!(cloud.graph.as_str(), format!("{}/", line["cloud"]["graph"].as_str().unwrap()));
        let CloudSignIn::Secret { application, secret } = &cloud.sign_in else { panic!("{cloud:?}") };
        assert_eq!(application, line["cloud"]["application_id"].as_str().unwrap());
        let secret = runtime.block_on(connection.secrets.fetch(secret)).unwrap();
        assert_eq!(secret.expose_secret(), line["cloud"]["client_secret"].as_str().unwrap());
    }
    let ca = config.connection(Some("lab-https")).unwrap().tls.ca_file.clone().unwrap();
    assert_eq!(ca.to_str().unwrap(), key("ca_file"));
    assert!(std::fs::read_to_string(ca).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    let file = place.path().join("lab.toml");
    assert!(!std::fs::read_to_string(&file).unwrap().contains(&key("password")));
    for name in ["lab.toml.password", "lab.toml.client-secret"] {
        let mode = std::fs::metadata(place.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }

    assert_eq!(end(child).code(), Some(0));
    let dump: Json = serde_json::from_slice(&std::fs::read(place.path().join("dump.json")).unwrap()).unwrap();
    let objects = dump["objects"].as_array().unwrap();
    assert!(objects.iter().any(|object| object["SamAccountName"] == "user00003"));
    let objects = dump["cloud"]["objects"].as_array().unwrap();
    assert!(objects.iter().any(|object| object["UserPrincipalName"] == "user00003@contoso.com"));

    // Its own file is written over, and without a name for it the files go with the command.
    let (child, _) = start(&place, &["--write-config", "lab.toml"]);
    end(child);
    let (child, line) = start(&place, &[]);
    let ca = std::path::PathBuf::from(line["ca_file"].as_str().unwrap());
    assert!(ca.exists());
    end(child);
    assert!(!ca.exists());
}

#[test]
fn what_it_refuses() {
    let place = Place::new();
    place.write("seed.json", "{\"forest\": 1}");
    place.run(&["lab", "--seed", "seed.json"]).refuses(2, &["seed.json", "the directory file is not valid"]);
    place.run(&["lab", "--seed", "none.json"]).refuses(2, &["cannot read none.json"]);
    place.run(&["lab", "--log", "no/such/folder"]).refuses(2, &["cannot write no/such/folder"]);
    let others = std::fs::read(place.path().join("mailwright.toml")).unwrap();
    place
        .run(&["lab", "--write-config", "mailwright.toml"])
        .refuses(2, &["mailwright.toml", "was not written by"]);
    assert_eq!(std::fs::read(place.path().join("mailwright.toml")).unwrap(), others);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    place.run(&["lab", "--listen", &address]).refuses(2, &["cannot listen at", &address]);
}

#[test]
fn the_connection_file_reaches_it_by_every_connection_and_a_wrong_password_is_3() {
    let place = Place::new();
    let (child, _) = start(&place, &["--write-config", "lab.toml", "--log", "lab.log"]);
    for name in ["lab", "lab-enable", "lab-hybrid", "lab-hybrid-enable", "lab-https", "lab-wsman"] {
        let ran =
            place.run(&["invoke", "Get-Mailbox", "Identity=Administrator", "-c", "lab.toml", "-n", name]);
        assert_eq!(ran.code, Some(0), "{name}: {ran:?}");
    }
    let log = std::fs::read_to_string(place.path().join("lab.log")).unwrap();
    for endpoint in ["PowerShell", "Wsman"] {
        let cmdlet = format!("\"endpoint\":\"{endpoint}\",\"cmdlet\":\"Get-Mailbox\"");
        assert!(log.contains(&cmdlet), "{endpoint} in {log}");
    }
    std::fs::write(place.path().join("lab.toml.password"), super::CANARY).unwrap();
    let set = [
        "invoke",
        "Set-Mailbox",
        "Identity=Administrator",
        "CustomAttribute1=x",
        "-c",
        "lab.toml",
        "-n",
        "lab",
    ];
    place.run(&set).refuses(3, &["refuses the sign-in", "wrong user name or password"]);
    end(child);
    let log = std::fs::read_to_string(place.path().join("lab.log")).unwrap();
    assert!(!log.contains("Set-Mailbox") && !log.contains(super::CANARY), "nothing was tried");
    place.run(&set).refuses(3, &["cannot be reached"]);
}

#[test]
fn the_tenant_answers_and_its_log_tells_it_from_the_servers_of_ones_own() {
    let place = Place::new();
    let (child, line) =
        start(&place, &["--write-config", "lab.toml", "--log", "lab.log", "--mailboxes", "2"]);
    let get = |connection| {
        place.run(&["invoke", "Get-Mailbox", "Identity=user00002", "-c", "lab.toml", "-n", connection])
    };
    let ran = get("lab-cloud");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(get("lab").code, Some(0));
    end(child);
    let log = std::fs::read_to_string(place.path().join("lab.log")).unwrap();
    assert!(!log.contains(line["cloud"]["client_secret"].as_str().unwrap()));
    let lines: Vec<Json> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let sides: Vec<_> = lines
        .iter()
        .filter(|line| line["cmdlet"]["cmdlet"] == "Get-Mailbox")
        .map(|line| (line["cmdlet"]["side"].as_str().unwrap(), line["cmdlet"]["user"].as_str().unwrap()))
        .collect();
    assert_eq!(
        sides,
        [("cloud", line["cloud"]["application_id"].as_str().unwrap()), ("on-premises", "CONTOSO\\svc-idm")]
    );
    let paths: Vec<_> = lines
        .iter()
        .filter(|line| line["http"]["side"] == "cloud")
        .map(|line| line["http"]["path"].as_str().unwrap().rsplit('/').next().unwrap())
        .collect();
    assert_eq!(paths, ["token", "InvokeCommand"]);
}

#[test]
fn requests_of_the_tenant_go_wrong_as_a_file_says() {
    let place = Place::new();
    // The example of the README.
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let start_of = readme.find("{\"cloud\": [").unwrap();
    let faults = readme[start_of..].split("```").next().unwrap();
    place.write("faults.json", faults);
    let (child, _) =
        start(&place, &["--write-config", "lab.toml", "--faults", "faults.json", "--log", "lab.log"]);
    let run = |arguments: &[&str]| {
        let ran = place.run(&[&["invoke"], arguments, &["-c", "lab.toml", "-n", "lab-cloud"]].concat());
        assert!(matches!(ran.code, Some(0 | 1)), "{ran:?}");
    };
    for number in 0..11 {
        run(&["Set-Mailbox", "Identity=cloudbox001", &format!("CustomAttribute1={number}")]);
    }
    run(&["New-Mailbox", "Name=info", "Shared=true"]);
    run(&["Get-Mailbox", "Identity=info"]);
    end(child);
    let log = std::fs::read_to_string(place.path().join("lab.log")).unwrap();
    let lines: Vec<Json> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let statuses = |cmdlet: &str| -> Vec<u64> {
        let of = lines.iter().filter(|line| line["http"]["cmdlet"] == cmdlet);
        of.map(|line| line["http"]["status"].as_u64().unwrap()).collect()
    };
    let expected: Vec<u64> = [[200; 9].as_slice(), &[429, 200, 200]].concat();
    assert_eq!(statuses("Set-Mailbox"), expected);
    assert_eq!((statuses("New-Mailbox"), statuses("Get-Mailbox")), (vec![504], vec![200]));
    let retry = lines.iter().find(|line| line["http"]["status"] == 429).unwrap();
    assert_eq!(retry["http"]["retry_after"], "1.5");
    place.write("bad.json", "{\"clouds\": []}");
    place.run(&["lab", "--faults", "bad.json"]).refuses(2, &["bad.json", "unknown field"]);
}

#[test]
fn a_token_goes_to_no_host_that_the_tenant_sends_its_clients_to_unless_it_is_known() {
    let place = Place::new();
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/directory.json");
    let mut seed: Json = serde_json::from_slice(&std::fs::read(sample).unwrap()).unwrap();
    for redirect in ["hostile", "port446"] {
        seed["cloud"]["behaviour"] = serde_json::json!({ "redirect": redirect });
        place.write("seed.json", &seed.to_string());
        let (child, _) =
            start(&place, &["--write-config", "lab.toml", "--seed", "seed.json", "--log", "lab.log"]);
        let ran = place.run(&["invoke", "Get-AcceptedDomain", "-c", "lab.toml", "-n", "lab-cloud"]);
        end(child);
        assert!(ran.code.is_some_and(|code| code != 0) && ran.stderr.contains("127.0.0.1"), "{ran:?}");
        let log = std::fs::read_to_string(place.path().join("lab.log")).unwrap();
        let lines: Vec<Json> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let host = |line: &Json| line["http"]["host"].as_str().unwrap_or_default().to_owned();
        assert!(
            lines.iter().any(|line| line["http"]["status"] == 302 && line["http"]["shows_token"] == true)
        );
        assert!(!lines.iter().any(|line| host(line) == "hostile" || host(line) == "regional"), "{log}");
    }
}

#[test]
fn connections_of_ones_own_are_led_to_the_tenant() {
    let place = Place::new();
    let cloud = "[connections.online.cloud]\ntenant = \"contoso.onmicrosoft.com\"\napplication_id = \"x\"\n\
                 certificate_file = \"none.pfx\"\nlicence = \"SPE_E3\"\n";
    for (file, keys) in [
        ("cloud.toml", "infrastructure = \"cloud\"\n".to_owned()),
        (
            "both.toml",
            "infrastructure = \"hybrid\"\nserver = \"http://ex01.contoso.com/PowerShell/\"\nusername = \"x\"\n\
             password = \"env:NONE\"\n"
                .to_owned(),
        ),
    ] {
        place.write(file, &format!("[connections.online]\n{keys}{cloud}"));
        let ran = place.run(&["invoke", "Get-MgUser", "UserId=cloud001@contoso.com", "--lab", "-c", file]);
        assert_eq!(ran.code, Some(0), "{file}: {ran:?}");
        assert!(ran.stdout.contains("cloud001@contoso.com"), "{file}: {ran:?}");
    }
    let ran = place.run(&["invoke", "Get-Mailbox", "Identity=cloudbox001", "--lab", "-n", "lab-cloud"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("\"IsDirSynced\":false"), "{ran:?}");
}

#[test]
fn it_takes_credssp() {
    let place = Place::new();
    let (child, _) = start(&place, &["--write-config", "lab.toml", "--log", "lab.log"]);
    let file = place.path().join("lab.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let changed: Vec<_> = text
        .lines()
        .map(|line| if line.starts_with("authentication") { "authentication = \"credssp\"" } else { line })
        .collect();
    std::fs::write(&file, changed.join("\n")).unwrap();
    let run =
        |name| place.run(&["invoke", "Get-Mailbox", "Identity=Administrator", "-c", "lab.toml", "-n", name]);
    for name in ["lab", "lab-https", "lab-wsman"] {
        let ran = run(name);
        assert_eq!(ran.code, Some(0), "{name}: {ran:?}");
    }
    std::fs::write(place.path().join("lab.toml.password"), super::CANARY).unwrap();
    run("lab").refuses(3, &["refuses the sign-in", "the user name or the password is wrong"]);
    end(child);
}
