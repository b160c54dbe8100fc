//! Our own server in this process, in a realm of MIT Kerberos.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wsman::auth::ntlm::ServerNames;
use wsman::auth::{AccountStore, Credentials};
use wsman::client::{Authentication, ConnectionConfig, Kerberos};
use wsman::clixml::Value;
use wsman::psrp::{Command, Outcome, Record};
use wsman::server::{
    Endpoint, Exchange, PipelineRequest, Refusal, Runspace, Server, ServerConfig, Service, ShellInfo,
    StopFlag,
};

use super::{Nobody, Place, SPN};
use crate::kdc::{PASSWORD, USER};

/// What the service saw.
#[derive(Default)]
pub struct Seen {
    exchanges: Mutex<Vec<Exchange>>,
    /// What a cmdlet with `Wait` waits for.
    pub gate: StopFlag,
}

struct Echo(Arc<Seen>);

impl Service for Echo {
    fn accounts(&self) -> Arc<dyn AccountStore + Send + Sync> {
        Arc::new(Nobody)
    }

    fn open(&self, _: ShellInfo) -> Result<Box<dyn Runspace>, Refusal> {
        Ok(Box::new(Self(self.0.clone())))
    }

    fn on_exchange(&self, exchange: &Exchange) {
        self.0.exchanges.lock().unwrap().push(exchange.clone());
    }
}

impl Runspace for Echo {
    fn run(&mut self, pipeline: PipelineRequest, sink: &mut dyn FnMut(Record)) -> Outcome {
        for argument in &pipeline.statements[0][0].arguments {
            match argument.name.as_deref() {
                Some("Wait") => assert!(self.0.gate.wait(Duration::from_secs(120)), "nobody opened the gate"),
                _ => sink(Record::Output(argument.value.clone())),
            }
        }
        Outcome::Completed
    }
}

/// A running server; it ends when dropped.
pub struct Lab {
    pub server: Server,
    pub seen: Arc<Seen>,
}

impl Lab {
    pub async fn start(place: &Place, change: impl FnOnce(&mut ServerConfig)) -> Self {
        let endpoint = Endpoint {
            path: "/PowerShell".into(),
            resource_uris: vec!["http://schemas.microsoft.com/powershell/Microsoft.Exchange".into()],
        };
        let names = ServerNames {
            netbios_computer: "EX01".into(),
            netbios_domain: "CONTOSO".into(),
            dns_computer: "ex01.contoso.test".into(),
            dns_domain: "contoso.test".into(),
        };
        let mut config = ServerConfig::loopback(vec![endpoint], names);
        config.kerberos = Some(place.service());
        config.limits.max_shells_per_user = 100;
        config.limits.max_connections = 400;
        change(&mut config);
        let seen = Arc::new(Seen::default());
        let server = Server::start(config, Arc::new(Echo(seen.clone()))).await.unwrap();
        Self { server, seen }
    }

    /// With the password, and Kerberos or nothing.
    pub fn config(&self, tls: bool, kerberos: &Kerberos) -> ConnectionConfig {
        let url = format!("{}/PowerShell", self.server.url(tls).unwrap());
        let mut config = ConnectionConfig::new(url, Credentials::new(USER, PASSWORD));
        config.authentication = Authentication::Kerberos;
        config.target_name = Some(SPN.into());
        config.kerberos = kerberos.clone();
        config
    }

    pub fn exchanges(&self) -> Vec<Exchange> {
        self.seen.exchanges.lock().unwrap().clone()
    }

    /// How many connections carried SOAP.
    pub fn connections(&self) -> usize {
        let soap = self.exchanges().into_iter().filter(|exchange| exchange.action.is_some());
        soap.map(|exchange| exchange.connection).collect::<BTreeSet<_>>().len()
    }
}

/// Gives its value back, at once or when the gate is open.
pub fn echo(value: Value, waits: bool) -> Command {
    let command = Command::new("Get-Echo").parameter("Value", value);
    if waits { command.parameter("Wait", Value::Bool(true)) } else { command }
}
