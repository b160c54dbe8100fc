//! Proxies and redirections.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use wsman::auth::Credentials;
use wsman::client::{
    Authentication, Blame, ConnectionConfig, Error, PoolOptions, ProxyProblem, RedirectPolicy,
    RedirectRefused, RunspacePool,
};

use crate::lab::{Running, echo, output};

/// What a proxy or server was asked, one line for each connection or request.
pub type Heard = Arc<Mutex<Vec<String>>>;

async fn listen() -> (TcpListener, SocketAddr, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address, Heard::default())
}

async fn head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { break };
        bytes.push(byte);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An HTTP proxy with CONNECT, for whoever is `user`.
async fn connect_proxy(user: Option<&'static str>) -> (SocketAddr, Heard) {
    let (listener, address, heard) = listen().await;
    let noted = heard.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let noted = noted.clone();
            tokio::spawn(async move {
                let head = head(&mut client).await;
                let line = head.lines().next().unwrap_or_default().to_owned();
                noted.lock().unwrap().push(line.clone());
                let given = head.lines().find_map(|line| {
                    line.split_once(": ")
                        .filter(|(name, _)| name.eq_ignore_ascii_case("proxy-authorization"))
                        .map(|it| it.1)
                });
                let wanted = user
                    .map(|user| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(user)));
                if given.map(str::to_owned) != wanted {
                    let refusal = "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"proxy\"\r\nContent-Length: 0\r\n\r\n";
                    client.write_all(refusal.as_bytes()).await.unwrap();
                    return;
                }
                let place = line.split(' ').nth(1).unwrap_or_default().to_owned();
                let Ok(mut server) = TcpStream::connect(&place).await else {
                    let _ = client.write_all(b"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n").await;
                    return;
                };
                client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (address, heard)
}

/// A SOCKS5 proxy, RFC 1928; with a user and password, RFC 1929.
async fn socks_proxy(user: Option<(&'static str, &'static str)>) -> (SocketAddr, Heard) {
    let (listener, address, heard) = listen().await;
    let noted = heard.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let noted = noted.clone();
            tokio::spawn(async move {
                let _ = socks(client, user, &noted).await;
            });
        }
    });
    (address, heard)
}

async fn socks(mut client: TcpStream, user: Option<(&str, &str)>, heard: &Heard) -> std::io::Result<()> {
    assert_eq!(client.read_u8().await?, 5);
    let mut methods = vec![0; client.read_u8().await?.into()];
    client.read_exact(&mut methods).await?;
    let method = if user.is_some() { 2 } else { 0 };
    if !methods.contains(&method) {
        return client.write_all(&[5, 0xFF]).await;
    }
    client.write_all(&[5, method]).await?;
    if let Some((name, password)) = user {
        assert_eq!(client.read_u8().await?, 1);
        let mut given = Vec::new();
        for _ in 0..2 {
            let mut text = vec![0; client.read_u8().await?.into()];
            client.read_exact(&mut text).await?;
            given.push(String::from_utf8(text).unwrap());
        }
        let fits = given == [name, password];
        client.write_all(&[1, u8::from(!fits)]).await?;
        if !fits {
            return Ok(());
        }
    }
    let mut request = [0; 4];
    client.read_exact(&mut request).await?;
    let host = match request[3] {
        1 => std::net::Ipv4Addr::from(client.read_u32().await?).to_string(),
        3 => {
            let mut name = vec![0; client.read_u8().await?.into()];
            client.read_exact(&mut name).await?;
            String::from_utf8(name).unwrap()
        }
        _ => format!("[{}]", std::net::Ipv6Addr::from(client.read_u128().await?)),
    };
    let place = format!("{host}:{}", client.read_u16().await?);
    heard.lock().unwrap().push(place.clone());
    let Ok(mut server) = TcpStream::connect(&place).await else {
        return client.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]).await;
    };
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop)
}

async fn strict() -> Running {
    Running::start_with(|config| config.require_channel_binding = true).await
}

async fn through(
    lab: &Running,
    tls: bool,
    proxy: String,
    credentials: Option<Credentials>,
) -> Result<RunspacePool, Error> {
    let config = ConnectionConfig {
        authentication: Authentication::Negotiate,
        proxy: Some(proxy),
        proxy_credentials: credentials,
        ..lab.config(tls)
    };
    RunspacePool::open(config, PoolOptions::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connect_proxy_with_and_without_credentials() {
    for (user, credentials) in
        [(None, None), (Some("proxyuser:pröxy:pass"), Some(Credentials::new("proxyuser", "pröxy:pass")))]
    {
        let lab = strict().await;
        let (proxy, heard) = connect_proxy(user).await;
        let pool = through(&lab, true, format!("http://{proxy}"), credentials).await.unwrap();
        assert_eq!(output(&pool, echo(1)).await.len(), 1);
        let place = lab.server.url(true).unwrap().replace("https://", "");
        let heard = heard.lock().unwrap().clone();
        assert!(
            !heard.is_empty() && heard.iter().all(|line| *line == format!("CONNECT {place} HTTP/1.1")),
            "{heard:?}"
        );
        lab.finish(pool).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socks_proxy_with_and_without_credentials() {
    for (user, credentials) in
        [(None, None), (Some(("proxyuser", "proxypass")), Some(Credentials::new("proxyuser", "proxypass")))]
    {
        for tls in [false, true] {
            for scheme in ["socks5", "socks5h"] {
                let lab = strict().await;
                let (proxy, heard) = socks_proxy(user).await;
                let pool =
                    through(&lab, tls, format!("{scheme}://{proxy}"), credentials.clone()).await.unwrap();
                assert_eq!(output(&pool, echo(1)).await.len(), 1);
                let place = lab.server.url(tls).unwrap();
                assert!(heard.lock().unwrap().iter().all(|it| place.ends_with(it)), "{place}");
                lab.finish(pool).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_refuses_is_named() {
    let lab = Running::start().await;
    let wrong = Credentials::new("proxyuser", "canary-wrong");
    let (http, _) = connect_proxy(Some("proxyuser:proxypass")).await;
    let (socks, _) = socks_proxy(Some(("proxyuser", "proxypass"))).await;
    for proxy in [format!("http://{http}"), format!("socks5://{socks}")] {
        for credentials in [None, Some(wrong.clone())] {
            let error = through(&lab, true, proxy.clone(), credentials).await.unwrap_err();
            assert!(
                matches!(&error, Error::Proxy { proxy: named, reason: ProxyProblem::SignIn } if *named == proxy),
                "{error:?}"
            );
            assert_eq!(error.blame(), Blame::Authentication);
            assert!(!error.can_retry() && !error.may_have_run());
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
    }
    // A proxy that is not there, and one that cannot reach the server.
    let (free, nobody, _) = listen().await;
    drop(free);
    let (open, _) = connect_proxy(None).await;
    let gone = ConnectionConfig { proxy: Some(format!("http://{open}")), ..lab.config(true) };
    let gone = ConnectionConfig { url: format!("https://{nobody}/PowerShell"), ..gone };
    let unreachable = RunspacePool::open(gone, PoolOptions::default()).await.unwrap_err();
    let absent = through(&lab, true, format!("http://{nobody}"), None).await.unwrap_err();
    for error in [unreachable, absent] {
        assert!(matches!(&error, Error::Proxy { reason: ProxyProblem::Refused(_), .. }), "{error:?}");
        assert_eq!(error.blame(), Blame::Transport);
    }
}

/// A server that answers every request with this, under TLS, and notes the heads of the requests.
pub async fn sends_to(location: String, identity: &wsman::server::ServerIdentity) -> (String, Heard) {
    let (listener, address, heard) = listen().await;
    let acceptor = crate::tls::acceptor(identity);
    let noted = heard.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let (noted, location) = (noted.clone(), location.clone());
            tokio::spawn(async move {
                let mut bytes = vec![0; 65536];
                while let Ok(length @ 1..) = stream.read(&mut bytes).await {
                    noted.lock().unwrap().push(String::from_utf8_lossy(&bytes[..length]).to_lowercase());
                    let answer = format!(
                        "HTTP/1.1 301 Moved\r\nLocation: {location}\r\nSet-Cookie: from=first\r\nContent-Length: 0\r\n\r\n"
                    );
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (format!("https://localhost:{}/PowerShell/", address.port()), heard)
}

/// F63, F64: the new server gets a sign-in of its own and nothing of the first one.
#[tokio::test(flavor = "multi_thread")]
async fn f63_f64_a_redirection_is_followed_where_it_is_allowed_with_a_sign_in_of_its_own() {
    let servers = crate::certificates::servers();
    for authentication in [Authentication::Negotiate, Authentication::Basic] {
        let lab = strict().await;
        let place =
            format!("{}/PowerShell/?a=b", lab.server.url(true).unwrap().replace("127.0.0.1", "localhost"));
        let (second, heard) = sends_to(place, &servers[0].1).await;
        let (first, _) = sends_to(second, &servers[0].1).await;
        let mut config = ConnectionConfig { url: first, authentication, ..lab.config(true) };
        let ours = servers[0].1.certificate_pem.clone();
        config.tls.ca_pem.as_mut().unwrap().extend(ours);

        let error = RunspacePool::open(config.clone(), PoolOptions::default()).await.unwrap_err();
        assert!(
            matches!(&error, Error::Redirected { refused: RedirectRefused::NotAllowed, .. }),
            "{error:?}"
        );
        assert!(lab.seen.exchanges.lock().unwrap().is_empty());

        // The names of the two differ only in the port, which no policy looks at.
        config.redirects = RedirectPolicy::Hosts(vec!["localhost".into()]);
        let pool = RunspacePool::open(config, PoolOptions::default()).await.unwrap();
        assert_eq!(output(&pool, echo(1)).await.len(), 1);
        // The first one's cookie stays there.
        let heard = heard.lock().unwrap().clone();
        assert!(heard.len() == 1 && !heard[0].contains("cookie:"), "{heard:?}");
        lab.finish(pool).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f64_redirections_end_after_five_and_never_lead_to_http_or_to_strangers() {
    let server = crate::certificates::servers().remove(0).1;
    let lab = Running::start().await;
    let attempt = async |location: String, hosts: &[&str]| {
        let (url, heard) = sends_to(location, &server).await;
        let mut config =
            ConnectionConfig { url, authentication: Authentication::Negotiate, ..lab.config(true) };
        config.tls.ca_pem = Some(server.certificate_pem.clone());
        config.redirects = RedirectPolicy::Hosts(hosts.iter().map(|&host| host.to_owned()).collect());
        let error = RunspacePool::open(config, PoolOptions::default()).await.unwrap_err();
        let count = heard.lock().unwrap().len();
        match error {
            Error::Redirected { refused, .. } => (refused, count),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(attempt("/again".into(), &[]).await, (RedirectRefused::TooMany, 6));
    let http = format!("{}/PowerShell", lab.server.url(false).unwrap());
    assert_eq!(attempt(http, &["127.0.0.1"]).await, (RedirectRefused::NotHttps, 1));
    let other = format!("{}/PowerShell", lab.server.url(true).unwrap());
    assert_eq!(attempt(other, &["contoso.com"]).await, (RedirectRefused::Host, 1));
    assert!(lab.seen.exchanges.lock().unwrap().is_empty());
}

/// What every request says, and that the path and query are kept.
#[tokio::test(flavor = "multi_thread")]
async fn f72_requests_ask_for_no_compression_and_keep_path_and_query() {
    let server = crate::certificates::servers().remove(0).1;
    let (url, heard) = sends_to("/".into(), &server).await;
    let url = url.replace("/PowerShell/", "/tenant1/PowerShell/?DelegatedOrg=contoso.com");
    let mut config = ConnectionConfig::new(url, Credentials::new("u", "p"));
    config.tls.ca_pem = Some(server.certificate_pem);
    RunspacePool::open(config, PoolOptions::default()).await.unwrap_err();
    let heard = heard.lock().unwrap()[0].clone();
    assert!(heard.starts_with("post /tenant1/powershell?delegatedorg=contoso.com http/1.1\r\n"), "{heard}");
    assert!(heard.contains("accept-encoding: identity\r\n") && !heard.contains("expect:"), "{heard}");
}

/// Over http nothing goes in the clear, whatever the server says: that the sign-in is not needed, that it failed, that it
/// takes no such scheme.
#[tokio::test(flavor = "multi_thread")]
async fn f39_f42_nothing_goes_unsealed_over_http() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"WSMAN\"\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
    ] {
        for authentication in [Authentication::Negotiate, Authentication::Ntlm, Authentication::CredSsp] {
            let (listener, address, heard) = listen().await;
            let noted = heard.clone();
            tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    let noted = noted.clone();
                    tokio::spawn(async move {
                        let mut bytes = vec![0; 65536];
                        while let Ok(length @ 1..) = stream.read(&mut bytes).await {
                            noted
                                .lock()
                                .unwrap()
                                .push(String::from_utf8_lossy(&bytes[..length]).to_lowercase());
                            if stream.write_all(answer.as_bytes()).await.is_err() {
                                return;
                            }
                        }
                    });
                }
            });
            let credentials = Credentials::new("CONTOSO\\svc", "canary-password");
            let mut config = ConnectionConfig::new(format!("http://{address}/PowerShell/"), credentials);
            config.authentication = authentication;
            let error = RunspacePool::open(config, PoolOptions::default()).await.unwrap_err();
            let heard = heard.lock().unwrap().clone();
            assert!(!heard.is_empty(), "{error}");
            for request in heard {
                assert!(request.contains("content-length: 0\r\n"), "{authentication:?}, {answer}: {request}");
                assert!(
                    !request.contains("envelope") && !request.contains("authorization: basic"),
                    "{request}"
                );
            }
        }
    }
}
