//! A password that is changed where it is kept, before a run or in the middle of one: the secret is read once more, and
//! only another one is tried, once.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use mailwright::bridge::{Action, Bridge, Change, Operation};
use mailwright::config::Config;
use mailwright::exchange::{self, Call, ExchangeError};
use mailwright::lab::{self, Running, Seed, ServeOptions};
use secrecy::{ExposeSecret as _, SecretString};
use wsman::clixml::{SecureText, Value};

use crate::cli::Place;
use crate::log::log_entries;

const NEW: &str = "Canary-44d0!new";

/// A lab with a log, and a connection file whose password comes from `secret`, which prints what `answers` holds: a line
/// for each time that it is asked, the last one for ever. It notes each time in `asked`.
struct Scene {
    place: Place,
    running: Running,
}

impl Scene {
    async fn new(authentication: &str, answers: &[&str]) -> Self {
        let place = Place::new();
        let log = Some(place.path().join("lab.log"));
        // Slow enough that lanes run side by side, each with a session of its own.
        let options = ServeOptions { log, latency: Duration::from_millis(100), ..ServeOptions::default() };
        let running = lab::serve(Seed::sample().unwrap(), options).await.unwrap();
        running.write_config(&place.path().join("lab.toml")).unwrap();
        let script = place.write(
            "secret",
            "#!/bin/sh\ncd \"$(dirname \"$0\")\"\necho >>asked\nsed -n \"$(wc -l <asked)p;\\$p\" answers | head -n 1\n",
        );
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
        let scene = Self { place, running };
        scene.answers(answers);
        let config = scene.file("lab.toml");
        let line = |line: &str| match line.split_once(" = ") {
            Some(("password", _)) => format!("password = 'exec:[\"{}\"]'\n", script.display()),
            Some(("authentication", _)) => format!("authentication = \"{authentication}\"\n"),
            _ => format!("{line}\n"),
        };
        scene.place.write("rotated.toml", &config.lines().map(line).collect::<String>());
        scene
    }

    fn answers(&self, answers: &[&str]) {
        let right = self.running.password().expose_secret();
        let line =
            |answer: &&str| if *answer == "RIGHT" { right.to_owned() } else { (*answer).to_owned() } + "\n";
        self.place.write("answers", &answers.iter().map(line).collect::<String>());
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.place.path().join(name)).unwrap_or_default()
    }

    fn asked(&self) -> usize {
        self.file("asked").lines().count()
    }

    /// Sign-ins that the lab refused: connections on which nothing but 401 was ever answered, with a proof or two.
    fn refused(&self) -> usize {
        refused(&self.place.path().join("lab.log"))
    }

    fn config(&self) -> Config {
        Config::load(&self.place.path().join("rotated.toml")).unwrap()
    }

    /// Changes the password of the service account, as its administrator.
    async fn change_password(&self) {
        let config = Config::load(&self.place.path().join("lab.toml")).unwrap();
        let open = exchange::open(config.connection(Some("lab-enable")).unwrap(), None).await.unwrap();
        let new = SecretString::from(NEW);
        for call in [
            Call::new("Enable-Mailbox").with("Identity", Value::from("svc-idm")),
            Call::new("Set-Mailbox")
                .with("Identity", Value::from("svc-idm"))
                .with("Password", Value::SecureString(SecureText::Clear(new))),
        ] {
            let answer = open.run(&call).await.unwrap();
            assert_eq!(answer.refusal(), None);
        }
        open.close().await;
    }
}

fn refused(log: &Path) -> usize {
    let mut connections: BTreeMap<u64, (usize, bool)> = BTreeMap::new();
    for line in log_entries(log) {
        let Some(http) = line.get("http") else { continue };
        let seen = connections.entry(http["connection"].as_u64().unwrap()).or_default();
        match http["status"].as_u64().unwrap() {
            401 => seen.0 += 1,
            _ => seen.1 = true,
        }
    }
    // NTLM takes two requests for one proof; a connection on which the first was the last proved nothing.
    connections.values().filter(|(unauthorized, let_in)| *unauthorized > 1 && !let_in).count()
}

const GET: [&str; 8] =
    ["-c", "rotated.toml", "-n", "lab", "invoke", "Get-Mailbox", "Identity=Administrator", "--trace"];

#[tokio::test(flavor = "multi_thread")]
async fn another_value_is_tried_and_the_same_is_not() {
    struct Case {
        answers: &'static [&'static str],
        code: i32,
        asked: usize,
        refused: usize,
        said: &'static str,
    }
    let case = |answers, code, asked, refused, said| Case { answers, code, asked, refused, said };
    for authentication in ["negotiate", "ntlm", "credssp"] {
        for case in [
            case(&["RIGHT"], 0, 1, 0, ""),
            case(&["Canary-old1!", "RIGHT"], 0, 2, 1, ""),
            case(&["Canary-old1!"], 3, 2, 1, "refuse"),
            case(&["Canary-old1!", "Canary-old2!", "RIGHT"], 3, 2, 2, "and the new one is refused too"),
            case(&["Canary-old1!", ""], 3, 2, 1, "the secret cannot be read again"),
        ] {
            let scene = Scene::new(authentication, case.answers).await;
            let ran = tokio::task::block_in_place(|| scene.place.run(&[&GET[..], &["trace"]].concat()));
            let told = format!("{authentication} {:?}: {ran:?}", case.answers);
            assert_eq!((ran.code, scene.asked()), (Some(case.code), case.asked), "{told}");
            assert!(ran.stderr.contains(case.said), "{told}");
            // CredSSP has TLS of its own in the legs before the proof.
            if authentication != "credssp" {
                assert_eq!(scene.refused(), case.refused, "{told}");
            }
            for entry in std::fs::read_dir(scene.place.path().join("trace")).unwrap() {
                let traced = std::fs::read_to_string(entry.unwrap().path()).unwrap();
                assert!(!traced.contains("Canary-old"), "{traced}");
            }
            assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("Canary-old"));
            scene.running.shutdown().await.unwrap();
        }
    }
}

/// The first session is there and stays; the other lanes need sessions of their own, in the middle of the run.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_with_the_new_password() {
    let scene = Scene::new("negotiate", &["RIGHT", NEW]).await;
    let config = scene.config();
    let connection = config.connection(Some("lab-enable")).unwrap();
    let bridge = Bridge::open(connection, &scene.place.path().join("j.db"), "test").await.unwrap();
    scene.change_password().await;
    let changes = (1..=20).map(|number| {
        let mut change = Change::new(Operation::Update, format!("rename{number:03}@contoso.com"));
        change.attributes.insert("CustomAttribute1".into(), "4711".into());
        change
    });
    let outcomes = bridge.apply(changes).await.unwrap();
    assert!(outcomes.iter().all(|outcome| outcome.action == Action::Updated), "{outcomes:#?}");
    assert_eq!(outcomes.len(), 20);
    assert_eq!(scene.asked(), 2, "read once more, by whoever was first");
    assert!((1..=3).contains(&scene.refused()), "at most one for each lane: {}", scene.refused());
    bridge.close().await;
    scene.running.shutdown().await.unwrap();
}

/// Nobody has written the new password down yet: the account is left alone, however often it is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_left_alone_while_there_is_no_other_password() {
    let scene = Scene::new("ntlm", &["RIGHT"]).await;
    let config = scene.config();
    let connection = config.connection(Some("lab-enable")).unwrap();
    let open = exchange::open(connection, None).await.unwrap();
    let call = Call::new("Get-Mailbox").with("Identity", Value::from("Administrator"));
    scene.change_password().await;
    let _ = tokio::join!(open.run(&call), open.run(&call), open.run(&call));
    // Those that were under way when the first of them found out.
    let so_far = scene.refused();
    assert!((1..=3).contains(&so_far), "{so_far}");
    for _ in 0..10 {
        let answers = tokio::join!(open.run(&call), open.run(&call), open.run(&call));
        for answer in [answers.0, answers.1, answers.2] {
            assert!(matches!(answer, Err(ExchangeError::SignIn { .. })), "{answer:?}");
        }
    }
    assert_eq!(scene.refused(), so_far, "not one more");
    assert_eq!(scene.asked(), 2, "read once more");
    open.close().await;
    scene.running.shutdown().await.unwrap();
}
