//! An HTTP relay that answers some requests by itself, as something between a client and its server would.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of a request.
pub enum Fate {
    /// It passes
    Pass,
    /// It passes, and the connection ends behind its answer without a word
    PassAndHangUp,
    /// It passes, and its answer says that the connection ends
    PassAndClose,
    /// It does not pass; this is the answer
    Answer(&'static str),
    /// It does not pass, and nothing comes
    Silence,
}

/// One request as it came.
pub struct Seen {
    /// Counted from 1, over all connections
    pub number: u64,
    /// Counted from 1, on its connection
    pub on_connection: u64,
    /// Bytes of the body
    pub body: usize,
}

pub struct Meddler {
    pub address: SocketAddr,
    pub connections: Arc<AtomicU64>,
}

impl Meddler {
    pub async fn start(server: SocketAddr, judge: impl Fn(Seen) -> Fate + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicU64::new(0));
        let (opened, count, judge) = (connections.clone(), Arc::new(AtomicU64::new(0)), Arc::new(judge));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                opened.fetch_add(1, Ordering::SeqCst);
                let (count, judge) = (count.clone(), judge.clone());
                tokio::spawn(async move { relay(client, server, &count, &*judge).await });
            }
        });
        Self { address, connections }
    }
}

async fn relay(
    mut client: TcpStream,
    server: SocketAddr,
    requests: &AtomicU64,
    judge: &(dyn Fn(Seen) -> Fate + Send + Sync),
) -> Option<()> {
    let mut server = TcpStream::connect(server).await.ok()?;
    let mut on_connection = 0;
    loop {
        let (head, body) = message(&mut client).await?;
        let number = requests.fetch_add(1, Ordering::SeqCst) + 1;
        on_connection += 1;
        let fate = judge(Seen { number, on_connection, body: body.len() });
        match fate {
            Fate::Answer(text) => {
                client.write_all(text.as_bytes()).await.ok()?;
                continue;
            }
            Fate::Silence => {
                // Until the client gives up.
                let _ = client.read_u8().await;
                return None;
            }
            Fate::Pass | Fate::PassAndHangUp | Fate::PassAndClose => {}
        }
        server.write_all(&[head.as_bytes(), &body].concat()).await.ok()?;
        let (mut head, body) = message(&mut server).await?;
        if let Fate::PassAndClose = fate {
            head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
        }
        client.write_all(&[head.as_bytes(), &body].concat()).await.ok()?;
        if !matches!(fate, Fate::Pass) {
            return None;
        }
    }
}

/// The head of a message with the empty line behind it, and its body.
async fn message(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length:").map(|length| length.trim().parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}
