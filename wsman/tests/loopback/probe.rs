//! One look at a server, without signing in.

use wsman::client::probe;
use wsman::client::{ConnectionConfig, Error, RedirectPolicy, RedirectRefused};

use crate::lab::Running;
use crate::road::sends_to;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_names_its_schemes_its_clock_and_its_certificate() {
    let lab = Running::start().await;
    for tls in [false, true] {
        let config = lab.config(tls);
        let addresses = probe::resolve(&config).await.unwrap();
        assert!(probe::connect(&config, &addresses).await.unwrap().ip().is_loopback());
        let knock = probe::knock(config.clone()).await;
        let greeting = knock.result.unwrap();
        assert_eq!((greeting.status, knock.url), (401, config.url));
        assert!(greeting.schemes.iter().any(|scheme| scheme == "Negotiate"), "{greeting:?}");
        assert!(greeting.clock.unwrap().ahead().abs() < 60);
        assert_eq!(knock.certificates.is_empty(), !tls);
    }
    let exchanges = lab.seen.exchanges.lock().unwrap();
    assert!(exchanges.iter().all(|exchange| exchange.action.is_none() && exchange.user.is_none()));
}

/// F64: as a session does.
#[tokio::test(flavor = "multi_thread")]
async fn f64_a_look_follows_redirections_where_a_session_would() {
    let server = crate::certificates::servers().remove(0).1;
    let lab = Running::start().await;
    let place = format!("{}/PowerShell", lab.server.url(true).unwrap().replace("127.0.0.1", "localhost"));
    let (url, _) = sends_to(place.clone(), &server).await;
    let mut config = ConnectionConfig { url, ..lab.config(true) };
    config.tls.ca_pem.as_mut().unwrap().extend(server.certificate_pem.clone());
    let refused = probe::knock(config.clone()).await;
    assert!(
        matches!(&refused.result, Err(Error::Redirected { refused: RedirectRefused::NotAllowed, .. })),
        "{refused:?}"
    );
    assert_eq!(refused.certificates.len(), 1, "the certificate of whoever redirects");
    config.redirects = RedirectPolicy::Hosts(vec!["localhost".into()]);
    let followed = probe::knock(config.clone()).await;
    assert_eq!((followed.result.unwrap().status, followed.url), (401, place));
    let (url, heard) = sends_to("/again".into(), &server).await;
    let endless = probe::knock(ConnectionConfig { url, ..config }).await;
    assert!(matches!(&endless.result, Err(Error::Redirected { refused: RedirectRefused::TooMany, .. })));
    assert_eq!(heard.lock().unwrap().len(), 6);
}
