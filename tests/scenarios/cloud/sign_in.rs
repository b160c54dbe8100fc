//! Signing in to the cloud, and the way there.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, date_time_ymd};
use serde_json::{Value as Json, json};

use super::{config, count, tenant};
use crate::cli::{Place, Ran};
use crate::scenarios::bench::{Bench, logged};

/// Runs openssl in a folder; none where it is not installed.
fn openssl(folder: &Path, line: &str) -> Option<()> {
    match Command::new("openssl").current_dir(folder).args(line.split(' ')).output() {
        Ok(ran) if ran.status.success() => Some(()),
        Ok(ran) => panic!("{line}: {}", String::from_utf8_lossy(&ran.stderr)),
        Err(error) => {
            assert!(std::env::var_os("MAILWRIGHT_REQUIRE_PEERS").is_none(), "openssl: {error}");
            println!("SKIPPED: openssl is not installed: no certificates to sign in with");
            None
        }
    }
}

/// Joins two files into one that only its owner may read.
fn joined(folder: &Path, name: &str, parts: [&str; 2]) {
    let read = |part: &str| std::fs::read(folder.join(part)).unwrap();
    std::fs::write(folder.join(name), parts.map(read).concat()).unwrap();
    restrict(folder, name);
}

fn restrict(folder: &Path, name: &str) {
    assert!(Command::new("chmod").current_dir(folder).args(["600", name]).status().unwrap().success());
}

/// The certificate of an application in every form: PEM, both generations of PFX, one that has expired, one with another key.
fn certificates() -> Option<Place> {
    let place = Place::new();
    let folder = place.path();
    for name in ["own", "other"] {
        openssl(
            folder,
            &format!(
                "req -x509 -newkey rsa:2048 -nodes -subj /CN={name} -days 30 -keyout {name}.key -out {name}.crt"
            ),
        )?;
        joined(folder, &format!("{name}.pem"), [&format!("{name}.key"), &format!("{name}.crt")]);
    }
    openssl(folder, "pkcs12 -export -inkey own.key -in own.crt -passout pass:Canary-pfx -out own.pfx")?;
    let old = "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1 -legacy";
    openssl(
        folder,
        &format!("pkcs12 -export -inkey own.key -in own.crt -passout pass:Canary-pfx {old} -out old.pfx"),
    )?;
    for (name, form) in [
        ("sealed", "pkcs8 -topk8 -v2 aes-256-cbc"),
        ("scrypt", "pkcs8 -topk8 -scrypt"),
        ("legacy", "rsa -traditional -aes128"),
    ] {
        openssl(folder, &format!("{form} -in own.key -passout pass:Canary-pfx -out {name}.key"))?;
        joined(folder, &format!("{name}.pem"), ["own.crt", &format!("{name}.key")]);
    }
    openssl(folder, "ecparam -name prime256v1 -genkey -noout -out ec.key")?;
    openssl(folder, "req -x509 -key ec.key -subj /CN=ec -days 30 -out ec.crt")?;
    joined(folder, "ec.pem", ["ec.key", "ec.crt"]);
    let key = std::fs::read_to_string(folder.join("own.key")).unwrap();
    let key = KeyPair::from_pem_and_sign_algo(&key, &PKCS_RSA_SHA256).unwrap();
    for (name, until) in [("expired", 2021), ("long", 2070)] {
        let mut certificate = CertificateParams::new(vec![]).unwrap();
        (certificate.not_before, certificate.not_after) =
            (date_time_ymd(2020, 1, 1), date_time_ymd(until, 1, 1));
        let file = format!("{name}.crt");
        std::fs::write(folder.join(&file), certificate.self_signed(&key).unwrap().pem()).unwrap();
        joined(folder, &format!("{name}.pem"), ["own.key", &file]);
    }
    for name in ["own.pfx", "old.pfx"] {
        restrict(folder, name);
    }
    Some(place)
}

/// A tenant whose application has this certificate.
fn registered(folder: &Path, certificate: &str) -> Bench {
    let file = folder.join(certificate).display().to_string();
    Bench::with(&tenant(&[]), &["--app-certificate", &file])
}

fn thumbprint(file: &Path) -> String {
    let arguments = ["x509", "-noout", "-fingerprint", "-sha1", "-in"];
    let told = Command::new("openssl").args(arguments).arg(file).output().unwrap().stdout;
    String::from_utf8(told).unwrap().trim().split_once('=').unwrap().1.to_owned()
}

/// One read with these lines in place of the secret, and of the whole connection's.
fn read(bench: &Bench, keys: &str, cloud: &str) -> Ran {
    let text = config(bench, "cloud", keys, cloud);
    let text: String = text
        .lines()
        .filter(|line| !line.starts_with("client_secret"))
        .map(|line| format!("{line}\n"))
        .collect();
    bench.place.write("it.toml", &text);
    bench.run(&["invoke", "Get-AcceptedDomain"])
}

#[test]
fn c01_certificates() {
    let Some(place) = certificates() else { return };
    let folder = place.path();
    let at = |name: &str| folder.join(name).display().to_string();
    let bench = registered(folder, "own.crt");
    let by = |name: &str, more: &str| read(&bench, "", &format!("certificate_file = '{}'\n{more}", at(name)));
    let password = "certificate_password = 'exec:[\"printf\", \"Canary-pfx\"]'";
    for (name, more) in [
        ("own.pem", ""),
        ("own.pfx", password),
        ("old.pfx", password),
        ("sealed.pem", password),
        ("scrypt.pem", password),
    ] {
        let ran = by(name, more);
        assert_eq!(ran.code, Some(0), "{name}: {ran:?}");
        assert!(!ran.stderr.contains("warning"), "{name}: {ran:?}");
    }
    let wrong = "certificate_password = 'exec:[\"printf\", \"Canary-other\"]'";
    let own = thumbprint(&folder.join("own.crt"));
    assert_eq!(by("own.pem", &format!("certificate_thumbprint = \"{own}\"")).code, Some(0));
    let pasted = own.replace(':', " ").to_lowercase();
    assert_eq!(by("own.pem", &format!("certificate_thumbprint = \"\u{200e}{pasted}\"")).code, Some(0));
    let other = format!("certificate_thumbprint = \"{}\"", thumbprint(&folder.join("other.crt")));
    for (name, more, told) in [
        ("own.pem", other.as_str(), "its thumbprint is not"),
        ("other.pem", "", "AADSTS700027"),
        ("expired.pem", "", "expired.pem\": the certificate has expired; make a new one"),
        (
            "own.pem",
            "certificate_thumbprint = \"12 34\"",
            "certificate_thumbprint = \"12 34\": a thumbprint has 40",
        ),
        ("ec.pem", "", "not RSA"),
        ("own.crt", "", "no private key"),
        ("own.pfx", "", "the password of the file is wrong or missing"),
        ("sealed.pem", "", "the password of the file is wrong or missing"),
        ("sealed.pem", wrong, "the password of the file is wrong or missing"),
        ("legacy.pem", password, "openssl pkcs8 -topk8"),
        ("none.pem", "", "none.pem"),
    ] {
        let ran = by(name, more);
        assert!(matches!(ran.code, Some(2 | 3)) && ran.stderr.contains(told), "{name}: {ran:?}");
        assert!(!format!("{ran:?}").contains("Canary"), "{ran:?}");
    }

    // A folder, and the one that is meant in it.
    let chosen = |name: &str| {
        let print = thumbprint(&folder.join(name));
        read(
            &bench,
            "",
            &format!("certificate_directory = '{}'\ncertificate_thumbprint = \"{print}\"", folder.display()),
        )
    };
    assert_eq!(chosen("own.crt").code, Some(0));
    let ran = chosen("ec.crt");
    assert!(ran.stderr.contains("not RSA"), "{ran:?}");
    std::fs::copy(folder.join("own.pem"), folder.join("copy.pem")).unwrap();
    let ran = chosen("own.crt");
    assert!(ran.stderr.contains("2 certificates have this thumbprint"), "{ran:?}");

    assert!(Command::new("chmod").args(["644", &at("own.pem")]).status().unwrap().success());
    let ran = by("own.pem", "");
    assert!(
        ran.code == Some(0) && ran.stderr.contains("warning") && ran.stderr.contains("chmod 600"),
        "{ran:?}"
    );
}

#[test]
fn c02_clocks_that_differ() {
    let Some(place) = certificates() else { return };
    let folder = place.path();
    let bench = registered(folder, "long.crt");
    let here = read(&bench, "", &format!("certificate_file = '{}'", folder.join("long.pem").display()));
    assert_eq!(here.code, Some(0), "{here:?}");
    for (offset, is_taken) in [("+4m", true), ("-4m", true), ("+11m", false), ("-11m", false)] {
        let ran = Command::new("faketime")
            .args(["-f", offset])
            .arg(assert_cmd::cargo::cargo_bin!("mailwright"))
            .args(["invoke", "Get-AcceptedDomain", "-c", "it.toml"])
            .current_dir(bench.place.path())
            .output();
        let Ok(ran) = ran else {
            assert!(std::env::var_os("MAILWRIGHT_REQUIRE_PEERS").is_none(), "{ran:?}");
            return println!("SKIPPED: faketime is not installed: no clock that differs from the cloud's");
        };
        let said = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(if is_taken { 0 } else { 3 }), "{offset}: {said}");
        assert!(is_taken || said.contains("clock"), "{offset}: {said}");
    }
}

/// The lab refuses an assertion that it has seen (`tests/interop/cloud_lab.py`), however soon it comes again.
#[test]
fn c03_no_assertion_is_used_twice() {
    let Some(place) = certificates() else { return };
    let folder = place.path();
    let bench = registered(folder, "own.crt");
    for _ in 0..3 {
        let ran = read(&bench, "", &format!("certificate_file = '{}'", folder.join("own.pem").display()));
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    assert_eq!(asked(&bench, "oauth2/v2.0/token"), 3);
}

/// A proxy on a port of this machine; how many connections it has made.
fn proxy() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let made = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&made);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let mut head = BufReader::new(client.try_clone().unwrap());
            let mut line = String::new();
            head.read_line(&mut line).unwrap();
            let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
            while head.read_line(&mut line).is_ok_and(|read| read > 2) {}
            let Ok(server) = TcpStream::connect(&target) else { continue };
            counted.fetch_add(1, Ordering::SeqCst);
            (&client).write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            for (mut from, mut to) in
                [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)]
            {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Write);
                });
            }
        }
    });
    (address, made)
}

#[test]
fn c20_a_proxy_and_an_authority_of_ones_own() {
    let bench = Bench::new(&tenant(&[]));
    let (address, made) = proxy();
    let text = config(&bench, "cloud", "", "");
    let through = format!("{text}[connections.it.proxy]\nurl = \"http://{address}\"\n");
    bench.place.write("it.toml", &through);
    let ran = bench.run(&["invoke", "Get-AcceptedDomain"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(made.load(Ordering::SeqCst) >= 1, "{ran:?}");
    // Nobody is trusted by chance.
    let unknown: String =
        text.lines().filter(|line| !line.starts_with("ca_file")).map(|line| format!("{line}\n")).collect();
    bench.place.write("it.toml", &unknown);
    let ran = bench.run(&["invoke", "Get-AcceptedDomain"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stderr.contains("certificate"), "{ran:?}");
}

fn with_faults(faults: Json) -> Json {
    let mut seed = tenant(&[]);
    seed["cloud"]["faults"] = faults;
    seed
}

/// With the application's secret.
fn plain(bench: &Bench, keys: &str, cloud: &str) -> Ran {
    bench.place.write("it.toml", &config(bench, "cloud", keys, cloud));
    bench.run(&["invoke", "Get-AcceptedDomain"])
}

fn asked(bench: &Bench, path: &str) -> usize {
    let entries = logged(&bench.path("lab.log"), "http");
    entries.iter().filter(|entry| entry["path"].as_str().unwrap_or_default().contains(path)).count()
}

/// The directory does not know a new certificate everywhere at once.
#[test]
fn c05_rotation() {
    let text = json!({"error": "invalid_client", "error_codes": [700_027],
        "error_description": "AADSTS700027: The certificate with identifier used to sign the client assertion is not registered on application."});
    let fault = json!({"cmdlet": "token", "times": 2, "kind": {"http": {"status": 401, "body": {"text": text.to_string()}}}});
    let bench = Bench::new(&with_faults(json!([fault])));
    let ran = plain(&bench, "", "");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!((asked(&bench, "/oauth2/v2.0/token"), count(&bench, "Get-AcceptedDomain")), (3, 1));
}

/// A password that the service's key of a moment ago has encrypted.
#[test]
fn c16_the_key_for_passwords_changes() {
    let fault = json!({"cmdlet": "New-Mailbox", "after": 1, "times": 1, "kind": "rotate_key"});
    let bench = Bench::new(&with_faults(json!([fault])));
    bench
        .place
        .write("it.toml", &config(&bench, "cloud", "create_method = \"new\"", "create_users = \"exchange\""));
    let row = |name: &str| {
        format!("{name}@contoso.com,{name},{name}@contoso.com,Canary-Pässw0rd!,{name}@contoso.com\n")
    };
    let flow = format!(
        "Identity,Name,UserPrincipalName,_param_password,EmailAddresses\n{}{}{}",
        row("one"),
        row("two"),
        row("three")
    );
    let results = bench.flow("apply", &flow, 0);
    assert!(results.iter().all(|result| result["action"] == "created"), "{results:?}");
    assert!((2..=3).contains(&asked(&bench, "EXOModuleFile")), "{}", asked(&bench, "EXOModuleFile"));
    let log = std::fs::read_to_string(bench.path("lab.log")).unwrap();
    assert!(!log.contains("Canary") && !format!("{results:?}").contains("Canary"));
}

#[test]
fn c18_redirections() {
    let redirected = |to: &str| {
        let mut seed = tenant(&[]);
        seed["cloud"]["behaviour"] = json!({"redirect": to});
        Bench::new(&seed)
    };
    for to in ["regional", "hostile", "port446"] {
        let bench = redirected(to);
        let ran = plain(&bench, "", "");
        assert_eq!(ran.code, Some(3), "{to}: {ran:?}");
        assert!(ran.stderr.contains("where a token must not go"), "{to}: {ran:?}");
        let (_, hint) = ran.stderr.split_once("hint: ").unwrap();
        assert!(hint.contains("redirect_hosts = [\"") && hint.contains("`host:port`"), "{to}: {ran:?}");
        let elsewhere = logged(&bench.path("lab.log"), "http");
        let elsewhere =
            elsewhere.iter().filter(|entry| entry["host"] == "hostile" || entry["host"] == "regional");
        assert_eq!(elsewhere.count(), 0, "{to}: somebody else was asked");
        if to == "regional" {
            // Named by a person in the way that the hint says, it is followed.
            let (_, key) = hint.split_once("redirect_hosts").unwrap();
            let (place, _) = key.split_once(']').unwrap();
            let ran = plain(&bench, &format!("redirect_hosts{place}]"), "");
            assert_eq!(ran.code, Some(0), "{ran:?}");
        }
    }
}

/// What each of a cloud's addresses is can be said alone.
#[test]
fn c19_overrides() {
    let bench = Bench::new(&tenant(&[]));
    let given = |name: &str| bench.given["cloud"][name].as_str().unwrap().to_owned();
    let scope = format!(
        "exchange_scope = \"{}/.default\"\ngraph_scope = \"{}/.default\"",
        given("url"),
        given("graph")
    );
    let ran = plain(&bench, "", &format!("environment = \"china\"\n{scope}"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = bench.run(&["invoke", "Get-MgSubscribedSku"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = plain(&bench, "", "exchange_scope = \"https://outlook.office365.cn/.default\"");
    assert!(ran.code == Some(3) && ran.stderr.contains("AADSTS500011"), "{ran:?}");
}

/// A person's sign-in by the token that renews: the file holds the next one after every run.
#[test]
fn c21_a_refresh_token_on_disk() {
    let person = json!({"RecipientTypeDetails": "User", "Name": "ada", "DisplayName": "ada",
        "UserPrincipalName": "ada@contoso.com", "Password": "Canary-Passw0rd!", "IsExchangeAdministrator": true});
    let bench = Bench::new(&tenant(&[person]));
    let application = bench.given["cloud"]["public_application_id"].as_str().unwrap();
    let back = "https://bridge.example/back";
    let stored = bench.path("refresh-token");
    let keys = |code: &str| {
        format!(
            "token_mode = \"GETANDREFRESH\"\nrefresh_token_file = '{}'\nredirect_uri = \"{back}\"\n\
             authorization_code = 'exec:[\"printf\", \"{code}\"]'",
            stored.display()
        )
    };
    let run = |code: &str| {
        let own = bench.given["cloud"]["application_id"].as_str().unwrap();
        let text = config(&bench, "cloud", "", &keys(code)).replace(own, application);
        let text: String = text
            .lines()
            .filter(|line| !line.starts_with("client_secret"))
            .map(|line| format!("{line}\n"))
            .collect();
        bench.place.write("it.toml", &text);
        bench.run(&["invoke", "Get-AcceptedDomain", "--trace", "trace"])
    };
    let Some(code) = signed_in_by_browser(&bench, application, back) else { return };
    let kept = || std::fs::read_to_string(&stored).unwrap();
    let ran = run(&code);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let first = kept();
    assert_eq!(run(&code).code, Some(0));
    let second = kept();
    assert_ne!(first, second);
    // Ended after it had written the next one and before that had its name: the one under the name is used up.
    std::fs::rename(&stored, bench.path("refresh-token.new")).unwrap();
    std::fs::write(&stored, &first).unwrap();
    restrict(bench.place.path(), "refresh-token");
    assert_eq!(run("no").code, Some(0));
    assert!(kept() != first && kept() != second);
    // Ended in the middle of writing.
    std::fs::write(bench.path("refresh-token.new"), "half").unwrap();
    restrict(bench.place.path(), "refresh-token.new");
    assert_eq!(run("no").code, Some(0));
    // An old copy: nothing but a new sign-in helps, and nothing is lost.
    std::fs::write(&stored, &first).unwrap();
    let ran = run("no");
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert_eq!(kept(), first);
    let traces = std::fs::read_dir(bench.path("trace")).unwrap().map(|entry| entry.unwrap().path());
    let traces: String = traces.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    assert!(traces.contains("grant_type=refresh_token"), "{traces}");
    for secret in [first.trim(), second.trim(), code.as_str()] {
        assert!(!traces.contains(secret) && !format!("{ran:?}").contains(secret));
    }
}

/// What the browser comes back with, by curl; none where that is not installed.
fn signed_in_by_browser(bench: &Bench, application: &str, back: &str) -> Option<String> {
    let (url, tenant) = (bench.given["cloud"]["url"].as_str()?, bench.given["cloud"]["tenant"].as_str()?);
    let asked = format!(
        "{url}/{tenant}/oauth2/v2.0/authorize?client_id={application}&redirect_uri={back}&login_hint=ada@contoso.com"
    );
    let arguments = ["--silent", "--output", "/dev/null", "--write-out", "%{redirect_url}", "--cacert"];
    let ran = Command::new("curl").args(arguments).arg(bench.given["ca_file"].as_str()?).arg(asked).output();
    let Ok(ran) = ran else {
        println!("SKIPPED: curl is not installed: nobody to sign in in a browser");
        return None;
    };
    let location = String::from_utf8(ran.stdout).unwrap();
    let (_, code) = location.split_once("code=").unwrap_or_else(|| panic!("{location}"));
    Some(code.to_owned())
}

/// A name and a password only where that is allowed, with a word about it each time; a second factor is not had.
#[test]
fn a_password_of_a_person() {
    let person = |name: &str, factor: bool| {
        json!({"RecipientTypeDetails": "User", "Name": name, "DisplayName": name, "IsMultiFactor": factor,
            "UserPrincipalName": format!("{name}@contoso.com"), "Password": "Canary-Passw0rd!", "IsExchangeAdministrator": true})
    };
    let bench = Bench::new(&tenant(&[person("ada", false), person("eve", true)]));
    let given = |name: &str| bench.given["cloud"][name].as_str().unwrap().to_owned();
    let run = |name: &str, password: &str, allowed: &str| {
        let keys = format!(
            "authentication = \"password\"\nusername = \"{name}@contoso.com\"\npassword = 'exec:[\"printf\", \"{password}\"]'\n{allowed}"
        );
        let text = config(&bench, "cloud", "", &keys)
            .replace(&given("application_id"), &given("public_application_id"));
        bench.place.write("it.toml", &text);
        bench.run(&["invoke", "Get-AcceptedDomain"])
    };
    let allowed = "danger_password_sign_in = true";
    let ran = run("ada", "Canary-Passw0rd!", "");
    assert!(ran.code == Some(2) && ran.stderr.contains("is being retired by Microsoft"), "{ran:?}");
    let ran = run("ada", "Canary-Passw0rd!", allowed);
    assert!(
        ran.code == Some(0) && ran.stderr.contains("warning") && ran.stderr.contains("retiring"),
        "{ran:?}"
    );
    for (name, password, told) in [
        ("eve", "Canary-Passw0rd!", "the account needs a second factor"),
        ("ada", "Canary-wrong", "user name or password is wrong"),
    ] {
        let ran = run(name, password, allowed);
        assert!(ran.code == Some(3) && ran.stderr.contains(told), "{ran:?}");
        assert!(!format!("{ran:?}").contains("Canary"), "{ran:?}");
    }
}

/// What the machine is, as a virtual machine and as an App Service.
#[test]
fn the_identity_of_a_machine() {
    let bench = Bench::new(&tenant(&[]));
    let given = |name: &str| bench.given["cloud"][name].as_str().unwrap().to_owned();
    let keys = format!(
        "authentication = \"managed-identity\"\nidentity_url = \"{}/metadata/identity/oauth2/token\"",
        given("identity_url")
    );
    let ran = read(&bench, "", &keys);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let text = config(&bench, "cloud", "", "authentication = \"managed-identity\"");
    let text: String = text
        .lines()
        .filter(|line| !line.starts_with("client_secret"))
        .map(|line| format!("{line}\n"))
        .collect();
    bench.place.write("it.toml", &text);
    let service = |header: &str| {
        Command::new(assert_cmd::cargo::cargo_bin!("mailwright"))
            .current_dir(bench.place.path())
            .env("IDENTITY_ENDPOINT", format!("{}/msi/token", given("identity_url")))
            .env("IDENTITY_HEADER", header)
            .args(["-c", "it.toml", "invoke", "Get-AcceptedDomain"])
            .output()
            .unwrap()
    };
    let ran = service(&given("identity_header"));
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    // Who was asked is named, which is not the directory, and what it said.
    let asked = format!("{}/msi/token refuses the sign-in", given("identity_url"));
    let ran = service("Canary-wrong");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(3), "{said}");
    assert!(said.contains(&asked) && said.contains("X-IDENTITY-HEADER is missing or wrong"), "{said}");
    assert!(!said.contains(&given("url")) && !said.contains("Canary"), "{said}");
    let other = "authentication = \"managed-identity\"\nidentity_client_id = \"11111111-2222-3333-4444-555555555555\"";
    let machine =
        format!("{other}\nidentity_url = \"{}/metadata/identity/oauth2/token\"", given("identity_url"));
    let ran = read(&bench, "", &machine);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(
        ran.stderr.contains(
            "identity_client_id = \"11111111-2222-3333-4444-555555555555\" is none of the identities"
        ),
        "{ran:?}"
    );
    // As if the variables of App Service had been lost on the way to the program.
    let lost = format!(
        "authentication = \"managed-identity\"\nidentity_url = \"{}/msi/token\"",
        given("identity_url")
    );
    let ran = read(&bench, "", &lost);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stderr.contains("IDENTITY_ENDPOINT and IDENTITY_HEADER"), "{ran:?}");
}

/// A token of somebody else that the service does not take says itself why.
#[test]
fn a_token_that_cannot_be_taken() {
    let bench = Bench::new(&tenant(&[]));
    let given = |name: &str| bench.given["cloud"][name].as_str().unwrap().to_owned();
    let made = |aud: &str, exp: u64| {
        let part = |json: Json| URL_SAFE_NO_PAD.encode(json.to_string());
        let body = json!({"aud": aud, "exp": exp, "tid": given("tenant"), "appid": "app"});
        format!("{}.{}.Canary", part(json!({"alg": "RS256"})), part(body))
    };
    let never = 4_102_444_800;
    for (token, told) in [
        ("Canary-rubbish".to_owned(), "access_token: this is no token"),
        (made(&given("url"), 1_600_000_000), "access_token: the token has expired"),
        (
            made("https://graph.microsoft.com", never),
            "access_token: the token is for another service, https://graph.microsoft.com",
        ),
        // What is wrong with this one only the service knows.
        (made(&given("url"), never), "Exchange.ManageAsApp"),
    ] {
        bench.place.write("token", &token);
        restrict(bench.place.path(), "token");
        let keys = format!(
            "authentication = \"token\"\naccess_token = 'file:{}'\nlicence = \"elsewhere\"",
            bench.path("token").display()
        );
        let ran = read(&bench, "", &keys);
        assert_eq!(ran.code, Some(3), "{ran:?}");
        assert!(ran.stderr.contains(told) && !ran.stderr.contains("Canary"), "{told}: {ran:?}");
        assert_eq!(ran.stderr.contains("ManageAsApp"), told.contains("ManageAsApp"), "{ran:?}");
    }
}

/// A cmdlet that is not there, and a tenant by the name of its domain.
#[test]
fn what_there_is_not_and_a_tenant_by_its_domain() {
    let bench = Bench::new(&tenant(&[]));
    let given = |name: &str| bench.given["cloud"][name].as_str().unwrap().to_owned();
    let text = config(&bench, "cloud", "", "").replace(
        &format!("tenant = \"{}\"", given("tenant")),
        &format!("tenant = \"{}\"", given("organization")),
    );
    bench.place.write("it.toml", &text);
    let ran = bench.run(&["invoke", "Get-AcceptedDomain"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = bench.run(&["invoke", "Get-Nonsense"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stderr.contains("`Get-Nonsense` is not among the cmdlets") && !ran.stderr.contains("sign-in"),
        "{ran:?}"
    );
    bench.place.write("it.toml", &text.replace(&given("organization"), "fabrikam.onmicrosoft.com"));
    let ran = bench.run(&["invoke", "Get-AcceptedDomain"]);
    assert!(ran.code == Some(3) && ran.stderr.contains("there is no such tenant"), "{ran:?}");
}
