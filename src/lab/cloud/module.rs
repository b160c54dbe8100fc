//! `EXOModuleFile`: which cmdlets one may run, and the key that passwords are encrypted for. The keys are made of the
//! tenant's secret, so that nothing here draws a random number.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::rand_core::{CryptoRng, Error, RngCore};
use rsa::traits::PublicKeyParts as _;
use rsa::{Pkcs1v15Encrypt, RsaPrivateKey};
use secrecy::SecretString;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::token::Bearer;
use super::{Response, Tenant};
use crate::lab::cmdlet;

/// As long as the service's own.
const BITS: usize = 2048;

/// The keys of a tenant, made when they are first needed: it takes a moment.
pub(super) struct Keys {
    secret: Zeroizing<Vec<u8>>,
    made: u64,
    current: Option<RsaPrivateKey>,
    former: Option<RsaPrivateKey>,
}

impl Keys {
    pub(super) fn new(secret: &[u8]) -> Self {
        Self { secret: Zeroizing::new(secret.to_vec()), made: 0, current: None, former: None }
    }

    fn current(&mut self) -> Option<&RsaPrivateKey> {
        if self.current.is_none() {
            self.made += 1;
            let mut stream = Stream::new(&self.secret, self.made);
            self.current = RsaPrivateKey::new(&mut stream, BITS).ok();
        }
        self.current.as_ref()
    }

    fn decrypt(&self, encrypted: &[u8], former_too: bool) -> Option<SecretString> {
        let former = self.former.as_ref().filter(|_| former_too);
        let opened =
            self.current.iter().chain(former).find_map(|key| key.decrypt(Pkcs1v15Encrypt, encrypted).ok());
        String::from_utf8(opened?).ok().map(SecretString::from)
    }
}

impl Tenant {
    /// Passwords have to be encrypted for another key from now on.
    pub fn rotate_key(&mut self) {
        self.keys.former = self.keys.current.take();
    }

    /// A password as it came, in the clear; the text of the refusal otherwise.
    pub(super) fn password(&self, sent: &str) -> Result<SecretString, String> {
        let behaviour = self.behaviour();
        let decoded = STANDARD.decode(sent).unwrap_or_default();
        let opened = self.keys.decrypt(&decoded, behaviour.former_key_is_good);
        match opened {
            Some(password) => Ok(password),
            None if behaviour.plain_passwords => Ok(SecretString::from(sent)),
            None => Err("Required resource is not available to continue execution. Please try again by creating a new session.".into()),
        }
    }

    pub(super) fn module_file(&mut self, bearer: &Bearer) -> Response {
        let cmdlets: Vec<&str> = cmdlet::online_cmdlets()
            .into_iter()
            .filter(|name| !self.restrictions(&bearer.application).hides(name))
            .collect();
        let Some(key) = self.keys.current() else { return Response::empty(500) };
        let number = |number: &rsa::BigUint| STANDARD.encode(number.to_bytes_be());
        let text = format!(
            "# Made by the lab\n$script:PublicKey = '<RSAKeyValue><Modulus>{}</Modulus><Exponent>{}</Exponent></RSAKeyValue>'\n",
            number(key.n()),
            number(key.e())
        );
        let file = json!({"fileName": "ExchangeOnline.psm1", "fileContent": text, "exportedCmdlets": cmdlets.join(",")});
        Response::json(200, &json!({ "value": [file] }))
    }
}

/// Bytes that follow from a secret: its hash with a counter.
struct Stream {
    hash: Sha256,
    counter: u64,
    left: Vec<u8>,
}

impl Stream {
    fn new(secret: &[u8], number: u64) -> Self {
        let hash = Sha256::new().chain_update(b"key").chain_update(secret).chain_update(number.to_be_bytes());
        Self { hash, counter: 0, left: Vec::new() }
    }
}

impl RngCore for Stream {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_be_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_be_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.left.is_empty() {
                self.counter += 1;
                self.left = self.hash.clone().chain_update(self.counter.to_be_bytes()).finalize().to_vec();
            }
            *byte = self.left.pop().unwrap_or_default();
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Stream {}
