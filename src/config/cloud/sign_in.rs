//! How to sign in to the cloud, from the keys that say it.

use std::path::PathBuf;

use url::Url;

use super::super::endpoint::shown_url;
use super::super::fields::Fields;
use super::{AuthorizationCode, CertificatePlace, CloudSignIn, FirstToken};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Certificate,
    Secret,
    ManagedIdentity,
    WorkloadIdentity,
    Token,
    RefreshToken,
    AuthorizationCode,
    Password,
}

/// How an access token is kept alive, in the words of those who have known a person's sign-in as a mode.
const MODES: [(&str, Way); 6] = [
    ("off", Way::Token),
    ("refresh", Way::RefreshToken),
    ("get-and-refresh", Way::AuthorizationCode),
    ("OFF", Way::Token),
    ("REFRESH", Way::RefreshToken),
    ("GETANDREFRESH", Way::AuthorizationCode),
];

const WAYS: [(&str, Way); 8] = [
    ("certificate", Way::Certificate),
    ("secret", Way::Secret),
    ("managed-identity", Way::ManagedIdentity),
    ("workload-identity", Way::WorkloadIdentity),
    ("token", Way::Token),
    ("refresh-token", Way::RefreshToken),
    ("authorization-code", Way::AuthorizationCode),
    ("password", Way::Password),
];

/// Reads every key of the sign-in. None when something is wrong with it, which is among the problems then.
pub(super) fn read(f: &mut Fields<'_>) -> Option<CloudSignIn> {
    let way = f.text("authentication").map(|text| f.chosen("authentication", &text, &WAYS));
    let mode = f.text("token_mode").map(|text| (text.at, f.chosen("token_mode", &text, &MODES)));
    let way = match (way, mode) {
        (Some(_), Some((at, _))) => {
            f.wrong("token_mode", at, "authentication says it already", Some("keep one of them"));
            return None;
        }
        (way, mode) => way.or(mode.map(|(_, mode)| mode)),
    };
    let given = given(f);
    let application = f.text("application_id").map(|text| text.value);
    let place = certificate(f);
    let certificate_password = f.secret("certificate_password");
    let client_secret = f.secret("client_secret");
    let (client, endpoint) = (f.text("identity_client_id"), f.text("identity_url"));
    let token_file = f.path("federated_token_file");
    let access_token = f.secret("access_token");
    let graph_access_token = f.secret("graph_access_token");
    let refresh_token = f.secret("refresh_token");
    let store = f.path("refresh_token_file");
    let code = f.secret("authorization_code");
    let redirect_uri = f.text("redirect_uri").map(|text| text.value);
    let username = f.text("username").map(|text| text.value);
    let password = f.secret("password");
    let allow_password = f.flag("danger_password_sign_in", false).value;

    let way = match way {
        Some(chosen) => chosen?.value,
        None if place.is_some() => Way::Certificate,
        None if client_secret.is_some() => Way::Secret,
        None => {
            f.missing("authentication", "certificate_file and application_id are the way for programs; or managed-identity, workload-identity, secret, token, refresh-token, authorization-code, password");
            return None;
        }
    };
    unused(f, way, &given);
    let mut need = |key: &str, value: bool, hint: &str| {
        if !value {
            f.missing(key, hint);
        }
    };
    if !matches!(way, Way::ManagedIdentity | Way::Token) {
        need("application_id", application.is_some(), "the application's (client) id, a GUID");
    }
    match way {
        Way::Certificate => {
            need(
                "certificate_file",
                place.is_some(),
                "certificate_file = \"bridge.pfx\", or certificate_directory and certificate_thumbprint",
            );
            Some(CloudSignIn::Certificate {
                application: application?,
                place: place?,
                password: certificate_password,
            })
        }
        Way::Secret => {
            need(
                "client_secret",
                client_secret.is_some(),
                "client_secret = \"env:MAILWRIGHT_CLIENT_SECRET\"",
            );
            Some(CloudSignIn::Secret { application: application?, secret: client_secret? })
        }
        Way::ManagedIdentity => {
            let endpoint = match endpoint {
                None => None,
                Some(text) => match Url::parse(&text.value) {
                    Ok(url) => Some(url),
                    Err(_) => {
                        let message = format!("`{}` is not a URL", shown_url(&text.value));
                        f.wrong("identity_url", text.at, message, None);
                        return None;
                    }
                },
            };
            Some(CloudSignIn::ManagedIdentity { client: client.map(|text| text.value), endpoint })
        }
        Way::WorkloadIdentity => {
            let named =
                token_file.or_else(|| std::env::var_os("AZURE_FEDERATED_TOKEN_FILE").map(PathBuf::from));
            need(
                "federated_token_file",
                named.is_some(),
                "the file that the cluster keeps, or AZURE_FEDERATED_TOKEN_FILE",
            );
            Some(CloudSignIn::WorkloadIdentity { application: application?, token_file: named? })
        }
        Way::Token => {
            need(
                "access_token",
                access_token.is_some(),
                "access_token = 'exec:[\"az\",\"account\",\"get-access-token\", ...]'",
            );
            access_token.map(|exchange| CloudSignIn::Token { exchange, graph: graph_access_token })
        }
        Way::RefreshToken | Way::AuthorizationCode => {
            need("refresh_token_file", store.is_some(), "a file of its own for each connection");
            let first = match way {
                Way::AuthorizationCode => {
                    need("authorization_code", code.is_some(), "the code that the browser came back with");
                    let hint = "the address to which the browser was sent back, as the application's registration has it";
                    need("redirect_uri", redirect_uri.is_some(), hint);
                    let (code, redirect_uri) = (code?, redirect_uri?);
                    Some(FirstToken::Code(AuthorizationCode { code, redirect_uri }))
                }
                _ => refresh_token.map(FirstToken::Given),
            };
            Some(CloudSignIn::RefreshToken {
                application: application?,
                secret: client_secret,
                store: store?,
                first,
            })
        }
        Way::Password => {
            need("username", username.is_some(), "the principal name of the account");
            need("password", password.is_some(), "password = \"env:MAILWRIGHT_CLOUD_PASSWORD\"");
            if !allow_password {
                let hint = "use a certificate; danger_password_sign_in = true tries it all the same";
                let why = "sign-in with name and password is being retired by Microsoft, and fails with a second factor";
                f.wrong("authentication", f.at(), why, Some(hint));
                return None;
            }
            Some(CloudSignIn::Password {
                application: application?,
                username: username?,
                password: password?,
            })
        }
    }
}

/// Keys that belong to some ways only. What is left over from a person's sign-in may stay there for the next time.
const KEYS: [(&str, &[Way]); 12] = [
    ("certificate_file", &[Way::Certificate]),
    ("certificate_directory", &[Way::Certificate]),
    ("certificate_thumbprint", &[Way::Certificate]),
    ("certificate_password", &[Way::Certificate]),
    ("client_secret", &[Way::Secret, Way::RefreshToken, Way::AuthorizationCode]),
    ("identity_client_id", &[Way::ManagedIdentity]),
    ("identity_url", &[Way::ManagedIdentity]),
    ("federated_token_file", &[Way::WorkloadIdentity]),
    ("access_token", &[Way::Token]),
    ("graph_access_token", &[Way::Token]),
    ("username", &[Way::Password]),
    ("password", &[Way::Password]),
];

/// Those of them that are there, with their places; before anybody takes them.
fn given(f: &Fields<'_>) -> Vec<(&'static str, &'static [Way], usize)> {
    KEYS.iter().filter_map(|(key, ways)| Some((*key, *ways, f.place_of(key)?))).collect()
}

/// What is there for another way than the one that is gone: whoever wrote it believes that it does something.
fn unused(f: &mut Fields<'_>, way: Way, given: &[(&'static str, &'static [Way], usize)]) {
    let name = WAYS.iter().find(|(_, known)| *known == way).map_or("", |(name, _)| *name);
    for (key, ways, at) in given.iter().filter(|(_, ways, _)| !ways.contains(&way)) {
        let theirs = ways.iter().find_map(|theirs| WAYS.iter().find(|(_, known)| known == theirs));
        let hint = theirs.map(|(theirs, _)| format!("take it out, or write authentication = \"{theirs}\""));
        f.wrong(key, *at, format!("the sign-in is by \"{name}\", which does not use it"), hint.as_deref());
    }
}

fn certificate(f: &mut Fields<'_>) -> Option<CertificatePlace> {
    let (file, folder) = (f.path("certificate_file"), f.path("certificate_directory"));
    let thumbprint = f.text("certificate_thumbprint").map(|text| text.value);
    match (file, folder, thumbprint) {
        (Some(file), None, thumbprint) => Some(CertificatePlace::File { file, thumbprint }),
        (None, Some(folder), Some(thumbprint)) => Some(CertificatePlace::Folder { folder, thumbprint }),
        (Some(_), Some(_), _) => {
            f.wrong(
                "certificate_directory",
                f.at(),
                "a file and a folder are named",
                Some("keep one of them"),
            );
            None
        }
        (None, Some(_), None) => {
            f.missing("certificate_thumbprint", "it selects the certificate of the folder");
            None
        }
        (None, None, Some(thumbprint)) if dotnet_store().is_some() => {
            Some(CertificatePlace::Folder { folder: dotnet_store()?, thumbprint })
        }
        (None, None, Some(_)) => {
            f.missing("certificate_file", "off Windows there is no certificate store: name the PFX or PEM file, or certificate_directory");
            None
        }
        (None, None, None) => None,
    }
}

/// Where .NET keeps a user's certificates off Windows.
fn dotnet_store() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
    Some(PathBuf::from(home).join(".dotnet/corefx/cryptography/x509stores/my"))
}
