//! A flow to Exchange Online: shared mailboxes, licences and the wait for what they bring, users who are made in the directory.

use serde_json::{Value as Json, json};

use super::kill::account;
use crate::cli::CANARY;
use crate::scenarios::bench::Bench;
use crate::scenarios::cloud::{config, person, tenant, there as mailbox};

/// Writes `all.toml` with a connection for each create method.
pub fn connect(bench: &Bench, concurrency: u32) {
    let connections = ["new", "enable"].map(|create_method| {
        let keys = format!(
            "create_method = \"{create_method}\"\nallow_remove = true\nconcurrency = {concurrency}\nreplication_wait = \"10s\""
        );
        config(bench, "cloud", &keys, "").replace("connections.it", &format!("connections.{create_method}"))
    });
    bench.place.write("all.toml", &connections.concat());
}

/// What is there before: of each four accounts a user who waits for a licence, and a shared mailbox.
pub fn there(accounts: usize) -> Json {
    let objects = (0..accounts).filter_map(|number| {
        let name = account(number);
        let mut object = match number % 4 {
            1 => person(&name),
            3 => mailbox(&name, "SharedMailbox", &json!({})),
            _ => return None,
        };
        object.as_object_mut().unwrap().remove("MailboxDelay");
        Some(object)
    });
    tenant(&objects.collect::<Vec<_>>())
}

/// Four changes for each account, the first of all accounts first. Each that writes a mailbox says by its number in
/// `CustomAttribute15` which it is. Half of the accounts take an address over that another one of their kind has let go.
pub fn flow(accounts: usize) -> String {
    let address = |number: usize, which: &str| format!("{}{which}@fabrikam.com", account(number));
    let mut lines = String::new();
    for order in 1..=4 {
        for number in 0..accounts {
            let name = account(number);
            let own = format!("{name}@contoso.com");
            let kind = number % 4;
            let mut change = match (order, kind) {
                (1, 0) => {
                    json!({"Type": "Shared", "Name": name, "Alias": name, "EmailAddresses": [address(number, ".a"), own]})
                }
                (1, 2) => json!({"UserPrincipalName": own, "DisplayName": name, "_param_password": CANARY,
                                 "EmailAddresses": [address(number, ".a"), own]}),
                (1, _) => json!({"EmailAddresses": [address(number, ".a"), own]}),
                // Lets the address go that another account takes with its third change.
                (2, _) => json!({"EmailAddresses": [own]}),
                (3, _) => {
                    let takes =
                        if (number / 4) % 2 == 1 { address(number - 4, ".a") } else { address(number, ".b") };
                    json!({"EmailAddresses": [takes, own]})
                }
                (_, 1) => json!({"Operation": "disable"}),
                (_, 3) => json!({"Operation": "remove"}),
                (_, _) => json!({"DisplayName": format!("{name} has left")}),
            };
            change["ChangeId"] = json!(format!("{name}-{order}"));
            change["Connection"] = json!(if matches!(kind, 0 | 2) { "new" } else { "enable" });
            change["Identity"] = json!(own);
            if change.get("Operation").is_none() {
                change["CustomAttribute15"] = json!(order.to_string());
            }
            lines += &format!("{change}\n");
        }
    }
    lines
}
