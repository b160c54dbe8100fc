//! A mail server that takes everything, as RFC 5321 has it, and keeps what it was given.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A mail as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub to: Vec<String>,
    /// Header and body
    pub data: String,
}

impl Received {
    /// The fields of the header, each on one line.
    pub fn header(&self) -> Vec<String> {
        let (header, _) = self.data.split_once("\r\n\r\n").unwrap();
        header.replace("\r\n ", " ").lines().map(str::to_owned).collect()
    }

    /// The text, out of `quoted-printable` (RFC 2045, 6.7) where it is that.
    pub fn text(&self) -> String {
        let (header, body) = self.data.split_once("\r\n\r\n").unwrap();
        assert!(!header.contains("base64"), "{header}");
        if !header.contains("quoted-printable") {
            return body.replace("\r\n", "\n");
        }
        let joined = body.replace("=\r\n", "").replace("\r\n", "\n");
        let mut bytes = Vec::new();
        let mut rest = joined.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            let hex = (*first == b'=').then(|| std::str::from_utf8(&after[..2]).unwrap());
            bytes.push(hex.map_or(*first, |hex| u8::from_str_radix(hex, 16).unwrap()));
            rest = if hex.is_some() { &after[2..] } else { after };
        }
        String::from_utf8(bytes).unwrap()
    }
}

pub struct MailServer {
    pub port: u16,
    received: Arc<Mutex<Vec<Received>>>,
}

impl MailServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                // A client that goes away is no concern of the next one.
                std::thread::spawn(move || serve(client, &kept));
            }
        });
        Self { port, received }
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

fn serve(client: TcpStream, kept: &Mutex<Vec<Received>>) -> std::io::Result<()> {
    let mut answers = client.try_clone()?;
    let mut lines = BufReader::new(client);
    let mut mail = Received { to: Vec::new(), data: String::new() };
    answers.write_all(b"220 mail.example.org ready\r\n")?;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => "250 mail.example.org",
            "RCPT" => {
                mail.to.push(line.split(['<', '>']).nth(1).unwrap_or_default().to_owned());
                "250 taken"
            }
            "DATA" => {
                answers.write_all(b"354 go on\r\n")?;
                mail.data = data(&mut lines)?;
                kept.lock().unwrap().push(mail.clone());
                "250 taken"
            }
            "QUIT" => {
                answers.write_all(b"221 so long\r\n")?;
                return Ok(());
            }
            _ => "250 well",
        };
        answers.write_all(format!("{answer}\r\n").as_bytes())?;
    }
}

/// Up to the line that is one dot; a dot in front of another line is not part of it (RFC 5321, 4.5.2).
fn data(lines: &mut impl BufRead) -> std::io::Result<String> {
    let mut data = String::new();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 || line == ".\r\n" {
            return Ok(data);
        }
        data.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
