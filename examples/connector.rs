//! Another connector that uses the bridge: it has people, and wants their mailboxes to be as it knows them.
//!
//! `cargo run --example connector` lets it loose on an embedded Exchange; nothing outside the process is touched.

use std::error::Error;

use mailwright::bridge::{Action, Bridge, Change, Operation, Outcome, Request};
use mailwright::config::Config;
use mailwright::lab::{self, Seed, ServeOptions};
use secrecy::SecretString;

/// What the connector's own system knows of somebody.
struct Person {
    id: &'static str,
    name: &'static str,
    login: &'static str,
    /// The primary last
    addresses: &'static [&'static str],
    has_left: bool,
}

const PEOPLE: [Person; 3] = [
    Person {
        id: "4711",
        name: "Ada Lovelace",
        login: "ada.lovelace@contoso.com",
        addresses: &["countess@contoso.com", "ada.lovelace@contoso.com"],
        has_left: false,
    },
    Person {
        id: "4712",
        name: "Charles Babbage",
        login: "charles.babbage@contoso.com",
        addresses: &["charles.babbage@nowhere.example"],
        has_left: false,
    },
    Person { id: "4713", name: "Nobody", login: "nobody@contoso.com", addresses: &[], has_left: true },
];

impl Person {
    fn request(&self) -> Request {
        // The same id with the same content is one change, however often it is handed over.
        if self.has_left {
            return Change::new(Operation::Disable, self.login).id(format!("{}/left", self.id)).into();
        }
        let mut change = Change::new(Operation::Ensure, self.login).id(format!("{}/mailbox", self.id));
        change.attributes.insert("Name".into(), self.name.into());
        change.attributes.insert("UserPrincipalName".into(), self.login.into());
        change.attributes.insert("CustomAttribute1".into(), self.id.into());
        change.addresses = Some(self.addresses.to_vec().into());
        Request::with_password(change, SecretString::from("Start-1!pass"))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // In place of this: `Config::load("mailwright.toml".as_ref())?`
    let folder = tempfile::tempdir()?;
    let exchange = lab::serve(Seed::sample()?, ServeOptions::default()).await?;
    let file = folder.path().join("lab.toml");
    exchange.write_config(&file)?;
    let config = Config::load(&file)?;

    let journal = folder.path().join("connector.db");
    let bridge = Bridge::open(config.connection(Some("lab"))?, &journal, "people").await?;

    let plan = bridge.plan(PEOPLE.iter().map(Person::request)).await?;
    print!("{}", plan.text());

    // Whether this future runs to its end or is dropped on the way: applying the same again goes on where it ended.
    for (person, outcome) in PEOPLE.iter().zip(bridge.apply(PEOPLE.iter().map(Person::request)).await?) {
        println!("{}: {}", person.name, told(&outcome));
    }
    let page = bridge.write_report(&folder.path().join("report")).await?;
    assert!(page.exists(), "a page for those who want to see what was done");
    bridge.close().await;
    exchange.shutdown().await?;
    Ok(())
}

/// What the connector writes back into its own system.
fn told(outcome: &Outcome) -> String {
    match (&outcome.error, outcome.action) {
        (Some(error), _) => format!("{}: {}", error.class, error.message),
        (None, Action::Pending) => "waits; hand it over again later".into(),
        (None, action) => match outcome.guid {
            Some(guid) => format!("{action}, {guid}"),
            None => action.to_string(),
        },
    }
}
