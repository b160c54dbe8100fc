//! Our client against our server, over real sockets.

mod concurrency;
mod failures;
mod lab;
mod lost;
mod pipelines;
mod proxy;
mod raw;
mod sign_in;
