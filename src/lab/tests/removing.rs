//! `Disable-*` and `Remove-*`.

use super::*;

fn quiet(cmdlet: &str, identity: &str) -> Command {
    cmd(cmdlet).parameter("Identity", text(identity)).switch("Confirm", false)
}

#[test]
fn without_confirm_false_a_prompt_fails() {
    for (cmdlet, identity) in [
        ("Disable-Mailbox", "ada"),
        ("Remove-Mailbox", "ada"),
        ("Disable-RemoteMailbox", "rita"),
        ("Remove-RemoteMailbox", "rita"),
    ] {
        let mut bench = Bench::new();
        let record = bench.run(cmd(cmdlet).parameter("Identity", text(identity))).failure();
        let class = cmdlet.replace('-', "");
        assert_eq!(
            record.fully_qualified_error_id,
            format!("HostFunctionNotImplemented,Microsoft.Exchange.Management.RecipientTasks.{class}")
        );
        assert_eq!((record.category.category, record.category.reason.as_str()), (11, "HostException"));
        assert!(record.message.starts_with(
            "A command that prompts the user failed because the host program or the command type does not support user interaction."
        ));
        assert!(!bench.exchange.take_log()[0].wrote);
    }
    let asked =
        Bench::new().run(set("ada").parameter("DisplayName", text("x")).switch("Confirm", true)).failure();
    assert!(asked.fully_qualified_error_id.starts_with("HostFunctionNotImplemented,"));
}

#[test]
fn disabling_keeps_the_user() {
    let mut bench = Bench::new();
    bench.run(quiet("Disable-Mailbox", "ada")).silent();
    bench.run(cmd("Get-Mailbox").parameter("Identity", text("ada"))).error();
    let user = bench.run(cmd("Get-User").parameter("Identity", text("ada"))).one();
    assert_eq!(
        (shown(&user, "RecipientTypeDetails"), shown(&user, "Name")),
        ("User".to_owned(), "Ada Free".to_owned())
    );
    assert_eq!(
        bench.run(quiet("Disable-Mailbox", "ada")).error().category.reason,
        "ManagementObjectNotFoundException"
    );
    // The addresses are free again.
    bench
        .run(
            set("paul")
                .parameter("EmailAddresses", Value::hashtable([("Add", text("smtp:ada@contoso.com"))])),
        )
        .silent();
    bench.run(quiet("Disable-RemoteMailbox", "rita")).silent();
    assert_eq!(
        shown(&bench.run(cmd("Get-User").parameter("Identity", text("rita"))).one(), "RecipientType"),
        "User"
    );
}

#[test]
fn an_archive_alone() {
    let mut bench = Bench::new();
    let archive = |cmdlet: &str| quiet(cmdlet, "rita").switch("Archive", true);
    bench.run(archive("Disable-RemoteMailbox")).error();
    bench.run(cmd("Enable-RemoteMailbox").parameter("Identity", text("rita")).switch("Archive", true)).one();
    bench.run(archive("Disable-RemoteMailbox")).silent();
    let rita = bench.run(cmd("Get-RemoteMailbox").parameter("Identity", text("rita"))).one();
    assert_eq!(shown(&rita, "ArchiveGuid"), "00000000-0000-0000-0000-000000000000");
}

#[test]
fn removing_takes_the_user_too() {
    let mut bench = Bench::new();
    bench.run(quiet("Remove-Mailbox", "ada")).silent();
    bench.run(cmd("Get-User").parameter("Identity", text("ada"))).error();
    bench.run(quiet("Remove-RemoteMailbox", "rita")).silent();
    bench.run(cmd("Get-User").parameter("Identity", text("rita"))).error();
    bench.run(quiet("Remove-Mailbox", "uma")).error();
}
