//! WS-Management and PowerShell remoting: client and server.
//!
//! Layers, each using only those above it in this list:
//!
//! - [`xml`]: namespace-aware reading and writing with limits
//! - [`clixml`]: PowerShell values, `[MS-PSRP] 2.2.5`
//! - [`psrp`]: messages, fragments, runspace pool and pipeline machines, `[MS-PSRP]`
//! - [`soap`], [`wsmv`]: SOAP 1.2 and the WS-Management and Shell verbs, `[DSP0226]`, `[MS-WSMV]`
//! - [`auth`]: sign-in mechanisms as step functions, message sealing
//! - [`session`]: the protocol session without I/O: requests out, answers in, events out
//! - [`client`] (feature `client`): HTTP connections bound to their sign-in, runspace pools and pipelines
//! - [`server`] (feature `server`): the other side, for whatever is to be reached that way

pub mod auth;
#[cfg(feature = "client")]
pub mod client;
pub mod clixml;
pub mod psrp;
#[cfg(feature = "server")]
pub mod server;
pub mod session;
pub mod soap;
mod wiped;
pub mod wsmv;
pub mod xml;
