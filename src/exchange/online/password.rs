//! Passwords on their way to a cmdlet: encrypted with the public key that the service ships in its module.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::rand_core::OsRng;
use rsa::traits::PublicKeyParts as _;
use rsa::{BigUint, Pkcs1v15Encrypt, RsaPublicKey};
use secrecy::{ExposeSecret as _, SecretString};
use wsman::clixml::Value;

use crate::exchange::{Answer, Call};

/// The service's key. It changes now and then, so it is fetched and not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PasswordKey(RsaPublicKey);

/// What a refusal says where the key is not the service's any more.
const ROTATED: &str = "Required resource is not available";
/// RSA-2048 is what the service has; less is none of its keys.
const LEAST: usize = 256;

/// The key of the module that was fetched.
pub(super) fn key(module: &Answer) -> Option<PasswordKey> {
    let text = module.objects.first()?.get("fileContent")?.display_text().into_owned();
    PasswordKey::find(&text)
}

/// Whether an answer means that the key has changed.
pub(super) fn is_rotated(answer: &Answer) -> bool {
    answer.refusal().is_some_and(|refusal| refusal.message.contains(ROTATED))
}

/// Whether a call has something to encrypt.
pub(super) fn is_needed(call: &Call) -> bool {
    call.parameters.iter().any(|(_, value)| matches!(value, Value::SecureString(_)))
}

impl PasswordKey {
    /// The first `<RSAKeyValue>` of a script.
    fn find(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("<RSAKeyValue>")?;
        let (value, _) = rest.split_once("</RSAKeyValue>")?;
        let part = |name: &str| {
            let (_, rest) = value.split_once(&format!("<{name}>"))?;
            let (part, _) = rest.split_once(&format!("</{name}>"))?;
            let part: String = part.split_whitespace().collect();
            Some(BigUint::from_bytes_be(&STANDARD.decode(part).ok()?))
        };
        let key = RsaPublicKey::new(part("Modulus")?, part("Exponent")?).ok()?;
        (key.size() >= LEAST).then_some(Self(key))
    }

    /// `base64(RSAES-PKCS1-v1_5(UTF-8))`, RFC 8017 7.2; 245 bytes at most with the keys that are known.
    pub(super) fn encrypt(&self, secret: &SecretString) -> Result<String, String> {
        let encrypted = self.0.encrypt(&mut OsRng, Pkcs1v15Encrypt, secret.expose_secret().as_bytes());
        encrypted
            .map(|bytes| STANDARD.encode(bytes))
            .map_err(|_| "the password is too long for the server's key".into())
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use serde_json::json;

    use super::*;

    fn answer(objects: &serde_json::Value) -> Answer {
        let page = super::super::response::page(json!({"value": objects}).to_string().as_bytes()).unwrap();
        let outcome = wsman::psrp::Outcome::Completed;
        Answer { objects: page.objects, errors: vec![], warnings: vec![], outcome }
    }

    fn shipped(script: &str) -> Answer {
        answer(
            &json!([{"fileName": "ExchangeOnline.psm1", "fileContent": script, "exportedCmdlets": "Get-Mailbox"}]),
        )
    }

    /// Decrypted by openssl, which shares no code with what encrypts.
    #[test]
    fn openssl_reads_what_is_encrypted() {
        let place = tempfile::tempdir().unwrap();
        let openssl =
            |line: &str| Command::new("openssl").current_dir(place.path()).args(line.split(' ')).output();
        match openssl("genrsa -out key.pem 2048") {
            Ok(ran) if ran.status.success() => {}
            other => {
                assert!(std::env::var_os("MAILWRIGHT_REQUIRE_PEERS").is_none(), "{other:?}");
                println!(
                    "SKIPPED: openssl is not installed: passwords for the cloud are not decrypted by another implementation"
                );
                return;
            }
        }
        let told = openssl("rsa -in key.pem -noout -modulus").unwrap().stdout;
        let digits = String::from_utf8(told).unwrap().trim().trim_start_matches("Modulus=").to_owned();
        let digit = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        let modulus: Vec<u8> = (0..digits.len()).step_by(2).map(digit).collect();
        let value = format!(
            "<RSAKeyValue>\n <Modulus>{}</Modulus><Exponent>AQAB</Exponent></RSAKeyValue>",
            STANDARD.encode(modulus)
        );
        let key = key(&shipped(&format!("function x {{ '{value}' }}"))).unwrap();
        let encrypted = key.encrypt(&"Pässword-1!".into()).unwrap();
        std::fs::write(place.path().join("encrypted"), STANDARD.decode(&encrypted).unwrap()).unwrap();
        let told =
            openssl("pkeyutl -decrypt -inkey key.pem -pkeyopt rsa_padding_mode:pkcs1 -in encrypted").unwrap();
        assert_eq!(String::from_utf8(told.stdout).unwrap(), "Pässword-1!");
        assert_ne!(encrypted, key.encrypt(&"Pässword-1!".into()).unwrap(), "the padding is random");
        assert!(
            key.encrypt(&"x".repeat(245).into()).is_ok() && key.encrypt(&"x".repeat(246).into()).is_err()
        );
    }

    #[test]
    fn what_holds_no_key() {
        assert_eq!(key(&answer(&json!([]))), None);
        assert_eq!(key(&answer(&json!([{"fileName": "x"}]))), None);
        for script in [
            "",
            "<RSAKeyValue>",
            "<RSAKeyValue><Modulus>!</Modulus><Exponent>AQAB</Exponent></RSAKeyValue>",
            "<RSAKeyValue><Modulus>AQ==</Modulus><Exponent>AQ==</Exponent></RSAKeyValue>",
        ] {
            assert_eq!(key(&shipped(script)), None, "{script}");
        }
    }
}
