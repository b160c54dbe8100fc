//! Connections that end while something is under way.

use std::sync::atomic::Ordering;
use std::time::Duration;

use wsman::client::{Error, PoolOptions, RunspacePool};
use wsman::clixml::Value;
use wsman::psrp::{Command, Record};

use crate::lab::{Running, echo, output};
use crate::proxy::Proxy;

async fn through_proxy(lab: &Running, tls: bool) -> (Proxy, RunspacePool) {
    let address = lab.server.addresses().iter().find(|(_, secure)| *secure == tls).unwrap().0;
    let proxy = Proxy::start(address).await;
    let mut config = lab.config(tls);
    config.url = config.url.replace(&address.to_string(), &proxy.address.to_string());
    let pool = RunspacePool::open(config, PoolOptions::default()).await.unwrap();
    (proxy, pool)
}

/// Waits until a Receive is with the server, which has answered everything else but those that were killed.
/// Under TLS that cannot be seen.
async fn receive_waits(lab: &Running, proxy: &Proxy, tls: bool, killed: usize) {
    if tls {
        return tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let waits = |answered: usize| proxy.requests.load(Ordering::SeqCst) as usize > answered + killed;
    lab.seen.until("a Receive waits", |seen| waits(seen.exchanges.lock().unwrap().len())).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f45_f46_a_receive_goes_on_after_a_new_sign_in() {
    for tls in [false, true] {
        let lab = Running::start().await;
        let (proxy, pool) = through_proxy(&lab, tls).await;
        let waiting = Command::new("Wait-Gate").parameter("Value", Value::Int32(5));
        let mut pipeline = pool.pipeline().command(waiting).run().await.unwrap();
        for times in 1..=3 {
            lab.seen.until("it runs", |seen| seen.commands() == 1).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
            receive_waits(&lab, &proxy, tls, times - 1).await;
            let before = proxy.opened.load(Ordering::SeqCst);
            proxy.kill();
            lab.seen.until("a new connection", |_| proxy.opened.load(Ordering::SeqCst) > before).await;
            assert_eq!(lab.seen.commands(), 1, "round {times}");
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        lab.seen.gate.set();
        assert_eq!(pipeline.next().await.unwrap(), Some(Record::Output(Value::Int32(5))));
        assert_eq!(pipeline.next().await.unwrap(), None);
        assert!(pipeline.may_have_gaps(), "nobody knows what the answers held that did not arrive");
        let mut after = pool.pipeline().command(echo(6)).run().await.unwrap();
        while after.next().await.unwrap().is_some() {}
        assert!(!after.may_have_gaps());
        drop((pipeline, after));
        lab.finish(pool).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f44_connections_lost_while_idle_are_replaced() {
    let lab = Running::start().await;
    let (proxy, pool) = through_proxy(&lab, false).await;
    for number in 0..5 {
        assert_eq!(output(&pool, echo(number)).await, [Value::Int32(number)]);
        // Until its Terminate has come as well: nothing is under way then.
        lab.seen.until("all terminated", |seen| seen.count("/Signal") == number as usize + 1).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        proxy.kill();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert_eq!(lab.seen.commands(), 5);
    lab.finish(pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_answer_was_cut_is_not_sent_again() {
    let lab = Running::start().await;
    let (proxy, pool) = through_proxy(&lab, false).await;
    proxy.cut_next_answer();
    let error = pool.pipeline().command(echo(1)).run().await.unwrap().collect().await.unwrap_err();
    assert!(error.may_have_run(), "{error:?}");
    assert!(error.to_string().contains("lost"), "{error}");
    assert_eq!(lab.seen.count("/Command"), 1);
    // The pool lives on.
    assert_eq!(output(&pool, echo(2)).await, [Value::Int32(2)]);
    lab.finish(pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn output_whose_answer_was_cut_is_not_passed_over() {
    let lab = Running::start().await;
    let (proxy, pool) = through_proxy(&lab, false).await;
    let waiting = Command::new("Wait-Gate").parameter("Value", Value::Int32(5));
    let pipeline = pool.pipeline().command(waiting).run().await.unwrap();
    lab.seen.until("it runs", |seen| seen.commands() == 1).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    receive_waits(&lab, &proxy, false, 0).await;
    proxy.cut_next_answer();
    lab.seen.gate.set();
    let error = pipeline.collect().await.unwrap_err();
    assert!(matches!(error, Error::Lost { answered: true, .. }) && error.may_have_run(), "{error:?}");
    assert_eq!(output(&pool, echo(2)).await, [Value::Int32(2)]);
    lab.finish(pool).await;
}
