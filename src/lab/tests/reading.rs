//! `Get-*`: identities, filters, sizes.

use super::*;

fn names(answer: &Answer) -> Vec<String> {
    answer.output.iter().map(|object| shown(object, "Name")).collect()
}

fn filtered(bench: &mut Bench, cmdlet: &str, filter: &str) -> Vec<String> {
    let answer = bench.run(cmd(cmdlet).parameter("Filter", text(filter)));
    assert_eq!(answer.outcome, Outcome::Completed, "{filter}");
    names(&answer)
}

#[test]
fn every_form_of_identity() {
    let mut bench = Bench::new();
    let ada = bench.mailbox("ada");
    let mut forms: Vec<String> = [
        "Guid",
        "DistinguishedName",
        "Identity",
        "UserPrincipalName",
        "SamAccountName",
        "Alias",
        "Name",
        "LegacyExchangeDN",
        "ExchangeGuid",
    ]
    .map(|name| shown(&ada, name))
    .into();
    forms.extend(["ADA@CONTOSO.COM", "ada@fabrikam.com", "CONTOSO\\ada"].map(str::to_owned));
    for form in forms {
        assert_eq!(shown(&bench.mailbox(&form), "Guid"), shown(&ada, "Guid"), "{form}");
    }
    assert_eq!(shown(&ada, "DistinguishedName"), "CN=Ada Free,OU=Staff,DC=contoso,DC=com");
    assert_eq!(shown(&ada, "Identity"), "contoso.com/Staff/Ada Free");
}

#[test]
fn an_ambiguous_name() {
    let mut bench = Bench::new();
    let chris = || cmd("Get-Mailbox").parameter("Identity", text("Chris Smith"));
    assert_eq!(bench.run(chris()).output.len(), 2);
    let record = bench.run(set("Chris Smith").parameter("DisplayName", text("x"))).error();
    assert_eq!(record.category.reason, "ManagementObjectAmbiguousException");
    assert_eq!(
        record.message,
        "The operation couldn't be performed because 'Chris Smith' matches multiple entries."
    );
}

#[test]
fn each_cmdlet_sees_its_own_kind() {
    let mut bench = Bench::new();
    let sees = |bench: &mut Bench, cmdlet: &str, identity: &str| {
        bench.run(cmd(cmdlet).parameter("Identity", text(identity))).output.len() == 1
    };
    for (identity, expected) in [
        ("ada", [true, false, true, true]),
        ("rita", [false, true, true, true]),
        ("uma", [false, false, true, false]),
        ("max", [false, false, true, true]),
        ("cora", [false, false, false, true]),
    ] {
        let seen = ["Get-Mailbox", "Get-RemoteMailbox", "Get-User", "Get-Recipient"]
            .map(|cmdlet| sees(&mut bench, cmdlet, identity));
        assert_eq!(seen, expected, "{identity}");
    }
}

#[test]
fn filters() {
    let mut bench = Bench::new();
    assert_eq!(filtered(&mut bench, "Get-Recipient", "EmailAddresses -eq 'ADA@fabrikam.com'"), ["Ada Free"]);
    assert_eq!(
        filtered(&mut bench, "Get-Recipient", "EmailAddresses -eq 'smtp:ada@fabrikam.com'"),
        ["Ada Free"]
    );
    assert_eq!(filtered(&mut bench, "Get-Mailbox", "EmailAddresses -like '*@fabrikam.com'"), ["Ada Free"]);
    assert_eq!(
        filtered(&mut bench, "Get-Mailbox", "PrimarySmtpAddress -eq 'ada@fabrikam.com'"),
        ["Ada Free"]
    );
    let guid = shown(&bench.mailbox("paul"), "Guid");
    assert_eq!(
        filtered(&mut bench, "Get-Mailbox", &format!("Guid -eq '{guid}' -or Alias -eq \"ada\"")),
        ["Ada Free", "Paul Policy"]
    );
    assert_eq!(
        filtered(
            &mut bench,
            "Get-Mailbox",
            "(Name -like 'Chris*' -and -not (Alias -eq 'csmith1')) -or RecipientTypeDetails -eq 'SharedMailbox'"
        ),
        ["Chris Smith", "Info Desk"]
    );
    assert_eq!(filtered(&mut bench, "Get-Mailbox", "EmailAddressPolicyEnabled -eq $false"), ["Ada Free"]);
    assert_eq!(
        filtered(&mut bench, "Get-User", "UserPrincipalName -ne $null -and SamAccountName -eq 'uma'"),
        ["Uma User"]
    );
    assert_eq!(filtered(&mut bench, "Get-Mailbox", "Name -eq 'O''Brien'"), [""; 0]);
    let since = "WhenChangedUTC -gt '11/21/2026 3:00:00 AM'";
    assert_eq!(filtered(&mut bench, "Get-Mailbox", since), [""; 0]);
    bench.run(set("paul").parameter("CustomAttribute1", text("x"))).silent();
    assert_eq!(filtered(&mut bench, "Get-Mailbox", since), ["Paul Policy"]);
    assert_eq!(filtered(&mut bench, "Get-Mailbox", "CustomAttribute1 -eq 'X'"), ["Paul Policy"]);
    for wrong in ["Name -eq", "Name 'x'", "NoSuch -eq 'x'", "Name -eq 'a' -and"] {
        let record = bench.run(cmd("Get-Mailbox").parameter("Filter", text(wrong))).failure();
        assert!(record.fully_qualified_error_id.starts_with("ParameterBindingFailed,"), "{wrong}");
    }
}

#[test]
fn result_sizes() {
    let mut exchange = Exchange::new(Seed::generated(1001), Options::default()).unwrap();
    let session = exchange.session(Endpoint::PowerShell, "svc", Serialization::Default);
    let mut bench = Bench { exchange, session, now_ms: NOW };
    let answer = bench.run(cmd("Get-Recipient"));
    assert_eq!(answer.output.len(), 1000);
    assert!(answer.warnings[0].starts_with("By default, only the first 1000 items are returned."));
    let answer = bench.run(cmd("Get-Recipient").parameter("ResultSize", Value::Int32(2)));
    assert_eq!(
        answer.warnings,
        [
            "There are more results available than are currently displayed. To view them, increase the value for the ResultSize parameter."
        ]
    );
    let answer = bench.run(cmd("Get-Recipient").parameter("ResultSize", text("unlimited")));
    assert_eq!((answer.output.len(), answer.warnings.len()), (1001, 0));
}

#[test]
fn narrowing_parameters() {
    let mut bench = Bench::new();
    let in_unit = |unit: &str| cmd("Get-Mailbox").parameter("OrganizationalUnit", text(unit));
    assert_eq!(names(&bench.run(in_unit("contoso.com/Fabrikam"))), ["Chris Smith"]);
    assert_eq!(names(&bench.run(in_unit("OU=Fabrikam,DC=contoso,DC=com"))), ["Chris Smith"]);
    assert_eq!(bench.run(in_unit("Nowhere")).error().category.reason, "ManagementObjectNotFoundException");
    let shared = cmd("Get-Mailbox")
        .parameter("RecipientTypeDetails", Value::strings(["SharedMailbox", "roommailbox"]));
    assert_eq!(names(&bench.run(shared)), ["Info Desk"]);
    assert_eq!(bench.run(cmd("Get-Mailbox").parameter("Database", text("DB01"))).output.len(), 5);
    let missing = bench.run(cmd("Get-Mailbox").parameter("Database", text("DBX"))).error();
    assert_eq!(missing.message, "Couldn't find database \"DBX\". Make sure you have typed it correctly.");
}

#[test]
fn databases_say_whether_they_are_mounted_only_with_status() {
    let mut bench = Bench::new();
    let without = bench.run(cmd("Get-MailboxDatabase"));
    assert_eq!(without.output.len(), 3);
    assert!(without.output.iter().all(|database| database.get("Mounted").unwrap().is_nil()));
    let with = bench.run(cmd("Get-MailboxDatabase").switch("Status", true));
    let mounted: Vec<_> =
        with.output.iter().map(|database| database.get("Mounted").unwrap().as_bool()).collect();
    assert_eq!(mounted, [Some(true), Some(false), Some(true)]);
    assert_eq!(bench.run(cmd("Get-MailboxDatabase").parameter("Identity", text("db02"))).output.len(), 1);
    bench.run(cmd("Get-MailboxDatabase").parameter("Identity", text("nope"))).error();
}

#[test]
fn accepted_domains() {
    let mut bench = Bench::new();
    let domains = bench.run(cmd("Get-AcceptedDomain")).output;
    let shown: Vec<_> =
        domains.iter().map(|domain| (shown(domain, "DomainName"), shown(domain, "Default"))).collect();
    assert_eq!(shown[0], ("contoso.com".to_owned(), "True".to_owned()));
    assert_eq!(shown[2].0, "*.tailspintoys.com");
}

#[test]
fn pipeline_input_is_an_identity() {
    let mut bench = Bench::new();
    let get = cmd("Get-Mailbox").parameter("Identity", text("ada"));
    bench.pipe(&[get, cmd("Set-Mailbox").parameter("CustomAttribute1", text("piped"))]).silent();
    assert_eq!(shown(&bench.mailbox("ada"), "CustomAttribute1"), "piped");
    let mut seen = 0;
    let input = [text("ada"), text("nobody"), text("paul")];
    let outcome = bench.session.run_with_input(
        &mut bench.exchange,
        &[cmd("Get-Mailbox")],
        Some(&input),
        NOW,
        &mut |record| {
            seen += if matches!(record, Record::Output(_)) { 1 } else { 10 };
        },
    );
    assert_eq!((outcome, seen), (Outcome::Completed, 12));
}
