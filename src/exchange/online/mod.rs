//! Exchange Online: one HTTPS request per cmdlet, as the service's own module sends it. The interface is no published
//! contract; what is known of it is what public clients send and what was recorded.

mod client;
mod conversation;
pub(super) mod failure;
mod http;
#[allow(dead_code)] // called once the key is fetched
mod password;
mod redirect;
mod request;
pub(super) mod response;
mod sign_in;
pub(super) mod talk;
#[allow(dead_code)] // refresh tokens are not kept yet
mod token;

pub(super) use client::Online;
