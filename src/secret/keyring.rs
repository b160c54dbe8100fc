//! The keyring of the desktop: the Secret Service of freedesktop.org, over the session bus.
//! <https://specifications.freedesktop.org/secret-service-spec/latest/>

use std::collections::HashMap;
use std::time::Duration;

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use secret_service::{EncryptionType, Error, SecretService};

use super::{MAX_LENGTH, Reason};

/// How long the keyring may take: nobody is there to answer what it might ask.
const PATIENCE: Duration = Duration::from_secs(20);

/// Reads an entry by the attributes that `secret-tool`, Python's keyring and others give it.
pub(super) async fn read(service: &str, user: &str) -> Result<SecretString, Reason> {
    tokio::time::timeout(PATIENCE, search(service, user))
        .await
        .unwrap_or_else(|_| Err("the keyring does not answer in time".into()))
}

async fn search(service: &str, user: &str) -> Result<SecretString, Reason> {
    // Encrypted on the bus too, which others of this user may listen to.
    let keyring = SecretService::connect(EncryptionType::Dh).await.map_err(|error| explain(&error))?;
    let attributes = HashMap::from([("service", service), ("username", user)]);
    let found = keyring.search_items(attributes).await.map_err(|error| explain(&error))?;
    let item = match (found.unlocked.as_slice(), found.locked.as_slice()) {
        ([item], _) => item,
        ([], []) => {
            return Err(Reason::from("there is no such entry in the keyring").hint(format!(
                "make it: secret-tool store --label=mailwright service '{service}' username '{user}'"
            )));
        }
        ([], _) => return Err(explain(&Error::Locked)),
        (several, _) => {
            return Err(Reason::from(format!("there are {} such entries in the keyring", several.len()))
                .hint(
                    "`secret-tool search --all` shows them; `secret-tool clear` removes what is too much",
                ));
        }
    };
    let value = Zeroizing::new(item.get_secret().await.map_err(|error| explain(&error))?);
    if value.len() as u64 > MAX_LENGTH {
        return Err("the entry is too long to be a secret".into());
    }
    Ok(std::str::from_utf8(&value).map_err(|_| "it is not valid UTF-8")?.into())
}

fn explain(error: &Error) -> Reason {
    match error {
        Error::Locked => Reason::from("the keyring is locked")
            .hint("it opens when its user signs in to the desktop; a service has cred:, file: or vault:"),
        Error::Unavailable | Error::Zbus(_) | Error::ZbusFdo(_) => {
            Reason::from("there is no keyring to be reached: no session bus, or no Secret Service on it").hint(
                "run inside a desktop session (DBUS_SESSION_BUS_ADDRESS) with GNOME Keyring, KWallet or KeePassXC; \
                 a service has cred:, file: or vault:",
            )
        }
        other => format!("the keyring failed: {other}").into(),
    }
}
