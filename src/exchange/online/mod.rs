//! Exchange Online: one HTTPS request per cmdlet, as the service's own module sends it. The interface is no published
//! contract; what is known of it is what public clients send and what was recorded.

mod client;
mod conversation;
pub(super) mod failure;
mod http;
mod password;
mod redirect;
mod request;
pub(super) mod response;
mod shown;
mod sign_in;
pub(super) mod talk;
mod token;

pub(crate) use client::Online;
pub(crate) use client::look::{Claims, Held, Led, Seen};

#[cfg(test)]
mod hostile_tests;
