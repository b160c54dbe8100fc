//! The long run: `cargo fuzz-long [EXECUTIONS] [TARGET...]`.
#![allow(clippy::panic)]

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    let executions = arguments.next_if(|text| text.parse::<u64>().is_ok());
    let executions = executions.and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let wanted: Vec<String> = arguments.collect();
    let mut failed = false;
    println!("{:<24} {:>10} {:>10} {:>9}  failures", "target", "executions", "accepted", "per s");
    for target in fuzz::targets() {
        if !wanted.is_empty() && !wanted.iter().any(|name| name == target.name) {
            continue;
        }
        let start = std::time::Instant::now();
        let report = fuzz::run(&target, 0..executions);
        let rate = report.executions as f64 / start.elapsed().as_secs_f64().max(0.001);
        let failures = report.failures.len();
        println!(
            "{:<24} {:>10} {:>10} {rate:>9.0}  {failures}",
            target.name, report.executions, report.accepted
        );
        report.failures.iter().for_each(|failure| println!("  {failure}"));
        failed |= failures > 0;
    }
    if let Some(peak) = fuzz::peak_memory() {
        println!("at most {} MiB of memory", peak / 1024);
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
