//! `mailwright doctor` for the cloud: a healthy tenant, and one thing broken at a time.

use std::process::Command;

use mailwright::lab::cloud::{Application, Running, Tenant};
use mailwright::lab::{Exchange as Lab, Options, Restrictions, Seed};
use serde_json::json;
use uuid::Uuid;

use super::cloud::certificate;
use super::doctor::{Bench, Examined};
use crate::cli::{CANARY, Place};

const TENANT: Uuid = Uuid::from_u128(0x7e57);

/// A tenant with applications of every grade, and a certificate of openssl that they sign in with.
struct Grades {
    place: Place,
    running: Running,
}

impl Grades {
    /// None where openssl is not installed.
    async fn new(days: &str) -> Option<Self> {
        let place = Place::new();
        let der = certificate(&place, days)?;
        mode(&place, 0o600);
        let application = |id: &str, roles: &[&str]| Application {
            id: id.into(),
            certificates: vec![der.clone()],
            secret: Some(CANARY.into()),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            ..Application::default()
        };
        let hidden = |id: &str, cmdlets: &[&str]| Application {
            restrictions: Restrictions {
                hidden_cmdlets: cmdlets.iter().map(|name| (*name).to_owned()).collect(),
                ..Restrictions::default()
            },
            ..application(id, &["Exchange.ManageAsApp"])
        };
        let applications = vec![
            application("bridge", &["Exchange.ManageAsApp"]),
            application("nobody", &[]),
            application("other", &["Exchange.ManageAsAppV2"]),
            hidden("without-a-role", &["*"]),
            hidden("reader", &["Set-Mailbox", "New-Mailbox"]),
        ];
        let lab = Lab::cloud(Seed::generated(3), Options::default()).unwrap();
        let running =
            Running::start(|base| Tenant::new(TENANT, base, applications, b"sealed", lab)).await.unwrap();
        Some(Self { place, running })
    }

    /// A connection file with these keys.
    fn write(&self, keys: &str) -> std::path::PathBuf {
        self.place.write("ca.pem", self.running.ca_pem());
        let (base, folder) = (self.running.base(), self.place.path().display().to_string());
        let text = format!(
            "[connections.online]\ninfrastructure = \"cloud\"\n[connections.online.tls]\nca_file = 'FOLDER/ca.pem'\n\
             [connections.online.cloud]\ntenant = \"{TENANT}\"\nlogin_url = \"{base}\"\nexchange_url = \"{base}\"\n{keys}\n"
        );
        self.place.write("m.toml", &text.replace("FOLDER", &folder))
    }

    fn examine(&self, keys: &str) -> Examined {
        let file = self.write(keys);
        let ran = self.place.run(&["doctor", "-c", file.to_str().unwrap(), "--output", "jsonl"]);
        assert!(!format!("{ran:?}").contains(CANARY), "{ran:?}");
        Examined::new(ran)
    }
}

fn mode(place: &Place, mode: u32) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(place.path().join("bridge.pem"), mode).unwrap();
}

fn as_application(id: &str) -> String {
    format!("application_id = \"{id}\"\ncertificate_file = 'FOLDER/bridge.pem'")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_tenant_fails_in_no_line_and_nothing_is_written() {
    let bench = Bench::new(json!({})).await;
    for name in ["lab-cloud", "lab-hybrid-full"] {
        let examined = bench.examine(name, &[]).await;
        assert_eq!(examined.code, Some(0), "{examined:#?}");
        assert_eq!(examined.with("failed"), [""; 0]);
        let cloud = [
            "login host",
            "Exchange host",
            "Graph host",
            "cloud clock",
            "cloud sign-in",
            "Exchange permission",
            "excluded domains",
            "Graph permissions",
            "licence",
            "usage location",
        ];
        let ok = examined.with("ok");
        assert!(cloud.iter().all(|line| ok.contains(line)), "{ok:?}");
        assert_eq!(ok.contains(&"resource URI"), name == "lab-hybrid-full");
        assert_eq!(ok.iter().filter(|line| **line == "excluded domains").count(), 1, "{ok:?}");
        assert!(examined.check("licence")["detail"].as_str().unwrap().contains("seats are free"));
    }
    // Where somebody else gives licences nothing leads to Graph.
    let examined =
        bench.examine("lab-cloud", &[("licence = \"ENTERPRISEPACK\"", "licence = \"elsewhere\"")]).await;
    assert!(examined.code == Some(0) && !examined.with("ok").contains(&"Graph host"), "{examined:#?}");
    let examined = bench.examine("lab-cloud", &[("\"ENTERPRISEPACK\"", "\"NO_SUCH\"")]).await;
    assert_eq!((examined.code, examined.with("failed")), (Some(1), vec!["licence"]), "{examined:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_grade_of_permission_is_told_apart() {
    let Some(grades) = Grades::new("20").await else { return };
    let good = grades.examine(&as_application("bridge"));
    assert_eq!((good.code, good.with("failed").len()), (Some(0), 0), "{good:#?}");
    let certificate = good.check("certificate");
    assert!(certificate["warning"].as_str().unwrap().contains("ends soon"), "{certificate}");
    assert!(good.check("cloud sign-in")["detail"].as_str().unwrap().contains(&TENANT.to_string()));
    let behind = ["cloud cmdlets"];
    grades.examine(&as_application("nobody")).only(1, "Exchange permission", "401", "admin consent", &behind);
    grades.examine(&as_application("other")).only(
        1,
        "Exchange permission",
        "ManageAsAppV2",
        "Exchange.ManageAsApp",
        &behind,
    );
    let without = grades.examine(&as_application("without-a-role"));
    without.only(
        1,
        "Exchange permission",
        "status 403: the application has no role",
        "Add-RoleGroupMember",
        &behind,
    );
    let reader = grades.examine(&as_application("reader"));
    reader.only(1, "cloud cmdlets", "not visible: Set-Mailbox, New-Mailbox", "Mail Recipient Creation", &[]);
    let behind = ["Exchange permission", "cloud cmdlets"];
    grades.examine(&as_application("stranger")).only(3, "cloud sign-in", "700016", "application_id", &behind);
    let wrong = "application_id = \"bridge\"\nclient_secret = 'exec:[\"printf\", \"wrong\"]'";
    let wrong = grades.examine(wrong);
    wrong.only(3, "cloud sign-in", "7000215", "client_secret", &behind);
    assert!(wrong.check("cloud protection")["warning"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_and_hosts() {
    let Some(grades) = Grades::new("300").await else { return };
    let behind = ["cloud sign-in", "Exchange permission", "cloud cmdlets"];
    let other = format!("{}\ncertificate_thumbprint = \"{}\"", as_application("bridge"), "0".repeat(40));
    grades.examine(&other).only(3, "certificate", "thumbprint", "uploaded", &behind);
    let good = grades.examine(&as_application("bridge"));
    assert!(good.check("certificate")["warning"].is_null() && good.code == Some(0), "{good:#?}");
    mode(&grades.place, 0o644);
    let open = grades.examine(&as_application("bridge"));
    assert!(open.check("certificate")["hint"].as_str().unwrap().contains("chmod 600"), "{open:#?}");
    // The thumbprint is that of openssl.
    let fingerprint = ["x509", "-in", "cert.pem", "-noout", "-fingerprint", "-sha1"];
    let told = Command::new("openssl").current_dir(grades.place.path()).args(fingerprint).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap().trim().rsplit('=').next().unwrap().replace(':', "");
    assert!(open.check("certificate")["detail"].as_str().unwrap().starts_with(&told), "{open:#?}");

    // Nobody listens at port 1, and the name is nobody's.
    let text =
        |url: &str| format!("{}\ngraph_url = \"{url}\"\nlicence = \"SPE_E3\"", as_application("bridge"));
    for (url, detail, hint) in [
        ("https://127.0.0.1:1", "refused", "port 443"),
        ("https://nowhere.invalid", "nowhere.invalid", "DNS"),
    ] {
        let examined = grades.examine(&text(url));
        assert_eq!((examined.code, examined.with("failed")), (Some(1), vec!["Graph host"]), "{examined:#?}");
        let check = examined.check("Graph host");
        assert!(check["detail"].as_str().unwrap().contains(detail), "{check}");
        assert!(check["hint"].as_str().unwrap().contains(hint), "{check}");
        let unknown = examined.with("could not check");
        assert!(["Graph permissions", "licence"].iter().all(|line| unknown.contains(line)), "{unknown:?}");
    }
}

/// On a mailbox of the tenant: what it was before it is afterwards, and what was seen names nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_live_test_puts_everything_back_and_names_nobody() {
    let Some(grades) = Grades::new("300").await else { return };
    let config = grades.write(&as_application("bridge"));
    let config = config.to_str().unwrap();
    let test = ["doctor", "-c", config, "--live-write-test", "user00001"];
    grades.place.run(&test).refuses(2, &["nobody sits at a terminal", "--yes"]);
    let set = ["invoke", "-c", config, "Set-Mailbox", "Identity=user00001", "CustomAttribute15=before ä"];
    assert_eq!(grades.place.run(&set).code, Some(0));
    let before = grades.running.tenant().dump();

    let ran = grades.place.run(&[&test[..], &["--yes"]].concat());
    assert_eq!(before["objects"], grades.running.tenant().dump()["objects"], "{ran:?}");
    let said = ran.stderr.find("This test writes to the mailbox user00001").unwrap();
    assert!(said < ran.stderr.find("CustomAttribute15 of user00001 is \"before ä\"").unwrap(), "{ran:?}");
    let text = std::fs::read_to_string(grades.place.path().join("live-write-test.json")).unwrap();
    assert!(!text.contains("user0") && !text.contains("before") && !text.contains("contoso"), "{text}");
    let record: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(record["restored"], "yes");
    let point = |name: &str| {
        let points = record["points"].as_array().unwrap();
        points.iter().find(|point| point["point"] == name).unwrap_or_else(|| panic!("{name}: {text}")).clone()
    };
    for name in [
        "read",
        "not-found",
        "unknown-parameter",
        "pages",
        "write",
        "restore",
        "foreign-domain",
        "address-conflict",
    ] {
        assert_eq!(point(name)["compared"], "as-expected", "{:#}", point(name));
    }
    assert_eq!(point("not-found")["seen"][0]["error"]["id"], "Ex6F9304");
    assert_eq!(point("not-found")["seen"][0]["error"]["details"], "text");
    assert_eq!(point("pages")["seen"].as_array().unwrap().len(), 2, "three mailboxes, two on a page");
    // The tenant ties pages to a cookie.
    assert_eq!(point("pages-without-affinity")["compared"], "recorded");
    assert_eq!(point("pages-without-affinity")["seen"][1]["status"], 400);
    for name in ["new-mailbox", "plain-password", "write-scope", "throttling"] {
        assert_eq!(point(name)["compared"], "not-tried");
        assert!(point(name)["note"].is_string());
    }
    assert!(ran.stdout.lines().count() == record["points"].as_array().unwrap().len(), "{}", ran.stdout);
    assert_eq!(ran.code, Some(0), "{ran:?}");

    let nobody = ["doctor", "-c", config, "--live-write-test", "nobody", "--yes"];
    grades.place.run(&nobody).refuses(2, &["cannot be read", "nothing was written"]);
    let corp = ["doctor", "--live-write-test", "x", "--yes"];
    grades.place.run(&corp).refuses(2, &["does not reach Exchange Online"]);
}
