//! The acceptance scenarios: the program against an embedded Exchange in a process of its own.

pub mod bench;

mod addresses;
pub mod cloud;
mod creating;
mod databases;
mod export;
mod export_both;
mod export_cloud;
mod mail;
pub mod orders;
mod plans;
mod relay;
mod smtp;
mod ways;
