//! Conversations of the real PSRP client with the real server, replayed against our machines.

mod client;
mod compare;
mod keys;
mod server;
mod session;

use crate::common::{Tally, files};
use session::Session;

/// Runs `check` over every session of every folder of this layout; each message it names is a case.
fn every_session(what: &str, check: fn(&Session, &mut Tally)) {
    let mut sessions = 0;
    for path in files("powershell/psrp", ".jsonl") {
        if path.to_string_lossy().ends_with(".messages.jsonl") {
            continue;
        }
        let session = Session::read(&path);
        println!("{what}:");
        let mut tally = Tally::new(&path);
        check(&session, &mut tally);
        tally.finish();
        sessions += 1;
    }
    println!("{what}: {sessions} sessions");
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
