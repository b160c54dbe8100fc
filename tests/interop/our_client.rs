//! Our client against a server of psrpcore and pyspnego.

use serde_json::json;
use wsman::client::{Authentication, Collected, ConnectionConfig, Error, PoolOptions, RunspacePool};
use wsman::clixml::Value;
use wsman::psrp::{Command, Outcome};

use crate::peer::Peer;
use crate::{python, say};

const CELLS: [(bool, Authentication); 4] = [
    (false, Authentication::Ntlm),
    (false, Authentication::Negotiate),
    (true, Authentication::Ntlm),
    (true, Authentication::Negotiate),
];

async fn open(config: ConnectionConfig) -> Result<RunspacePool, Error> {
    RunspacePool::open(config, PoolOptions::default()).await
}

async fn run(pool: &RunspacePool, command: Command) -> Collected {
    pool.pipeline().command(command).run().await.unwrap().collect().await.unwrap()
}

fn get(identity: &str) -> Command {
    Command::new("Get-Mailbox").parameter("Identity", Value::from(identity))
}

fn passed(what: &str, tls: bool, authentication: Authentication) {
    let transport = if tls { "https" } else { "http, sealed" };
    say(&format!(
        "interop: our client, server of psrpcore and pyspnego, {authentication:?}, {transport}: {what}"
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_record_and_parameter() {
    let Some(interpreter) = python::interpreter() else { return };
    for (tls, authentication) in CELLS {
        let peer = Peer::start(interpreter, &[]);
        let pool = open(peer.config(tls, authentication)).await.unwrap();
        reads_what_is_there(&pool).await;
        reads_errors(&pool).await;
        writes_every_type(&pool).await;
        reads_many_envelopes(&pool).await;
        stops(&pool).await;
        pool.close().await.unwrap();

        let log = peer.finish();
        log.is_clean();
        assert_eq!(log.count("signal", "powershell/signal/crtl_c"), 1, "{log:?}");
        assert_eq!(log.parameters("New-Mailbox"), &understood());
        passed("pass", tls, authentication);
    }
}

async fn reads_what_is_there(pool: &RunspacePool) {
    let found = run(pool, get("ada")).await;
    assert_eq!(found.outcome, Some(Outcome::Completed));
    let [mailbox] = found.output.as_slice() else { panic!("{found:?}") };
    assert_eq!(mailbox.get("Name"), Some(&Value::from("ada")));
    assert_eq!(mailbox.get("EmailAddressPolicyEnabled"), Some(&Value::Bool(true)));
    let addresses = mailbox.get("EmailAddresses").and_then(Value::items);
    let expected = [Value::from("SMTP:ada@contoso.com"), Value::from("X500:/o=Contoso/cn=_x0041_ada")];
    assert_eq!(addresses, Some(expected.as_slice()));
    assert_eq!(mailbox.get("Unicode"), Some(&Value::from("\u{e4}\u{4e2d}\u{1F4E7}\r\n\t")));
    // uuid.uuid5(uuid.NAMESPACE_DNS, "ada") in Python.
    let guid = uuid::uuid!("21495524-a02f-5695-82e2-b117addc0b1e");
    assert_eq!(mailbox.get("Guid").and_then(Value::as_guid), Some(guid));
}

async fn reads_errors(pool: &RunspacePool) {
    let missing = run(pool, get("missing")).await;
    assert_eq!((missing.outcome, missing.output.len()), (Some(Outcome::Completed), 0));
    let [error] = missing.errors.as_slice() else { panic!("{:?}", missing.errors) };
    assert_eq!(
        error.message,
        "The operation couldn't be performed because object 'missing' couldn't be found on 'DC01'."
    );
    assert_eq!(error.category.reason, "ManagementObjectNotFoundException");
    assert_eq!(error.category.activity, "Get-Mailbox");
    assert!(
        error
            .fully_qualified_error_id
            .ends_with("1A2B,Microsoft.Exchange.Management.RecipientTasks.GetMailbox")
    );

    let unknown = run(pool, Command::new("Get-Nothing")).await;
    let Some(Outcome::Failed(Some(error))) = unknown.outcome else { panic!("{unknown:?}") };
    assert_eq!(error.fully_qualified_error_id, "CommandNotFoundException");
    assert_eq!(error.message, "The term 'Get-Nothing' is not recognized.");
    assert_eq!(error.target_object, Value::from("Get-Nothing"));
}

async fn writes_every_type(pool: &RunspacePool) {
    let change = [
        ("Add", Value::array(vec![Value::from("smtp:new@contoso.com")])),
        (
            "Remove",
            Value::array(vec![Value::from("smtp:old@contoso.com"), Value::from("sip:old@contoso.com")]),
        ),
    ];
    let command = Command::new("New-Mailbox")
        .parameter("Name", Value::from("_x0041_ \u{1F4E7}"))
        .parameter("Password", Value::secure("P\u{e4}ss\u{1F511}w0rd"))
        .parameter("Nothing", Value::Nil)
        .parameter("Number", Value::Int32(-7))
        .parameter("EmailAddresses", Value::strings(["SMTP:a@contoso.com", "X500:/o=Contoso"]))
        .parameter("Change", Value::hashtable(change))
        .switch("Confirm", false);
    let made = run(pool, command).await;
    assert_eq!(made.outcome, Some(Outcome::Completed));
    assert_eq!(made.warnings, ["a warning of the peer \u{1F4E7} _x0041_"]);
    assert_eq!(made.output.len(), 1);
}

/// What psrpcore makes of the above.
fn understood() -> serde_json::Value {
    let text = |text: &str| json!({"type": "PSString", "value": text});
    json!({
        "Name": text("_x0041_ \u{1F4E7}"),
        "Password": {"type": "PSSecureString", "value": "P\u{e4}ss\u{1F511}w0rd"},
        "Nothing": {"type": "null"},
        "Number": {"type": "PSInt", "value": -7},
        "EmailAddresses": {"type": "PSList", "items": [text("SMTP:a@contoso.com"), text("X500:/o=Contoso")]},
        "Change": {"type": "PSDict", "entries": {
            "Add": {"type": "PSList", "items": [text("smtp:new@contoso.com")]},
            "Remove": {"type": "PSList", "items": [text("smtp:old@contoso.com"), text("sip:old@contoso.com")]},
        }},
        "Confirm": {"type": "PSBool", "value": false},
    })
}

async fn reads_many_envelopes(pool: &RunspacePool) {
    let many = run(pool, Command::new("Get-Many").parameter("Count", Value::Int32(2000))).await;
    let names: Vec<_> = many.output.iter().map(|mailbox| mailbox.get("Name").cloned()).collect();
    let expected: Vec<_> = (0..2000).map(|number| Some(Value::from(format!("user{number:05}")))).collect();
    assert_eq!(names, expected);
}

async fn stops(pool: &RunspacePool) {
    let pipeline = pool.pipeline().command(Command::new("Wait-Stop")).run().await.unwrap();
    pipeline.stop();
    let stopped = pipeline.collect().await.unwrap();
    assert!(matches!(stopped.outcome, Some(Outcome::Stopped(_))), "{stopped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_closed_again_and_again() {
    let Some(interpreter) = python::interpreter() else { return };
    for (tls, authentication) in CELLS {
        let peer = Peer::start(interpreter, &["--fail-after", "5"]);
        let pool = open(peer.config(tls, authentication)).await.unwrap();
        for number in 0..20 {
            let name = format!("user{number}");
            let found = run(&pool, get(&name)).await;
            assert_eq!(found.output[0].get("Name"), Some(&Value::from(name)));
        }
        pool.close().await.unwrap();
        let log = peer.finish();
        log.is_clean();
        // More than 60 requests, five to a connection.
        assert!(log.having("signed_in") >= 12, "{}", log.having("signed_in"));
        passed("signs in and seals again", tls, authentication);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused_and_tried_once() {
    let Some(interpreter) = python::interpreter() else { return };
    let peer = Peer::start(interpreter, &[]);
    for (tls, authentication) in CELLS {
        let error = open(peer.stranger(tls, authentication)).await.unwrap_err();
        assert!(matches!(error, Error::SignIn(_)), "{error:?}");
        passed("a wrong password is refused", tls, authentication);
    }
    // The password is tried once: an account is locked after a few failures.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let log = peer.finish();
    assert_eq!((log.having("sign_in_refused"), log.having("action")), (CELLS.len(), 0), "{log:?}");
}
