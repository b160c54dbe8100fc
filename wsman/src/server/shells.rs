//! All shells of a server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use super::config::ServerLimits;
use super::service::{Refusal, Service, ShellInfo};
use super::shell::{OpenError, Shell};
use crate::auth::UserName;

/// All shells.
pub(super) struct Shells {
    service: Arc<dyn Service>,
    pub(super) limits: ServerLimits,
    open: Mutex<HashMap<Uuid, Arc<Shell>>>,
}

impl Shells {
    pub(super) fn new(service: Arc<dyn Service>, limits: ServerLimits) -> Self {
        Self { service, limits, open: Mutex::default() }
    }

    /// Opens a shell. The same Create once more, as its answer was lost, finds the one it made.
    pub(super) fn create(
        &self,
        info: ShellInfo,
        creation: &[u8],
        idle: Option<Duration>,
    ) -> Result<Arc<Shell>, OpenError> {
        if let Some(known) = self.get(info.id, &info.user) {
            return Ok(known);
        }
        let idle = idle.unwrap_or(self.limits.shell_idle).min(self.limits.shell_idle);
        let mut open = self.lock();
        let max = self.limits.max_shells_per_user;
        let of_user = open.values().filter(|shell| same_user(&shell.info.user, &info.user)).count();
        if open.contains_key(&info.id) {
            return Err(OpenError::Malformed("the shell's id is in use".into()));
        }
        if of_user >= max {
            return Err(OpenError::Refused(Refusal::new(format!(
                "Fail to create a runspace because you have exceeded the maximum number of connections allowed : {max} \
                 for the policy party : MaxConcurrency. Please close existing runspace and try again."
            ))));
        }
        let id = info.id;
        let shell = Shell::open(self.service.clone(), info, creation, idle)?;
        open.insert(id, shell.clone());
        Ok(shell)
    }

    /// A shell of this user.
    pub(super) fn get(&self, id: Uuid, user: &UserName) -> Option<Arc<Shell>> {
        self.lock().get(&id).filter(|shell| same_user(&shell.info.user, user)).cloned()
    }

    /// Deletes a shell of this user.
    pub(super) fn delete(&self, id: Uuid, user: &UserName) -> bool {
        let Some(shell) = self.get(id, user) else { return false };
        self.lock().remove(&id);
        shell.close();
        true
    }

    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    pub(super) fn close_all(&self) {
        let all: Vec<_> = self.lock().drain().collect();
        all.iter().for_each(|(_, shell)| shell.close());
    }

    pub(super) fn close_idle(&self) {
        let mut open = self.lock();
        open.retain(|_, shell| {
            let idle = shell.is_idle();
            if idle {
                shell.close();
            }
            !idle
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Shell>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn same_user(a: &UserName, b: &UserName) -> bool {
    a.domain.eq_ignore_ascii_case(&b.domain) && a.user.eq_ignore_ascii_case(&b.user)
}
