//! Known secrets out of a text, however they came into it.

use secrecy::{ExposeSecret as _, SecretString};

/// A shorter text is no secret worth the name, and would tear holes into every sentence.
const SHORTEST: usize = 4;

/// Secrets that must not be in what is shown, kept or sent.
#[derive(Clone, Default)]
pub struct Redaction(Vec<SecretString>);

impl std::fmt::Debug for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redaction({} secrets)", self.0.len())
    }
}

impl Redaction {
    /// Adds one.
    pub fn hide(&mut self, secret: &SecretString) {
        if secret.expose_secret().len() >= SHORTEST {
            self.0.push(secret.clone());
        }
    }

    /// The text with `***` for each of them; the longest first, because one may be a part of another.
    pub fn clean(&self, text: &str) -> String {
        let mut secrets: Vec<&str> = self.0.iter().map(|secret| secret.expose_secret()).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_goes_the_longest_first() {
        let mut redaction = Redaction::default();
        for secret in ["Canary-7c1f", "Canary-7c1f!pw", "a"] {
            redaction.hide(&secret.into());
        }
        assert_eq!(redaction.clean("a Canary-7c1f!pw, Canary-7c1f"), "a ***, ***");
        assert!(!format!("{redaction:?}").contains("Canary"));
    }
}
