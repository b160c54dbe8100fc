//! An endpoint as all connections of a session see it.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use reqwest::Url;
use reqwest::header::HeaderValue;
use rustls::client::danger::ServerCertVerifier;
use secrecy::ExposeSecret;

use super::config::{Authentication, ConnectionConfig};
use super::cookies::CookieJar;
use super::error::{Error, SignInError};
use super::tls;
use super::trace::SessionTrace;
use crate::auth::kerberos::KerberosError;
use crate::auth::{Mechanism, basic};

/// An endpoint, with what the connections of one session share.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) config: ConnectionConfig,
    pub(crate) url: Url,
    pub(crate) cookies: CookieJar,
    pub(crate) trace: Option<Arc<SessionTrace>>,
    verifier: Option<Arc<dyn ServerCertVerifier>>,
    /// The certificate that the last connection showed: the next sign-in is bound to it without asking first.
    certificate: Mutex<Option<Vec<u8>>>,
    sign_in: Mutex<KnownSignIn>,
    /// Why there is nothing to come back for: a sign-in that was refused, where each further try would bring the account
    /// nearer to being locked, or a server that sends everybody elsewhere.
    given_up: OnceLock<Error>,
}

/// How long a failure of Kerberos is taken for certain where NTLM can be used instead.
const KERBEROS_FAILURE_LASTS: Duration = Duration::from_secs(300);

/// What is known of the sign-ins so far.
#[derive(Debug, Default)]
struct KnownSignIn {
    mechanism: Option<Mechanism>,
    kerberos_failure: Option<(Instant, KerberosError)>,
}

impl Target {
    pub(crate) fn new(config: ConnectionConfig) -> Result<Self, Error> {
        let url = config.check()?;
        let verifier = (url.scheme() == "https").then(|| tls::verifier(&config.tls)).transpose()?;
        Ok(Self {
            trace: SessionTrace::of(&config),
            config,
            url,
            cookies: CookieJar::default(),
            verifier,
            certificate: Mutex::new(None),
            sign_in: Mutex::default(),
            given_up: OnceLock::new(),
        })
    }

    /// With another judge of certificates in front of its own.
    pub(crate) fn judged_by(
        self,
        wrap: impl FnOnce(Arc<dyn ServerCertVerifier>) -> Arc<dyn ServerCertVerifier>,
    ) -> Self {
        Self { verifier: self.verifier.map(wrap), ..self }
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.verifier.is_some()
    }

    pub(crate) fn verifier(&self) -> Option<Arc<dyn ServerCertVerifier>> {
        self.verifier.clone()
    }

    /// Whether bodies must be sealed: everywhere but under TLS and where the caller gave up all secrecy.
    pub(crate) fn must_seal(&self) -> bool {
        !self.is_tls() && self.config.authentication != Authentication::Basic
    }

    /// Scheme, host and port, for messages.
    pub(crate) fn endpoint(&self) -> String {
        let (scheme, host) = (self.url.scheme(), self.url.host_str().unwrap_or_default());
        format!("{scheme}://{host}:{}", self.url.port_or_known_default().unwrap_or_default())
    }

    pub(crate) fn certificate(&self) -> Option<Vec<u8>> {
        self.certificate.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn note_certificate(&self, certificate: Option<Vec<u8>>) {
        *self.certificate.lock().unwrap_or_else(PoisonError::into_inner) = certificate;
    }

    /// The mechanism of the last sign-in.
    pub(crate) fn mechanism(&self) -> Option<Mechanism> {
        self.known().mechanism
    }

    pub(crate) fn note_mechanism(&self, mechanism: Mechanism) {
        self.known().mechanism = Some(mechanism);
    }

    /// Why there was no Kerberos at the last sign-in.
    pub(crate) fn kerberos_failure(&self) -> Option<KerberosError> {
        self.known().kerberos_failure.as_ref().map(|(_, reason)| reason.clone())
    }

    /// Whether there was no Kerberos a moment ago.
    pub(crate) fn kerberos_failed_lately(&self) -> bool {
        self.known().kerberos_failure.as_ref().is_some_and(|(at, _)| at.elapsed() < KERBEROS_FAILURE_LASTS)
    }

    pub(crate) fn note_kerberos_failure(&self, reason: Option<KerberosError>) {
        self.known().kerberos_failure = reason.map(|reason| (Instant::now(), reason));
    }

    /// Says why Kerberos was not tried when what was tried instead failed as well.
    pub(crate) fn with_kerberos_failure(&self, error: SignInError) -> SignInError {
        match (self.config.authentication, self.kerberos_failure()) {
            (Authentication::Negotiate, Some(kerberos)) => {
                SignInError::WithoutKerberos { kerberos, instead: Box::new(error) }
            }
            _ => error,
        }
    }

    /// No connection is opened any more; those that are signed in stay.
    pub(crate) fn give_up(&self, reason: Error) {
        let _ = self.given_up.set(reason);
    }

    /// Why no connection is opened any more.
    pub(crate) fn given_up(&self) -> Option<&Error> {
        self.given_up.get()
    }

    fn known(&self) -> MutexGuard<'_, KnownSignIn> {
        self.sign_in.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The `Authorization` header for Basic.
    pub(crate) fn basic_header(&self) -> Result<HeaderValue, Error> {
        let value = basic::encode(&self.config.credentials).map_err(SignInError::from)?;
        let mut value = HeaderValue::from_str(value.expose_secret())
            .map_err(|_| Error::Configuration("the password cannot be sent with Basic sign-in".into()))?;
        value.set_sensitive(true);
        Ok(value)
    }
}
