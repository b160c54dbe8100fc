//! Things that must hold across the whole program.

mod canary;
#[cfg(unix)]
mod canary_program;
mod in_process;
mod lab;
mod sample_commands;
mod sample_files;
#[cfg(unix)]
mod samples;
#[cfg(unix)]
mod signals;
