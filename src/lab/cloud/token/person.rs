//! People who sign in: by password, by what a browser came back with, and by the token that gets the next.

use ring::hmac;
use secrecy::ExposeSecret as _;

use super::{Application, Granted, Issuer, People, Refusal};

impl Issuer {
    /// Who it is that has signed in.
    pub(super) fn person<'a>(
        &mut self,
        application: &Application,
        field: &dyn Fn(&str) -> Option<&'a str>,
        people: People<'_>,
    ) -> Result<String, Refusal> {
        match field("grant_type") {
            Some("password") => by_password(field, people),
            Some("refresh_token") => {
                let token = field("refresh_token").unwrap_or_default();
                let granted = self.redeem(token, application, None);
                granted.ok_or_else(|| {
                    let text = "The provided value for the input parameter 'refresh_token' is not valid.";
                    Refusal(400, "invalid_grant", 9_002_313, text.into())
                })
            }
            Some("authorization_code") => {
                let code = field("code").unwrap_or_default();
                let granted = self.redeem(code, application, field("redirect_uri"));
                granted.ok_or_else(|| {
                    let text = "OAuth2 Authorization code was already redeemed, or is not valid here.";
                    Refusal(400, "invalid_grant", 54_005, text.into())
                })
            }
            _ => {
                Err(Refusal(400, "unsupported_grant_type", 70_003, "The grant type is not supported.".into()))
            }
        }
    }

    /// What a browser comes back with after somebody has signed in for an application.
    pub(in crate::lab::cloud) fn authorize(
        &mut self,
        application: &str,
        person: &str,
        redirect_uri: &str,
    ) -> String {
        self.give(Granted {
            application: application.to_owned(),
            person: person.to_owned(),
            redirect_uri: Some(redirect_uri.to_owned()),
        })
    }

    /// A text that nobody else can make, for one use.
    pub(super) fn give(&mut self, granted: Granted) -> String {
        self.given += 1;
        let tag = hmac::sign(&self.key, format!("grant {}", self.given).as_bytes());
        let token: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        self.grants.insert(token.clone(), granted);
        token
    }

    /// It is used up, whoever shows it.
    fn redeem(
        &mut self,
        token: &str,
        application: &Application,
        redirect_uri: Option<&str>,
    ) -> Option<String> {
        let granted = self.grants.remove(token)?;
        let fits = granted.application == application.id && granted.redirect_uri.as_deref() == redirect_uri;
        fits.then_some(granted.person)
    }
}

fn by_password<'a>(field: &dyn Fn(&str) -> Option<&'a str>, people: People<'_>) -> Result<String, Refusal> {
    let wrong = || {
        let text = "Error validating credentials due to invalid username or password.";
        Refusal(400, "invalid_grant", 50_126, text.into())
    };
    let person = people(field("username").unwrap_or_default()).ok_or_else(wrong)?;
    let password = field("password").unwrap_or_default();
    if person.password.is_none_or(|own| own.expose_secret() != password) {
        return Err(wrong());
    }
    if person.is_multi_factor {
        let text = "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access the service.";
        return Err(Refusal(400, "invalid_grant", 50_076, text.into()));
    }
    Ok(person.principal)
}
