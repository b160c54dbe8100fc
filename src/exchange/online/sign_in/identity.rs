//! Who the machine is in Azure: a service of its own says so, which only the machine can reach.

use reqwest::Method;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use url::Url;

use super::{Failed, MOST, Tokens, understood};
use crate::exchange::online::http::Outgoing;
use crate::exchange::online::token::{Granted, TokenError};

/// The service of a virtual machine.
const MACHINE: &str = "http://169.254.169.254/metadata/identity/oauth2/token";

/// Where to ask, and how.
struct Place {
    url: String,
    version: &'static str,
    header: (&'static str, String),
    /// What the environment would have to say on App Service, where it does not
    missing: &'static str,
}

const MISSING: &str = "; on App Service IDENTITY_ENDPOINT and IDENTITY_HEADER in the environment say where to ask, and they are not both there";

impl Tokens {
    /// Asks the service of the machine: that of App Service says by two variables where it is, that of a virtual machine is always
    /// at the same address ("How to use managed identities for App Service", "... on an Azure VM to acquire an access token").
    pub(super) async fn identity(
        &self,
        client: Option<&str>,
        endpoint: Option<&Url>,
    ) -> Result<Granted, Failed> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let place = place(endpoint, variable("IDENTITY_ENDPOINT"), variable("IDENTITY_HEADER"));
        let mut url = Url::parse(&place.url).map_err(|_| self.setting("IDENTITY_ENDPOINT is no URL"))?;
        let resource = self.scope.strip_suffix("/.default").unwrap_or(&self.scope);
        url.query_pairs_mut().append_pair("api-version", place.version).append_pair("resource", resource);
        if let Some(client) = client {
            url.query_pairs_mut().append_pair("client_id", client);
        }
        if place.header.0 == APP_SERVICE {
            self.http.hide(&SecretString::from(place.header.1.as_str()));
        }
        let sent = self.http.send_locally(Outgoing {
            name: "managed-identity",
            method: Method::GET,
            url: &url,
            headers: vec![place.header.clone()],
            token: None,
            body: Zeroizing::default(),
            patience: self.patience,
            most: MOST,
        });
        let received = sent.await.map_err(|error| {
            let why = format!("{}; a machine has an identity in Azure only{}", error.reason, place.missing);
            self.unreachable(&url, why)
        })?;
        let error = match understood(&received) {
            Ok(granted) => return Ok(granted),
            // It is being set up, or updated: "retry on 404, 410, 429 and 5xx".
            Err(TokenError::Refused { text, .. }) if matches!(received.status, 404 | 410) => {
                TokenError::Later { text }
            }
            Err(TokenError::Unreadable(status @ (404 | 410))) => {
                TokenError::Later { text: format!("status {status}") }
            }
            // What App Service answers to a request without the header that it gives by a variable.
            Err(TokenError::Refused { code, text }) if received.status == 401 => {
                TokenError::Refused { code, text: format!("{text}{}", place.missing) }
            }
            Err(error) => error,
        };
        Err(Failed::There { which: None, error, after: None })
    }
}

const APP_SERVICE: &str = "X-IDENTITY-HEADER";

/// The address that is asked.
pub(super) fn asked(endpoint: Option<&Url>) -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut url = place(endpoint, variable("IDENTITY_ENDPOINT"), variable("IDENTITY_HEADER")).url;
    url.truncate(url.find('?').unwrap_or(url.len()));
    url
}

fn place(endpoint: Option<&Url>, service: Option<String>, secret: Option<String>) -> Place {
    let machine = |url: String| Place {
        url,
        version: "2018-02-01",
        header: ("Metadata", "true".to_owned()),
        missing: MISSING,
    };
    match (endpoint, service, secret) {
        (endpoint, Some(service), Some(secret)) => {
            let url = endpoint.map_or(service, Url::to_string);
            Place { url, version: "2019-08-01", header: (APP_SERVICE, secret), missing: "" }
        }
        (Some(url), ..) => machine(url.to_string()),
        _ => machine(MACHINE.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn app_service_says_where_and_a_machine_knows() {
        let told = |url: Option<&str>, service: Option<&str>, secret: Option<&str>| {
            let url = url.map(|url| Url::parse(url).unwrap());
            let place = place(url.as_ref(), service.map(str::to_owned), secret.map(str::to_owned));
            (place.url, place.version, place.header.0)
        };
        let service = "http://localhost:42356/msi/token";
        assert_eq!(told(None, None, None), (MACHINE.to_owned(), "2018-02-01", "Metadata"));
        assert_eq!(told(None, Some(service), None).0, MACHINE);
        assert_eq!(told(None, Some(service), Some("s")), (service.to_owned(), "2019-08-01", APP_SERVICE));
        assert_eq!(told(Some("http://127.0.0.1:1/x"), None, None).0, "http://127.0.0.1:1/x");
    }
}
