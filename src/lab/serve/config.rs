//! A connection file that reaches a served Exchange.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;

use super::{Running, ServeError, unwritable};
use crate::lab::Endpoint;

/// By this line a file is known to be one that may be written over.
const FIRST_LINE: &str = "# Written by `mailwright lab`; the connections last as long as it runs.\n";

/// Name, infrastructure, endpoint, TLS and create method of each connection. A directory user is enabled by one create
/// method and made by the other, so that rows choose between them by connection.
const CONNECTIONS: [(&str, &str, Endpoint, bool, &str); 6] = [
    ("lab", "on-premises", Endpoint::PowerShell, false, "new"),
    ("lab-enable", "on-premises", Endpoint::PowerShell, false, "enable"),
    ("lab-hybrid", "hybrid", Endpoint::PowerShell, false, "new"),
    ("lab-hybrid-enable", "hybrid", Endpoint::PowerShell, false, "enable"),
    ("lab-https", "on-premises", Endpoint::PowerShell, true, "new"),
    ("lab-wsman", "on-premises", Endpoint::Wsman, false, "new"),
];

impl Running {
    /// The certificate that belongs to a connection file.
    pub fn ca_file(config: &Path) -> PathBuf {
        beside(config, ".ca.pem")
    }

    /// Writes a connection file, and beside it the certificate (`.ca.pem`), the password (`.password`) and the secret of
    /// the tenant's application (`.client-secret`), which only the user may read. The connections are `lab` and
    /// `lab-enable` (on-premises, create method `new` and `enable`), `lab-hybrid` and `lab-hybrid-enable` likewise,
    /// `lab-https` and `lab-wsman` (the ordinary endpoint), `lab-cloud` (the tenant), `lab-hybrid-full` (both sides).
    ///
    /// # Errors
    /// [`ServeError::File`] when a file cannot be written, or the connection file is there and somebody else's.
    pub fn write_config(&self, file: &Path) -> Result<(), ServeError> {
        let foreign = match std::fs::read(file) {
            Ok(bytes) => !bytes.starts_with(FIRST_LINE.as_bytes()),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        if foreign {
            let reason = "it is there, and was not written by `mailwright lab`";
            return Err(unwritable(file, io::Error::new(io::ErrorKind::AlreadyExists, reason)));
        }
        let absolute = std::path::absolute(file).map_err(|source| unwritable(file, source))?;
        let (ca, password) = (Self::ca_file(&absolute), beside(&absolute, ".password"));
        std::fs::write(&ca, self.ca_pem()).map_err(|source| unwritable(&ca, source))?;
        write_private(&password, self.password().expose_secret())
            .map_err(|source| unwritable(&password, source))?;
        let secret = beside(&absolute, ".client-secret");
        write_private(&secret, self.cloud().secret().expose_secret())
            .map_err(|source| unwritable(&secret, source))?;
        let mut text = self.config_text(&ca, &password);
        text += &self.cloud_text(&ca, &password, &secret);
        std::fs::write(file, text).map_err(|source| unwritable(file, source))
    }

    fn cloud_text(&self, ca: &Path, password: &Path, secret: &Path) -> String {
        let cloud = self.cloud();
        let excluded: Vec<String> = self.routing_domain.iter().map(|domain| quoted(domain)).collect();
        let excluded = [excluded, vec![quoted(cloud.initial_domain())]].concat().join(", ");
        let common = format!(
            "create_method = \"enable\"\nexcluded_smtp_domains = [{excluded}]\nreplication_wait = \"5s\"\n"
        );
        let server = format!(
            "server = {}\nauthentication = \"negotiate\"\nusername = {}\npassword = {}\n",
            quoted(&self.url(Endpoint::PowerShell, true)),
            quoted(self.user()),
            quoted(&format!("file:{}", password.display())),
        );
        let tenant = format!(
            "tenant = {}\norganization = {}\nlogin_url = {base}\nexchange_url = {base}\ngraph_url = {}\n\
             application_id = {}\nclient_secret = {}\nlicence = \"ENTERPRISEPACK\"\nusage_location = \"CH\"\n",
            quoted(&cloud.tenant().to_string()),
            quoted(cloud.initial_domain()),
            quoted(cloud.graph_url()),
            quoted(&cloud.application().to_string()),
            quoted(&format!("file:{}", secret.display())),
            base = quoted(cloud.base_url()),
        );
        let ca = quoted(&ca.display().to_string());
        [("lab-cloud", "cloud", ""), ("lab-hybrid-full", "hybrid", server.as_str())]
            .map(|(name, infrastructure, server)| {
                format!(
                    "\n[connections.{name}]\ninfrastructure = \"{infrastructure}\"\n{server}{common}\n\
                     [connections.{name}.tls]\nca_file = {ca}\n\n[connections.{name}.cloud]\n{tenant}"
                )
            })
            .concat()
    }

    fn config_text(&self, ca: &Path, password: &Path) -> String {
        let mut text = format!("{FIRST_LINE}# There are several: choose one with -n lab.\n");
        // Exchange's policies make the addresses of that domain.
        let excluded: Vec<String> = self.routing_domain.iter().map(|domain| quoted(domain)).collect();
        let excluded = excluded.join(", ");
        for (name, infrastructure, endpoint, tls, create_method) in CONNECTIONS {
            text += &format!(
                "\n[connections.{name}]\ninfrastructure = \"{infrastructure}\"\nserver = {}\n\
                 authentication = \"negotiate\"\nusername = {}\npassword = {}\ncreate_method = \"{create_method}\"\n\
                 excluded_smtp_domains = [{excluded}]\n\
                 replication_wait = \"5s\"\n",
                quoted(&self.url(endpoint, tls)),
                quoted(self.user()),
                quoted(&format!("file:{}", password.display())),
            );
            if tls {
                let ca = quoted(&ca.display().to_string());
                text += &format!("\n[connections.{name}.tls]\nca_file = {ca}\n");
            }
        }
        text
    }
}

fn beside(file: &Path, extension: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(extension);
    name.into()
}

/// A JSON string is a basic string of TOML as well.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn write_private(file: &Path, text: &str) -> io::Result<()> {
    // A file that is there keeps its mode, so it must go first.
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(format!("{text}\n").as_bytes())
}
