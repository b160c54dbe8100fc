//! `[connections.NAME.cloud]`: which cloud, which tenant, and how an application or a person signs in there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;
use uuid::Uuid;

use super::fields::{Fields, Sited};
use crate::plan::UserMaker;
use crate::recipient::cloud;
use crate::secret::SecretRef;

/// Exchange Online and Graph of one tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct Cloud {
    /// The tenant: its GUID, or one of its domains where the token tells the GUID
    pub tenant: String,
    /// The domain that came with the tenant, such as `contoso.onmicrosoft.com`
    pub organization: Option<String>,
    /// Where to sign in
    pub login: Url,
    /// Where Exchange answers
    pub exchange: Url,
    /// Where Graph answers
    pub graph: Url,
    /// What is asked for at sign-in, where it is not `/.default` of Exchange's address
    pub exchange_scope: Option<String>,
    /// The same for Graph
    pub graph_scope: Option<String>,
    /// The authorities that are trusted here, in place of those of `tls`
    pub ca_file: Option<PathBuf>,
    /// How to sign in
    pub sign_in: CloudSignIn,
    /// What gives a user a mailbox: a part number or an id; none where somebody else gives licences
    pub licence: Option<String>,
    /// The country of users who have none, as two letters
    pub usage_location: Option<String>,
    /// How users are made
    pub maker: UserMaker,
    /// How long one run waits for mailboxes that licences bring
    pub mailbox_wait: Duration,
    /// How long a mailbox may take; then its change has failed
    pub mailbox_timeout: Duration,
}

const MAKERS: [(&str, UserMaker); 2] = [("graph", UserMaker::Graph), ("exchange", UserMaker::Exchange)];
const MAILBOX_WAIT: Duration = Duration::from_secs(600);
const MAILBOX_TIMEOUT: Duration = Duration::from_secs(86_400);

impl Cloud {
    /// The same settings for another tenant: where it is and how to sign in are that one's.
    #[must_use]
    pub fn led_to(self, other: &Self) -> Self {
        let other = other.clone();
        Self {
            tenant: other.tenant,
            organization: other.organization,
            login: other.login,
            exchange: other.exchange,
            graph: other.graph,
            exchange_scope: other.exchange_scope,
            graph_scope: other.graph_scope,
            ca_file: other.ca_file,
            sign_in: other.sign_in,
            ..self
        }
    }
}

/// How a token is had.
#[derive(Clone, Debug, PartialEq)]
pub enum CloudSignIn {
    /// An application with its certificate
    Certificate {
        /// The application's id
        application: String,
        /// Where certificate and key are
        place: CertificatePlace,
        /// What opens the file
        password: Option<SecretRef>,
    },
    /// An application with a secret
    Secret {
        /// The application's id
        application: String,
        /// The secret
        secret: SecretRef,
    },
    /// What the machine is in Azure
    ManagedIdentity {
        /// Which of its identities, where it has several
        client: Option<String>,
        /// Another endpoint than the machine's own
        endpoint: Option<Url>,
    },
    /// An application that trusts a token of another provider, such as that of a Kubernetes cluster
    WorkloadIdentity {
        /// The application's id
        application: String,
        /// The file with the token, which is renewed in place
        token_file: PathBuf,
    },
    /// Tokens that somebody else gets
    Token {
        /// For Exchange
        exchange: SecretRef,
        /// For Graph
        graph: Option<SecretRef>,
    },
    /// A person who has signed in once
    RefreshToken {
        /// The application's id
        application: String,
        /// Its secret, if it has one
        secret: Option<SecretRef>,
        /// The file with the token, which takes the next one
        store: PathBuf,
        /// What is used as long as there is no such file
        first: Option<FirstToken>,
    },
    /// A name and a password, where the tenant still lets that in
    Password {
        /// The application's id
        application: String,
        /// The principal name
        username: String,
        /// The password
        password: SecretRef,
    },
}

/// Where the first refresh token comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum FirstToken {
    /// Somebody has got one
    Given(SecretRef),
    /// It is got with what a browser came back with
    Code(AuthorizationCode),
}

/// The result of a sign-in in a browser.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthorizationCode {
    /// The code
    pub code: SecretRef,
    /// Where the browser was sent back to
    pub redirect_uri: String,
}

/// Where a certificate with its key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificatePlace {
    /// A PFX or PEM file, and what its thumbprint must be
    File {
        /// The file
        file: PathBuf,
        /// The thumbprint as it was written
        thumbprint: Option<String>,
    },
    /// The one file of a folder that has the thumbprint
    Folder {
        /// The folder
        folder: PathBuf,
        /// The thumbprint as it was written
        thumbprint: String,
    },
}

/// A cloud by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Environment {
    /// Worldwide, and the United States' community cloud (GCC)
    #[default]
    Public,
    /// GCC High
    UsGovernment,
    /// The United States' Department of Defense
    UsDefense,
    /// Operated by 21Vianet
    China,
}

/// Where a cloud signs in, where its Exchange answers, and its Graph.
struct Hosts {
    login: &'static str,
    exchange: &'static str,
    graph: &'static str,
}

impl Environment {
    const NAMES: [(&'static str, Self); 7] = [
        ("public", Self::Public),
        ("gcc", Self::Public),
        ("gcc-high", Self::UsGovernment),
        ("dod", Self::UsDefense),
        ("us-government", Self::UsGovernment),
        ("us-defense", Self::UsDefense),
        ("china", Self::China),
    ];

    const fn hosts(self) -> Hosts {
        match self {
            Self::Public => Hosts {
                login: "https://login.microsoftonline.com/",
                exchange: "https://outlook.office365.com/",
                graph: "https://graph.microsoft.com/",
            },
            Self::UsGovernment => Hosts {
                login: "https://login.microsoftonline.us/",
                exchange: "https://outlook.office365.us/",
                graph: "https://graph.microsoft.us/",
            },
            Self::UsDefense => Hosts {
                login: "https://login.microsoftonline.us/",
                exchange: "https://outlook-dod.office365.us/",
                graph: "https://dod-graph.microsoft.us/",
            },
            Self::China => Hosts {
                login: "https://login.partner.microsoftonline.cn/",
                exchange: "https://outlook.office365.cn/",
                graph: "https://microsoftgraph.chinacloudapi.cn/",
            },
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
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

impl Cloud {
    /// What a person should know who signs in like this.
    pub(super) fn warnings(&self, connection: &str) -> Vec<String> {
        let mut warnings = Vec::new();
        match &self.sign_in {
            CloudSignIn::Password { .. } => warnings.push(format!(
                "[connections.{connection}.cloud] signs in with a user name and a password. Microsoft is retiring this, it fails with \
                 a second factor and for federated accounts, and each wrong password counts towards locking the account; use a \
                 certificate"
            )),
            CloudSignIn::Certificate { place: CertificatePlace::File { file, .. }, .. } if is_shared(file) => {
                warnings.push(format!(
                    "{} holds a private key, and others may read it: chmod 600 {0}",
                    file.display()
                ));
            }
            _ => {}
        }
        warnings
    }
}

#[cfg(unix)]
fn is_shared(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).is_ok_and(|held| held.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_shared(_: &Path) -> bool {
    false
}

/// Reads the table. None when something is wrong with it, which is among the problems then.
pub(super) fn read(f: &mut Fields<'_>) -> Option<Cloud> {
    let environment = f.choice("environment", &Environment::NAMES).map(|choice| choice.value);
    let hosts = environment.unwrap_or_default().hosts();
    let login = address(f, "login_url", hosts.login);
    let exchange = address(f, "exchange_url", hosts.exchange);
    let graph = address(f, "graph_url", hosts.graph);
    let exchange_scope = f.text("exchange_scope").map(|text| text.value);
    let graph_scope = f.text("graph_scope").map(|text| text.value);
    let ca_file = f.path("ca_file");
    let organization = f.text("organization");
    let tenant = tenant(f, organization.as_ref());
    let organization = organization.map(|text| text.value);
    let licence =
        f.text("licence").map(|text| text.value).filter(|name| !name.eq_ignore_ascii_case("elsewhere"));
    let usage_location = usage_location(f);
    let maker = f.choice("create_users", &MAKERS).map(|choice| choice.value).unwrap_or_default();
    let mailbox_wait = f.duration("mailbox_wait", MAILBOX_WAIT);
    let mailbox_timeout = f.duration("mailbox_timeout", MAILBOX_TIMEOUT);
    let sign_in = sign_in(f);
    Some(Cloud {
        tenant: tenant?,
        organization,
        login: login?,
        exchange: exchange?,
        graph: graph?,
        exchange_scope,
        graph_scope,
        ca_file,
        sign_in: sign_in?,
        licence,
        usage_location,
        maker,
        mailbox_wait,
        mailbox_timeout,
    })
}

fn usage_location(f: &mut Fields<'_>) -> Option<String> {
    let Sited { value, at } = f.text("usage_location")?;
    let country = cloud::country(&value);
    if country.is_none() {
        f.wrong("usage_location", at, format!("`{value}` is not a country of two letters"), Some("\"DE\""));
    }
    country
}

/// The domain that came with a tenant names it as well.
fn tenant(f: &mut Fields<'_>, organization: Option<&Sited<String>>) -> Option<String> {
    let Some(Sited { value, at }) = f.text("tenant").or_else(|| organization.cloned()) else {
        f.missing("tenant", "the directory's GUID, as its overview in the Entra admin centre shows it");
        return None;
    };
    let is_domain =
        value.contains('.') && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
    if Uuid::try_parse(&value).is_err() && !is_domain {
        f.wrong("tenant", at, format!("`{value}` is neither a GUID nor a domain"), None);
        return None;
    }
    Some(value)
}

/// A token goes there, so it is https.
fn address(f: &mut Fields<'_>, key: &'static str, default: &str) -> Option<Url> {
    let (text, at) = f.text(key).map_or_else(|| (default.to_owned(), f.at()), |text| (text.value, text.at));
    let url = Url::parse(&text).ok().filter(|url| {
        url.scheme() == "https" && url.has_host() && url.username().is_empty() && url.query().is_none()
    });
    if url.is_none() {
        f.wrong(key, at, format!("`{text}` is not an https URL"), None);
    }
    url
}

fn sign_in(f: &mut Fields<'_>) -> Option<CloudSignIn> {
    let way = f.text("authentication").map(|text| f.chosen("authentication", &text, &WAYS));
    let mode = f.text("token_mode").map(|text| (text.at, f.chosen("token_mode", &text, &MODES)));
    let way = match (way, mode) {
        (Some(_), Some((at, _))) => {
            f.wrong("token_mode", at, "authentication says it already", Some("keep one of them"));
            return None;
        }
        (way, mode) => way.or(mode.map(|(_, mode)| mode)),
    };
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
                        f.wrong("identity_url", text.at, format!("`{}` is not a URL", text.value), None);
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
            let first = match (way, code, redirect_uri) {
                (Way::AuthorizationCode, Some(code), Some(redirect_uri)) => {
                    Some(FirstToken::Code(AuthorizationCode { code, redirect_uri }))
                }
                (Way::AuthorizationCode, ..) => {
                    need(
                        "authorization_code",
                        false,
                        "authorization_code and redirect_uri, as the browser came back with them",
                    );
                    return None;
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

#[cfg(test)]
#[path = "cloud_tests.rs"]
mod tests;
