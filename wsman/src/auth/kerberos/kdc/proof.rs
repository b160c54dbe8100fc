//! What an account proves itself with.

use secrecy::SecretString;

use super::super::asn1::EtypeInfo2Entry;
use super::super::{EncryptionType, KerberosError, Key, Principal};

use crate::wiped::wiped_by_parts;

/// Keys of one type that are tried after the KDC refused the newest: it may not have heard of that one yet.
const MAX_KEYS: usize = 3;

/// A password, or keys that were made from one.
#[derive(Clone)]
pub enum Proof {
    /// The password in clear
    Password(SecretString),
    /// Keys of a keytab, in any order
    Keys(Vec<KeytabKey>),
}

/// A key of a keytab that belongs to the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeytabKey {
    /// Its version
    pub kvno: u32,
    /// The key
    pub key: Key,
}

wiped_by_parts!(Proof: SecretString, KeytabKey);
wiped_by_parts!(KeytabKey: Key);

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Proof {
    /// Whether there can be a key of this type.
    pub(super) fn has(&self, etype: EncryptionType) -> bool {
        match self {
            Self::Password(_) => true,
            Self::Keys(keys) => keys.iter().any(|one| one.key.etype() == etype),
        }
    }

    /// The keys of a type, the most likely first. `info` is what the KDC says about passwords.
    pub(super) fn keys(
        &self,
        etype: EncryptionType,
        client: &Principal,
        info: Option<&EtypeInfo2Entry>,
        kvno: Option<i64>,
    ) -> Result<Vec<Key>, KerberosError> {
        match self {
            Self::Password(password) => {
                let salt = info.and_then(|entry| entry.salt.as_ref()).map(|salt| salt.0.clone());
                // RFC 4120 4: the realm and the components, where the KDC names no other.
                let salt = salt.unwrap_or_else(|| format!("{}{}", client.realm, client.parts.concat()));
                let parameters = info.and_then(|entry| entry.parameters.as_ref());
                let parameters = parameters.map(der::asn1::OctetString::as_bytes);
                Ok(vec![Key::from_password(etype, password, salt.as_bytes(), parameters)?])
            }
            Self::Keys(keys) => {
                let mut keys: Vec<&KeytabKey> = keys.iter().filter(|one| one.key.etype() == etype).collect();
                keys.sort_by_key(|one| (Some(i64::from(one.kvno)) != kvno, std::cmp::Reverse(one.kvno)));
                keys.truncate(MAX_KEYS);
                Ok(keys.into_iter().map(|one| one.key.clone()).collect())
            }
        }
    }
}
