//! PowerShell Remoting Protocol: messages, fragments, machines, `[MS-PSRP]`.

mod command;
mod record;

pub use command::{Argument, Command};
pub use record::{ErrorCategory, ErrorRecord, Outcome, Record};
