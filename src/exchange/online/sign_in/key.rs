//! The certificate of an application, from where the configuration says it is.

use std::io::Read as _;
use std::path::Path;

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use super::{Tokens, now};
use crate::config::CertificatePlace;
use crate::exchange::ExchangeError;
use crate::exchange::online::token::{Certificate, CertificateError, Thumbprint};
use crate::secret::SecretRef;

/// Largest certificate, or token, in a file.
const MOST: u64 = 1024 * 1024;
/// Files of a folder that are looked at.
const FILES: usize = 1000;

impl Tokens {
    /// The certificate, where it is valid now.
    pub(super) async fn certificate(
        &self,
        place: &CertificatePlace,
        password: Option<&SecretRef>,
    ) -> Result<Certificate, ExchangeError> {
        let certificate = self.found(place, password).await?;
        certificate.check(now()).map_err(|error| {
            let place = match place {
                CertificatePlace::File { file, .. } => format!("certificate_file = \"{}\"", file.display()),
                CertificatePlace::Folder { folder, thumbprint } => format!(
                    "certificate_directory = \"{}\", certificate_thumbprint = \"{thumbprint}\"",
                    folder.display()
                ),
            };
            self.setting(format!("{place}: {error}{}", cure(&error)))
        })?;
        Ok(certificate)
    }

    /// The certificate, whether it is valid or not.
    pub(in crate::exchange::online) async fn found(
        &self,
        place: &CertificatePlace,
        password: Option<&SecretRef>,
    ) -> Result<Certificate, ExchangeError> {
        let print = |text: &str| {
            text.parse::<Thumbprint>().map_err(|error| {
                self.setting(format!("certificate_thumbprint = \"{text}\": {error}{}", cure(&error)))
            })
        };
        let password = match password {
            Some(reference) => Some(self.secret(reference).await?),
            None => None,
        };
        let password = password.as_ref();
        let certificate = match place {
            CertificatePlace::File { file, thumbprint } => {
                let fault = |error: String| {
                    self.setting(format!("certificate_file = \"{}\": {error}", file.display()))
                };
                let bytes = read(file).map_err(fault)?;
                let certificate =
                    Certificate::parse(&bytes, password).map_err(|error| fault(error.to_string()))?;
                if let Some(text) = thumbprint {
                    let wanted = print(text)?;
                    if !certificate.has(&wanted) {
                        return Err(fault(format!("its thumbprint is not {wanted}")));
                    }
                }
                certificate
            }
            CertificatePlace::Folder { folder, thumbprint } => {
                let fault = |error: String| {
                    self.setting(format!("certificate_directory = \"{}\": {error}", folder.display()))
                };
                let wanted = print(thumbprint)?;
                let files = certificates(folder).map_err(fault)?;
                Certificate::choose(files, &wanted, password).map_err(|error| fault(error.to_string()))?
            }
        };
        Ok(certificate)
    }
}

/// What to do about it.
fn cure(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired => {
            "; make a new one, and upload it to the application's registration before it is used"
        }
        CertificateError::NotYet => "; check this machine's clock",
        CertificateError::Thumbprint => "; `openssl x509 -noout -fingerprint -sha1 -in FILE` shows it",
        _ => "",
    }
}

fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let file = std::fs::File::open(file).map_err(|error| error.to_string())?;
    // A device or a pipe has no length that could be asked for.
    let mut bytes = Zeroizing::default();
    file.take(MOST + 1).read_to_end(&mut bytes).map_err(|error: std::io::Error| error.to_string())?;
    if bytes.len() as u64 > MOST {
        return Err("the file is too large".into());
    }
    Ok(bytes)
}

/// A token in a file that somebody else keeps.
pub(super) fn read_text(file: &Path) -> Result<SecretString, String> {
    let fault = |error: String| format!("federated_token_file = \"{}\": {error}", file.display());
    let bytes = read(file).map_err(fault)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| fault("no text".into()))?.trim();
    if text.is_empty() {
        return Err(fault("it is empty".into()));
    }
    Ok(text.into())
}

/// The contents of the files of a folder that may hold certificates with keys.
fn certificates(folder: &Path) -> Result<Vec<Zeroizing<Vec<u8>>>, String> {
    let is_one = |path: &Path| {
        let ending =
            path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        matches!(ending.as_str(), "pfx" | "p12" | "pem")
    };
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_one(path));
    Ok(paths.take(FILES).filter_map(|path| read(&path).ok()).collect())
}
