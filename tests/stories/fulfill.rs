//! `mailwright fulfill`: provisioning orders of an identity system, carried out at a lab in a process of its own.

use serde_json::{Value as Json, json};

use crate::cli::{CANARY, Ran};
use crate::scenarios::bench::{Bench, directory, mailbox, name, user};

const OLD: &str = "X500:/o=Old Organization/ou=First Administrative Group/cn=Recipients/cn=bob";

fn order(id: &str, change_type: &str, changes: Json, resource: Json) -> Json {
    json!({"AssignedResourceTypeId": id, "ChangeType": change_type, "WorkflowInstanceId": "81",
           "Owner": {"Id": "21511", "InternalDisplayName": "007 - Bond James"},
           "ResourceType": {"Id": "-41", "SourceEntityType": {"Id": "51", "Identifier": "Directory_User"},
                            "TargetEntityType": {"Id": "70", "Identifier": "MicrosoftExchange_Mailbox"}},
           "Changes": changes, "Resource": resource})
}

/// A directory with a user, two mailboxes and somebody who holds an address already.
fn bench() -> Bench {
    let bob = mailbox("bob", &["SMTP:bob@contoso.com", OLD]);
    let bench = Bench::new(&directory([user("ada"), bob, mailbox("carl", &["SMTP:carl@contoso.com"])]));
    bench.connect("on-premises", "enable", "managed_types = [\"X500\"]");
    bench
}

fn orders() -> Json {
    let added = json!({"SamAccountName": "ada", "PrimarySmtpAddress": "ada.l@contoso.com", "Database": "DB01",
                       "EmailAddresses": "SMTP:ada.l@contoso.com smtp:ada@fabrikam.com"});
    let modified = json!({"EmailAddresses": format!("{OLD} SMTP:bob.new@contoso.com smtp:bob@contoso.com")});
    json!({"ProvisioningOrdersList": [
        order("1", "Added", added, Json::Null),
        order("2", "Modified", json!({"Salary": 1}), json!({"SamAccountName": "bob"})),
        order("3", "Modified", modified, json!({"SamAccountName": "bob"})),
        order("4", "Modified", json!({"MailTip": "x"}), json!({"SamAccountName": "nobody"})),
        order("5", "Deleted", Json::Null, json!({"SamAccountName": "carl"})),
        order("6", "Renamed", Json::Null, json!({"SamAccountName": "carl"})),
    ]})
}

fn fulfill(bench: &Bench, options: &[&str], stdin: &str) -> Ran {
    let arguments = ["fulfill", "--orders", "orders.json", "--results", "results.json"];
    bench.place.run_with(&[&arguments, options].concat(), stdin)
}

fn results(bench: &Bench) -> Json {
    serde_json::from_slice(&std::fs::read(bench.path("results.json")).unwrap()).unwrap()
}

fn ids(results: &Json, state: &str) -> Vec<String> {
    let all = results[state].as_array().unwrap().iter();
    all.map(|one| one["AssignedResourceTypeId"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn s12_usercube_orders_one_bad_one_does_not_stop_the_rest() {
    let bench = bench();
    bench.place.write("orders.json", &orders().to_string());
    let ran = fulfill(&bench, &["-c", "it.toml", "--journal", "journal.db"], "");
    assert_eq!(ran.code, Some(1), "{ran:?}");

    let results = results(&bench);
    assert_eq!(ids(&results, "Executed"), ["1", "3", "5"], "{results}");
    assert_eq!(ids(&results, "Errored"), ["2", "4", "6"], "{results}");
    let errored = |at: usize| results["Errored"][at]["Message"].as_str().unwrap();
    assert!(errored(0).contains("order 2: Changes.Salary"), "{results}");
    assert!(errored(1).contains("nobody"), "{results}");
    assert!(errored(2).contains("order 6: ChangeType is `Renamed`"), "{results}");
    assert_eq!(results["Executed"][0]["OwnerId"], "21511");

    assert_eq!(bench.addresses("ada"), ["SMTP:ada.l@contoso.com", "smtp:ada@fabrikam.com"]);
    assert_eq!(bench.addresses("bob"), ["SMTP:bob.new@contoso.com", OLD, "smtp:bob@contoso.com"]);
    assert_eq!(bench.get("Get-User", "carl")["SamAccountName"], "carl", "the user is still there");
    assert!(bench.cmdlets().iter().all(|entry| !name(entry).starts_with("Remove-")));
    let enabled = bench.writes().into_iter().find(|entry| name(entry) == "Enable-Mailbox").unwrap();
    assert_eq!(enabled["parameters"]["Database"], "DB01", "{enabled}");

    // The same orders once more, as an agent hands them over that has lost the answer.
    let written = bench.written().len();
    assert_eq!(fulfill(&bench, &["-c", "it.toml", "--journal", "journal.db"], "\n").code, Some(1));
    assert_eq!(bench.written().len(), written, "nothing is written twice: {:?}", bench.written());
    let status = bench.run(&["status", "--journal", "journal.db", "--output", "jsonl"]);
    assert_eq!(
        status.stdout.lines().count(),
        2 * 4,
        "a row that is no change is not in the journal: {status:?}"
    );
}

#[test]
fn options_on_standard_input_need_no_configuration_file_and_leave_no_password() {
    let bench = bench();
    std::fs::remove_file(bench.path("mailwright.toml")).unwrap();
    let password = std::fs::read_to_string(bench.path("lab.toml.password")).unwrap();
    let password = password.trim();
    let added = json!({"SamAccountName": "dora", "Name": "Dora", "UserPrincipalName": "dora@contoso.com"});
    let mut orders = json!({"ProvisioningOrdersList": [order("1", "Added", added, Json::Null)]});
    orders["ProvisioningOrdersList"][0]["Changes"]["_param_password"] = CANARY.into();
    bench.place.write("orders.json", &orders.to_string());
    let options = |password: &str| {
        let server = &bench.given["powershell"];
        json!({"AuthType": "Negotiate", "Server": server, "Login": "CONTOSO\\svc-idm", "Password": password, "Message": "Hello",
               "Mailwright": {"create_method": "new"}})
    };

    let wrong = fulfill(&bench, &["--journal", "journal.db"], &format!("{}\n", options("no-such-pw")));
    assert_eq!(wrong.code, Some(3), "{wrong:?}");
    assert_eq!(ids(&results(&bench), "Errored"), ["1"]);

    let given = format!("{}\nignored", options(password));
    let ran = fulfill(&bench, &["--journal", "journal.db", "-v", "--trace", "trace"], &given);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("`Message` is not used"), "{}", ran.stderr);
    assert_eq!(ids(&results(&bench), "Executed"), ["1"]);

    let mut left = vec![ran.stdout.into_bytes(), ran.stderr.into_bytes()];
    let traces = std::fs::read_dir(bench.path("trace")).unwrap().map(|entry| entry.unwrap().path());
    let others = ["results.json", "journal.db", "journal.db-wal"].map(|name| bench.path(name));
    left.extend(traces.chain(others).filter_map(|path| std::fs::read(path).ok()));
    for secret in [CANARY, password] {
        let found =
            left.iter().filter(|bytes| bytes.windows(secret.len()).any(|part| part == secret.as_bytes()));
        assert_eq!(found.count(), 0);
    }
}

#[test]
fn a_folder_of_orders_is_put_away_and_the_agents_csv_is_written() {
    let bench = bench();
    let all = orders();
    let all = all["ProvisioningOrdersList"].as_array().unwrap();
    std::fs::create_dir(bench.path("orders")).unwrap();
    for (file, orders) in [("20260101000000.json", &all[..3]), ("20260101000001.json", &all[3..])] {
        bench.place.write(&format!("orders/{file}"), &json!({"ProvisioningOrdersList": orders}).to_string());
    }
    let arguments = ["fulfill", "--orders", "orders", "--results", "results.csv", "-c", "it.toml"];
    let ran = bench.place.run(&arguments);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let mut reader = csv::Reader::from_path(bench.path("results.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let states: Vec<(&str, &str)> = rows.iter().map(|row| (&row[0], &row[1])).collect();
    let executed = ["1", "3", "5"];
    let wanted: Vec<(&str, &str)> = ["1", "2", "3", "4", "5", "6"]
        .into_iter()
        .map(|id| (id, if executed.contains(&id) { "Executed" } else { "Errored" }))
        .collect();
    assert_eq!(states, wanted, "in the order of the files");
    assert!(bench.path("orders/Completed/20260101000000.json").is_file());
    assert!(!bench.path("orders/20260101000001.json").exists());
    // Nothing is left to do.
    assert_eq!(bench.place.run(&arguments).code, Some(0));
    assert_eq!(csv::Reader::from_path(bench.path("results.csv")).unwrap().records().count(), 0);
}

#[test]
fn an_agents_configuration_and_what_cannot_be_read() {
    let bench = bench();
    let password = std::fs::read_to_string(bench.path("lab.toml.password")).unwrap();
    let settings = json!({"Connections": {
        "Directory": {"Path": "C:/Directory.xlsx"},
        "ExchangeFulfilment": {"AuthType": "Negotiate", "Server": bench.given["powershell"],
                               "Login": "CONTOSO\\svc-idm", "Password": password.trim()},
    }});
    bench.place.write("appsettings.agent.json", &settings.to_string());
    let deleted = order("1", "Deleted", Json::Null, json!({"SamAccountName": "carl"}));
    bench.place.write("orders.json", &json!({"ProvisioningOrdersList": [deleted]}).to_string());
    let ran = fulfill(&bench, &["-c", "appsettings.agent.json"], "");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let warning =
        "warning: appsettings.agent.json: Connections.ExchangeFulfilment.Password is the password itself";
    assert!(ran.stderr.contains(warning), "{}", ran.stderr);
    assert!(!ran.stderr.contains(password.trim()));

    std::fs::remove_file(bench.path("results.json")).unwrap();
    bench.place.write("orders.json", "{\"ProvisioningOrdersList\": [\n{]}");
    fulfill(&bench, &["-c", "it.toml"], "").refuses(2, &["orders.json:2:2"]);
    fulfill(&bench, &["-c", "it.toml"], "no json\n")
        .refuses(2, &["standard input:1:", "hint: the first line"]);
    assert!(!bench.path("results.json").exists(), "nothing was tried");
}

#[test]
fn the_sample_is_carried_out() {
    let place = crate::cli::Place::new();
    let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/orders.json");
    let sample = sample.display().to_string();
    let arguments =
        ["fulfill", "--orders", &sample, "--results", "results.json", "--lab", "-n", "lab-enable"];
    let ran = place.run(&arguments);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let results: Json =
        serde_json::from_slice(&std::fs::read(place.path().join("results.json")).unwrap()).unwrap();
    let messages: Vec<&str> =
        results["Executed"].as_array().unwrap().iter().map(|one| one["Message"].as_str().unwrap()).collect();
    assert_eq!(messages, ["created", "updated", "disabled"]);
}
