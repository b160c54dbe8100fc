//! Mutated input for every decoder of a sign-in.
//!
//! Seeds are made by the encoders themselves or are files of this repository. Each execution mutates one of them: bytes
//! and lengths anywhere, and for DER and text also along their structure, so that mutations get past the outer layers.
//! What comes out must be read or refused: no panic, no hang, no memory without a limit; and what was read and can be
//! written must be read again as the same.
//!
//! Input number `n` of a target is always the same, so a failure is found again by its number.

mod mutate;
mod random;
mod run;
mod targets;

pub use run::{Report, peak_memory, run};
pub use targets::{Shape, Target, targets};
