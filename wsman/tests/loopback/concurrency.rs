//! Requests per cmdlet, and pipelines at the same time.

use std::time::Duration;

use secrecy::SecretString;
use wsman::client::{PoolOptions, RunspacePool};
use wsman::clixml::{SecureText, Value};
use wsman::psrp::{Command, Outcome};

use crate::lab::{Running, echo, output};

#[tokio::test(flavor = "multi_thread")]
async fn f42_f57_three_hundred_cmdlets_cost_three_requests_each() {
    // Long enough that a busy machine cannot split an answer in two.
    let lab = Running::start_with(|config| config.limits.gather = Duration::from_secs(10)).await;
    let pool = lab.pool().await;
    let receives = lab.seen.count("/Receive");
    for number in 0..300 {
        assert_eq!(output(&pool, echo(number)).await, [Value::Int32(number)]);
    }
    assert_eq!(lab.seen.count("/Receive") - receives, 300);
    pool.close().await.unwrap();
    let seen = &lab.seen;
    assert_eq!((seen.count("/Command"), seen.count("/Signal")), (300, 300));
    assert_eq!((seen.count("/Create"), seen.count("/Delete")), (1, 1));
    let exchanges = seen.exchanges.lock().unwrap().clone();
    // Two connections, each signed in once with requests that hold nothing.
    let connections = exchanges.iter().map(|it| it.connection).collect::<std::collections::BTreeSet<_>>();
    assert!(connections.len() <= 2, "{connections:?}");
    let others: Vec<_> = exchanges.iter().filter(|it| it.action.is_none()).collect();
    assert!(others.len() <= 2 * 3 && others.iter().all(|it| it.request_bytes == 0), "{others:?}");
    assert_eq!(lab.server.shell_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pipelines_run_at_the_same_time() {
    let lab = Running::start().await;
    let options = PoolOptions { max_runspaces: 2, ..PoolOptions::default() };
    let pool = RunspacePool::open(lab.config(false), options).await.unwrap();
    let one = pool.pipeline().command(Command::new("Meet-Other")).run().await.unwrap();
    let two = pool.pipeline().command(Command::new("Meet-Other")).run().await.unwrap();
    let (one, two) = tokio::join!(one.collect(), two.collect());
    assert_eq!(one.unwrap().outcome, Some(Outcome::Completed));
    assert_eq!(two.unwrap().outcome, Some(Outcome::Completed));
    lab.finish(pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_exchanged_while_another_pipeline_waits() {
    let lab = Running::start().await;
    let options = PoolOptions { max_runspaces: 2, ..PoolOptions::default() };
    let pool = RunspacePool::open(lab.config(false), options).await.unwrap();
    let waiting = pool.pipeline().command(Command::new("Wait-Gate")).run().await.unwrap();
    lab.seen.until("it runs", |seen| seen.commands() == 1).await;
    let secret = Value::SecureString(SecureText::Clear(SecretString::from("geheim")));
    let command = Command::new("Get-Secret").parameter("Secret", secret);
    assert_eq!(output(&pool, command).await, [Value::String("geheim".into())]);
    lab.seen.gate.set();
    assert_eq!(waiting.collect().await.unwrap().output, [Value::Nil]);
    lab.finish(pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_pipelines_than_connections_take_turns() {
    let lab = Running::start().await;
    let pool = lab.pool().await;
    let mut pipelines = Vec::new();
    for number in 0..20 {
        pipelines.push(pool.pipeline().command(echo(number)).run().await.unwrap());
    }
    for (number, pipeline) in (0..).zip(pipelines) {
        assert_eq!(pipeline.collect().await.unwrap().output, [Value::Int32(number)]);
    }
    lab.finish(pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_does_not_read_holds_the_server_back() {
    let lab = Running::start().await;
    let pool = lab.pool().await;
    let many =
        Command::new("Get-Many").parameter("Count", Value::Int32(3000)).parameter("Size", Value::Int32(3000));
    let mut pipeline = pool.pipeline().command(many).run().await.unwrap();
    lab.seen.until("it ran", |seen| seen.commands() == 1).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    // 9 MB would take some 25 answers.
    assert!(lab.seen.count("/Receive") < 12, "{}", lab.seen.count("/Receive"));
    let mut count = 0;
    while pipeline.next().await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 3000);
    lab.finish(pool).await;
}
