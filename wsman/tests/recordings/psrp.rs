//! Conversations of the real PSRP client with the real server, replayed against our machines.

mod client;
mod compare;
mod experiments;
mod keys;
mod server;
mod server_experiments;
mod session;

use std::panic::AssertUnwindSafe;

use crate::common::{Tally, files};
use session::Session;

/// Every session of every folder of this layout, three times: fragments give the recorded messages in both
/// directions, our client understands the real server and sends what the real client sent, and the other way round.
#[test]
fn every_session() {
    let (mut sessions, mut failed) = (0, 0);
    for path in files("powershell/psrp", ".jsonl") {
        if path.to_string_lossy().ends_with(".messages.jsonl") {
            continue;
        }
        let session = Session::read(&path);
        let mut tally = Tally::new(&path);
        session::check_messages(&session, &mut tally);
        client::check(&session, &mut tally);
        server::check(&session, &mut tally);
        // The other sessions are to be seen as well.
        failed += usize::from(std::panic::catch_unwind(AssertUnwindSafe(|| tally.finish())).is_err());
        sessions += 1;
    }
    println!(
        "{sessions} sessions of the real client with the real server, {failed} with a case that disagrees"
    );
    assert_eq!(failed, 0);
}
