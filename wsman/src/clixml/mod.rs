//! PowerShell values and their XML form, `[MS-PSRP] 2.2.5`.
//!
//! ```
//! use wsman::clixml::{self, Value};
//!
//! let value = clixml::decode(b"<Obj RefId=\"0\"><MS><I32 N=\"Count\">3</I32><S N=\"Name\">a_x000A_b</S></MS></Obj>")?;
//! assert_eq!(value.get("count").and_then(Value::as_i32), Some(3));
//! assert_eq!(value.get("Name").and_then(Value::as_str), Some("a\nb"));
//! # Ok::<(), clixml::DecodeError>(())
//! ```

mod access;
mod build;
mod decode;
mod encode;
mod error;
mod escape;
mod kind;
mod limits;
mod names;
mod number;
mod object;
mod scan;
mod secure;
mod stderr;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod value;

pub use decode::{Decoder, decode, decode_document};
pub use encode::encode;
pub use error::{DecodeError, DecodeErrorKind, EncodeError};
#[cfg(feature = "client")]
pub(crate) use escape::escaped;
pub use limits::Limits;
pub use object::{Container, Member, Object, Properties};
pub use secure::SecureStringCipher;
pub use stderr::{StderrPart, StderrRecord, split_stderr};
pub use text::Text;
pub use value::{DateTime, Decimal, ProgressRecord, SecureText, TimeSpan, Value, Version, Zone};
