//! Reading krb5.conf, with what it includes.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::settings::Krb5ConfSource;
use crate::auth::kerberos::{ConfFile, Include, KerberosError, Krb5Conf};

/// Longest file.
const MAX_FILE: u64 = 1 << 20;

/// Reads it; the work may block.
pub(super) fn read(source: &Krb5ConfSource) -> Result<Krb5Conf, KerberosError> {
    match source {
        Krb5ConfSource::Text(text) => Krb5Conf::parse("krb5.conf", text),
        Krb5ConfSource::Path(path) => parse(path, &text_of(path)?),
        Krb5ConfSource::Environment => {
            // Several files may be named; the first that is there is read.
            let named = std::env::var_os("KRB5_CONFIG").filter(|names| !names.is_empty());
            let paths: Vec<PathBuf> = match &named {
                Some(names) => std::env::split_paths(names).collect(),
                None => vec!["/etc/krb5.conf".into()],
            };
            match paths.iter().find(|path| path.exists()) {
                Some(path) => parse(path, &text_of(path)?),
                None => Ok(Krb5Conf::default()),
            }
        }
    }
}

fn parse(path: &Path, text: &str) -> Result<Krb5Conf, KerberosError> {
    Krb5Conf::parse_with(&path.to_string_lossy(), text, &mut |include| match include {
        Include::File(name) => {
            let path = Path::new(name);
            Ok(vec![ConfFile { name: name.clone(), text: text_of(path)? }])
        }
        Include::Folder(name) => folder(Path::new(name)),
    })
}

/// A folder that is not there holds nothing.
fn folder(path: &Path) -> Result<Vec<ConfFile>, KerberosError> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot_read(path, &error)),
    };
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name());
    let mut names: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
    names.retain(|name| Include::takes(name));
    names.sort();
    let files = names.into_iter().map(|name| path.join(name)).filter(|path| path.is_file());
    files.map(|path| Ok(ConfFile { text: text_of(&path)?, name: path.display().to_string() })).collect()
}

fn text_of(path: &Path) -> Result<String, KerberosError> {
    let length = std::fs::metadata(path).map_err(|error| cannot_read(path, &error))?.len();
    if length > MAX_FILE {
        return Err(KerberosError::File {
            file: path.display().to_string(),
            reason: "it is too long".into(),
        });
    }
    let bytes = std::fs::read(path).map_err(|error| cannot_read(path, &error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn cannot_read(path: &Path, error: &std::io::Error) -> KerberosError {
    KerberosError::File { file: path.display().to_string(), reason: error.to_string() }
}
