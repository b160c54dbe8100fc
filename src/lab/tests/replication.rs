//! Several domain controllers.

use super::*;

const DELAY: u64 = 5_000;

fn bench() -> Bench {
    Bench::with(
        Options { replication_delay_ms: DELAY, ..Options::default() },
        Endpoint::PowerShell,
        Serialization::Default,
    )
}

fn on(command: Command, dc: &str) -> Command {
    command.parameter("DomainController", text(dc))
}

#[test]
fn a_new_object_shows_elsewhere_after_the_delay() {
    let mut bench = bench();
    bench
        .run(on(
            cmd("New-Mailbox").parameter("Name", text("Room 1")).switch("Room", true),
            "dc01.contoso.com",
        ))
        .one();
    let get = |dc: &str| on(cmd("Get-Mailbox").parameter("Identity", text("Room1")), dc);
    bench.run(get("dc01.contoso.com")).one();
    let missing = bench.run(get("dc02.contoso.com")).error();
    assert_eq!(
        missing.message,
        "The operation couldn't be performed because object 'Room1' couldn't be found on 'dc02.contoso.com'."
    );
    bench.now_ms += DELAY - 1;
    bench.run(get("dc02")).error();
    bench.now_ms += 1;
    let there = bench.run(get("dc02")).one();
    assert_eq!(shown(&there, "OriginatingServer"), "dc02.contoso.com");
}

#[test]
fn attributes_replicate_one_by_one_and_the_later_write_wins() {
    let mut bench = bench();
    bench
        .run(on(
            set("ada")
                .parameter("CustomAttribute1", text("first"))
                .parameter("CustomAttribute2", text("kept")),
            "dc01",
        ))
        .silent();
    bench.now_ms += 1;
    bench.run(on(set("ada").parameter("CustomAttribute1", text("second")), "dc02")).silent();
    bench.now_ms += DELAY;
    for dc in ["dc01", "dc02"] {
        let ada = bench.run(on(cmd("Get-Mailbox").parameter("Identity", text("ada")), dc)).one();
        assert_eq!(
            (shown(&ada, "CustomAttribute1"), shown(&ada, "CustomAttribute2")),
            ("second".to_owned(), "kept".to_owned())
        );
    }
}

#[test]
fn deletion_replicates() {
    let mut bench = bench();
    bench
        .run(on(cmd("Remove-Mailbox").parameter("Identity", text("ada")).switch("Confirm", false), "dc01"))
        .silent();
    let get = || on(cmd("Get-Mailbox").parameter("Identity", text("ada")), "dc02");
    bench.run(get()).one();
    bench.now_ms += DELAY;
    bench.run(get()).error();
}

#[test]
fn sessions_use_the_domain_controllers_in_turn_until_told() {
    let mut bench = bench();
    let mut second = bench.exchange.session(Endpoint::PowerShell, "svc", Serialization::Default);
    let server = |exchange: &mut Exchange, session: &mut LabSession| {
        let mut found = String::new();
        session.run(exchange, &[cmd("Get-Mailbox").parameter("Identity", text("ada"))], NOW, &mut |record| {
            if let Record::Output(value) = record {
                found = shown(&value, "OriginatingServer");
            }
        });
        found
    };
    assert_eq!(server(&mut bench.exchange, &mut bench.session), "dc01.contoso.com");
    assert_eq!(server(&mut bench.exchange, &mut second), "dc02.contoso.com");
    bench
        .run(
            cmd("Set-ADServerSettings")
                .parameter("PreferredServer", text("dc02.contoso.com"))
                .parameter("ViewEntireForest", Value::Bool(true)),
        )
        .silent();
    assert_eq!(server(&mut bench.exchange, &mut bench.session), "dc02.contoso.com");
}

#[test]
fn an_unknown_domain_controller() {
    let mut bench = bench();
    for command in [
        on(cmd("Get-Mailbox"), "dc99.contoso.com"),
        cmd("Set-ADServerSettings").parameter("PreferredServer", text("dc99")),
    ] {
        assert_eq!(bench.run(command).failure().category.reason, "SuitabilityDirectoryException");
    }
}

#[test]
fn a_password_counts_at_once() {
    let mut bench = bench();
    let new = cmd("New-Mailbox")
        .parameter("Name", text("Nora"))
        .parameter("UserPrincipalName", text("nora@contoso.com"))
        .parameter("Password", Value::secure("Good-Passw0rd"));
    bench.run(on(new, "dc02")).one();
    assert!(bench.exchange.password(Some("CONTOSO"), "nora").is_some());
}
