//! The parameter binder, in the words of the real engine.

use super::*;

/// Class of the cmdlets' ids.
const CLASS: &str = "Microsoft.Exchange.Management.RecipientTasks";

fn refused(command: Command) -> (String, String, String) {
    let record = Bench::new().run(command).failure();
    (record.fully_qualified_error_id, record.category.reason, record.message)
}

fn check(command: Command, id: &str, message: &str) {
    let (found, _, text) = refused(command);
    assert_eq!((found.split(',').next().unwrap(), text.as_str()), (id, message));
}

#[test]
fn names_are_case_insensitive_and_may_be_shortened() {
    let mut bench = Bench::new();
    assert_eq!(
        shown(&bench.run(cmd("get-mailbox").parameter("IDENTITY", text("ada"))).one(), "Alias"),
        "ada"
    );
    assert_eq!(shown(&bench.run(cmd("Get-Mailbox").parameter("Ident", text("ada"))).one(), "Alias"), "ada");
}

#[test]
fn unknown_and_ambiguous_names() {
    let (id, reason, message) = refused(cmd("Get-Mailbox").parameter("NoSuchParameter", Value::Int32(1)));
    assert_eq!(id, format!("NamedParameterNotFound,{CLASS}.GetMailbox"));
    assert_eq!(reason, "ParameterBindingException");
    assert_eq!(message, "A parameter cannot be found that matches parameter name 'NoSuchParameter'.");
    check(
        cmd("Get-Mailbox").parameter("Re", Value::Int32(1)),
        "AmbiguousParameter",
        "Parameter cannot be processed because the parameter name 'Re' is ambiguous. Possible matches include: -ReadFromDomainController -RecipientTypeDetails -RemoteArchive -ResultSize.",
    );
    // Read-only properties are no parameters.
    for name in ["RecipientTypeDetails", "LegacyExchangeDN", "ExchangeGuid", "DistinguishedName"] {
        let (id, ..) = refused(set("ada").parameter(name, text("x")));
        assert!(id.starts_with("NamedParameterNotFound,"), "{name}: {id}");
    }
}

#[test]
fn mandatory_parameters() {
    check(
        cmd("Set-Mailbox").parameter("DisplayName", text("x")),
        "MissingMandatoryParameter",
        "Cannot process command because of one or more missing mandatory parameters: Identity.",
    );
    check(
        cmd("New-Mailbox").parameter("Name", text("x")),
        "MissingMandatoryParameter",
        "Cannot process command because of one or more missing mandatory parameters: Password UserPrincipalName.",
    );
    check(
        cmd("Set-Mailbox").parameter("Identity", Value::Nil),
        "ParameterArgumentValidationErrorNullNotAllowed",
        "Cannot bind argument to parameter 'Identity' because it is null.",
    );
}

#[test]
fn sets_that_exclude_each_other() {
    let text_of_set = "Parameter set cannot be resolved using the specified named parameters. One or more parameters issued cannot be used together or an insufficient number of parameters were provided.";
    let both = cmd("Get-Mailbox").parameter("Identity", text("ada")).parameter("Database", text("DB01"));
    check(both, "AmbiguousParameterSet", text_of_set);
    let routing = cmd("Enable-RemoteMailbox")
        .parameter("Identity", text("uma"))
        .parameter("RemoteRoutingAddress", text("uma@contoso.mail.onmicrosoft.com"))
        .switch("Archive", true);
    check(routing, "AmbiguousParameterSet", text_of_set);
    let room_and_shared =
        cmd("New-Mailbox").parameter("Name", text("x")).switch("Room", true).switch("Shared", true);
    check(room_and_shared, "AmbiguousParameterSet", text_of_set);
}

#[test]
fn positions() {
    let mut bench = Bench::new();
    let mut command = cmd("Get-Mailbox");
    command.arguments.push(wsman::psrp::Argument { name: None, value: text("ada") });
    assert_eq!(shown(&bench.run(command.clone()).one(), "Alias"), "ada");
    command.arguments.push(wsman::psrp::Argument { name: None, value: text("u0002") });
    check(
        command,
        "PositionalParameterNotFound",
        "A positional parameter cannot be found that accepts argument 'u0002'.",
    );
}

#[test]
fn bools_and_switches_take_no_text() {
    for value in ["true", "$true", "False", ""] {
        check(
            set("ada").parameter("HiddenFromAddressListsEnabled", text(value)),
            "CannotConvertArgument",
            "Cannot convert 'System.String' to the type 'System.Boolean' required by parameter 'HiddenFromAddressListsEnabled'. ",
        );
    }
    check(
        cmd("Get-Mailbox").parameter("Archive", text("true")),
        "CannotConvertArgument",
        "Cannot convert 'System.String' to the type 'System.Management.Automation.SwitchParameter' required by parameter 'Archive'. ",
    );
    check(
        set("ada").parameter("HiddenFromAddressListsEnabled", Value::Nil),
        "ParameterArgumentValidationErrorNullNotAllowed",
        "Cannot bind argument to parameter 'HiddenFromAddressListsEnabled' because it is null.",
    );
    let mut bench = Bench::new();
    bench.run(set("ada").parameter("HiddenFromAddressListsEnabled", Value::Int32(1))).silent();
    assert_eq!(shown(&bench.mailbox("ada"), "HiddenFromAddressListsEnabled"), "True");
    // A null switch is off, and SwitchParameter objects are switches.
    assert!(
        bench
            .run(cmd("Get-Mailbox").parameter("Identity", text("ada")).parameter("Archive", Value::Nil))
            .output
            .len()
            == 1
    );
    let off = Value::custom([("IsPresent", Value::Bool(false))]);
    assert!(
        bench
            .run(cmd("Get-Mailbox").parameter("Identity", text("ada")).parameter("Archive", off))
            .output
            .len()
            == 1
    );
}

#[test]
fn a_password_must_be_a_secure_string() {
    let create = |password| {
        cmd("New-Mailbox")
            .parameter("Name", text("New"))
            .parameter("UserPrincipalName", text("new@contoso.com"))
            .parameter("Password", password)
    };
    let mut bench = Bench::new();
    let record = bench.run(create(text("Plain-Canary-1"))).failure();
    assert!(record.fully_qualified_error_id.starts_with("CannotConvertArgumentNoMessage,"));
    assert!(
        record.message.contains("System.Security.SecureString") && !format!("{record:?}").contains("Canary")
    );
    assert_eq!(bench.run(create(Value::secure("Good-Passw0rd"))).output.len(), 1);
    let log = format!("{:?}", bench.exchange.take_log());
    assert!(!log.contains("Canary") && !log.contains("Good-Passw0rd") && log.contains("***"));
}

#[test]
fn values_that_do_not_convert() {
    let cases = [
        (cmd("Get-Mailbox").parameter("ResultSize", text("many")), "CannotConvertArgumentNoMessage"),
        (cmd("Get-Mailbox").parameter("ResultSize", Value::Nil), "ParameterBindingFailed"),
        (
            cmd("Get-Mailbox").parameter("RecipientTypeDetails", text("NoSuchType")),
            "CannotConvertArgumentNoMessage",
        ),
        (
            cmd("Get-Mailbox").parameter("DomainController", text("not a name")),
            "CannotConvertArgumentNoMessage",
        ),
        (cmd("Get-Mailbox").parameter("Identity", text("")), "CannotConvertArgumentNoMessage"),
        (cmd("Get-Mailbox").parameter("Identity", Value::strings(["ada", "paul"])), "CannotConvertArgument"),
        (set("ada").parameter("IssueWarningQuota", text("lots")), "CannotConvertArgumentNoMessage"),
        (set("ada").parameter("PrimarySmtpAddress", text("no-at-sign")), "CannotConvertArgumentNoMessage"),
        (set("ada").parameter("CustomAttribute1", Value::strings(["a", "b"])), "CannotConvertArgument"),
        (set("ada").parameter("Type", text("Wrong")), "CannotConvertArgumentNoMessage"),
        (
            cmd("New-Mailbox").parameter("Name", text(&"n".repeat(65))).switch("Shared", true),
            "ParameterArgumentValidationError",
        ),
        (
            cmd("Get-Mailbox").parameter("ErrorVariable", text("ev")),
            "VariableReferenceNotSupportedInDataSection",
        ),
    ];
    for (command, id) in cases {
        let shown = format!("{command:?}");
        assert_eq!(refused(command).0.split(',').next().unwrap(), id, "{shown}");
    }
}

#[test]
fn a_null_identity_is_no_identity() {
    let answer = Bench::new().run(cmd("Get-Mailbox").parameter("Identity", Value::Nil));
    assert_eq!(answer.output.len(), 5);
}

#[test]
fn error_action_and_warning_action() {
    let missing = |action: &str| {
        cmd("Get-Mailbox").parameter("Identity", text("nobody")).parameter("ErrorAction", text(action))
    };
    let mut bench = Bench::new();
    assert_eq!(bench.run(missing("Stop")).failure().category.reason, "ManagementObjectNotFoundException");
    assert!(bench.run(missing("SilentlyContinue")).errors.is_empty());
    assert_eq!(bench.run(missing("Continue")).errors.len(), 1);
    assert_eq!(refused(missing("Wrong")).0.split(',').next().unwrap(), "CannotConvertArgumentNoMessage");
    let number = Value::enumeration("System.Management.Automation.ActionPreference", "Stop", 1);
    bench
        .run(cmd("Get-Mailbox").parameter("Identity", text("nobody")).parameter("ErrorAction", number))
        .failure();
    bench.run(set("ada").parameter("WarningAction", text("SilentlyContinue"))).silent();
    let stopped = bench.run(set("ada").parameter("WarningAction", text("Stop")));
    assert_eq!(stopped.warnings.len(), 1);
    let Outcome::Failed(Some(record)) = stopped.outcome else { panic!("failed") };
    assert!(record.fully_qualified_error_id.starts_with("ActionPreferenceStop,"));
}
