//! Mailboxes and databases to CSV: all of them, or what has changed since the last time.
//!
//! Pure: [`mod@column`] (what is written), [`row`] (how), [`cookie`] (what is
//! remembered), [`ledger`] (what has changed), [`twins`] (what is shown by both sides), [`import`] (addresses as an identity system reads them). On top of them
//! [`files`] puts new files in the place of old ones, [`read`] asks Exchange, and [`run`](mod@run) does one export.
//!
//! An export never holds more than one object: what is remembered of the others is 24 bytes each, and with
//! both sides of a hybrid organisation some 150 bytes for each object on-premises.

pub mod column;
pub mod cookie;
mod error;
pub mod files;
pub mod import;
pub mod ledger;
pub mod read;
pub mod row;
pub mod run;
mod table;
pub mod twins;

pub use error::ExportError;
pub use run::{Counts, Destination, Format, Summary, run};
