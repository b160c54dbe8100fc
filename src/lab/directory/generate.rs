//! A company of any size, made by counting.

use std::collections::BTreeMap;

use super::seed::{Seed, SeedObject};
use super::{AcceptedDomain, AddressPolicy, Attribute, Database};
use crate::lab::cloud::CloudSeed;

const GIVEN: [&str; 10] =
    ["Anna", "Bruno", "Carla", "Dario", "Elif", "Fatma", "Gian", "Heidi", "Ines", "Jürg"];
const SURNAMES: [&str; 12] = [
    "Ackermann",
    "Büchi",
    "Çelik",
    "Dubois",
    "Egger",
    "Fischer",
    "García",
    "Huber",
    "Ivanova",
    "Jensen",
    "Keller",
    "Łukasik",
];

impl Seed {
    /// A company of `mailboxes` mailboxes `user00001`, `user00002`, ... and the account `svc-idm` with the password `Lab-Passw0rd!`.
    pub fn generated(mailboxes: usize) -> Self {
        let mut objects = vec![service_account()];
        objects.extend((1..=mailboxes).map(mailbox));
        let mut seed = Self {
            restrictions: super::Restrictions::default(),
            faults: Vec::new(),
            forest: "contoso.com".to_owned(),
            netbios: "CONTOSO".to_owned(),
            organization: "Contoso".to_owned(),
            server: "EX01".to_owned(),
            domain_controllers: vec!["dc01.contoso.com".to_owned(), "dc02.contoso.com".to_owned()],
            organizational_units: vec![
                "contoso.com/Users".to_owned(),
                "contoso.com/Staff".to_owned(),
                "contoso.com/Service".to_owned(),
            ],
            accepted_domains: [("contoso.com", true), ("contoso.mail.onmicrosoft.com", false)]
                .map(|(name, default)| AcceptedDomain {
                    name: name.to_owned(),
                    domain_type: "Authoritative".to_owned(),
                    default,
                })
                .into(),
            databases: ["DB01", "DB02", "DB03", "DB04"]
                .map(|name| Database {
                    name: name.to_owned(),
                    mounted: true,
                    excluded_from_provisioning: false,
                    guid: None,
                    properties: BTreeMap::new(),
                })
                .into(),
            address_policies: vec![AddressPolicy {
                name: "Default Policy".to_owned(),
                templates: vec![
                    "SMTP:%m@contoso.com".to_owned(),
                    "smtp:%m@contoso.mail.onmicrosoft.com".to_owned(),
                ],
            }],
            remote_routing_domain: Some("contoso.mail.onmicrosoft.com".to_owned()),
            objects,
            cloud: None,
        };
        let mut cloud = CloudSeed::of(&seed);
        cloud.objects.extend((1..=mailboxes).map(in_cloud));
        seed.cloud = Some(cloud);
        seed
    }

    /// Adds `mailboxes` generated mailboxes to the objects of this seed.
    #[must_use]
    pub fn with_generated(mut self, mailboxes: usize) -> Self {
        let mut cloud = self.cloud.take().unwrap_or_else(|| CloudSeed::of(&self));
        cloud.objects.extend((1..=mailboxes).map(in_cloud));
        self.cloud = Some(cloud);
        let unit = Attribute::Text(format!("{}/Users", self.forest));
        self.objects.extend((1..=mailboxes).map(|number| {
            let mut object = mailbox(number);
            object.insert("OrganizationalUnit".to_owned(), unit.clone());
            object
        }));
        self
    }
}

fn service_account() -> SeedObject {
    [
        ("RecipientTypeDetails", "User"),
        ("Name", "svc-idm"),
        ("SamAccountName", "svc-idm"),
        ("OrganizationalUnit", "contoso.com/Service"),
        ("Password", "Lab-Passw0rd!"),
    ]
    .map(|(name, value)| (name.to_owned(), Attribute::from(value)))
    .into()
}

/// The same mailbox of the cloud alone.
fn in_cloud(number: usize) -> SeedObject {
    let mut object = mailbox(number);
    object.remove("OrganizationalUnit");
    object.remove("SamAccountName");
    object.insert("UsageLocation".to_owned(), "CH".into());
    object.insert("AssignedLicenses".to_owned(), Attribute::List(vec!["ENTERPRISEPACK".to_owned()]));
    object
}

fn mailbox(number: usize) -> SeedObject {
    let given = GIVEN[number % GIVEN.len()];
    let surname = SURNAMES[(number / GIVEN.len()) % SURNAMES.len()];
    let alias = format!("user{number:05}");
    [
        ("RecipientTypeDetails", "UserMailbox".to_owned()),
        ("Name", format!("{given} {surname} {number:05}")),
        ("DisplayName", format!("{given} {surname}")),
        ("FirstName", given.to_owned()),
        ("LastName", surname.to_owned()),
        ("SamAccountName", alias.clone()),
        ("Alias", alias),
        ("OrganizationalUnit", "contoso.com/Staff".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), Attribute::from(value)))
    .into()
}
