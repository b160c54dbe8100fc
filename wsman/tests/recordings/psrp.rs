//! Conversations of the real PSRP client with the real server, replayed against our machines.

mod client;
mod compare;
mod keys;
mod server;
mod session;

use std::panic::AssertUnwindSafe;

use crate::common::{Tally, files};
use session::Session;

/// Runs `check` over every session of every folder of this layout; each message it names is a case.
fn every_session(what: &str, check: fn(&Session, &mut Tally)) {
    let (mut sessions, mut failed) = (0, 0);
    for path in files("powershell/psrp", ".jsonl") {
        if path.to_string_lossy().ends_with(".messages.jsonl") {
            continue;
        }
        let session = Session::read(&path);
        println!("{what}:");
        let mut tally = Tally::new(&path);
        check(&session, &mut tally);
        // The other sessions are to be seen as well.
        failed += usize::from(std::panic::catch_unwind(AssertUnwindSafe(|| tally.finish())).is_err());
        sessions += 1;
    }
    println!("{what}: {sessions} sessions");
    assert_eq!(failed, 0, "{what}: sessions that disagree");
}

/// Fragments of the transport lines give the messages of the other file, in both directions.
#[test]
fn fragments_give_the_recorded_messages() {
    every_session("messages", session::check_messages);
}

#[test]
fn our_client_understands_the_real_server() {
    every_session("client", client::check);
}

#[test]
fn our_server_understands_the_real_client() {
    every_session("server", server::check);
}
