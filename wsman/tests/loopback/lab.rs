//! A small service to run pipelines on, and how to reach it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::ExposeSecret;
use wsman::auth::ntlm::ServerNames;
use wsman::auth::{AccountStore, Credentials, Secret, UserName};
use wsman::client::{Authentication, ConnectionConfig, PoolOptions, RunspacePool};
use wsman::clixml::{SecureText, Value};
use wsman::psrp::server::Choice;
use wsman::psrp::{Command, ErrorCategory, ErrorRecord, Outcome, Record};
use wsman::server::{
    Endpoint, Exchange, PipelineRequest, Refusal, Runspace, Server, ServerConfig, Service, ShellInfo,
    StopFlag,
};

pub const USER: &str = "CONTOSO\\svc-idm";
/// The same account as Kerberos knows it.
pub const PRINCIPAL: &str = "svc-idm@CONTOSO.COM";
pub const PASSWORD: &str = "pa$$wörd-canary";

/// What the service saw and did.
#[derive(Default)]
pub struct Seen {
    pub exchanges: Mutex<Vec<Exchange>>,
    pub ran: Mutex<Vec<String>>,
    pub running: AtomicUsize,
    pub most_running: AtomicUsize,
    /// With what the next shells are refused.
    pub refusals: Mutex<VecDeque<Refusal>>,
    /// What `Wait-Gate` waits for.
    pub gate: StopFlag,
}

impl Seen {
    pub fn count(&self, verb: &str) -> usize {
        let exchanges = self.exchanges.lock().unwrap();
        exchanges
            .iter()
            .filter(|it| it.action.as_deref().is_some_and(|action| action.ends_with(verb)))
            .count()
    }

    pub fn commands(&self) -> usize {
        self.ran.lock().unwrap().len()
    }

    /// Waits until something is so.
    pub async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        for _ in 0..3000 {
            if condition(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("not within 30 s: {what}");
    }
}

struct Accounts;

impl AccountStore for Accounts {
    fn secret(&self, user: &UserName) -> Option<Secret> {
        let known = user.domain.eq_ignore_ascii_case("contoso") && user.user.eq_ignore_ascii_case("svc-idm");
        known.then(|| Secret::password(PASSWORD))
    }
}

struct Lab(Arc<Seen>);

impl Service for Lab {
    fn accounts(&self) -> Arc<dyn AccountStore + Send + Sync> {
        Arc::new(Accounts)
    }

    fn open(&self, shell: ShellInfo) -> Result<Box<dyn Runspace>, Refusal> {
        let expected = [UserName::new("CONTOSO", "svc-idm"), UserName::parse(PRINCIPAL)];
        assert!(expected.contains(&shell.user), "{:?}", shell.user);
        match self.0.refusals.lock().unwrap().pop_front() {
            Some(refusal) => Err(refusal),
            None => Ok(Box::new(Session(self.0.clone()))),
        }
    }

    fn on_exchange(&self, exchange: &Exchange) {
        self.0.exchanges.lock().unwrap().push(exchange.clone());
    }
}

struct Session(Arc<Seen>);

impl Runspace for Session {
    fn run(&mut self, pipeline: PipelineRequest, sink: &mut dyn FnMut(Record)) -> Outcome {
        let command = &pipeline.statements[0][0];
        let running = self.0.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.most_running.fetch_max(running, Ordering::SeqCst);
        self.0.ran.lock().unwrap().push(command.name.clone());
        let outcome = run(&self.0, command, &pipeline, sink);
        self.0.running.fetch_sub(1, Ordering::SeqCst);
        outcome
    }
}

fn run(seen: &Seen, command: &Command, pipeline: &PipelineRequest, sink: &mut dyn FnMut(Record)) -> Outcome {
    let argument = |name: &str| {
        let found = command.arguments.iter().find(|it| it.name.as_deref() == Some(name));
        found.map_or(Value::Nil, |it| it.value.clone())
    };
    match command.name.as_str() {
        "Get-Echo" => sink(Record::Output(argument("Value"))),
        "Get-Input" => pipeline.input.iter().cloned().for_each(|value| sink(Record::Output(value))),
        "Get-Secret" => match argument("Secret") {
            Value::SecureString(SecureText::Clear(text)) => {
                sink(Record::Output(Value::String(text.expose_secret().into())));
            }
            other => sink(Record::Output(other)),
        },
        "Get-Many" => {
            let (Value::Int32(count), Value::Int32(size)) = (argument("Count"), argument("Size")) else {
                return Outcome::Failed(None);
            };
            for number in 0..count {
                let text = format!("{number:06}{}", "x".repeat(size as usize));
                sink(Record::Output(Value::String(text.into())));
            }
        }
        "Write-All" => {
            sink(Record::Warning("careful".into()));
            sink(Record::Error(Box::new(error("soft"))));
            sink(Record::Verbose("talk".into()));
            sink(Record::Output(Value::Int32(7)));
        }
        "Stop-Hard" => return Outcome::Failed(Some(Box::new(error("hard")))),
        "Confirm-It" => {
            let choice = |label: &str| Choice { label: label.into(), help: String::new() };
            let choice = pipeline.user.choose("Confirm", "Sure?", &[choice("&Yes"), choice("&No")], 0);
            sink(Record::Output(Value::Bool(choice.is_some())));
        }
        "Start-Slow" => {
            sink(Record::Output(Value::Bool(true)));
            assert!(pipeline.stop.wait(Duration::from_secs(120)), "nobody stopped it");
            return Outcome::Stopped(None);
        }
        "Wait-Gate" => {
            assert!(seen.gate.wait(Duration::from_secs(120)), "nobody opened the gate");
            sink(Record::Output(argument("Value")));
        }
        "Meet-Other" => {
            // Ends only where another one runs at the same time.
            for _ in 0..12_000 {
                if seen.most_running.load(Ordering::SeqCst) >= 2 {
                    return Outcome::Completed;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            return Outcome::Failed(None);
        }
        other => panic!("no such command in the test: {other}"),
    }
    Outcome::Completed
}

fn error(message: &str) -> ErrorRecord {
    ErrorRecord {
        exception_types: vec!["System.InvalidOperationException".into(), "System.Exception".into()],
        message: message.into(),
        target_object: Value::Nil,
        fully_qualified_error_id: "Test,Write-All".into(),
        category: ErrorCategory {
            category: 7,
            reason: "InvalidOperationException".into(),
            ..ErrorCategory::default()
        },
        details_message: None,
        recommended_action: None,
        raw: Value::Nil,
    }
}

/// A running server and what it saw.
pub struct Running {
    pub server: Server,
    pub seen: Arc<Seen>,
}

impl Running {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let seen = Arc::new(Seen::default());
        let server = Server::start(server_config(change), Arc::new(Lab(seen.clone()))).await.unwrap();
        Self { server, seen }
    }

    pub fn config(&self, tls: bool) -> ConnectionConfig {
        let url = format!("{}/PowerShell/?a=b", self.server.url(tls).unwrap());
        let mut config = ConnectionConfig::new(url, Credentials::new(USER, PASSWORD));
        config.tls.ca_pem = tls.then(|| self.server.certificate_pem().unwrap().as_bytes().to_vec());
        config.authentication = Authentication::Ntlm;
        config
    }

    pub async fn pool(&self) -> RunspacePool {
        RunspacePool::open(self.config(false), PoolOptions::default()).await.unwrap()
    }

    /// Nothing is left behind.
    pub async fn finish(self, pool: RunspacePool) {
        pool.close().await.unwrap();
        assert_eq!(self.server.shell_count(), 0);
        self.server.shutdown().await;
    }
}

fn server_config(change: impl FnOnce(&mut ServerConfig)) -> ServerConfig {
    let endpoint = |path: &str, name: &str| Endpoint {
        path: path.into(),
        resource_uris: vec![format!("http://schemas.microsoft.com/powershell/{name}")],
    };
    let endpoints =
        vec![endpoint("/PowerShell", "Microsoft.Exchange"), endpoint("/wsman", "Microsoft.PowerShell")];
    let names = ServerNames {
        netbios_computer: "EX01".into(),
        netbios_domain: "CONTOSO".into(),
        dns_computer: "ex01.contoso.com".into(),
        dns_domain: "contoso.com".into(),
    };
    let mut config = ServerConfig::loopback(endpoints, names);
    change(&mut config);
    config
}

pub fn echo(value: i32) -> Command {
    Command::new("Get-Echo").parameter("Value", Value::Int32(value))
}

/// Runs one command and returns its output.
pub async fn output(pool: &RunspacePool, command: Command) -> Vec<Value> {
    let collected = pool.pipeline().command(command).run().await.unwrap().collect().await.unwrap();
    assert_eq!(collected.outcome, Some(Outcome::Completed));
    collected.output
}
