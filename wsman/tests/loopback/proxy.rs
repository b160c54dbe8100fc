//! A TCP relay that breaks connections when it is told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

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
