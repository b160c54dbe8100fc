//! The `mailwright` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    mailwright::cli::main(std::env::args_os())
}
