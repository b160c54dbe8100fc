//! PowerShell values and their XML form, `[MS-PSRP] 2.2.5`.

mod object;
mod text;
mod value;

pub use object::{Container, Member, Object, Properties};
pub use text::Text;
pub use value::{DateTime, Decimal, ProgressRecord, SecureText, TimeSpan, Value, Version, Zone};
