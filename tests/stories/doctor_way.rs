//! `mailwright doctor` with one thing broken at a time on the way to the sign-in.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;

use super::doctor::Bench;

pub const INSIDE: [&str; 7] =
    ["sign-in", "resource URI", "language mode", "cmdlets", "parameters", "excluded domains", "concurrency"];

pub fn after<'a>(first: &[&'a str]) -> Vec<&'a str> {
    first.iter().copied().chain(INSIDE).collect()
}

/// Passes everything on to `target`, and changes the server's words on the way.
fn relay(target: String, from: &'static str, to: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let pump = |mut from: TcpStream, mut to: TcpStream, change: Option<(&'static str, &'static str)>| {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if let Some((old, new)) = change {
                let found = buffer[..count].windows(old.len()).position(|part| part == old.as_bytes());
                if let Some(at) = found {
                    buffer[at..at + old.len()].copy_from_slice(new.as_bytes());
                }
            }
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Both);
    };
    assert_eq!(from.len(), to.len());
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = TcpStream::connect(&target) else { continue };
            let (client_too, server_too) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || pump(client, server, None));
            std::thread::spawn(move || pump(server_too, client_too, Some((from, to))));
        }
    });
    address
}

/// A TLS server that gets no further than showing this certificate; its port, and the certificate in PEM.
pub fn shows(name: &str, until: i32) -> (u16, String) {
    let mut parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    parameters.not_before = rcgen::date_time_ymd(2015, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(until, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let made = parameters.self_signed(&key).unwrap();
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![made.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut session = rustls::ServerConnection::new(config.clone()).unwrap();
            while session.is_handshaking() && session.complete_io(&mut stream).is_ok() {}
        }
    });
    (port, made.pem())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_and_a_closed_port() {
    let bench = Bench::new(json!({})).await;
    let own = bench.lab.base_url(false).trim_start_matches("http://").to_owned();
    let examined = bench.examine("lab", &[(&own, "no-such-host.invalid:80")]).await;
    examined.only(
        3,
        "DNS",
        "no-such-host.invalid",
        "DNS servers",
        &after(&["port", "HTTP", "schemes offered", "SPN", "clock", "ticket"]),
    );
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let examined = bench.examine("lab", &[(&own, &closed)]).await;
    examined.only(3, "port", &closed, "80 and 443", &after(&["HTTP", "schemes offered", "clock"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_are_refused_say_why() {
    let bench = Bench::new(json!({})).await;
    let own = bench.lab.base_url(true).trim_start_matches("https://").to_owned();
    let ca = bench.place.path().join("lab.toml.ca.pem").display().to_string();
    let behind = after(&["HTTP", "schemes offered", "clock"]);
    let other_ca = |pem: &str| bench.place.write("other.pem", pem).display().to_string();

    let (_, pem) = shows("127.0.0.1", 2099);
    let examined = bench.examine("lab-https", &[(&ca, &other_ca(&pem))]).await;
    examined.only(3, "TLS", "is not trusted", "tls.ca_file", &behind);
    let (port, pem) = shows("127.0.0.1", 2016);
    let file = other_ca(&pem);
    let examined = bench.examine("lab-https", &[(&ca, &file), (&own, &format!("127.0.0.1:{port}"))]).await;
    examined.only(3, "TLS", "expired", "renew it", &behind);
    let (port, pem) = shows("other.contoso.com", 2099);
    let file = other_ca(&pem);
    let examined = bench.examine("lab-https", &[(&ca, &file), (&own, &format!("127.0.0.1:{port}"))]).await;
    examined.only(
        3,
        "TLS",
        "made out for other.contoso.com, not for 127.0.0.1",
        "by a name in the certificate",
        &behind,
    );
    let pin = format!("server_certificate = \"{file}\"");
    let examined = bench.examine("lab-https", &[(&format!("ca_file = \"{ca}\""), &pin)]).await;
    examined.only(3, "TLS", "another certificate than the pinned one", "tls.server_certificate", &behind);
    // TLS where there is none.
    let http = bench.lab.base_url(false).trim_start_matches("http://").to_owned();
    let examined = bench.examine("lab-https", &[(&own, &http)]).await;
    examined.only(3, "TLS", "", "speaks TLS", &behind);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheme_that_is_not_offered() {
    let bench = Bench::new(json!({})).await;
    let own = bench.lab.base_url(false).trim_start_matches("http://").to_owned();
    let through = relay(own.clone(), "Negotiate", "Nonsense1");
    let examined = bench.examine("lab", &[(&own, &through)]).await;
    examined.only(3, "schemes offered", "needs Negotiate", "choose another `authentication`", &INSIDE);
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_differ() {
    let bench = Bench::new(json!({})).await;
    let own = bench.lab.base_url(false).trim_start_matches("http://").to_owned();
    let through = relay(own.clone(), " GMT\r\n", "9 GMT\r\n".get(..6).unwrap());
    let examined = bench.examine("lab", &[(&own, &through)]).await;
    assert_eq!(examined.check("clock")["status"], "could not check", "a date that cannot be read");
    let through = relay(own.clone(), " 20", " 21");
    let examined = bench.examine("lab", &[(&own, &through)]).await;
    // The sign-in goes through all the same, by NTLM.
    examined.only(1, "clock", "ahead", "NTP", &[]);
}
