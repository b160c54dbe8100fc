//! Both sides of a hybrid organisation behind one connection.

use std::ops::ControlFlow;
use std::sync::Arc;

use async_trait::async_trait;
use wsman::clixml::Value;

use super::{Answer, Call, Exchange, ExchangeError, Traffic, graph};
use crate::recipient::Side;

/// Exchange on-premises and Exchange Online. Each call says where it goes.
pub(super) struct Both {
    pub(super) here: Arc<dyn Exchange>,
    pub(super) cloud: Arc<dyn Exchange>,
}

impl Both {
    fn side_of(&self, call: &Call) -> &dyn Exchange {
        match call.side {
            Side::Here if !graph::is_graph(&call.cmdlet) => self.here.as_ref(),
            Side::Here | Side::Cloud => self.cloud.as_ref(),
        }
    }
}

#[async_trait]
impl Exchange for Both {
    async fn run(&self, call: &Call) -> Result<Answer, ExchangeError> {
        self.side_of(call).run(call).await
    }

    async fn read(
        &self,
        call: &Call,
        each: &mut (dyn FnMut(Value) -> ControlFlow<()> + Send),
    ) -> Result<Answer, ExchangeError> {
        self.side_of(call).read(call, each).await
    }

    fn signed_in(&self) -> Option<String> {
        let parts: Vec<String> =
            [&self.here, &self.cloud].iter().filter_map(|side| side.signed_in()).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    fn traffic(&self) -> Option<Traffic> {
        self.cloud.traffic()
    }

    fn cloud_account(&self) -> Option<String> {
        self.cloud.cloud_account()
    }

    async fn close(&self) {
        self.here.close().await;
        self.cloud.close().await;
    }
}
