//! Things that must hold across the whole program.

mod batched_reads;
#[cfg(unix)]
mod broken_peer;
mod canary;
#[cfg(unix)]
mod canary_cloud;
mod canary_program;
mod certificate;
mod cloud;
#[cfg(unix)]
mod doctor;
#[cfg(unix)]
mod doctor_cloud;
#[cfg(unix)]
mod doctor_road;
#[cfg(unix)]
mod doctor_way;
#[cfg(unix)]
mod efficiency;
#[cfg(unix)]
mod fulfill;
mod ibis;
mod in_process;
mod lab;
mod library;
mod parameters;
#[cfg(unix)]
mod pending;
#[cfg(unix)]
mod readme_cloud;
mod reports;
#[cfg(unix)]
mod rotation;
mod sample_commands;
mod sample_files;
#[cfg(unix)]
mod samples;
#[cfg(unix)]
mod samples_cloud;
#[cfg(unix)]
mod signals;
#[cfg(unix)]
pub mod watch;
