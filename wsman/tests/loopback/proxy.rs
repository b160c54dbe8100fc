//! A TCP relay that breaks connections when it is told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Where an exchange is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The request does not arrive
    Request,
    /// The request arrives, nothing comes back
    Answer,
    /// The answer ends in the middle
    HalfAnswer,
    /// The connection ends behind the answer
    AfterAnswer,
}

impl Cut {
    pub const ALL: [Self; 4] = [Self::Request, Self::Answer, Self::HalfAnswer, Self::AfterAnswer];
}

/// A relay that cuts one exchange and lets everything else pass.
pub struct Cutter {
    pub address: SocketAddr,
    /// Requests, or pieces of TLS, so far
    pub requests: Arc<AtomicU64>,
}

impl Cutter {
    /// Cuts the exchange of this number, counted from 1.
    pub async fn start(server: SocketAddr, number: u64, cut: Cut) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicU64::new(0));
        let counted = requests.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay_until(client, server, counted.clone(), number, cut));
            }
        });
        Self { address, requests }
    }
}

async fn relay_until(
    mut client: TcpStream,
    server: SocketAddr,
    requests: Arc<AtomicU64>,
    number: u64,
    cut: Cut,
) -> Option<()> {
    let mut server = TcpStream::connect(server).await.ok()?;
    let (mut up, mut down) = (vec![0; 65536], vec![0; 65536]);
    let mut is_the_one = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let bytes = &up[..read.ok().filter(|length| *length > 0)?];
                // In the clear, or a TLS record: handshake (22), application data (23).
                if bytes.starts_with(b"POST ") || bytes.starts_with(&[22, 3]) || bytes.starts_with(&[23, 3]) {
                    is_the_one = requests.fetch_add(1, Ordering::SeqCst) + 1 == number;
                }
                if is_the_one && cut == Cut::Request {
                    return None;
                }
                server.write_all(bytes).await.ok()?;
            }
            read = server.read(&mut down) => {
                let bytes = &down[..read.ok().filter(|length| *length > 0)?];
                match cut {
                    Cut::Answer if is_the_one => return None,
                    Cut::HalfAnswer if is_the_one => {
                        client.write_all(&bytes[..bytes.len() - 5]).await.ok()?;
                        return None;
                    }
                    _ => client.write_all(bytes).await.ok()?,
                }
                if is_the_one {
                    return None;
                }
            }
        }
    }
}

pub struct Proxy {
    pub address: SocketAddr,
    kill: watch::Sender<u64>,
    cut_next: Arc<AtomicBool>,
    pub opened: Arc<AtomicU64>,
    /// Requests that passed, where they are not under TLS
    pub requests: Arc<AtomicU64>,
}

impl Proxy {
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (kill, killed) = watch::channel(0);
        let (cut_next, opened) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let requests = Arc::new(AtomicU64::new(0));
        let (cut, count, posts) = (cut_next.clone(), opened.clone(), requests.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(relay(client, server, killed.clone(), cut.clone(), posts.clone()));
            }
        });
        Self { address, kill, cut_next, opened, requests }
    }

    /// Ends all connections.
    pub fn kill(&self) {
        self.kill.send_modify(|times| *times += 1);
    }

    /// Ends the connection of the next answer after its first bytes.
    pub fn cut_next_answer(&self) {
        self.cut_next.store(true, Ordering::SeqCst);
    }
}

async fn relay(
    mut client: TcpStream,
    server: SocketAddr,
    mut killed: watch::Receiver<u64>,
    cut: Arc<AtomicBool>,
    requests: Arc<AtomicU64>,
) {
    killed.mark_unchanged();
    let mut server = TcpStream::connect(server).await.unwrap();
    let (mut up, mut down) = (vec![0; 65536], vec![0; 65536]);
    loop {
        tokio::select! {
            _ = killed.changed() => return,
            read = client.read(&mut up) => match read {
                Ok(length @ 1..) => {
                    let count = up[..length].windows(5).filter(|bytes| bytes == b"POST ").count();
                    requests.fetch_add(count as u64, Ordering::SeqCst);
                    server.write_all(&up[..length]).await.unwrap();
                }
                _ => return,
            },
            read = server.read(&mut down) => match read {
                Ok(1..) if cut.swap(false, Ordering::SeqCst) => {
                    let _ = client.write_all(&down[..read.unwrap() - 10]).await;
                    return;
                }
                Ok(1..) => client.write_all(&down[..read.unwrap()]).await.unwrap(),
                _ => return,
            },
        }
    }
}
