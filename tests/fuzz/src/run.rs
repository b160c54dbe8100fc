//! Running a target, and noticing when it panics or hangs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::mutate::mutate;
use crate::random::Random;
use crate::targets::Target;

/// An execution takes microseconds; a decoder that needs this long hangs.
const HANG: Duration = Duration::from_secs(60);

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How many inputs were read
    pub executions: u64,
    /// How many of them were accepted: mutations that get through
    pub accepted: u64,
    /// What went wrong, with the number of the input
    pub failures: Vec<String>,
}

/// Gives a target the inputs of these numbers. After ten failures it has seen enough.
///
/// A target that hangs ends the program, after saying at which input.
#[must_use]
pub fn run(target: &Target, numbers: std::ops::Range<u64>) -> Report {
    let watch = Watch::start(target.name);
    let mut report = Report { executions: 0, accepted: 0, failures: Vec::new() };
    for number in numbers {
        watch.at.store(number, Ordering::Relaxed);
        // The first inputs are the seeds themselves: all of them must be accepted.
        let seed = usize::try_from(number).ok().and_then(|number| target.seeds.get(number));
        let input = seed.cloned().unwrap_or_else(|| {
            mutate(&mut Random::new(number.wrapping_mul(0x1000_0000_01B3)), &target.seeds, target.shape)
        });
        report.executions += 1;
        match catch_unwind(AssertUnwindSafe(|| (target.run)(&input))) {
            Ok(true) => report.accepted += 1,
            Ok(false) if seed.is_some() => {
                report.failures.push(format!("{}: seed {number} is refused", target.name));
            }
            Ok(false) => {}
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                let text = text.unwrap_or_default();
                report.failures.push(format!("{}: input {number}: {text}: {input:02x?}", target.name));
            }
        }
        if report.failures.len() >= 10 {
            break;
        }
    }
    report
}

/// The most memory that this process has had, in KiB, where the system tells.
#[must_use]
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// Looks every now and then whether the run goes on.
struct Watch {
    at: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
}

impl Watch {
    fn start(name: &'static str) -> Self {
        let watch = Self { at: Arc::new(AtomicU64::new(u64::MAX)), ended: Arc::new(AtomicBool::new(false)) };
        let (at, ended) = (Arc::clone(&watch.at), Arc::clone(&watch.ended));
        std::thread::spawn(move || {
            let mut last = None;
            while !ended.load(Ordering::Relaxed) {
                std::thread::park_timeout(HANG);
                let now = at.load(Ordering::Relaxed);
                if !ended.load(Ordering::Relaxed) && last.replace(now) == Some(now) {
                    eprintln!("{name}: input {now} hangs");
                    std::process::abort();
                }
            }
        });
        watch
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}
