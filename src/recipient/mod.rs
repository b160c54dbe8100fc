//! What is known of a recipient and what is wanted of it: plain data, no I/O.
//!
//! - [`Change`] is what a flow asks for, [`Recipient`] what Exchange has;
//! - [`parameters`] is the table of cmdlets and parameters, [`mod@column`] decides what a flow's column name means, and
//!   [`value`] turns a cell into the [`Wanted`] value of the parameter's type;
//! - [`cloud`] is what Graph knows of a user and of licences;
//! - [`Identity`] tells the forms apart in which an object can be named;
//! - [`traffic`] is what was asked of the cloud;
//! - [`twin`] tells whether an object on-premises and one in the cloud are the same;
//! - [`outcome`] holds the words of the front door: what became of a change, and the class of an error.

pub mod change;
pub mod cloud;
pub mod column;
pub mod identity;
pub mod observed;
pub mod outcome;
pub mod parameters;
pub mod side;
pub mod traffic;
pub mod twin;
pub mod value;

pub use change::{
    AddressFlow, Change, Delta, MailboxType, ObjectType, Operation, SecretSource, Source, Wanted,
};
pub use cloud::{GraphUser, Sku};
pub use identity::{Identity, IdentityError};
pub use observed::{ArchiveState, MailboxDetails, Property, Recipient, RecipientKind};
pub use outcome::{Action, ErrorClass};
pub use side::Side;
pub use traffic::Traffic;
pub use twin::{Likeness, Marks};
