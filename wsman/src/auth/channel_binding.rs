//! Channel bindings for TLS: `tls-server-end-point`, RFC 5929 section 4.

use std::fmt;

use der::asn1::ObjectIdentifier;
use md5::Md5;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::{
    AuthError,
    der::{self as tlv, Malformed, Tag},
};

/// The application data of a GSS channel binding: prefix and hash of the server's certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct ChannelBinding(Vec<u8>);

/// What an acceptor asks of the client's channel binding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum BindingPolicy {
    /// Nothing; right without TLS (`CbtHardeningLevel=None`).
    #[default]
    Ignore,
    /// One that is sent must be this (`Relaxed`, Windows' default).
    WhenPresent(ChannelBinding),
    /// This must be sent (`Strict`).
    Require(ChannelBinding),
}

impl ChannelBinding {
    /// The binding for the certificate that the TLS server showed on this connection.
    ///
    /// The hash is the one of the certificate's signature algorithm; MD5 and SHA-1 are replaced by
    /// SHA-256, RFC 5929 section 4.1. Algorithms without one hash (Ed25519, unknown ones) get SHA-256,
    /// as Windows does.
    ///
    /// # Errors
    /// [`AuthError::Certificate`] when it is not a certificate.
    pub fn from_certificate(certificate: &[u8]) -> Result<Self, AuthError> {
        let hash = signature_hash(certificate)
            .map_err(|Malformed| AuthError::Certificate("it is not a certificate in DER"))?;
        let digest = match hash {
            Hash::Sha224 => Sha224::digest(certificate).to_vec(),
            Hash::Sha256 => Sha256::digest(certificate).to_vec(),
            Hash::Sha384 => Sha384::digest(certificate).to_vec(),
            Hash::Sha512 => Sha512::digest(certificate).to_vec(),
        };
        Ok(Self([b"tls-server-end-point:".as_slice(), &digest].concat()))
    }

    /// A binding from application data that is already there.
    #[must_use]
    pub fn from_application_data(data: Vec<u8>) -> Self {
        Self(data)
    }

    /// Prefix and hash.
    #[must_use]
    pub fn application_data(&self) -> &[u8] {
        &self.0
    }

    /// MD5 over the `gss_channel_bindings_struct` without addresses, as NTLM (`[MS-NLMP] 2.2.2.1`,
    /// MsvAvChannelBindings) and Kerberos (RFC 4121 section 4.1.1.2) send it.
    #[must_use]
    pub fn md5(&self) -> [u8; 16] {
        // No token holds application data of 4 GiB: `data` is what a caller gave, mostly 53 to 85 bytes.
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        Md5::new_with_prefix([0; 16])
            .chain_update(length.to_le_bytes())
            .chain_update(&self.0)
            .finalize()
            .into()
    }
}

impl fmt::Debug for ChannelBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ChannelBinding").field(&format_args!("{} bytes", self.0.len())).finish()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// The hash that a certificate's `signatureAlgorithm` names, RFC 5280 section 4.1.1.2.
fn signature_hash(certificate: &[u8]) -> Result<Hash, Malformed> {
    let parts = tlv::list(tlv::content(tlv::only(certificate)?, Tag::Sequence)?, 8)?;
    let algorithm = tlv::content(*parts.get(1).ok_or(Malformed)?, Tag::Sequence)?;
    let algorithm = tlv::list(algorithm, 8)?;
    let identifier = oid(algorithm.first().copied())?;
    if identifier == RSASSA_PSS {
        return pss_hash(algorithm.get(1).copied());
    }
    Ok(match identifier {
        SHA224_WITH_RSA | ECDSA_WITH_SHA224 => Hash::Sha224,
        SHA384_WITH_RSA | ECDSA_WITH_SHA384 => Hash::Sha384,
        SHA512_WITH_RSA | ECDSA_WITH_SHA512 => Hash::Sha512,
        _ => Hash::Sha256,
    })
}

/// RSASSA-PSS-params, RFC 4055 section 3.1: the hash is `[0]`, SHA-1 when left out.
fn pss_hash(parameters: Option<tlv::AnyRef<'_>>) -> Result<Hash, Malformed> {
    let Some(parameters) = parameters else { return Ok(Hash::Sha256) };
    let fields = tlv::list(tlv::content(parameters, Tag::Sequence)?, 8)?;
    let Some(field) = fields.into_iter().find(|field| field.header().tag() == tlv::context(0)) else {
        return Ok(Hash::Sha256);
    };
    let algorithm = tlv::list(tlv::inner(field, Tag::Sequence)?, 8)?;
    Ok(match oid(algorithm.first().copied())? {
        SHA224 => Hash::Sha224,
        SHA384 => Hash::Sha384,
        SHA512 => Hash::Sha512,
        _ => Hash::Sha256,
    })
}

fn oid(value: Option<tlv::AnyRef<'_>>) -> Result<ObjectIdentifier, Malformed> {
    let bytes = tlv::content(value.ok_or(Malformed)?, Tag::ObjectIdentifier)?;
    ObjectIdentifier::from_bytes(bytes).map_err(|_| Malformed)
}

const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const SHA224_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.14");
const SHA384_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const SHA512_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ECDSA_WITH_SHA224: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.1");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_WITH_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
const SHA224: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.4");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A certificate, the bits of its binding's hash, and how that hash begins (`openssl dgst`).
    const CERTIFICATES: &[(&[u8], usize, &str)] = &[
        (include_bytes!("testdata/ec-sha1.der"), 256, "963f751f166aa555"),
        (include_bytes!("testdata/ec-sha224.der"), 224, "e6097ef5d24fb3de"),
        (include_bytes!("testdata/ec-sha256.der"), 256, "0e25b0f874462883"),
        (include_bytes!("testdata/ec-sha384.der"), 384, "84f0a7855739e893"),
        (include_bytes!("testdata/ec-sha512.der"), 512, "87cbfed45da04f71"),
        (include_bytes!("testdata/ed25519.der"), 256, "e41aa82079fec1f7"),
        (include_bytes!("testdata/pss-sha1.der"), 256, "fd1212de35883295"),
        (include_bytes!("testdata/pss-sha256.der"), 256, "fcdf8b69bc7bd447"),
        (include_bytes!("testdata/pss-sha384.der"), 384, "0bfb4ddc186617ca"),
        (include_bytes!("testdata/pss-sha512.der"), 512, "d88982114cc77e16"),
        (include_bytes!("testdata/rsa-md5.der"), 256, "c06ba63ea8d91853"),
        (include_bytes!("testdata/rsa-sha1.der"), 256, "037fd688c2b77f05"),
        (include_bytes!("testdata/rsa-sha256.der"), 256, "176b4fe87643e2cd"),
        (include_bytes!("testdata/rsa-sha384.der"), 384, "c9d0da1d7b09c5d7"),
        (include_bytes!("testdata/rsa-sha512.der"), 512, "2fe3930e001c1d2f"),
    ];

    #[test]
    fn the_hash_is_the_one_of_the_signature() {
        for (certificate, bits, begins) in CERTIFICATES {
            let binding = ChannelBinding::from_certificate(certificate).unwrap();
            let hash = binding.application_data().strip_prefix(b"tls-server-end-point:").unwrap();
            assert_eq!(hash.len() * 8, *bits, "{begins}");
            let hex: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, *begins);
        }
    }

    proptest! {
        #[test]
        fn any_mutation_is_read_without_panic(
            which in any::<prop::sample::Index>(),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in proptest::option::of(any::<prop::sample::Index>()),
        ) {
            let mut bytes = CERTIFICATES[which.index(CERTIFICATES.len())].0.to_vec();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
                prop_assert!(ChannelBinding::from_certificate(&bytes).is_err());
            } else {
                let _ = ChannelBinding::from_certificate(&bytes);
            }
        }
    }
}
