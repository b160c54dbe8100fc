//! The passwords of a flow: in memory while the flow is applied, read again from its file when a plan is resumed.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;
use uuid::Uuid;

use super::{LIBRARY, STDIN, orders, parse, read_bytes};
use crate::config::{SecretRef, Secrets};
use crate::recipient::{Change, SecretSource};

/// Why a secret of a change cannot be had any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the password of line {line} of {file} cannot be had: {reason}")]
pub struct SecretUnavailable {
    /// The file of the change
    pub file: String,
    /// The line of the change
    pub line: u64,
    /// Why; never holds the secret
    pub reason: String,
}

/// Passwords by file and line, each with the identity it belongs to. Clones share it.
#[derive(Clone, Default)]
pub struct SecretStore {
    file: String,
    files: Arc<Mutex<HashMap<String, Cells>>>,
}

type Cells = HashMap<u64, (String, SecretString)>;

impl fmt::Debug for SecretStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretStore").field("file", &self.file).finish_non_exhaustive()
    }
}

impl SecretStore {
    pub(crate) fn new(file: &str) -> Self {
        let files = HashMap::from([(file.to_owned(), Cells::new())]);
        Self { file: file.to_owned(), files: Arc::new(Mutex::new(files)) }
    }

    pub(crate) fn keep(&self, line: u64, identity: &str, secret: SecretString) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.entry(self.file.clone()).or_default().insert(line, (identity.to_owned(), secret));
    }

    /// Takes the passwords of another file's store.
    pub(super) fn take(&self, other: Self) {
        let theirs = std::mem::take(&mut *other.files.lock().unwrap_or_else(PoisonError::into_inner));
        self.files.lock().unwrap_or_else(PoisonError::into_inner).extend(theirs);
    }

    fn cells(&self) -> Option<Cells> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.file)
    }

    /// Shows every password that is in memory, to those who must keep it from others.
    pub fn each(&self, mut show: impl FnMut(&SecretString)) {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.values().flat_map(HashMap::values).for_each(|(_, secret)| show(secret));
    }

    /// Fetches the password of a change. A file that is not known yet is read again; a row that now belongs to
    /// somebody else gives nothing.
    pub async fn resolve(
        &self,
        change: &Change,
        secrets: &Secrets,
    ) -> Option<Result<SecretString, SecretUnavailable>> {
        let fault = |reason: String| SecretUnavailable {
            file: change.source.file.clone(),
            line: change.source.line,
            reason,
        };
        Some(match change.password.as_ref()? {
            SecretSource::Reference(text) => match text.parse::<SecretRef>() {
                Ok(reference) => secrets.fetch(&reference).await,
                Err(error) => Err(error),
            }
            .map_err(|error| fault(error.to_string())),
            SecretSource::Flow { file, line, .. } => self.cell(file, *line, &change.identity).map_err(fault),
        })
    }

    fn cell(&self, file: &str, line: u64, identity: &str) -> Result<SecretString, String> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if !files.contains_key(file) {
            if file == STDIN {
                return Err("it came by standard input, which cannot be read again".into());
            }
            if file.starts_with(LIBRARY) {
                return Err("a program gave it, and has to give it again".into());
            }
            let place =
                orders::whereabouts(file).map_or_else(|| file.to_owned(), |it| it.display().to_string());
            // A flow is no list of orders, and the other way round.
            let flow =
                read_bytes(&place).and_then(|bytes| match orders::parse(file, bytes.clone(), Uuid::nil()) {
                    Ok((flow, _)) => Ok(flow),
                    Err(_) => parse(file, bytes, Uuid::nil()),
                });
            let cells = flow.map_err(|error| error.to_string())?.secrets.cells();
            files.insert(file.to_owned(), cells.unwrap_or_default());
        }
        match files.get(file).and_then(|cells| cells.get(&line)) {
            Some((owner, secret)) if owner == identity => Ok(secret.clone()),
            Some(_) => Err("the line belongs to another identity now".into()),
            None => Err("the line carries no password any more".into()),
        }
    }
}
