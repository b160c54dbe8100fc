//! Exchange Online: one HTTPS request per cmdlet, as the service's own module sends it. The interface is no published
//! contract; what is known of it is what public clients send and what was recorded.

mod client;
mod conversation;
mod failure;
mod http;
#[allow(dead_code)] // called once the key is fetched
mod password;
mod redirect;
mod request;
mod response;
mod sign_in;
#[allow(dead_code)] // refresh tokens are not kept yet
mod token;

pub(super) use client::Online;
