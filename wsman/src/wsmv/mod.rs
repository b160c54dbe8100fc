//! WS-Management and its shells: one file per verb, requests and responses in both directions, `[DSP0226]`, `[MS-WSMV]`.
//!
//! A client writes with [`write_request`] and reads with [`read_response`]; a server reads with [`read_request`]
//! and writes with [`write_response`] or [`write_fault`]. Ids are given, never made.
//!
//! ```
//! use wsman::wsmv::{self, Incoming, Receive, Request, RequestHeader, SelectorSet};
//! use wsman::xml::Limits;
//!
//! let header = RequestHeader {
//!     resource_uri: "http://schemas.microsoft.com/powershell/Microsoft.Exchange".to_owned(),
//!     selectors: SelectorSet::shell("76056A84-51DC-4F24-9262-CA2A55464B2B"),
//!     ..RequestHeader::new("http://ex01/PowerShell", "uuid:F249DBE7-0E83-4F39-AE4A-28324CF61227")
//! };
//! let text = wsmv::write_request(&header, &Receive::pool());
//! let Incoming::Operation { header: seen, request } = wsmv::read_request(text.as_bytes(), &Limits::default())? else {
//!     unreachable!("not an Identify")
//! };
//! assert_eq!((*seen, request), (header, Request::Receive(Receive::pool())));
//! # Ok::<(), wsman::wsmv::RequestError>(())
//! ```

mod body;
mod command;
mod config;
mod connect;
mod create;
mod delete;
mod disconnect;
mod duration;
mod enumerate;
mod error;
mod exchange;
mod fault;
mod fault_code;
mod fault_kind;
mod get;
mod header;
mod id;
mod identify;
mod message;
mod option;
mod receive;
mod reconnect;
mod request;
mod selector;
mod send;
mod shell;
mod signal;
mod size;
mod stream;
#[cfg(test)]
mod tests;

pub use command::{Command, CommandResponse};
pub use config::{CONFIG_RESOURCE_URI, max_envelope_size};
pub use connect::{Connect, ConnectResponse};
pub use create::{Create, CreateResponse};
pub use delete::{Delete, DeleteResponse};
pub use disconnect::{Disconnect, DisconnectResponse};
pub use duration::{parse_duration, write_duration};
pub use enumerate::{Enumerate, EnumerateResponse};
pub use error::{MalformedMessage, RequestError, RequestErrorKind, ResponseError};
pub use exchange::ExchangeDiagnostics;
pub use fault::{ProviderFault, WsmanFault};
pub use fault_code::FaultCode;
pub use fault_kind::FaultKind;
pub use get::{Get, GetResponse};
pub use header::{Locale, RequestHeader, ResponseHeader};
pub use id::{message_id, upper_case_id};
pub use identify::{Identify, IdentifyResponse};
pub use message::{
    Verb, VerbResponse, read_response, read_response_parts, write_fault, write_request, write_response,
};
pub use option::WsmanOption;
pub use receive::{CommandState, Receive, ReceiveResponse, StateOfCommand};
pub use reconnect::{Reconnect, ReconnectResponse};
pub use request::{Incoming, Request, read_request};
pub use selector::{Selector, SelectorSet};
pub use send::{Send, SendResponse};
pub use shell::Shell;
pub use signal::{Signal, SignalCode, SignalResponse};
pub use size::{max_raw_bytes, payload_room};
pub use stream::Stream;

/// Before the configuration name in the resource URI of a PowerShell endpoint, `[MS-PSRP] 3.1.5.3.1`.
pub const POWERSHELL_RESOURCE_PREFIX: &str = "http://schemas.microsoft.com/powershell/";
/// The resource URI of a command shell, `[MS-WSMV] 3.1.4.5.2`.
pub const CMD_RESOURCE_URI: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/cmd";
/// All shells, for [`Enumerate`], `[MS-WSMV] 3.1.4.8`.
pub const SHELLS_RESOURCE_URI: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell";
