//! HTTP requests and time per cmdlet, over sockets of this machine. The floor is Command and Receive; Terminate goes
//! beside them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

use std::time::Instant;

use wsman::client::{PoolOptions, RunspacePool};

#[path = "../tests/loopback/lab.rs"]
mod lab;

const CMDLETS: i32 = 300;

fn main() {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        for tls in [false, true] {
            run(tls).await;
        }
    });
}

async fn run(tls: bool) {
    let lab = lab::Running::start().await;
    let began = Instant::now();
    let pool = RunspacePool::open(lab.config(tls), PoolOptions::default()).await.unwrap();
    let opened = began.elapsed();
    let before = lab.seen.exchanges.lock().unwrap().len();
    let receives = lab.seen.count("/Receive");
    let began = Instant::now();
    for number in 0..CMDLETS {
        lab::output(&pool, lab::echo(number)).await;
    }
    let elapsed = began.elapsed();
    pool.close().await.unwrap();
    let seen = &lab.seen;
    let per = |count: usize| count as f64 / f64::from(CMDLETS);
    println!(
        "{}: open {opened:.1?} with {before} requests; per cmdlet {:.2?}, Command {:.2} + Receive {:.2} + Signal {:.2}, all requests {:.2}",
        if tls { "https" } else { "http, sealed" },
        elapsed / CMDLETS as u32,
        per(seen.count("/Command")),
        per(seen.count("/Receive") - receives),
        per(seen.count("/Signal")),
        per(seen.exchanges.lock().unwrap().len() - before),
    );
}
