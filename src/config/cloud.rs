//! `[connections.NAME.cloud]`: which cloud, which tenant, and how an application or a person signs in there.

mod sign_in;

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;
use uuid::Uuid;

use super::endpoint::shown_url;
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
    let sign_in = sign_in::read(f);
    if licence.is_some() && matches!(sign_in, Some(CloudSignIn::Token { graph: None, .. })) {
        let hint = "licences are given in Microsoft Graph, which takes a token of its own; or licence = \"elsewhere\"";
        f.missing("graph_access_token", hint);
    }
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
    let Some(Sited { value: text, at }) = f.text(key) else { return Url::parse(default).ok() };
    let host = "the address of a host alone, for example https://outlook.office365.com";
    let (message, hint) = match Url::parse(&text) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            let hint = "take them out; how to sign in is said by keys of their own";
            ("the URL carries a user or a password (not shown)".to_owned(), hint)
        }
        Ok(url) if url.scheme() == "https" && (url.query().is_some() || url.fragment().is_some()) => {
            ("the URL has a query or a fragment (`?`, `#`), which this address cannot have".to_owned(), host)
        }
        Ok(url) if url.scheme() == "https" && url.has_host() => return Some(url),
        _ => (format!("`{}` is not an https URL", shown_url(&text)), host),
    };
    f.wrong(key, at, message, Some(hint));
    None
}

#[cfg(test)]
#[path = "cloud_tests.rs"]
mod tests;
