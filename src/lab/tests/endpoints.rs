//! The two doors, scripts, unknown commands, faults, the log.

use super::*;
use crate::lab::{Fault, FaultKind};

#[test]
fn no_language_refuses_every_script() {
    for script in ["Get-Mailbox", "$x = 1", "", "# nothing"] {
        let mut command = cmd(script);
        command.is_script = true;
        let record = Bench::new().run(command).failure();
        assert_eq!(record.fully_qualified_error_id, "ScriptsNotAllowed");
        assert_eq!(record.category.category, 17);
        assert_eq!(record.category.reason, "ParseException");
        assert_eq!(record.category.target_name, script);
        assert_eq!(
            record.message,
            "The syntax is not supported by this runspace. This can occur if the runspace is in no-language mode."
        );
    }
}

#[test]
fn unknown_commands() {
    for name in ["Get-ChildItem", "Get-Mailbox ", "Microsoft.Exchange\\Get-Mailbox", "Add-PSSnapin"] {
        let record = Bench::new().run(cmd(name)).failure();
        assert_eq!(
            (record.fully_qualified_error_id.as_str(), record.category.category),
            ("CommandNotFoundException", 13)
        );
        assert_eq!(record.category.target_name, name);
    }
    assert_eq!(Bench::new().run(cmd("")).failure().fully_qualified_error_id, "RuntimeException");
}

#[test]
fn nothing_runs_when_a_later_command_does_not_bind() {
    let mut bench = Bench::new();
    let first = cmd("Disable-Mailbox").parameter("Identity", text("ada")).switch("Confirm", false);
    bench.pipe(&[first, cmd("No-Such")]).failure();
    bench.mailbox("ada");
}

#[test]
fn the_ordinary_endpoint_must_load_exchange_first() {
    for name in
        ["Microsoft.Exchange.Management.PowerShell.SnapIn", "Microsoft.Exchange.Management.PowerShell.E2010"]
    {
        let mut bench = Bench::with(Options::default(), Endpoint::Wsman, Serialization::Default);
        let get = || cmd("Get-Mailbox").parameter("Identity", text("ada"));
        assert_eq!(bench.run(get()).failure().fully_qualified_error_id, "CommandNotFoundException");
        bench.run(cmd("Add-PSSnapin").parameter("Name", text("Some.Other"))).failure();
        bench.run(cmd("Add-PSSnapin").parameter("Name", text(name))).silent();
        bench.run(get()).one();
    }
    let mut bench = Bench::with(Options::default(), Endpoint::Wsman, Serialization::Default);
    let script = |text: &str| Command { is_script: true, ..cmd(text) };
    let refused = bench.run(script("Get-Mailbox")).failure();
    assert!(refused.message.contains("runs no scripts"));
    let loader = ". 'C:\\Program Files\\Microsoft\\Exchange Server\\V15\\bin\\RemoteExchange.ps1'; Connect-ExchangeServer -auto";
    bench.run(script(loader)).silent();
    bench.mailbox("ada");
}

#[test]
fn ids_of_exchange_errors() {
    let record = Bench::new().run(cmd("Get-Mailbox").parameter("Identity", text("nobody"))).error();
    assert_eq!(
        record.message,
        "The operation couldn't be performed because object 'nobody' couldn't be found on 'dc01.contoso.com'."
    );
    assert_eq!(record.category.reason, "ManagementObjectNotFoundException");
    let id = record.fully_qualified_error_id;
    assert!(id.starts_with("[Server=EX01,RequestId="), "{id}");
    assert!(
        id.contains(
            ",TimeStamp=11/21/2026 3:33:04 AM] [FailureCategory=Cmdlet-ManagementObjectNotFoundException] "
        ),
        "{id}"
    );
    assert_eq!(id.rsplit(',').next().unwrap(), "Microsoft.Exchange.Management.RecipientTasks.GetMailbox");
}

#[test]
fn faults_hit_the_ordered_number_of_calls() {
    let mut bench = Bench::new();
    let get = || cmd("Get-Mailbox").parameter("Identity", text("ada"));
    bench.exchange.inject(Fault::error("get-mailbox", 2, "ADTransientException", "away"));
    for _ in 0..2 {
        assert_eq!(bench.run(get()).error().category.reason, "ADTransientException");
    }
    bench.run(get()).one();
    bench.exchange.inject(Fault::throttled("Get-Mailbox", 1, "svc", 2500));
    let record = bench.run(get()).failure();
    assert!(record.message.ends_with("Backoff time: 2500 ms.") && record.category.category == 19);
    let kind = FaultKind::AfterWork {
        exception: "StorageTransientException".to_owned(),
        message: "lost".to_owned(),
    };
    bench.exchange.inject(Fault::once("Set-Mailbox", kind));
    bench.run(set("ada").parameter("DisplayName", text("Written"))).failure();
    assert_eq!(shown(&bench.mailbox("ada"), "DisplayName"), "Written");
}

#[test]
fn the_log_says_what_was_called_and_whether_it_wrote() {
    let mut bench = Bench::new();
    bench.mailbox("ada");
    bench.run(set("ada").parameter("DisplayName", text("New")));
    bench.run(set("ada").parameter("DisplayName", text("New")));
    bench.run(set("nobody").parameter("DisplayName", text("New")));
    bench.run(cmd("No-Such"));
    let log = bench.exchange.take_log();
    let told: Vec<_> = log.iter().map(|entry| (entry.cmdlet.as_str(), entry.outcome, entry.wrote)).collect();
    assert_eq!(
        told,
        [
            ("Get-Mailbox", "completed", false),
            ("Set-Mailbox", "completed", true),
            ("Set-Mailbox", "completed", false),
            ("Set-Mailbox", "error", false),
            ("No-Such", "failed", false)
        ]
    );
    assert_eq!(log[1].user, "CONTOSO\\svc-idm");
    assert_eq!(serde_json::to_value(&log[1]).unwrap()["parameters"]["DisplayName"], "New");
    assert!(bench.exchange.take_log().is_empty());
}

#[test]
fn the_same_seed_and_calls_give_the_same_guids() {
    let run = || {
        let mut bench = Bench::new();
        let new = cmd("New-Mailbox").parameter("Name", text("New Room")).switch("Room", true);
        shown(&bench.run(new).one(), "Guid") + &shown(&bench.mailbox("ada"), "ExchangeGuid")
    };
    assert_eq!(run(), run());
}
