//! HTTP as somebody else would send it.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Sends a text and reads until the peer has nothing more to say for now.
pub async fn exchange(server: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let mut chunk = vec![0; 65536];
    while !complete(&answer) {
        match stream.read(&mut chunk).await {
            Ok(length @ 1..) => answer.extend_from_slice(&chunk[..length]),
            _ => break,
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn complete(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_some_and(|length| body.len() >= length.parse().unwrap())
}

/// A request with a body.
pub fn post(path: &str, headers: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: ex01\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// A server that answers everything with the same bytes and hangs up.
pub async fn parrot(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut chunk = vec![0; 65536];
                let _ = stream.read(&mut chunk).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    address
}

/// A server that gives the same answer to everything, and the first bytes that it got.
pub async fn recorder(answer: &'static str) -> (SocketAddr, tokio::sync::oneshot::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (heard, first) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut chunk = vec![0; 65536];
        let length = stream.read(&mut chunk).await.unwrap();
        let _ = heard.send(String::from_utf8_lossy(&chunk[..length]).into_owned());
        let _ = stream.write_all(answer.as_bytes()).await;
    });
    (address, first)
}
