//! `[vault]`: where `vault:` references are looked up.

use super::fields::{Fields, Sited};
use crate::secret::{AppRole, SecretRef, VaultSettings, is_exposed, parse_address};

pub(super) fn read(f: &mut Fields<'_>) -> VaultSettings {
    let address = f.text("address");
    let namespace = f.text("namespace").map(|text| text.value);
    let ca_file = f.path("ca_file");
    let token = own(f, "token");
    let approle = f.table("approle", approle).flatten();
    let danger_token_over_http = f.flag("danger_token_over_http", false).value;
    if let (Some(_), Some(_)) = (&token, &approle) {
        f.wrong("token", f.at(), "`token` and `approle` are two ways to sign in", Some("write one of them"));
    }
    let address = address.and_then(|Sited { value, at }| match parse_address(&value) {
        Ok(url) if is_exposed(&url) && !danger_token_over_http => {
            let hint = "use https; http goes to this machine only; danger_token_over_http = true does it all the same";
            f.wrong("address", at, "over http the token would be sent in clear", Some(hint));
            None
        }
        Ok(url) => Some(url),
        Err(why) => {
            f.wrong("address", at, why, None);
            None
        }
    });
    VaultSettings { address, namespace, ca_file, token, approle, danger_token_over_http }
}

fn approle(f: &mut Fields<'_>) -> Option<AppRole> {
    let mount = f.text("mount").map_or_else(|| "approle".to_owned(), |text| text.value);
    let (role_id, secret_id) = (own(f, "role_id"), own(f, "secret_id"));
    if role_id.is_none() {
        f.missing("role_id", "role_id = \"file:/etc/mailwright/role-id\"");
    }
    Some(AppRole { mount: mount.trim_matches('/').to_owned(), role_id: role_id?, secret_id })
}

/// A secret that opens the vault is not in it.
fn own(f: &mut Fields<'_>, key: &'static str) -> Option<SecretRef> {
    let reference = f.secret(key)?;
    if matches!(reference, SecretRef::Vault(_)) {
        f.wrong(
            key,
            f.at(),
            "the vault cannot hold what opens it",
            Some("use env:, file:, cred:, exec: or keyring:"),
        );
        return None;
    }
    Some(reference)
}
