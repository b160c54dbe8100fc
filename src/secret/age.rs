//! Files that are encrypted with age: settings, and secrets by name. <https://age-encryption.org/v1>
//!
//! What opens them is a secret itself, `MAILWRIGHT_IDENTITY`: the keys that `age-keygen` wrote, or a passphrase.

use std::io::Read as _;
use std::path::Path;

use age::armor::ArmoredReader;
use age::{DecryptError, Decryptor, Identity, scrypt, x25519};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Reason, SecretRef, local, whole};

/// The variable that says what opens an encrypted file: a reference, never the key.
const IDENTITY: &str = "MAILWRIGHT_IDENTITY";
/// How an age file begins, and one in letters.
const BEGINNINGS: [&[u8]; 2] = [b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----"];
/// How a key of `age-keygen` begins.
const KEY: &str = "AGE-SECRET-KEY-1";
/// The most work that a passphrase may ask for, as a power of two; `age` asks for 18. This much takes 1 GiB of memory.
const MAX_WORK: u8 = 20;
/// Largest text that comes out.
const MAX_TEXT: u64 = 1024 * 1024;

/// Whether these bytes are an age file.
pub(crate) fn is_encrypted(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii_start();
    BEGINNINGS.iter().any(|beginning| bytes.starts_with(beginning))
}

/// A value of an encrypted TOML file.
pub(super) fn value(file: &Path, key: &str) -> Result<SecretString, Reason> {
    let bytes = local::read(file)?;
    if !is_encrypted(&bytes) {
        return Err(Reason::from("the file is not encrypted with age").hint("file: is for files in clear"));
    }
    let text = decrypt(&bytes)?;
    // An error of the parser quotes what it read.
    let table = text.parse::<toml::Table>().map_err(|_| "what is in the file is not TOML")?;
    match table.get(key) {
        Some(toml::Value::String(value)) => Ok(value.as_str().into()),
        Some(_) => Err(format!("`{key}` is not a text").into()),
        None => Err(Reason::from(format!("there is no `{key}` in the file"))
            .hint("the file holds a line for each secret: key = \"value\"")),
    }
}

/// The text of an age file, binary or in letters.
pub(crate) fn decrypt(bytes: &[u8]) -> Result<Zeroizing<String>, Reason> {
    let damaged = || Reason::from("the encrypted file is damaged or cut short");
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(bytes)).map_err(explain)?;
    let secret = opener()?;
    let identities: Vec<Box<dyn Identity>> = if decryptor.is_scrypt() {
        if is_keys(&secret) {
            return Err(Reason::from("the file is encrypted with a passphrase, and what is given is a key")
                .hint(format!("let {IDENTITY} refer to the passphrase, or encrypt the file with `age -r`")));
        }
        let mut passphrase = scrypt::Identity::new(local::first_line(&secret));
        passphrase.set_max_work_factor(MAX_WORK);
        vec![Box::new(passphrase)]
    } else {
        keys(&secret)?
    };
    let opened = decryptor.decrypt(identities.iter().map(|identity| &**identity)).map_err(explain)?;
    let mut text = Zeroizing::new(String::new());
    opened.take(MAX_TEXT + 1).read_to_string(&mut text).map_err(|_| damaged())?;
    if text.len() as u64 > MAX_TEXT {
        return Err("what is in the encrypted file is too large".into());
    }
    Ok(text)
}

/// What `MAILWRIGHT_IDENTITY` refers to.
fn opener() -> Result<SecretString, Reason> {
    let hint = format!(
        "set {IDENTITY} to where the key or the passphrase is kept, for example file:/etc/mailwright/identity.txt"
    );
    let text = std::env::var(IDENTITY).map_err(|_| {
        Reason::from(format!("it is encrypted with age, and {IDENTITY} does not say what opens it"))
            .hint(&hint)
    })?;
    // A key in the variable itself would be inherited by every program that is started from here.
    let reference = text
        .parse::<SecretRef>()
        .map_err(|error| Reason::from(format!("{IDENTITY}: {error}")).hint(&hint))?;
    whole(&reference)
        .map_err(|Reason { text, hint }| Reason { text: format!("{IDENTITY} ({reference}): {text}"), hint })
}

fn is_keys(secret: &SecretString) -> bool {
    secret.expose_secret().lines().any(|line| line.trim_start().starts_with(KEY))
}

/// The keys of an identity file: lines, of which those with `#` say something about them.
fn keys(secret: &SecretString) -> Result<Vec<Box<dyn Identity>>, Reason> {
    let lines = secret.expose_secret().lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut keys: Vec<Box<dyn Identity>> = Vec::new();
    for line in lines {
        let key = line.parse::<x25519::Identity>().map_err(|_| {
            Reason::from(format!("{IDENTITY}: a line of it is no key of age (not shown)"))
                .hint("the file is encrypted for keys of `age-keygen`, which begin with AGE-SECRET-KEY-1")
        })?;
        keys.push(Box::new(key));
    }
    if keys.is_empty() { Err(format!("{IDENTITY}: there is no key in it").into()) } else { Ok(keys) }
}

fn explain(error: DecryptError) -> Reason {
    match error {
        DecryptError::NoMatchingKeys => Reason::from("none of the keys opens it")
            .hint("`age-keygen -y` shows for whom a file must be encrypted: `age -r PUBLIC-KEY`"),
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => {
            "the passphrase does not open it".into()
        }
        DecryptError::ExcessiveWork { required, .. } => {
            format!("its passphrase asks for more work than is done here (2^{required})").into()
        }
        DecryptError::UnknownFormat => "it is of a version of age that is not known".into(),
        _ => "the encrypted file is damaged or cut short".into(),
    }
}
