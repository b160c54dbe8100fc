//! One request to the KDCs of a realm, RFC 4120 7.2: the next is asked too when one takes long, the first reply counts.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

use super::address::{KdcAddress, Protocol};
use crate::auth::kerberos::KerberosError;
use crate::auth::kerberos::asn1::{KrbError, Message as _, message_number};
use crate::auth::kerberos::kdc::ErrorCode;

/// Longest reply; tickets with many groups in them take tens of KiB.
const MAX_REPLY: usize = 1 << 20;
/// Attempts at once: some realms have dozens of KDCs.
const MAX_ATTEMPTS: usize = 32;
/// APPLICATION tags of AS-REP, TGS-REP and KRB-ERROR, RFC 4120 5.10.
const REPLIES: [u32; 3] = [11, 13, KrbError::NUMBER];

/// How to go about it.
pub(super) struct Talk<'a> {
    pub(super) realm: &'a str,
    pub(super) addresses: &'a [KdcAddress],
    pub(super) request: &'a [u8],
    /// Not over UDP
    pub(super) stream: bool,
    /// Over TCP before UDP
    pub(super) tcp_first: bool,
    /// Before the next one is asked too
    pub(super) patience: Duration,
    /// For all of them
    pub(super) limit: Duration,
}

/// A reply, and who gave it.
pub(super) struct Reply {
    pub(super) bytes: Vec<u8>,
    pub(super) from: KdcAddress,
}

impl Talk<'_> {
    pub(super) async fn run(self) -> Result<Reply, KerberosError> {
        let mut attempts = self.attempts().into_iter();
        let mut running = JoinSet::new();
        let mut failures = Vec::new();
        let end = Instant::now() + self.limit;
        loop {
            let mut left = true;
            match attempts.next() {
                Some((protocol, address)) => {
                    let request = self.request.to_vec();
                    running.spawn(async move {
                        (exchange(protocol, &address, &request).await, protocol, address)
                    });
                }
                None => left = false,
            }
            if running.is_empty() {
                break;
            }
            let next = if left { (Instant::now() + self.patience).min(end) } else { end };
            let finished = tokio::select! {
                finished = running.join_next() => finished,
                () = sleep_until(next) => None,
            };
            match finished {
                Some(Ok((Ok(bytes), protocol, from))) => {
                    debug!(realm = self.realm, kdc = %from, ?protocol, "the KDC answered");
                    return Ok(Reply { bytes, from });
                }
                Some(Ok((Err(error), protocol, address))) => {
                    let name = if protocol == Protocol::Udp { "udp" } else { "tcp" };
                    debug!(realm = self.realm, kdc = %address, ?protocol, %error, "the KDC did not answer");
                    failures.push(format!("{name}/{address} ({error})"));
                }
                Some(Err(_)) => {}
                None if Instant::now() >= end => {
                    failures.push(format!("no answer within {} s", self.limit.as_secs()));
                    break;
                }
                None => {}
            }
        }
        Err(KerberosError::Unreachable { realm: self.realm.to_owned(), tried: failures.join(", ") })
    }

    /// All KDCs over UDP, then all over TCP; or the other way round, or only the latter.
    fn attempts(&self) -> Vec<(Protocol, KdcAddress)> {
        let all = |protocol| {
            let takes = move |address: &&KdcAddress| address.protocol.is_none_or(|only| only == protocol);
            self.addresses.iter().filter(takes).map(move |address| (protocol, address.clone()))
        };
        let datagrams = all(Protocol::Udp).filter(|_| !self.stream);
        let streams = all(Protocol::Tcp);
        let (first, second): (Vec<_>, Vec<_>) = match self.tcp_first {
            true => (streams.collect(), datagrams.collect()),
            false => (datagrams.collect(), streams.collect()),
        };
        first.into_iter().chain(second).take(MAX_ATTEMPTS).collect()
    }
}

/// Whatever comes is a Kerberos message, or there is no reply.
async fn exchange(protocol: Protocol, address: &KdcAddress, request: &[u8]) -> io::Result<Vec<u8>> {
    let reply = match protocol {
        Protocol::Udp => over_udp(address, request).await?,
        Protocol::Tcp => over_tcp(address, request).await?,
    };
    if !message_number(&reply).is_some_and(|number| REPLIES.contains(&number)) {
        return Err(io::Error::other("the answer is not Kerberos"));
    }
    // RFC 4120 7.5.9: another KDC may be able to.
    let unavailable =
        KrbError::from_message(&reply).is_ok_and(|error| error.code == ErrorCode::SERVICE_UNAVAILABLE.0);
    if unavailable { Err(io::Error::other("it is not available")) } else { Ok(reply) }
}

/// RFC 4120 7.2.1. A datagram can be lost: it is sent three times.
async fn over_udp(address: &KdcAddress, request: &[u8]) -> io::Result<Vec<u8>> {
    const WAITS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
    let mut buffer = vec![0; 65_536];
    let mut last = io::Error::other("the name has no address");
    for place in resolve(address).await? {
        let local: SocketAddr = if place.is_ipv4() {
            (std::net::Ipv4Addr::UNSPECIFIED, 0).into()
        } else {
            (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
        };
        let socket = UdpSocket::bind(local).await?;
        // From here on only this address is heard.
        socket.connect(place).await?;
        for wait in WAITS {
            let round = async {
                socket.send(request).await?;
                socket.recv(&mut buffer).await
            };
            match timeout(wait, round).await {
                Ok(Ok(length)) => return Ok(buffer.get(..length).unwrap_or_default().to_vec()),
                Ok(Err(error)) => {
                    last = error;
                    break;
                }
                Err(_) => last = io::Error::other("no answer"),
            }
        }
    }
    Err(last)
}

/// RFC 4120 7.2.2: four bytes of length before each message.
async fn over_tcp(address: &KdcAddress, request: &[u8]) -> io::Result<Vec<u8>> {
    let places: Vec<SocketAddr> = resolve(address).await?.collect();
    let mut stream = TcpStream::connect(places.as_slice()).await?;
    let length = u32::try_from(request.len()).map_err(|_| io::Error::other("the request is too long"))?;
    stream.write_all(&[&length.to_be_bytes(), request].concat()).await?;
    let length = stream.read_u32().await?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > MAX_REPLY {
        return Err(io::Error::other("the answer is too long"));
    }
    let mut reply = Vec::new();
    stream.take(length as u64).read_to_end(&mut reply).await?;
    if reply.len() == length { Ok(reply) } else { Err(io::Error::other("the answer ends too early")) }
}

async fn resolve(address: &KdcAddress) -> io::Result<impl Iterator<Item = SocketAddr>> {
    let places = tokio::net::lookup_host((address.host.as_str(), address.port)).await?;
    Ok(places.collect::<Vec<_>>().into_iter())
}

#[cfg(test)]
mod tests {
    use std::future::Future;

    use tokio::net::TcpListener;

    use super::*;
    use crate::auth::kerberos::Principal;
    use crate::auth::kerberos::asn1::KerberosTime;

    fn reply(code: ErrorCode) -> Vec<u8> {
        KrbError {
            version: 5,
            message_type: 30,
            client_time: None,
            client_microseconds: None,
            server_time: KerberosTime::from_seconds(0),
            server_microseconds: 0,
            code: code.0,
            client_realm: None,
            client: None,
            realm: "A".into(),
            server: (&Principal::ticket_granting("A", "A")).into(),
            text: None,
            data: None,
        }
        .to_message()
        .unwrap()
    }

    fn framed(message: &[u8]) -> Vec<u8> {
        [&u32::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
    }

    /// A KDC over TCP that says this to everybody.
    async fn streams(bytes: Vec<u8>) -> KdcAddress {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 8];
                let _ = stream.read_exact(&mut request).await;
                let _ = stream.write_all(&bytes).await;
            }
        });
        KdcAddress::parse(&format!("tcp/{address}")).unwrap()
    }

    fn ask(addresses: &[KdcAddress]) -> impl Future<Output = Result<Reply, KerberosError>> {
        let (patience, limit) = (Duration::from_millis(200), Duration::from_secs(5));
        Talk { realm: "A", addresses, request: b"asks", stream: false, tcp_first: false, patience, limit }
            .run()
    }

    #[tokio::test]
    async fn a_kdc_that_talks_nonsense_is_none() {
        let right = framed(&reply(ErrorCode::PREAUTH_REQUIRED));
        let ends_early = right[..right.len() - 1].to_vec();
        let wrong =
            [Vec::new(), vec![0xFF; 64], vec![0x7F, 0xFF, 0xFF, 0xFF], framed(b"HTTP/1.1 400"), ends_early];
        let mut addresses = Vec::new();
        for bytes in wrong {
            addresses.push(streams(bytes).await);
        }
        assert!(matches!(ask(&addresses).await, Err(KerberosError::Unreachable { .. })));
        let last = streams(right).await;
        addresses.push(last.clone());
        assert_eq!(ask(&addresses).await.unwrap().from, last);
    }

    /// RFC 4120 7.5.9: KDC_ERR_SVC_UNAVAILABLE is no answer while another KDC may give one.
    #[tokio::test]
    async fn a_kdc_that_is_not_available_is_passed_over() {
        let busy = streams(framed(&reply(ErrorCode::SERVICE_UNAVAILABLE))).await;
        let free = streams(framed(&reply(ErrorCode::PREAUTH_REQUIRED))).await;
        assert_eq!(ask(&[busy, free.clone()]).await.unwrap().from, free);
    }

    /// A datagram that is nonsense, and a stream that is right.
    #[tokio::test]
    async fn over_tcp_where_udp_does_not_do() {
        let stream = streams(framed(&reply(ErrorCode::PREAUTH_REQUIRED))).await;
        let socket = UdpSocket::bind(("127.0.0.1", stream.port)).await.unwrap();
        tokio::spawn(async move {
            let mut request = [0; 64];
            while let Ok((_, from)) = socket.recv_from(&mut request).await {
                let _ = socket.send_to(b"nonsense", from).await;
            }
        });
        let both = KdcAddress { protocol: None, ..stream };
        assert_eq!(ask(std::slice::from_ref(&both)).await.unwrap().from, both);
    }

    #[test]
    fn large_requests_go_over_tcp_first_and_streams_never_over_udp() {
        let addresses = ["a", "udp/b", "tcp/c"].map(|text| KdcAddress::parse(text).unwrap());
        let order = |stream, tcp_first| {
            let (patience, limit) = (Duration::ZERO, Duration::ZERO);
            let talk =
                Talk { realm: "", addresses: &addresses, request: b"", stream, tcp_first, patience, limit };
            talk.attempts().into_iter().map(|(protocol, to)| (protocol, to.host)).collect::<Vec<_>>()
        };
        let udp = ["a", "b"].map(|host| (Protocol::Udp, host.to_owned()));
        let tcp = ["a", "c"].map(|host| (Protocol::Tcp, host.to_owned()));
        assert_eq!(order(false, false), [udp.clone(), tcp.clone()].concat());
        assert_eq!(order(false, true), [tcp.clone(), udp].concat());
        assert_eq!(order(true, false), tcp);
    }
}
