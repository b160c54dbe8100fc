//! How requests reach a KDC.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wsman::auth::kerberos::KerberosError;
use wsman::client::{Kerberos, KerberosSettings, Krb5ConfSource};

use super::{SPN, anna, kerberos, settings};
use crate::kdc::{Kdc, Options, free_port};

/// F21: the first KDC is dead: nobody listens there, or nobody answers. It is asked once, and no more.
#[tokio::test]
async fn f21_a_dead_first_kdc() {
    let Some(kdc) = Kdc::start() else { return };
    kdc.add_service(SPN);
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let heard = count_datagrams(silent);
    let settings = KerberosSettings {
        kdc: vec![format!("127.0.0.1:{}", free_port()), format!("udp/127.0.0.1:{port}"), kdc.address()],
        ..settings(&kdc)
    };
    let kerberos = Kerberos::new(settings);
    kerberos.service_ticket(&anna(), SPN).await.unwrap();
    assert!(heard.load(Ordering::SeqCst) > 0, "the second one was not asked");
    let before = heard.load(Ordering::SeqCst);
    kdc.add_service("HTTP/ex02.contoso.test");
    kerberos.service_ticket(&anna(), "HTTP/ex02.contoso.test").await.unwrap();
    assert_eq!(heard.load(Ordering::SeqCst), before, "it was asked again");
}

fn count_datagrams(socket: UdpSocket) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while socket.recv(&mut buffer).is_ok() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    count
}

#[tokio::test]
async fn no_kdc_at_all_names_what_was_tried() {
    let address = format!("127.0.0.1:{}", free_port());
    let settings = KerberosSettings {
        kdc: vec![address.clone()],
        realm: Some("CONTOSO.TEST".into()),
        krb5_conf: super::no_dns(),
        ..KerberosSettings::default()
    };
    let refused = Kerberos::new(settings.clone()).service_ticket(&anna(), SPN).await.unwrap_err();
    let text = refused.to_string();
    assert!(matches!(refused, KerberosError::Unreachable { .. }), "{text}");
    assert!(text.contains(&format!("udp/{address}")) && text.contains(&format!("tcp/{address}")), "{text}");
    let settings = KerberosSettings { kdc: Vec::new(), ..settings };
    let refused = Kerberos::new(settings).service_ticket(&anna(), SPN).await.unwrap_err();
    assert_eq!(refused, KerberosError::NoKdc("CONTOSO.TEST".into()));
}

/// No reply fits into a datagram.
#[tokio::test]
async fn a_ticket_that_is_too_big_for_a_datagram() {
    let options =
        Options { default_lines: vec!["kdc_max_dgram_reply_size = 200".into()], ..Options::default() };
    let Some(kdc) = Kdc::with(&["CONTOSO.TEST"], &options) else { return };
    kdc.add_service(SPN);
    kerberos(&kdc).service_ticket(&anna(), SPN).await.unwrap();
    let datagrams = KerberosSettings { kdc: vec![format!("udp/{}", kdc.address())], ..settings(&kdc) };
    let refused = Kerberos::new(datagrams).service_ticket(&anna(), SPN).await.unwrap_err();
    assert!(matches!(refused, KerberosError::Unreachable { .. }), "{refused}");
    let streams = KerberosSettings { kdc: vec![format!("tcp/{}", kdc.address())], ..settings(&kdc) };
    Kerberos::new(streams).service_ticket(&anna(), SPN).await.unwrap();
}

/// A KDC that is named nowhere but in DNS.
#[tokio::test]
async fn f21_a_kdc_in_dns() {
    let Some(kdc) = Kdc::start() else { return };
    kdc.add_service(SPN);
    let port = kdc.address().rsplit_once(':').unwrap().1.parse().unwrap();
    let (name_server, asked) = name_server(port);
    let settings = KerberosSettings {
        realm: Some("CONTOSO.TEST".into()),
        krb5_conf: Krb5ConfSource::Text(String::new()),
        name_server: Some(name_server),
        ..KerberosSettings::default()
    };
    let kerberos = Kerberos::new(settings);
    kerberos.service_ticket(&anna(), SPN).await.unwrap();
    let before = asked.load(Ordering::SeqCst);
    kdc.add_service("HTTP/ex02.contoso.test");
    kerberos.service_ticket(&anna(), "HTTP/ex02.contoso.test").await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), before, "DNS was asked again");
}

/// Answers every question of `_kerberos._udp` and `_kerberos._tcp` with an SRV record of RFC 2782: `localhost` and a port.
fn name_server(port: u16) -> (SocketAddr, Arc<AtomicUsize>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let question = &buffer[..length];
            counter.fetch_add(1, Ordering::SeqCst);
            let end = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap() + 1;
            let mut answer = question[..2].to_vec();
            // A response, recursion available; one question, one answer.
            answer.extend([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
            answer.extend(&question[12..end + 4]);
            // The name of the question, SRV, IN, a minute; priority, weight, port, target.
            let target = b"\x09localhost\x00";
            answer.extend([0xC0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, 6 + target.len() as u8, 0, 0, 0, 1]);
            answer.extend(port.to_be_bytes());
            answer.extend(target);
            assert!(question[12..].starts_with(b"\x09_kerberos\x04_"));
            let _ = socket.send_to(&answer, from);
        }
    });
    (address, count)
}
