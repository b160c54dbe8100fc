//! The key exchange with the real server and with the real client, byte for byte.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use serde_json::Value as Json;
use wsman::psrp::session_key::{ClientKeyPair, SessionKey};

use crate::common::{Tally, file};

fn hex(value: &Json) -> Vec<u8> {
    let text = value.as_str().unwrap();
    let text = if text.len() % 2 == 1 { format!("0{text}") } else { text.to_owned() };
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn equal<T: PartialEq + std::fmt::Debug>(ours: T, theirs: T) -> Result<(), String> {
    if ours == theirs { Ok(()) } else { Err(format!("{ours:?} is not {theirs:?}")) }
}

#[test]
fn key_exchange_is_that_of_the_engine() {
    let Some(path) = file("powershell/experiments/key-exchange.json") else { return };
    let json: Json = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let mut tally = Tally::new(&path);

    let rsa = &json["rsa"];
    let (p, q) = (hex(&rsa["p"]), hex(&rsa["q"]));
    let pair =
        ClientKeyPair::from_parts(&hex(&rsa["n"]), &hex(&rsa["e"]), &hex(&rsa["d"]), &[&p, &q]).unwrap();
    tally.case("public key blob", equal(pair.public_blob(), hex(&json["public_key_blob_hex"])));
    let blob = hex(&json["encrypted_session_key_blob_hex"]);
    let recorded = SessionKey::new(hex(&json["session_key_hex"]).try_into().unwrap());
    match pair.open(&blob) {
        // Keys do not show their bytes: equal ciphertexts say that they are equal.
        Ok(key) => tally.case("session key", equal(key.encrypt("x"), recorded.encrypt("x"))),
        Err(error) => tally.case("session key", Err(error.to_string())),
    }
    for string in json["secure_strings"].as_array().unwrap() {
        let (text, sealed) = (string["text"].as_str().unwrap(), string["ss_base64"].as_str().unwrap());
        tally.case(&format!("encrypt {text:?}"), equal(recorded.encrypt(text), sealed.to_owned()));
        let clear = recorded.decrypt(sealed).map(|clear| clear.expose_secret().to_owned());
        tally.case(&format!("decrypt {text:?}"), equal(clear, Ok(text.to_owned())));
    }

    let second = &json["second_vector_real_client"];
    let key = SessionKey::new(hex(&second["session_key_hex"]).try_into().unwrap());
    let public = STANDARD.decode(second["public_key_value_base64"].as_str().unwrap()).unwrap();
    let padding = hex(&second["pkcs1_padding_byte_hex"])[0];
    let sealed = key.seal(&public, &mut |bytes| bytes.fill(padding)).unwrap();
    let expected = STANDARD.decode(second["encrypted_session_key_value_base64"].as_str().unwrap()).unwrap();
    tally.case("sealed for the real client", equal(sealed, expected));
    let text = second["text"].as_str().unwrap();
    tally.case(
        "what the real client sent",
        equal(key.encrypt(text), second["ss_base64"].as_str().unwrap().to_owned()),
    );
    tally.finish();
}
