//! The short run: twenty thousand inputs for each decoder.
#![allow(clippy::unwrap_used, clippy::panic)]

const EXECUTIONS: u64 = 20_000;
/// In MiB; all targets together.
const MEMORY: u64 = 512;

#[test]
fn every_decoder_reads_or_refuses() {
    let targets = fuzz::targets();
    let reports: Vec<_> = std::thread::scope(|scope| {
        let runs: Vec<_> = targets
            .into_iter()
            .map(|target| scope.spawn(move || (target.name, fuzz::run(&target, 0..EXECUTIONS))))
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let failures: Vec<_> = reports.iter().flat_map(|(_, report)| &report.failures).collect();
    assert!(failures.is_empty(), "{failures:#?}");
    for (name, report) in &reports {
        assert_eq!(report.executions, EXECUTIONS, "{name}");
        // Mutations that are all refused at the door test nothing behind it.
        assert!(report.accepted > 10, "{name}: only {} inputs were accepted", report.accepted);
    }
    if let Some(peak) = fuzz::peak_memory() {
        assert!(peak / 1024 < MEMORY, "{} MiB", peak / 1024);
    }
}

#[test]
fn a_panic_is_noticed() {
    let target = fuzz::Target {
        name: "broken",
        seeds: vec![vec![1, 2, 3]],
        shape: fuzz::Shape::Bytes,
        run: Box::new(|input| {
            assert!(input.len() != 2, "two bytes");
            true
        }),
    };
    let report = fuzz::run(&target, 0..10_000);
    assert_eq!(report.failures.len(), 10);
    assert!(report.failures[0].contains("two bytes"), "{:?}", report.failures[0]);
}
