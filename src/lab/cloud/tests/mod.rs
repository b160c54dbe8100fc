//! The tenant without sockets: requests as bytes, answers as bytes, the time as an argument.

mod directory;
mod faults;
mod graph;
mod objects;
mod people;

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::*;
use crate::lab::{Options, Seed};

const NOW: u64 = 1_800_000_000_000;
const TENANT: Uuid = Uuid::from_u128(0x7e57);

/// A small organisation: users without mailboxes, synchronised mailboxes, mailboxes of the cloud alone.
const SEED: &str = r#"{
  "forest": "contoso.com",
  "domain_controllers": ["dc01.contoso.com"],
  "accepted_domains": [{"name": "contoso.com", "default": true}],
  "databases": [{"name": "DB01"}],
  "cloud": {
    "tenant": "00000000-0000-0000-0000-000000007e57",
    "initial_domain": "contoso.onmicrosoft.com",
    "accepted_domains": [{"name": "contoso.com", "default": true}, {"name": "contoso.onmicrosoft.com"}],
    "objects": [
      {"Name": "ada", "UserPrincipalName": "ada@contoso.com", "Password": "Ada-1!pass", "IsExchangeAdministrator": true},
      {"Name": "bob", "UserPrincipalName": "bob@contoso.com", "UsageLocation": "CH", "Password": "Bob-1!pass",
       "IsMultiFactor": true},
      {"Name": "eve", "UserPrincipalName": "eve@contoso.com", "UsageLocation": "CH",
       "LicensesByGroup": ["FLOW_FREE 00000000-0000-0000-0000-00000000abcd"]},
      {"RecipientTypeDetails": "UserMailbox", "Name": "sync", "UserPrincipalName": "sync@contoso.com", "IsDirSynced": true,
       "AssignedLicenses": ["ENTERPRISEPACK"], "UsageLocation": "CH"},
      {"RecipientTypeDetails": "UserMailbox", "Name": "managed", "UserPrincipalName": "managed@contoso.com",
       "IsDirSynced": true, "IsExchangeCloudManaged": true, "AssignedLicenses": ["ENTERPRISEPACK"]},
      {"RecipientTypeDetails": "UserMailbox", "Name": "zoe", "UserPrincipalName": "zoe@contoso.com",
       "AssignedLicenses": ["SPE_E3"], "UsageLocation": "CH"}
    ]
  }
}"#;

struct Bench {
    tenant: Tenant,
    now: u64,
}

impl Bench {
    fn with(seed: &str, options: Options) -> Self {
        let exchange = Exchange::cloud(Seed::from_json(seed).unwrap(), options).unwrap();
        let application = |id: &str, roles: &[&str]| Application {
            id: id.to_owned(),
            certificates: Vec::new(),
            secret: Some("Secret-1".into()),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            is_public: id == "phone",
            ..Application::default()
        };
        let all = ["Exchange.ManageAsApp", "User.ReadWrite.All", "Organization.Read.All"];
        let applications = vec![
            application("bridge", &all),
            application("reader", &["User.Read.All"]),
            application("phone", &[]),
        ];
        let host = |name: &str| format!("https://{name}.test");
        let hosts = Hosts {
            main: host("main"),
            graph: host("graph"),
            regional: host("regional"),
            hostile: host("hostile"),
            identity: host("identity"),
        };
        Self { tenant: Tenant::new(TENANT, &hosts, applications, b"sealed", exchange), now: NOW }
    }

    fn new() -> Self {
        Self::with(SEED, Options::default())
    }

    fn ask(
        &mut self,
        host: Host,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.tenant.answer(&Request { host, method, target, headers: &headers, body }, self.now)
    }

    fn token(&mut self, application: &str, host: Host) -> String {
        self.token_with(application, host, None)
    }

    /// The same, asked with claims.
    fn token_with(&mut self, application: &str, host: Host, claims: Option<&str>) -> String {
        let scope = format!("{}/.default", self.tenant.hosts.base(host));
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", application)
            .append_pair("client_secret", "Secret-1")
            .append_pair("grant_type", "client_credentials")
            .append_pair("scope", &scope)
            .extend_pairs(claims.map(|claims| ("claims", claims)))
            .finish();
        let answer =
            self.ask(Host::Main, "POST", &format!("/{TENANT}/oauth2/v2.0/token"), &[], form.as_bytes());
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        format!("Bearer {}", read(&answer)["access_token"].as_str().unwrap())
    }

    /// Calls a cmdlet: status and body.
    fn invoke(&mut self, cmdlet: &str, parameters: Json) -> (u16, Json) {
        let token = self.token("bridge", Host::Main);
        let body = json!({"CmdletInput": {"CmdletName": cmdlet, "Parameters": parameters}}).to_string();
        let anchor = format!("APP:SystemMailbox{{bb558c35-97f1-4cb9-8ff7-d53741dc928c}}@{TENANT}");
        let headers = [("Authorization", token.as_str()), ("X-AnchorMailbox", anchor.as_str())];
        let target = format!("/adminapi/beta/{TENANT}/InvokeCommand");
        let answer = self.ask(Host::Main, "POST", &target, &headers, body.as_bytes());
        (answer.status, read(&answer))
    }

    /// What a cmdlet that succeeds writes.
    fn done(&mut self, cmdlet: &str, parameters: Json) -> Vec<Json> {
        let (status, body) = self.invoke(cmdlet, parameters.clone());
        assert_eq!(status, 200, "{cmdlet} {parameters}: {body}");
        body["value"].as_array().unwrap().clone()
    }

    /// What a cmdlet is refused with: status and the text of the first detail, or of the exception inside.
    fn refused(&mut self, cmdlet: &str, parameters: Json) -> (u16, String) {
        let (status, body) = self.invoke(cmdlet, parameters.clone());
        assert!(status >= 400, "{cmdlet} {parameters}: {body}");
        let text = body.pointer("/error/details/0/message");
        let text = text.or_else(|| body.pointer("/error/innererror/internalexception/message"));
        (status, text.and_then(Json::as_str).unwrap_or_default().to_owned())
    }

    fn graph_as(&mut self, application: &str, method: &str, target: &str, body: Json) -> (u16, Json) {
        let token = self.token(application, Host::Graph);
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let headers = [("Authorization", token.as_str())];
        let answer = self.ask(Host::Graph, method, target, &headers, &body);
        (answer.status, read(&answer))
    }

    fn graph(&mut self, method: &str, target: &str, body: Json) -> (u16, Json) {
        self.graph_as("bridge", method, target, body)
    }

    fn id(&mut self, principal: &str) -> String {
        let (status, user) = self.graph("GET", &format!("/v1.0/users/{principal}"), Json::Null);
        assert_eq!(status, 200, "{user}");
        user["id"].as_str().unwrap().to_owned()
    }
}

fn read(answer: &Response) -> Json {
    serde_json::from_slice(&answer.body).unwrap_or(Json::Null)
}
