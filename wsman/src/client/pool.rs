//! The handle of a runspace pool.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};
use tracing::debug;

use super::busy::Patience;
use super::config::{ConnectionConfig, new_id};
use super::driver::{Driver, Order};
use super::error::{Error, SignInError};
use super::initiators::random;
use super::pipeline::PipelineBuilder;
use super::redirect::{self, MAX_REDIRECTS, RedirectRefused};
use super::target::Target;
use super::transport::Transport;
use crate::auth::Mechanism;
use crate::auth::kerberos::KerberosError;
use crate::psrp::client::{ClientConfig, ClientPool};
use crate::psrp::session_key::ClientKeyPair;
use crate::session::{EndpointInfo, Session};

/// How often a pool is opened anew whose opening broke off: nothing runs in it yet, and what it leaves behind is deleted.
const LOST_TRIES: u32 = 2;

/// How a runspace pool is opened.
#[derive(Clone, Debug, Default)]
pub struct PoolOptions {
    /// Runspaces at once, each of which runs one pipeline; 0 and 1 are both one
    pub max_runspaces: u16,
    /// A key pair for SecureStrings that is there already; otherwise one is made when the first of them is sent
    pub key_pair: Option<ClientKeyPair>,
}

/// A runspace pool on a server. Dropping it deletes its shell in the background; [`Self::close`] waits for that.
#[derive(Debug)]
pub struct RunspacePool {
    orders: mpsc::UnboundedSender<Order>,
    target: Arc<Target>,
}

/// How the connections of a pool signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The mechanism of the last sign-in; `None` for Basic and certificates
    pub mechanism: Option<Mechanism>,
    /// With [`Authentication::Negotiate`](super::Authentication::Negotiate): why it was not Kerberos
    pub kerberos_failure: Option<KerberosError>,
}

impl RunspacePool {
    /// Connects, signs in, and opens a pool.
    ///
    /// Where the server sends the client elsewhere and [`ConnectionConfig::redirects`] lets it, that is where the pool is
    /// opened, from the beginning. A server that is busy is asked again for as long as
    /// [`Timeouts::busy`](super::Timeouts::busy) says; an opening that breaks off is begun again twice.
    pub async fn open(config: ConnectionConfig, options: PoolOptions) -> Result<Self, Error> {
        let mut patience = Patience::new(Instant::now(), config.timeouts.busy);
        let mut lost = 0;
        loop {
            match Self::open_where_sent(config.clone(), options.clone()).await {
                Err(error) if error.is_busy() => {
                    let mut part = [0];
                    random(&mut part)?;
                    let Some(delay) = patience.next_delay(Instant::now(), part[0]) else { return Err(error) };
                    debug!(%error, ?delay, "the server is busy: once more");
                    tokio::time::sleep(delay).await;
                }
                Err(error @ Error::Lost { sent: true, .. }) if lost < LOST_TRIES => {
                    lost += 1;
                    debug!(%error, lost, "the opening broke off: once more");
                }
                result => return result,
            }
        }
    }

    async fn open_where_sent(mut config: ConnectionConfig, options: PoolOptions) -> Result<Self, Error> {
        for _ in 0..=MAX_REDIRECTS {
            let error = match Self::open_there(config.clone(), options.clone()).await {
                Err(error) => error,
                opened => return opened,
            };
            let Some(location) = redirect::location(&error) else { return Err(error) };
            config = redirect::follow(&config, &config.check()?, &location)?;
            debug!("following a redirection");
        }
        Err(Error::Redirected { location: redirect::shown(&config.url), refused: RedirectRefused::TooMany })
    }

    async fn open_there(mut config: ConnectionConfig, options: PoolOptions) -> Result<Self, Error> {
        // Each pipeline that runs waits on a connection of its own.
        config.max_connections = config.max_connections.max(usize::from(options.max_runspaces.max(1)) + 1);
        // The system's certificate store may be read, which takes its time.
        let target =
            tokio::task::spawn_blocking(move || Target::new(config)).await.map_err(|_| Error::Closed)??;
        let target = Arc::new(target);
        let machine = ClientConfig {
            max_runspaces: i32::from(options.max_runspaces.max(1)),
            key_pair: options.key_pair,
            ..ClientConfig::default()
        };
        let timeouts = target.config.timeouts;
        let open = timeouts.connect + timeouts.sign_in + timeouts.open;
        let endpoint = EndpointInfo {
            url: target.url.to_string(),
            resource_uri: target.config.resource_uri.clone(),
            locale: target.config.locale.clone(),
            operation_timeout: target.config.timeouts.operation,
            shell_idle: target.config.timeouts.shell_idle,
        };
        debug!(endpoint = %target.endpoint(), resource_uri = %endpoint.resource_uri, "opening a runspace pool");
        let session = Session::new(endpoint, new_id(), ClientPool::new(new_id(), machine))?;
        let (orders, inbox) = mpsc::unbounded_channel();
        let (opened, has_opened) = oneshot::channel();
        let driver = Driver::new(session, Transport::new(Arc::clone(&target)), inbox, orders.clone(), opened);
        tokio::spawn(driver.run());
        // From here on dropping it closes what was opened.
        let pool = Self { orders, target };
        match tokio::time::timeout(open, has_opened).await {
            Ok(opened) => opened.map_err(|_| Error::Closed)??,
            Err(_) => return Err(Error::Timeout { what: "the runspace pool", after: open, sent: true }),
        }
        Ok(pool)
    }

    /// How its connections signed in.
    pub fn signed_in(&self) -> SignedIn {
        SignedIn { mechanism: self.target.mechanism(), kerberos_failure: self.target.kerberos_failure() }
    }

    /// A pipeline to be put together.
    pub fn pipeline(&self) -> PipelineBuilder {
        PipelineBuilder::new(self.orders.clone())
    }

    /// Keeps it from signing in once more: for when its secret is known to be out of date, and each try would bring the
    /// account nearer to being locked. Connections that are signed in go on; without one the shell ends by its idle time.
    pub fn forgo_sign_in(&self) {
        self.target.give_up(SignInError::Refused.into());
    }

    /// Ends what runs, lets go of every command, and deletes the shell.
    pub async fn close(self) -> Result<(), Error> {
        let (reply, closed) = oneshot::channel();
        if self.orders.send(Order::Close(Some(reply))).is_err() {
            return Ok(());
        }
        // An end without a word is that of a pool that was gone before.
        closed.await.unwrap_or(Ok(()))
    }
}

impl Drop for RunspacePool {
    fn drop(&mut self) {
        let _ = self.orders.send(Order::Close(None));
    }
}
