//! One client, one TCP connection, one security context.
//!
//! reqwest hides its connections in a pool and opens another whenever it likes; a sign-in however belongs to one
//! connection. The gate stands before reqwest's connector and lets exactly one connection through.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tower_layer::Layer;
use tower_service::Service;

/// A second connection was asked for: the first one, and the security context with it, is gone. Nothing of the
/// request in question was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection is closed and its sign-in with it")]
pub(crate) struct SecondConnection;

/// How long a second connect waits: reqwest asks for one whenever the idle connection is not back in its pool yet,
/// and gives up asking once it is.
const GRACE: Duration = Duration::from_millis(400);

/// Lets one connection through.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<AtomicBool>);

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated { inner, used: self.0.clone() }
    }
}

/// A connector behind a [`Gate`].
#[derive(Clone, Debug)]
pub(crate) struct Gated<S> {
    inner: S,
    used: Arc<AtomicBool>,
}

impl<S, R> Service<R> for Gated<S>
where
    S: Service<R, Error = Box<dyn std::error::Error + Send + Sync>>,
    S::Future: Send + 'static,
    S::Response: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        if self.used.swap(true, Ordering::SeqCst) {
            return Box::pin(async {
                tokio::time::sleep(GRACE).await;
                Err(SecondConnection.into())
            });
        }
        Box::pin(self.inner.call(request))
    }
}
