//! Without the feature `keyring`, and on other systems than Linux.

use secrecy::SecretString;

use super::Reason;

pub(super) async fn read(_: &str, _: &str) -> Result<SecretString, Reason> {
    Err(Reason::from("this program was built without a keyring")
        .hint("keyring: is there on Linux, with the feature `keyring`; elsewhere exec: can call the store's own program"))
}
