//! `mailwright doctor` through proxies, redirections, load balancers and with certificates.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};

use mailwright::lab::{Endpoint, Seed, ServeOptions, serve};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;

use super::certificate::issue;
use super::doctor::{Bench, Examined};
use super::doctor_way::{INSIDE, after};
use crate::cli::Place;

/// Serves each connection with this, on a thread of its own.
fn listen(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let serve = serve.clone();
            std::thread::spawn(move || serve(client));
        }
    });
    address
}

fn head(client: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") && client.read_exact(&mut byte).is_ok() {
        bytes.push(byte[0]);
    }
    String::from_utf8(bytes).unwrap()
}

fn join(client: TcpStream, server: TcpStream) {
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (mut from_server, mut to_client) = (server, client);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(std::net::Shutdown::Both);
    });
    let _ = std::io::copy(&mut from_server, &mut to_client);
    let _ = to_client.shutdown(std::net::Shutdown::Both);
}

/// Ends the connection behind the first sealed answer, so that the next request needs another one.
fn until_sealed(mut client: TcpStream, mut server: TcpStream) {
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || std::io::copy(&mut from_client, &mut to_server));
    loop {
        let answer = head(&mut server);
        let length = answer.to_lowercase().lines().find_map(|line| {
            line.strip_prefix("content-length: ").and_then(|length| length.parse::<usize>().ok())
        });
        let mut body = vec![0; length.unwrap_or_default()];
        let is_whole = !answer.is_empty() && server.read_exact(&mut body).is_ok();
        let passed_on = client.write_all(&[answer.as_bytes(), &body].concat());
        if !is_whole || passed_on.is_err() || answer.contains("multipart/encrypted") {
            let _ = client.shutdown(std::net::Shutdown::Both);
            let _ = server.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}

/// Answers every request with this.
fn answers(answer: String) -> String {
    listen(move |mut client| {
        while !head(&mut client).is_empty() {
            let _ = client.write_all(answer.as_bytes());
        }
    })
}

/// An HTTP proxy with CONNECT, for whoever is `user`.
fn connect_proxy(user: Option<&'static str>) -> String {
    listen(move |mut client| {
        let head = head(&mut client);
        let is_known = user.is_none_or(|user| {
            head.lines().any(|line| line.eq_ignore_ascii_case(&format!("proxy-authorization: Basic {user}")))
        });
        let place = head.split(' ').nth(1).unwrap_or_default();
        let server = is_known.then(|| TcpStream::connect(place));
        let refuse = |mut client: TcpStream, status: &str| {
            let _ = client.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes());
        };
        match server {
            None => refuse(client, "407 No\r\nProxy-Authenticate: Basic realm=\"p\""),
            Some(Err(_)) => refuse(client, "502 No"),
            Some(Ok(server)) => {
                client.write_all(b"HTTP/1.1 200 Yes\r\n\r\n").unwrap();
                join(client, server);
            }
        }
    })
}

/// A SOCKS5 proxy that lets nobody in, RFC 1928 section 3.
fn socks_proxy() -> String {
    listen(|mut client| {
        let _ = client.read(&mut [0; 16]);
        let _ = client.write_all(&[5, 0xFF]);
    })
}

fn host(bench: &Bench, tls: bool) -> String {
    bench.lab.base_url(tls).rsplit('/').next().unwrap().to_owned()
}

fn closed() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_not_there() {
    let bench = Bench::new(json!({})).await;
    let examined = bench.examine("lab", &[("/PowerShell/", "/PowerShel/PowerShell/")]).await;
    let behind = after(&["schemes offered"]);
    examined.only(
        3,
        "HTTP",
        "nothing at /PowerShel/PowerShell/ (HTTP status 404)",
        "check the path",
        &behind,
    );
    let (own, busy) = (host(&bench, false), answers("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".into()));
    let examined = bench.examine("lab", &[(&own, &busy)]).await;
    let behind = after(&["schemes offered", "clock"]);
    assert_eq!(examined.check("HTTP")["status"], "failed");
    assert_eq!(examined.with("could not check"), behind);
    // Something else than HTTP.
    let ssh = listen(|mut client| drop(client.write_all(b"SSH-2.0-OpenSSH_9.2\r\n")));
    let examined = bench.examine("lab", &[(&own, &ssh)]).await;
    examined.only(3, "HTTP", "", "http and https are not mixed up", &behind);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirection_names_where_to_and_how_to_follow() {
    let bench = Bench::new(json!({})).await;
    let own = host(&bench, false);
    let behind = after(&["schemes offered", "clock"]);
    let moved =
        |to: &str| answers(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"));
    let elsewhere = moved("https://ex02.contoso.com/PowerShell/");
    let examined = bench.examine("lab", &[(&own, &elsewhere)]).await;
    let place = "https://ex02.contoso.com/PowerShell/";
    examined.only(3, "HTTP", place, "redirect_hosts = [\"ex02.contoso.com\"]", &behind);
    let allowed = ("create_method", "redirect_hosts = [\"contoso.com\"]\ncreate_method");
    let examined = bench.examine("lab", &[(&own, &elsewhere), allowed]).await;
    examined.only(3, "HTTP", place, "only https", &behind);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_refuses_or_asks_who_is_there() {
    let bench = Bench::new(json!({})).await;
    let through = |proxy: &str, more: &str| {
        format!("[connections.lab-https.proxy]\nurl = \"{proxy}\"\n{more}\n[connections.lab-https.tls]")
    };
    let table = "[connections.lab-https.tls]";
    let behind = after(&["TLS", "HTTP", "schemes offered", "clock"]);

    let open = format!("http://{}", connect_proxy(None));
    let examined = bench.examine("lab-https", &[(table, &through(&open, ""))]).await;
    assert_eq!((examined.code, examined.with("ok").len()), (Some(0), examined.checks.len()), "{examined:#?}");
    assert!(examined.check("port")["detail"].as_str().unwrap().ends_with("(the proxy)"));
    assert!(examined.with("ok").contains(&"proxy"));

    let asking = format!("http://{}", connect_proxy(Some("cHJveHl1c2VyOnByb3h5cGFzcw==")));
    let socks = format!("socks5://{}", socks_proxy());
    for proxy in [&asking, &socks] {
        let examined = bench.examine("lab-https", &[(table, &through(proxy, ""))]).await;
        examined.only(3, "proxy", "user name and a password", "proxy.username and proxy.password", &behind);
    }
    bench.place.write("proxy", "proxypass");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(bench.place.path().join("proxy"), mode).unwrap();
    let known = format!(
        "username = \"proxyuser\"\npassword = \"file:{}\"",
        bench.place.path().join("proxy").display()
    );
    let examined = bench.examine("lab-https", &[(table, &through(&asking, &known))]).await;
    assert_eq!((examined.code, examined.with("failed").len()), (Some(0), 0), "{examined:#?}");

    let own = host(&bench, true);
    let unreachable = [(table, &*through(&open, "")), (&own, &closed())];
    let examined = bench.examine("lab-https", &unreachable).await;
    examined.only(3, "proxy", "did not make the connection", "must be allowed to connect to", &behind);
    let gone = format!("http://{}", closed());
    let examined = bench.examine("lab-https", &[(table, &through(&gone, ""))]).await;
    let mut behind = behind;
    behind.insert(0, "proxy");
    examined.only(3, "port", "cannot be reached", "proxy.url", &behind);
}

/// F62: a shell that belongs to another server, or to another address, than the next connection reaches.
#[tokio::test(flavor = "multi_thread")]
async fn f62_connections_that_reach_different_servers() {
    let (bench, other) = (Bench::new(json!({})).await, Bench::new(json!({})).await);
    let own = host(&bench, false);
    let servers = [own.clone(), host(&other, false)];
    let next = std::sync::Arc::new(AtomicUsize::new(0));
    let balancer = listen(move |client| {
        let server = &servers[next.fetch_add(1, Ordering::SeqCst) % servers.len()];
        until_sealed(client, TcpStream::connect(server).unwrap());
    });
    // How many connections are made before the shell's is up to the machine, and with it where the shell is.
    for _ in 0..10 {
        let examined = bench.examine("lab", &[(&own, &balancer)]).await;
        if examined.with("failed") == ["resource URI"] {
            return examined.only(1, "resource URI", "", "SNAT pool", &INSIDE[2..]);
        }
    }
    panic!("the shell was never lost between two connections");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_hop_that_does_not_go_is_said_before_a_flow_needs_it() {
    let bench = Bench::new(json!({})).await;
    let examined = bench.examine("lab-wsman", &[("\"negotiate\"", "\"ntlm\"")]).await;
    assert_eq!(examined.code, Some(0), "{examined:#?}");
    let line = examined.check("second hop");
    assert!(line["warning"].as_str().unwrap().contains("a flow with passwords is refused"), "{line}");
    assert!(line["hint"].as_str().unwrap().contains("/PowerShell"), "{line}");
    let examined = bench.examine("lab", &[("\"negotiate\"", "\"ntlm\"")]).await;
    assert!(!examined.with("ok").contains(&"second hop"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_taken_or_is_nobodys() {
    let authority = || {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
    };
    let issuer = authority();
    let options = ServeOptions { client_ca: Some(issuer.pem().into_bytes()), ..ServeOptions::default() };
    let lab = serve(Seed::sample().unwrap(), options).await.unwrap();
    let place = Place::new();
    place.write("ca.pem", lab.ca_pem());
    let text = format!(
        "[connections.corp]\ninfrastructure = \"on-premises\"\nserver = \"{}\"\nauthentication = \"certificate\"\n\
         [connections.corp.tls]\nca_file = \"ca.pem\"\nclient_certificate = \"client.pem\"\nclient_key = \"client.key\"\n",
        lab.url(Endpoint::PowerShell, true)
    );
    place.write("mailwright.toml", &text);
    let examine = || Examined::new(place.run(&["doctor", "--output", "jsonl"]));
    issue(&issuer, &place, "svc-idm@contoso.com");
    let examined = examine();
    assert_eq!((examined.code, examined.with("ok").len()), (Some(0), examined.checks.len()), "{examined:#?}");
    let behind: Vec<&str> = INSIDE[1..].iter().copied().filter(|name| *name != "excluded domains").collect();
    issue(&issuer, &place, "nobody@contoso.com");
    examine().only(3, "sign-in", "refused the client certificate", "map the certificate", &behind);
    issue(&authority(), &place, "svc-idm@contoso.com");
    let behind: Vec<&str> = ["HTTP", "clock"].into_iter().chain(behind).collect();
    examine().only(3, "sign-in", "refused the client's certificate", "map the certificate", &behind);
    lab.shutdown().await.unwrap();
}
