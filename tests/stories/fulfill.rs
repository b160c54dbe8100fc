//! `mailwright fulfill` beyond scenario 12: options on standard input, folders, an agent's configuration, the sample.

use serde_json::{Value as Json, json};

use crate::cli::CANARY;
use crate::scenarios::bench::{Bench, directory};
use crate::scenarios::orders::{bench, fulfill, ids, order, orders, results};

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
    let told = results(&bench);
    assert_eq!(ids(&told, "Errored"), ["1"]);
    assert!(told["Errored"][0]["Message"].as_str().unwrap().starts_with("not begun: "), "{told}");

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
    // Results that lie among the orders are none.
    let among = ["fulfill", "--orders", "orders", "--results", "orders/results.json", "-c", "it.toml"];
    for _ in 0..2 {
        assert_eq!(bench.place.run(&among).code, Some(0));
    }
    std::fs::remove_file(bench.path("orders/results.json")).unwrap();
    let elsewhere = ["fulfill", "--orders", "orders", "--results", "nowhere/results.csv", "-c", "it.toml"];
    bench.place.run(&elsewhere).refuses(2, &["cannot write nowhere/results.csv"]);
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

/// A mailbox that cannot be made at first; the agent has moved its order on when it is tried again.
fn refused_at_first() -> Bench {
    let mut seed = directory([]);
    let full = json!({"error": {"exception": "ADOperationException", "message": "The server is unwilling."}});
    seed["faults"] = json!([{"cmdlet": "New-Mailbox", "kind": full}]);
    let bench = Bench::new(&seed);
    bench.connect("on-premises", "new", "");
    let mut added =
        order("1", "Added", json!({"Name": "Dora", "UserPrincipalName": "dora@contoso.com"}), Json::Null);
    added["Changes"]["_param_password"] = CANARY.into();
    std::fs::create_dir(bench.path("orders")).unwrap();
    let orders = json!({"Agent": "Local", "ProvisioningOrdersList": [added]});
    bench.place.write("orders/1.json", &orders.to_string());
    let ran = bench.run(&["fulfill", "--orders", "orders", "--results", "results.json", "--journal", "j.db"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(bench.path("orders/Completed/1.json").is_file());
    bench
}

#[test]
fn a_password_is_read_again_where_the_orders_were_put_away() {
    let bench = refused_at_first();
    let results = bench.results(&["retry", "--all-failed", "--journal", "j.db"], 0);
    assert_eq!(results[0]["action"], "created", "{results:?}");

    let bench = refused_at_first();
    std::fs::remove_file(bench.path("orders/Completed/1.json")).unwrap();
    let results = bench.results(&["retry", "--all-failed", "--journal", "j.db"], 1);
    assert_eq!(results[0]["error"]["class"], "secret_unavailable", "{results:?}");
    let message = results[0]["error"]["message"].as_str().unwrap();
    assert!(message.contains("1.json") && results[0]["error"]["hint"].is_string(), "{results:?}");
    assert_eq!(bench.written(), ["New-Mailbox"], "only the first time");
}
