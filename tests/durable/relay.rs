//! A relay before a server that does something to one HTTP exchange and lets everything else pass.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is done to an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The request does not arrive
    CutRequest,
    /// The request arrives, nothing comes back
    CutAnswer,
    /// The answer ends in the middle
    HalfAnswer,
    /// The connection ends behind the answer
    AfterAnswer,
    /// The answer comes later than a cmdlet may take
    Late,
    /// The request is not passed on: the server is busy
    Busy,
}

impl Trouble {
    pub const ALL: [Self; 6] =
        [Self::CutRequest, Self::CutAnswer, Self::HalfAnswer, Self::AfterAnswer, Self::Late, Self::Busy];
}

/// How late [`Trouble::Late`] is.
const LATE: Duration = Duration::from_millis(2500);
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// A relay that lasts until this is dropped.
pub struct Relay {
    pub address: SocketAddr,
    requests: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Troubles the exchange of this number, counted from 1.
    pub async fn start(server: SocketAddr, number: u64, trouble: Trouble) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, server, Arc::clone(&counted), number, trouble));
            }
        });
        Self { address, requests, task }
    }

    /// How many exchanges there were.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The exchanges of one connection, one after the other.
async fn relay(
    mut client: TcpStream,
    server: SocketAddr,
    requests: Arc<AtomicU64>,
    number: u64,
    trouble: Trouble,
) -> Option<()> {
    let mut server = TcpStream::connect(server).await.ok()?;
    loop {
        let request = message(&mut client).await?;
        let is_the_one = requests.fetch_add(1, Ordering::SeqCst) + 1 == number;
        let trouble = Some(trouble).filter(|_| is_the_one);
        match trouble {
            Some(Trouble::CutRequest) => return None,
            Some(Trouble::Busy) => {
                client.write_all(BUSY).await.ok()?;
                return None;
            }
            _ => server.write_all(&request).await.ok()?,
        }
        let answer = message(&mut server).await?;
        match trouble {
            Some(Trouble::CutAnswer) => return None,
            Some(Trouble::HalfAnswer) => {
                client.write_all(&answer[..answer.len() - 5]).await.ok()?;
                return None;
            }
            Some(Trouble::Late) => tokio::time::sleep(LATE).await,
            _ => {}
        }
        client.write_all(&answer).await.ok()?;
        if trouble == Some(Trouble::AfterAnswer) {
            return None;
        }
    }
}

/// One whole HTTP message with a `Content-Length`, or none.
async fn message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            assert!(!head.contains("transfer-encoding"), "{head}");
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if bytes.len() >= end + 4 + length {
                return Some(bytes);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
