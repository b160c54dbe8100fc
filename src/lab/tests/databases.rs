//! Mailbox databases: made, set, mounted, removed, and what stands against each.

use super::*;

fn on(cmdlet: &str, identity: &str) -> Command {
    cmd(cmdlet).parameter("Identity", text(identity))
}

fn made(name: &str, server: &str) -> Command {
    cmd("New-MailboxDatabase").parameter("Name", text(name)).parameter("Server", text(server))
}

impl Bench {
    fn database(&mut self, identity: &str) -> Value {
        self.run(on("Get-MailboxDatabase", identity).switch("Status", true)).one()
    }
}

#[test]
fn a_new_database_is_there_and_not_mounted() {
    let mut bench = Bench::new();
    let answer = bench
        .run(made("DB05", "ex01.contoso.com").parameter("IsSuspendedFromProvisioning", Value::Bool(true)));
    assert!(answer.warnings[0].contains("restart the Microsoft Exchange Information Store"), "{answer:?}");
    let new = answer.one();
    assert_eq!((shown(&new, "Name"), shown(&new, "Server")), ("DB05".into(), "EX01".into()));
    let there = bench.database("DB05");
    assert_eq!(
        (shown(&there, "Mounted"), shown(&there, "IsSuspendedFromProvisioning")),
        ("False".into(), "True".into())
    );
    assert_eq!(shown(&there, "Guid"), shown(&new, "Guid"));
    for name in ["db05".to_owned(), shown(&new, "Guid"), shown(&new, "DistinguishedName")] {
        assert_eq!(shown(&bench.database(&name), "Guid"), shown(&new, "Guid"), "{name}");
    }
    // Without -Status nobody knows.
    assert!(bench.run(on("Get-MailboxDatabase", "DB05")).one().get("Mounted").unwrap().is_nil());
    // It comes back from a dump.
    let dump = bench.exchange.dump();
    let again = Exchange::new(Seed::from_json(&dump.to_string()).unwrap(), Options::default()).unwrap();
    assert_eq!(again.dump(), dump);
}

#[test]
fn what_stands_against_a_new_database() {
    let mut bench = Bench::new();
    let reason = |bench: &mut Bench, command: Command| bench.run(command).error().category.reason;
    assert_eq!(reason(&mut bench, made("DB05", "EX99")), "ManagementObjectNotFoundException");
    assert_eq!(reason(&mut bench, made("db01", "EX01")), "ADObjectAlreadyExistsException");
    let at = |path: &str| made("DB05", "EX01").parameter("EdbFilePath", text(path));
    assert_eq!(reason(&mut bench, at("DB05.edb")), "DataValidationException");
    assert_eq!(reason(&mut bench, at("E:\\DB05\\DB05.txt")), "DataValidationException");
    assert_eq!(reason(&mut bench, at("d:\\databases\\db01\\DB01.edb")), "InvalidOperationException");
    let nameless = bench.run(cmd("New-MailboxDatabase").parameter("Server", text("EX01"))).failure();
    assert!(nameless.fully_qualified_error_id.starts_with("MissingMandatoryParameter"), "{nameless:?}");
    assert!(bench.exchange.take_log().iter().all(|entry| !entry.wrote));
    // Asked only, it is checked and not made.
    bench.run(made("DB05", "EX01").switch("WhatIf", true)).silent();
    assert_eq!(
        reason(&mut bench, made("db01", "EX01").switch("WhatIf", true)),
        "ADObjectAlreadyExistsException"
    );
    assert_eq!(reason(&mut bench, on("Get-MailboxDatabase", "DB05")), "ManagementObjectNotFoundException");
}

#[test]
fn settings_are_kept_and_the_same_again_is_a_warning() {
    let mut bench = Bench::new();
    let set = |quota: &str| {
        on("Set-MailboxDatabase", "DB01")
            .parameter("ProhibitSendQuota", text(quota))
            .parameter("CircularLoggingEnabled", Value::Bool(true))
            .parameter("MailboxRetention", text("60"))
            .parameter("JournalRecipient", text("ada"))
    };
    bench.run(set("5GB")).silent();
    let there = bench.database("DB01");
    assert_eq!(shown(&there, "ProhibitSendQuota"), "5 GB (5,368,709,120 bytes)");
    assert_eq!(
        (shown(&there, "CircularLoggingEnabled"), shown(&there, "MailboxRetention")),
        ("True".into(), "60.00:00:00".into())
    );
    assert_eq!(shown(&there, "JournalRecipient"), "contoso.com/Staff/Ada Free");
    assert!(bench.run(set("5 GB")).warning().contains("no settings of 'DB01' have been modified"));
    bench.run(on("Set-MailboxDatabase", "DB01").parameter("JournalRecipient", text("nobody"))).error();
}

#[test]
fn a_database_that_is_renamed_keeps_its_mailboxes() {
    let mut bench = Bench::new();
    let before = (shown(&bench.database("DB01"), "Guid"), shown(&bench.mailbox("ada"), "Database"));
    let rename = |from: &str, to: &str| on("Set-MailboxDatabase", from).parameter("Name", text(to));
    assert_eq!(bench.run(rename("DB01", "DB02")).error().category.reason, "ADObjectAlreadyExistsException");
    bench.run(rename("DB01", "DB-North")).silent();
    assert_eq!((shown(&bench.database("DB-North"), "Guid"), "DB01".to_owned()), before);
    assert_eq!(shown(&bench.mailbox("ada"), "Database"), "DB-North");
    bench.run(on("Get-MailboxDatabase", "DB01")).error();
}

#[test]
fn mounting_twice_is_refused_and_dismounting_asks() {
    let mut bench = Bench::new();
    let twice = bench.run(on("Mount-Database", "DB01")).error();
    assert!(twice.message.contains("Couldn't mount the database that you specified."), "{twice:?}");
    assert!(twice.fully_qualified_error_id.ends_with("SystemConfigurationTasks.MountDatabase"), "{twice:?}");
    bench.run(on("Mount-Database", "DB02")).silent();
    assert_eq!(shown(&bench.database("DB02"), "Mounted"), "True");
    let asked = bench.run(on("Dismount-Database", "DB02")).failure();
    assert!(asked.fully_qualified_error_id.starts_with("HostFunctionNotImplemented"), "{asked:?}");
    bench.run(on("Dismount-Database", "DB02").switch("Confirm", false)).silent();
    assert_eq!(shown(&bench.database("DB02"), "Mounted"), "False");
    bench.run(on("Dismount-Database", "DB02").switch("Confirm", false)).error();
}

#[test]
fn a_database_goes_only_without_mailboxes_and_archives() {
    let mut bench = Bench::new();
    let remove = |name: &str| on("Remove-MailboxDatabase", name).switch("Confirm", false);
    let used = bench.run(remove("DB01")).error();
    assert_eq!(
        (used.category.reason.as_str(), used.category.category),
        ("AssociatedUserMailboxExistException", 7)
    );
    assert!(used.message.starts_with("This mailbox database contains one or more mailboxes"), "{used:?}");
    // The check is made with -WhatIf too.
    assert_eq!(bench.run(remove("DB01").switch("WhatIf", true)).error().category, used.category);
    bench
        .run(on("Enable-Mailbox", "ada").switch("Archive", true).parameter("ArchiveDatabase", text("DB03")))
        .one();
    bench.run(remove("DB03")).error();
    assert!(bench.run(on("Remove-MailboxDatabase", "DB02")).failure().message.contains("prompts the user"));
    assert!(bench.run(remove("DB02")).warning().contains("D:\\Databases\\DB02\\DB02.edb"));
    bench.run(on("Get-MailboxDatabase", "DB02")).error();
}
