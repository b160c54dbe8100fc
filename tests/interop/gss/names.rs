//! A name that no account holds, as that of a load balancer without its own account.

use wsman::auth::kerberos::{EncryptionType, KerberosError};
use wsman::auth::{AuthError, Mechanism};
use wsman::client::{
    Authentication, ConnectionConfig, Delegation, Error, PoolOptions, RunspacePool, SignInError,
};

use super::service::Lab;
use super::{Place, SPN};

/// F23: the KDC does not know the shared name. The error says so whether NTLM was allowed or not, nothing is tried in
/// NTLM where it was not, and the SPN of one server does.
#[tokio::test(flavor = "multi_thread")]
async fn f23_a_shared_name_without_an_spn_is_named_and_the_spn_of_one_server_does() {
    let Some(place) = Place::new(EncryptionType::Aes256Sha1) else { return };
    let lab = Lab::start(&place, |_| ()).await;
    let kerberos = place.kerberos(Delegation::Never);
    let shared = |authentication, allow_ntlm| ConnectionConfig {
        authentication,
        allow_ntlm,
        target_name: Some("HTTP/mail.contoso.test".into()),
        ..lab.config(false, &kerberos)
    };
    let unknown = |reason: &KerberosError| matches!(reason, KerberosError::UnknownService { .. });
    for config in [shared(Authentication::Kerberos, true), shared(Authentication::Negotiate, false)] {
        let error = RunspacePool::open(config, PoolOptions::default()).await.unwrap_err();
        let Error::SignIn(SignInError::Mechanism(AuthError::Kerberos(reason))) = &error else {
            panic!("{error:?}")
        };
        assert!(unknown(reason) && error.to_string().contains("HTTP/mail.contoso.test"), "{error}");
        assert!(lab.exchanges().iter().all(|exchange| exchange.status == 401), "{:?}", lab.exchanges());
    }
    // The service has no NTLM account: both reasons are told.
    let error = RunspacePool::open(shared(Authentication::Negotiate, true), PoolOptions::default()).await;
    let error = error.unwrap_err();
    let Error::SignIn(SignInError::WithoutKerberos { kerberos: reason, .. }) = &error else {
        panic!("{error:?}")
    };
    assert!(unknown(reason), "{error}");

    let config =
        ConnectionConfig { target_name: Some(SPN.into()), ..shared(Authentication::Negotiate, true) };
    let pool = RunspacePool::open(config, PoolOptions::default()).await.unwrap();
    assert_eq!(pool.signed_in().mechanism, Some(Mechanism::Kerberos));
    assert_eq!(pool.signed_in().kerberos_failure, None);
    pool.close().await.unwrap();
}
