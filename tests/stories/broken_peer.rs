//! Peers that cut their answers, are no WS-Management at all, or are not there: one clear sentence, the contract's exit code.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::cli::{CONNECTION, Place};

/// A server that gives every request this answer and closes.
fn answers(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    port
}

fn refused_with_3(answer: &'static str) {
    let place = Place::new();
    let config = CONNECTION
        .replace("127.0.0.1:9/", &format!("127.0.0.1:{}/", answers(answer)))
        .replace("env:MAILWRIGHT_TEST_PASSWORD", "file:secret");
    place.write("peer.toml", &config);
    let secret = place.write("secret", "x");
    assert!(std::process::Command::new("chmod").arg("600").arg(secret).status().unwrap().success());
    place.write("flow.csv", "Identity,Alias\nada,ada\n");
    for command in
        [&["apply", "flow.csv", "--journal", "j.db"][..], &["plan", "flow.csv"], &["invoke", "Get-Mailbox"]]
    {
        let ran = place.run(&[command, &["-c", "peer.toml"]].concat());
        assert_eq!(ran.code, Some(3), "{command:?}: {}", ran.stderr);
        let errors = ran.stderr.lines().filter(|line| line.starts_with("error: ")).count();
        assert_eq!(errors, 1, "{}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    }
    assert!(!place.path().join("j.db").exists(), "nothing was tried, so nothing is journalled");
}

#[test]
fn a_cut_answer() {
    refused_with_3(
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 500\r\n\r\n<s:Envelope",
    );
}

#[test]
fn a_cut_header() {
    refused_with_3("HTTP/1.1 401 Unauth");
}

#[test]
fn something_else_that_listens() {
    refused_with_3("SSH-2.0-OpenSSH_9.2p1\r\n");
    refused_with_3(
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<h1>nothing</h1>",
    );
    refused_with_3("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
}
