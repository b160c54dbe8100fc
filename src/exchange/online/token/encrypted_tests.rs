//! Keys that openssl has encrypted, and those that nobody should try to open.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pkcs5::pbes2::{EncryptionScheme as Cipher, Pbkdf2Params, ScryptParams};
use x509_cert::der::Encode as _;
use x509_cert::der::asn1::OctetString;

use super::*;

/// Runs openssl in a folder; false where it is not installed.
fn openssl(folder: &Path, line: &str) -> bool {
    match Command::new("openssl").current_dir(folder).args(line.split(' ')).output() {
        Ok(ran) => {
            assert!(ran.status.success(), "{line}: {}", String::from_utf8_lossy(&ran.stderr));
            true
        }
        Err(error) => {
            assert!(std::env::var_os("MAILWRIGHT_REQUIRE_PEERS").is_none(), "openssl: {error}");
            println!("SKIPPED: openssl is not installed: no encrypted keys");
            false
        }
    }
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn every_form_that_openssl_writes() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    if !openssl(folder, "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -outform DER -out key.der") {
        return;
    }
    // PKCS#8, as openssl itself says.
    openssl(folder, "pkcs8 -topk8 -nocrypt -inform DER -in key.der -outform DER -out plain.der");
    let plain = std::fs::read(folder.join("plain.der")).unwrap();
    let password = SecretString::from("Canary-ü1!");
    for form in [
        "-v2 aes-256-cbc",
        "-v2 aes-128-cbc",
        "-v2 aes-192-cbc -iter 100000",
        "-v2 aes-256-cbc -v2prf hmacWithSHA1",
        "-v2 aes-256-cbc -v2prf hmacWithSHA512",
        "-v2 des3",
        "-scrypt",
    ] {
        openssl(
            folder,
            &format!("pkcs8 -topk8 -inform DER -in key.der {form} -passout pass:Canary-ü1! -out key.pem"),
        );
        let pem = format!("Bag Attributes\r\n{}", read(folder, "key.pem").replace('\n', "\r\n"));
        assert_eq!(*key(&pem, Some(&password)).unwrap().unwrap(), plain, "{form}");
        for wrong in [None, Some(SecretString::from("wrong")), Some(SecretString::from(""))] {
            let refused = key(&pem, wrong.as_ref()).unwrap().unwrap_err();
            assert_eq!(refused, CertificateError::Password, "{form}");
        }
    }
}

#[test]
fn old_forms_are_refused_with_what_converts_them() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    if !openssl(folder, "genrsa -out key.pem 2048") {
        return;
    }
    let legacy = "rsa -in key.pem -traditional -aes128 -passout pass:Canary-1 -out legacy.pem";
    let old = "pkcs8 -topk8 -in key.pem -v1 PBE-SHA1-3DES -passout pass:Canary-1 -out old.pem";
    for (line, name) in [(legacy, "legacy.pem"), (old, "old.pem")] {
        openssl(folder, line);
        let refused = key(&read(folder, name), Some(&"Canary-1".into())).unwrap().unwrap_err().to_string();
        assert!(refused.contains("openssl pkcs8 -topk8") && !refused.contains("Canary"), "{name}: {refused}");
    }
    assert!(key(&read(folder, "key.pem"), None).is_none());
}

fn pem(kdf: Kdf) -> String {
    let encryption = Cipher::Aes256Cbc { iv: [7; 16] };
    let scheme = EncryptionScheme::from(Parameters { kdf, encryption }).to_der().unwrap();
    let data = OctetString::new([9; 48]).unwrap().to_der().unwrap();
    let length = u8::try_from(scheme.len() + data.len()).unwrap();
    let head = if length < 128 { vec![0x30, length] } else { vec![0x30, 0x81, length] };
    format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode([head, scheme, data].concat()))
}

/// Each of these would take minutes, or more memory than there is.
#[test]
fn a_hostile_file_costs_nothing() {
    let scrypt = |cost_parameter, block_size, parallelization| {
        let salt = b"saltsalt".as_slice().try_into().unwrap();
        Kdf::Scrypt(ScryptParams { salt, cost_parameter, block_size, parallelization, key_length: None })
    };
    for kdf in [
        Pbkdf2Params::hmac_sha256(MAX_ITERATIONS + 1, b"saltsalt").unwrap().into(),
        Pbkdf2Params::hmac_sha256(100_000_000, b"saltsalt").unwrap().into(),
        scrypt(1 << 30, 8, 1),
        scrypt(1 << 14, 8, 65_535),
        scrypt(1 << 63, 65_535, 65_535),
    ] {
        let refused = key(&pem(kdf), Some(&"x".into())).unwrap().unwrap_err();
        assert!(refused.to_string().contains("too long"), "{refused}");
    }
    // What is just not right.
    let cheap = pem(Pbkdf2Params::hmac_sha256(1, b"saltsalt").unwrap().into());
    assert_eq!(key(&cheap, Some(&"x".into())).unwrap().unwrap_err(), CertificateError::Password);
    let whole = cheap.replace('\n', "");
    for end in (BEGIN.len()..whole.len() - END.len()).step_by(7) {
        let cut = format!("{}{END}", &whole[..end]);
        assert!(key(&cut, Some(&"x".into())).unwrap().is_err(), "{cut}");
    }
    assert!(key(BEGIN, None).unwrap().is_err());
    for body in ["", "====", "MIID", "\u{0}\u{fffd}"] {
        assert!(key(&format!("{BEGIN}{body}{END}"), Some(&"x".into())).unwrap().is_err(), "{body}");
    }
}
