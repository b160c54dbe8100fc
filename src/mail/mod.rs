//! Mail to people when a run fails: [`Letter`] is what they read, pure; [`send`] brings it to a server.

mod letter;
mod send;

pub use letter::{Event, Letter};
pub use send::{MailError, send};
