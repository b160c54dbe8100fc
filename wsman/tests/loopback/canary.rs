//! Passwords and keys are in no log and in no `Debug`, which is what panics say.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, OnceLock};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use wsman::auth::kerberos::EncryptionType;
use wsman::auth::{Credentials, Scheme};
use wsman::client::{Authentication, ConnectionConfig, PoolOptions, RunspacePool};
use wsman::clixml::Value;
use wsman::psrp::Command;

use crate::lab::{PASSWORD, Running, USER, output};
use crate::tickets::{credentials, ticket};
use crate::trace::holds_no;

const SECRET: &str = "Canary-7c1f!pw";

/// Keeps what is logged in this process, by this test and those beside it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn install() -> &'static Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        LOG.get_or_init(|| {
            let log = Self::default();
            tracing::subscriber::set_global_default(log.clone()).unwrap();
            log
        })
    }
}

impl Visit for &Log {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = writeln!(self.0.lock().unwrap(), "{field}={value:?}");
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut &*self);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut &*self);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut &*self);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_logs_nor_debug_hold_a_secret() {
    let log = Log::install();
    let mut shown = String::new();
    for (authentication, tls) in [
        (Authentication::Basic, true),
        (Authentication::Ntlm, false),
        (Authentication::Negotiate, false),
        (Authentication::CredSsp, false),
    ] {
        let lab = Running::start_with(|config| {
            if authentication == Authentication::CredSsp {
                config.schemes = vec![Scheme::CredSsp];
            }
        })
        .await;
        let config = ConnectionConfig { authentication, ..lab.config(tls) };
        let wrong = ConnectionConfig { credentials: Credentials::new(USER, SECRET), ..config.clone() };
        let _ = writeln!(shown, "{config:?} {wrong:?}");
        let refused = RunspacePool::open(wrong, PoolOptions::default()).await.unwrap_err();
        // A panic would say this.
        let _ = writeln!(shown, "{refused} {refused:?}");

        let pool = RunspacePool::open(config, PoolOptions::default()).await.unwrap();
        let command = Command::new("Get-Secret").parameter("Secret", Value::secure(SECRET));
        let builder = pool.pipeline().command(command.clone());
        let _ = writeln!(shown, "{command:?} {builder:?} {pool:?}");
        // The output is what the server makes of it.
        assert_eq!(output(&pool, command).await, [Value::from(SECRET)]);
        let failing =
            pool.pipeline().command(Command::new("Stop-Hard").parameter("Secret", Value::secure(SECRET)));
        let pipeline = failing.run().await.unwrap();
        let _ = writeln!(shown, "{pipeline:?}");
        let ended = pipeline.collect().await.unwrap();
        let _ = writeln!(shown, "{ended:?}");
        lab.finish(pool).await;
    }
    let ticket = ticket(EncryptionType::Aes256Sha1, 7, 36_000, 0);
    let key = format!("{:?}", ticket.key.expose_bytes());
    let _ = writeln!(shown, "{ticket:?} {:?}", credentials(ticket.clone()));
    assert!(!shown.contains(key.trim_matches(['[', ']'])), "{shown}");

    let logged = log.0.lock().unwrap().clone();
    assert!(logged.contains("signed in") && logged.contains("mechanism=Ntlm"), "{logged}");
    for text in [shown, logged] {
        holds_no(&text, SECRET);
        holds_no(&text, PASSWORD);
    }
}
