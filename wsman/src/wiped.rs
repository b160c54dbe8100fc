//! Types that hold secrets wipe them, and the compiler checks it.

/// Declares that a type wipes itself when it is dropped because these parts of it do, shared ones when their last
/// holder lets go. Does not compile where a part does not.
macro_rules! wiped_by_parts {
    ($type:ty: $($part:ty),+) => {
        impl secrecy::zeroize::ZeroizeOnDrop for $type {}
        const _: () = {
            const fn wiped<T: secrecy::zeroize::ZeroizeOnDrop + ?Sized>() {}
            $(wiped::<$part>();)+
        };
    };
}
pub(crate) use wiped_by_parts;

#[cfg(test)]
mod tests {
    use secrecy::zeroize::ZeroizeOnDrop;
    use secrecy::{SecretBox, SecretString};

    use crate::auth::kerberos::{
        CredentialCache, Key, Keytab, KeytabEntry, ServiceTicket, asn1::EncryptionKey, kdc,
    };
    use crate::auth::{Credentials, Secret, credssp, ntlm};
    use crate::clixml::SecureText;
    use crate::psrp::session_key::{ClientKeyPair, SessionKey};

    const fn wiped<T: ZeroizeOnDrop + ?Sized>() {}

    /// Does not compile where one of them is left behind in memory. Private types are checked where they stand.
    #[test]
    fn every_type_that_holds_a_secret_wipes_it() {
        wiped::<SecretString>();
        wiped::<SecretBox<[u8; 16]>>();
        wiped::<Secret>();
        wiped::<Credentials>();
        wiped::<ntlm::crypto::Key>();
        wiped::<ntlm::Entropy>();
        wiped::<ntlm::NtlmInitiator>();
        wiped::<Key>();
        wiped::<EncryptionKey>();
        wiped::<KeytabEntry>();
        wiped::<Keytab>();
        wiped::<ServiceTicket>();
        wiped::<CredentialCache>();
        wiped::<kdc::Entropy>();
        wiped::<kdc::Proof>();
        wiped::<kdc::KeytabKey>();
        wiped::<kdc::AsExchange>();
        wiped::<kdc::TgsExchange>();
        wiped::<kdc::Granted>();
        wiped::<credssp::TsPasswordCreds>();
        wiped::<SessionKey>();
        wiped::<ClientKeyPair>();
        wiped::<SecureText>();
        // What the keys are put into.
        wiped::<aes::Aes128>();
        wiped::<aes::Aes256>();
        wiped::<cbc::Encryptor<aes::Aes256>>();
        wiped::<cbc::Decryptor<aes::Aes256>>();
        wiped::<rc4::Rc4>();
        wiped::<rsa::RsaPrivateKey>();
    }
}
