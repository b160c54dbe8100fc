//! The three messages, `[MS-NLMP] 2.2.1`.

mod authenticate;
mod challenge;
mod negotiate;

pub use authenticate::{Authenticate, NtResponse};
pub use challenge::Challenge;
pub use negotiate::Negotiate;
