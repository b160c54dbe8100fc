//! Every exchange of a session cut at every point: what was asked for comes whole, or a typed error says what is lost;
//! nothing runs twice, and no shell stays behind.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use wsman::client::{Error, PoolOptions, RunspacePool};
use wsman::clixml::Value;

use crate::lab::{Running, echo};
use crate::proxy::{Cut, Cutter};

/// Cells at the same time.
const AT_ONCE: usize = 6;
/// More exchanges than there are: the session passes whole.
const NONE: u64 = u64::MAX;

/// What one session came to.
struct Ran {
    cell: String,
    requests: u64,
    outputs: Vec<Result<Vec<Value>, Error>>,
    commands: usize,
    shells: usize,
}

async fn session(tls: bool, number: u64, cut: Cut) -> Ran {
    let lab = Running::start().await;
    let address = lab.server.addresses().iter().find(|(_, secure)| *secure == tls).unwrap().0;
    let cutter = Cutter::start(address, number, cut).await;
    let mut config = lab.config(tls);
    config.url = config.url.replace(&address.to_string(), &cutter.address.to_string());
    // What never comes is not waited for long.
    config.timeouts.connect = Duration::from_secs(1);
    config.timeouts.sign_in = Duration::from_secs(2);
    config.timeouts.open = Duration::from_secs(5);
    let mut outputs = Vec::new();
    match RunspacePool::open(config, PoolOptions::default()).await {
        Err(error) => outputs.push(Err(error)),
        Ok(pool) => {
            for value in 0..2 {
                outputs.push(run(&pool, value).await);
            }
            let _ = pool.close().await;
        }
    }
    // Dropping a pool deletes its shell in the background.
    for _ in 0..200 {
        if lab.server.shell_count() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    Ran {
        cell: format!("exchange {number}, {cut:?}, tls {tls}"),
        requests: cutter.requests.load(Ordering::SeqCst),
        outputs,
        commands: lab.seen.commands(),
        shells: lab.server.shell_count(),
    }
}

async fn run(pool: &RunspacePool, value: i32) -> Result<Vec<Value>, Error> {
    Ok(pool.pipeline().command(echo(value)).run().await?.collect().await?.output)
}

/// F41, F43, F45, F46, F59.
#[tokio::test(flavor = "multi_thread")]
async fn f41_f43_f45_f46_f59_every_exchange_cut_at_every_point() {
    cut_everywhere(false).await;
}

/// Under TLS the records are counted that the client sends, of the handshake too.
#[tokio::test(flavor = "multi_thread")]
async fn f41_f43_f45_f46_f59_every_record_cut_at_every_point() {
    cut_everywhere(true).await;
}

async fn cut_everywhere(tls: bool) {
    let whole = session(tls, NONE, Cut::Request).await;
    assert_eq!(whole.outputs.iter().filter(|output| output.is_ok()).count(), 2);
    let cells = (1..=whole.requests).flat_map(|number| Cut::ALL.map(|cut| (number, cut)));
    let ran: Vec<Ran> = stream::iter(cells.map(|(number, cut)| session(tls, number, cut)))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut right = 0;
    for Ran { cell, outputs, commands, shells, .. } in &ran {
        // An opening that breaks off is begun again; a handshake of TLS is not.
        assert!(tls || outputs.len() == 2, "{cell}: not opened: {outputs:?}");
        assert_eq!(*shells, 0, "{cell}: a shell stays behind: {outputs:?}");
        assert!(*commands <= 2, "{cell}: something ran twice");
        for (value, output) in outputs.iter().enumerate() {
            match output {
                Ok(values) => {
                    right += 1;
                    assert_eq!(values, &[Value::Int32(value as i32)], "{cell}");
                }
                Err(Error::Lost { .. } | Error::Timeout { .. } | Error::Closed | Error::Connect { .. }) => {}
                // In the handshake.
                Err(Error::Tls { .. }) if tls => {}
                Err(error) => panic!("{cell}: {error:?}"),
            }
        }
    }
    // Most cuts are mended without anybody noticing.
    assert!(right > ran.len(), "{right} of {}", 2 * ran.len());
}

/// F40: connections are never shared between sign-ins, however many there are.
#[tokio::test(flavor = "multi_thread")]
async fn f40_fifty_connections_do_not_mix_their_contexts() {
    let lab = Running::start().await;
    let mut config = lab.config(false);
    config.max_connections = 51;
    let options = PoolOptions { max_runspaces: 50, ..PoolOptions::default() };
    let pool = RunspacePool::open(config, options).await.unwrap();
    let mut waiting = Vec::new();
    for value in 0..50 {
        let command = wsman::psrp::Command::new("Wait-Gate").parameter("Value", Value::Int32(value));
        waiting.push(pool.pipeline().command(command).run().await.unwrap());
    }
    lab.seen.until("all run", |seen| seen.commands() == 50).await;
    lab.seen.gate.set();
    for (value, pipeline) in waiting.into_iter().enumerate() {
        assert_eq!(pipeline.collect().await.unwrap().output, [Value::Int32(value as i32)]);
    }
    let connections: std::collections::BTreeSet<_> =
        lab.seen.exchanges.lock().unwrap().iter().map(|it| it.connection).collect();
    assert!(connections.len() >= 25, "{}", connections.len());
    let unsealed = |it: &wsman::server::Exchange| it.action.is_some() && !it.sealed;
    assert!(!lab.seen.exchanges.lock().unwrap().iter().any(unsealed));
    lab.finish(pool).await;
}
