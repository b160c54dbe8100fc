//! Our client against our server, over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod between;
mod binding;
mod canary;
mod certificates;
mod concurrency;
mod credssp;
mod cuts;
mod failures;
mod kerberos;
mod lab;
mod lost;
mod meddler;
mod pipelines;
mod probe;
mod proxy;
mod raw;
mod road;
mod sign_in;
mod tickets;
mod tls;
mod trace;
