//! Who may use whom.

use crate::source::{Source, rust_files};

/// For each layer of the bridge: those it must not know.
const BRIDGE: [(&str, &[&str]); 15] = [
    ("address", &["export", "recipient", "plan", "exchange", "flow", "cli", "config", "report", "lab"]),
    ("recipient", &["export", "plan", "exchange", "flow", "cli", "config", "report", "lab"]),
    ("plan", &["export", "exchange", "flow", "cli", "config", "report", "lab"]),
    ("exchange", &["export", "flow", "cli", "report", "lab"]),
    (
        "secret",
        &["address", "recipient", "plan", "config", "export", "exchange", "flow", "cli", "report", "lab"],
    ),
    ("config", &["export", "exchange", "flow", "cli", "report", "lab"]),
    ("flow", &["export", "cli", "lab", "mail", "watch"]),
    ("doctor", &["export", "flow", "cli", "report", "lab"]),
    ("report", &["export", "exchange", "flow", "cli", "lab", "mail", "watch"]),
    ("export", &["recipient", "plan", "flow", "cli", "report", "lab"]),
    ("mail", &["address", "plan", "exchange", "export", "flow", "cli", "lab", "watch"]),
    ("watch", &["address", "plan", "exchange", "export", "cli", "lab", "mail"]),
    // A simulator that shares the client's logic shares its mistakes.
    ("lab", &["export", "plan", "exchange", "address", "flow", "cli", "config", "report"]),
    ("bridge", &["export", "cli", "lab"]),
    ("cli", &[]),
];

/// The same for the protocol.
const PROTOCOL: [(&str, &[&str]); 9] = [
    ("xml", &["soap", "wsmv", "clixml", "psrp", "auth", "session", "client", "server"]),
    ("soap", &["wsmv", "clixml", "psrp", "auth", "session", "client", "server"]),
    ("wsmv", &["clixml", "psrp", "auth", "session", "client", "server"]),
    ("clixml", &["soap", "wsmv", "psrp", "auth", "session", "client", "server"]),
    ("psrp", &["soap", "wsmv", "auth", "session", "client", "server"]),
    ("auth", &["soap", "wsmv", "clixml", "psrp", "session", "client", "server"]),
    ("session", &["auth", "client", "server"]),
    ("client", &["server"]),
    ("server", &["client"]),
];

/// What only the drivers may touch: sockets, files, clocks, chance.
const IMPURE: [&str; 8] = [
    "std::net",
    "std::fs",
    "SystemTime::now",
    "Instant::now",
    "tokio::",
    "rand::",
    "getrandom",
    "Uuid::new_v4",
];

fn uses(source: &Source, layer: &str) -> Vec<String> {
    let direct = format!("crate::{layer}");
    let mut in_group = false;
    let mut found = Vec::new();
    for (number, line) in source.code() {
        let line = line.trim();
        in_group |= line == "use crate::{";
        let named = line.match_indices(&direct).any(|(at, text)| {
            !line[at + text.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
        });
        let grouped =
            in_group && (line.starts_with(&format!("{layer}::")) || line.starts_with(&format!("{layer},")));
        if named || grouped {
            found.push(format!("{}:{number}: {line}", source.path));
        }
        in_group &= !line.contains("};");
    }
    found
}

fn check(root: &str, layers: &[(&str, &[&str])]) {
    let mut wrong = Vec::new();
    for (layer, forbidden) in layers {
        for source in rust_files(&format!("{root}/{layer}")).iter().filter(|source| !source.is_test()) {
            for other in *forbidden {
                wrong.extend(uses(source, other));
            }
        }
    }
    assert!(wrong.is_empty(), "these look in the wrong direction:\n{}", wrong.join("\n"));
}

#[test]
fn the_layers_of_the_bridge() {
    check("src", &BRIDGE);
}

#[test]
fn the_layers_of_the_protocol() {
    check("wsman/src", &PROTOCOL);
}

#[test]
fn nothing_below_the_drivers_touches_the_world() {
    let pure = ["xml", "soap", "wsmv", "clixml", "psrp", "auth", "session"]
        .map(|layer| format!("wsman/src/{layer}"));
    let pure = pure.into_iter().chain(["address", "recipient", "plan"].map(|layer| format!("src/{layer}")));
    let mut drivers = ["files", "read", "run", "table"].map(|name| format!("src/export/{name}.rs")).to_vec();
    drivers.extend(["src/mail/send.rs", "src/watch/folder.rs"].map(str::to_owned));
    let mixed = ["src/export", "src/mail", "src/watch"].into_iter().flat_map(rust_files);
    let mixed = mixed.filter(|source| !drivers.contains(&source.path));
    let mut wrong = Vec::new();
    for source in pure.flat_map(|folder| rust_files(&folder)).chain(mixed) {
        if !source.is_test() {
            for (number, line) in source.code() {
                if IMPURE.iter().any(|word| line.contains(word)) {
                    wrong.push(format!("{}:{number}: {}", source.path, line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "these touch the world:\n{}", wrong.join("\n"));
}
