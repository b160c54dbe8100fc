//! What is, what is wanted and the policy become steps or a refusal. Pure.
//!
//! [`plan`] decides by the table of operations, [`plan_after_create`] looks once more at a mailbox that was just made, and
//! [`mass_removal`] looks at a flow as a whole.
//!
//! # The plan shown is the plan run
//! Creating takes at least two calls, because no creating cmdlet takes `EmailAddresses`. The second one is planned before the
//! object exists, so it is built on nothing that only Exchange will know:
//! - it always sends the whole address list, also when creating seems to have set it already, so that whatever an address
//!   policy stamps does not matter;
//! - a remote mailbox gets its `RemoteRoutingAddress` from us (the alias at the organisation's only routing domain) and the
//!   address is part of the planned list; where it cannot be known, a finding says so;
//! - after `New-` the object is named by its user principal name, which the plan knows, and after `Enable-` by the GUID of
//!   the user; a plan made later, also after a crash between the calls, is an update and uses the GUID;
//! - attributes of the second call are sent as the flow has them, not compared with defaults that nobody has read.
//!
//! Before the second call runs, [`plan_after_create`] merges again with the addresses that are really there. The list it gives
//! has the planned state unless Exchange stamped something that must not be taken away; then the longer list is right, and a
//! finding tells it.
//!
//! # In the cloud
//! A person's mailbox comes by a licence, minutes after it is given, so the plan has a step that waits, and what it shows behind
//! that step is planned again once the mailbox is there. What directory synchronisation owns is refused before it is sent.
//!
//! # Decisions
//! - `PrimarySmtpAddress` as a column of its own, on an existing mailbox, is passed on as that parameter: Exchange then keeps
//!   the former primary as a secondary. The rules about the primary (R11, R26, R28, R29) are held to all the same.
//! - A column which only a creating cmdlet has, written without `_param_`, is compared on an existing mailbox where its value is
//!   known: a difference is refused, and what is not known is said.
//! - Switching an archive off by a column is refused: its contents would be lost.

mod addresses;
mod archive;
mod attributes;
mod cloud;
mod compare;
mod create;
mod database;
mod finding;
mod guard;
mod input;
mod licence;
mod lookup;
mod operation;
mod second;
mod side;
mod step;
#[cfg(test)]
mod tests;
mod update;

pub use compare::same_value;
pub use finding::{Finding, Severity};
pub use guard::mass_removal;
pub use input::{CloudContext, Context, CreateMethod, Infrastructure, Planned, Policy, Reference, UserMaker};
pub use lookup::{new_addresses, references};
pub use operation::plan;
pub use second::plan_after_create;
pub use side::{is_settled_by_name, owning_side, twin};
pub use step::{ParameterValue, Step, Wait};
