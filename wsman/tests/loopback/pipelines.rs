//! What pipelines write, and how they end.

use std::time::Duration;

use secrecy::SecretString;
use wsman::client::{ConnectionConfig, Error, PoolOptions, RunspacePool};
use wsman::clixml::{SecureText, Value};
use wsman::psrp::{Command, Outcome, Record};

use crate::lab::{Running, echo, output};

#[tokio::test(flavor = "multi_thread")]
async fn errors_warnings_and_output_come_in_order() {
    let lab = Running::start().await;
    let pool = lab.pool().await;
    let mut pipeline = pool.pipeline().command(Command::new("Write-All")).run().await.unwrap();
    let mut records = Vec::new();
    while let Some(record) = pipeline.next().await.unwrap() {
        records.push(record);
    }
    assert!(matches!(&records[0], Record::Warning(text) if text == "careful"));
    assert!(
        matches!(&records[1], Record::Error(error) if error.message == "soft" && error.category.category == 7)
    );
    assert!(matches!(&records[2], Record::Verbose(text) if text == "talk"));
    assert_eq!(records[3], Record::Output(Value::Int32(7)));
    // An error that does not end the pipeline leaves it completed.
    assert_eq!((records.len(), pipeline.outcome()), (4, Some(&Outcome::Completed)));
    let failed =
        pool.pipeline().command(Command::new("Stop-Hard")).run().await.unwrap().collect().await.unwrap();
    assert!(matches!(failed.outcome, Some(Outcome::Failed(Some(error))) if error.message == "hard"));
    lab.finish(pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secure_string_arrives_and_is_nowhere_in_clear() {
    let lab = Running::start().await;
    let pool = lab.pool().await;
    let secret = Value::SecureString(SecureText::Clear(SecretString::from("geheim-canary")));
    let command = Command::new("Get-Secret").parameter("Secret", secret);
    assert_eq!(output(&pool, command.clone()).await, [Value::String("geheim-canary".into())]);
    assert!(!format!("{command:?}").contains("canary"));
    // The key is exchanged once.
    let sends = lab.seen.count("/Send");
    assert_eq!(output(&pool, command).await, [Value::String("geheim-canary".into())]);
    assert_eq!((sends, lab.seen.count("/Send")), (1, 1));
    lab.finish(pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn input_is_fed() {
    let lab = Running::start().await;
    let pool = lab.pool().await;
    let values: Vec<Value> = (0..50).map(Value::Int32).collect();
    let pipeline =
        pool.pipeline().command(Command::new("Get-Input")).input(values.clone()).run().await.unwrap();
    assert_eq!(pipeline.collect().await.unwrap().output, values);
    lab.finish(pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_larger_than_an_envelope_goes_in_pieces() {
    let lab = Running::start().await;
    let pool = lab.pool().await;
    let large: String = (0..1_200_000).map(|number| char::from(b'a' + (number % 23) as u8)).collect();
    let value = Value::String(large.into());
    assert_eq!(output(&pool, Command::new("Get-Echo").parameter("Value", value.clone())).await, [value]);
    assert!(lab.seen.count("/Send") >= 2);
    lab.finish(pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn output_larger_than_an_envelope_comes_whole_and_in_order() {
    let lab = Running::start().await;
    let pool = lab.pool().await;
    let many =
        Command::new("Get-Many").parameter("Count", Value::Int32(2000)).parameter("Size", Value::Int32(2000));
    let output = output(&pool, many).await;
    assert_eq!(output.len(), 2000);
    for (number, value) in output.iter().enumerate() {
        let Value::String(text) = value else { panic!("{value:?}") };
        assert!(text.as_str().unwrap().starts_with(&format!("{number:06}x")));
    }
    assert!(lab.seen.count("/Receive") > 8);
    lab.finish(pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_pipeline_is_stopped() {
    let lab = Running::start().await;
    let pool = lab.pool().await;
    let mut pipeline = pool.pipeline().command(Command::new("Start-Slow")).run().await.unwrap();
    assert_eq!(pipeline.next().await.unwrap(), Some(Record::Output(Value::Bool(true))));
    pipeline.stop();
    assert_eq!(pipeline.next().await.unwrap(), None);
    assert!(matches!(pipeline.outcome(), Some(Outcome::Stopped(_))));
    // The pool is as good as before.
    assert_eq!(output(&pool, echo(1)).await, [Value::Int32(1)]);
    lab.finish(pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_without_a_host_is_refused_at_once() {
    let lab = Running::start().await;
    let pool = lab.pool().await;
    assert_eq!(output(&pool, Command::new("Confirm-It")).await, [Value::Bool(false)]);
    lab.finish(pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_panics_costs_its_pipeline_only() {
    let lab = Running::start().await;
    let pool = lab.pool().await;
    let pipeline = pool.pipeline().command(Command::new("Panic-Please")).run().await.unwrap();
    assert_eq!(pipeline.collect().await.unwrap().outcome, Some(Outcome::Failed(None)));
    assert_eq!(output(&pool, echo(1)).await, [Value::Int32(1)]);
    lab.finish(pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_stops_too() {
    let lab = Running::start().await;
    let pool = lab.pool().await;
    let builder = pool.pipeline().command(Command::new("Start-Slow")).deadline(Duration::from_millis(300));
    let error = builder.run().await.unwrap().collect().await.unwrap_err();
    assert!(matches!(error, Error::Timeout { sent: true, .. }) && error.may_have_run(), "{error:?}");
    assert_eq!(output(&pool, echo(1)).await, [Value::Int32(1)]);
    lab.finish(pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f48_f50_f51_a_wait_longer_than_the_operation_timeout_is_continued() {
    let lab = Running::start().await;
    let mut config = lab.config(false);
    config.timeouts.operation = Duration::from_secs(1);
    let pool = RunspacePool::open(ConnectionConfig { ..config }, PoolOptions::default()).await.unwrap();
    let waiting = Command::new("Wait-Gate").parameter("Value", Value::Int32(5));
    let pipeline = pool.pipeline().command(waiting).run().await.unwrap();
    let before = lab.seen.count("/Receive");
    lab.seen
        .until("two Receives without output", |seen| seen.exchanges.lock().unwrap().len() > before + 4)
        .await;
    lab.seen.gate.set();
    assert_eq!(pipeline.collect().await.unwrap().output, [Value::Int32(5)]);
    lab.finish(pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_pipeline_is_terminated_and_a_dropped_pool_deleted() {
    let lab = Running::start().await;
    let pool = lab.pool().await;
    let mut pipeline = pool.pipeline().command(Command::new("Start-Slow")).run().await.unwrap();
    assert!(pipeline.next().await.unwrap().is_some());
    drop(pipeline);
    lab.seen
        .until("the slow one ended", |seen| seen.running.load(std::sync::atomic::Ordering::SeqCst) == 0)
        .await;
    drop(pool);
    for _ in 0..3000 {
        if lab.server.shell_count() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the shell was not deleted");
}
