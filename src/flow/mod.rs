//! An export flow from end to end: read, journalled, planned, applied, reported.

mod apply;
mod base;
mod cloud;
mod execute;
mod hold;
pub mod intake;
pub mod journal;
mod lane;
pub mod lock;
mod prepare;
pub(crate) mod retry;
pub mod run;
mod sides;
mod site;
mod traffic;
mod turn;
mod verify;
mod wait;
mod what_if;

pub use base::base_hash;
pub(crate) use execute::chance;
pub use hold::Held;
