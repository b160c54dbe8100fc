//! A relay that leads one path of a server to another one, as a hosting provider's front end does.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value as Json;

pub struct Relay {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    open: Arc<Mutex<Option<Vec<TcpStream>>>>,
}

impl Relay {
    /// Relays to the server of this URL; requests for `from` arrive there as requests for `to`.
    pub fn start(url: &Json, from: &str, to: &str) -> Self {
        let server = url.as_str().unwrap().trim_start_matches("http://").to_owned();
        let (from, to) = (format!("POST {from}"), format!("POST {to}"));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let open = Arc::new(Mutex::new(Some(Vec::new())));
        let known = Arc::clone(&open);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                match &mut *known.lock().unwrap() {
                    Some(open) => open.push(client.try_clone().unwrap()),
                    None => continue,
                }
                let up = TcpStream::connect(&server).unwrap();
                let (down, back) = (up.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || pass(down, back, |bytes| bytes.to_vec()));
                let (from, to, counted) = (from.clone(), to.clone(), Arc::clone(&counted));
                std::thread::spawn(move || {
                    pass(client, up, |bytes| match bytes.strip_prefix(from.as_bytes()) {
                        Some(rest) => {
                            counted.fetch_add(1, Ordering::SeqCst);
                            [to.as_bytes(), rest].concat()
                        }
                        // A request for another path, or more of one.
                        None => bytes.to_vec(),
                    });
                });
            }
        });
        Self { address, requests, open }
    }

    /// From now on nobody gets through.
    pub fn cut(&self) {
        for client in self.open.lock().unwrap().take().into_iter().flatten() {
            let _ = client.shutdown(std::net::Shutdown::Both);
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Passes bytes on until one side ends. A request begins with a read of its own: the client waits for each answer.
fn pass(mut from: TcpStream, mut to: TcpStream, change: impl Fn(&[u8]) -> Vec<u8>) {
    let mut buffer = vec![0; 65536];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if to.write_all(&change(&buffer[..length])).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}
