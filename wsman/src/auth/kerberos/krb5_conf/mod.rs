//! `krb5.conf`: realms, their KDCs, which host belongs to which realm.

mod profile;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;

use profile::{Parser, Relation};

use super::{EncryptionType, KerberosError};

/// What a `krb5.conf` says, as far as it matters to a client.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Krb5Conf {
    /// `default_realm`
    pub default_realm: Option<String>,
    /// `permitted_enctypes` in this order, without those that are not built in
    pub permitted_enctypes: Option<Vec<EncryptionType>>,
    /// `default_tkt_enctypes`: what an AS-REQ asks for, where it differs
    pub default_tkt_enctypes: Option<Vec<EncryptionType>>,
    /// `default_tgs_enctypes`: what a TGS-REQ asks for, where it differs
    pub default_tgs_enctypes: Option<Vec<EncryptionType>>,
    /// `allow_weak_crypto` or `allow_rc4`
    pub allow_rc4: Option<bool>,
    /// `dns_lookup_kdc`, or the older `dns_fallback`
    pub dns_lookup_kdc: Option<bool>,
    /// `dns_lookup_realm`
    pub dns_lookup_realm: Option<bool>,
    /// `udp_preference_limit`: larger requests go over TCP first
    pub udp_preference_limit: Option<u32>,
    /// `clockskew` in seconds
    pub clock_skew: Option<u64>,
    /// `forwardable`
    pub forwardable: Option<bool>,
    /// `default_ccache_name`, as it stands there
    pub default_ccache_name: Option<String>,
    /// `default_keytab_name`, as it stands there
    pub default_keytab_name: Option<String>,
    /// `default_client_keytab_name`, as it stands there
    pub default_client_keytab_name: Option<String>,
    realms: BTreeMap<String, Realm>,
    domain_realm: BTreeMap<String, String>,
    capaths: BTreeMap<(String, String), Vec<String>>,
}

/// One realm of the section `[realms]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Realm {
    kdc: Vec<String>,
    primary_kdc: Vec<String>,
}

/// A line that asks for other files.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Include {
    /// `include PATH`
    File(String),
    /// `includedir PATH`: the files in it whose names are letters, digits, `-` and `_` only or end in `.conf` and do
    /// not begin with a dot, in the order of their names
    Folder(String),
}

/// A file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfFile {
    /// Its name, for errors
    pub name: String,
    /// Its text
    pub text: String,
}

/// Reads what an [`Include`] asks for.
type ReadInclude<'a> = dyn FnMut(&Include) -> Result<Vec<ConfFile>, KerberosError> + 'a;

impl Include {
    fn parse(line: &str) -> Option<Self> {
        let (directive, path) = line.split_once(char::is_whitespace)?;
        let path = path.trim().to_owned();
        match directive {
            "include" if !path.starts_with('=') => Some(Self::File(path)),
            "includedir" if !path.starts_with('=') => Some(Self::Folder(path)),
            _ => None,
        }
    }

    /// Whether a file of an included folder is read, by its name.
    #[must_use]
    pub fn takes(file_name: &str) -> bool {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        let is_conf = file_name.ends_with(".conf") && !file_name.starts_with('.');
        is_conf || (!file_name.is_empty() && file_name.chars().all(plain))
    }
}

impl Krb5Conf {
    /// Reads a file that includes no other.
    ///
    /// # Errors
    /// [`KerberosError::Configuration`] with the line.
    pub fn parse(name: &str, text: &str) -> Result<Self, KerberosError> {
        Self::parse_with(name, text, &mut |_| {
            Err(KerberosError::Caller("krb5.conf includes other files, which cannot be read here"))
        })
    }

    /// Reads a file; `read` gives name and text of each file that it includes, and may give none.
    ///
    /// ```
    /// use wsman::auth::kerberos::{ConfFile, Include, Krb5Conf};
    /// let realms = "[realms]\nA.TEST = {\n kdc = kdc.a.test\n}\n";
    /// let conf = Krb5Conf::parse_with("krb5.conf", "include realms.conf\n[libdefaults]\ndefault_realm = A.TEST", &mut |include| {
    ///     assert_eq!(*include, Include::File("realms.conf".into()));
    ///     Ok(vec![ConfFile { name: "realms.conf".into(), text: realms.into() }])
    /// });
    /// assert_eq!(conf.unwrap().kdcs("A.TEST"), ["kdc.a.test"]);
    /// ```
    ///
    /// # Errors
    /// [`KerberosError::Configuration`] with the line, and the errors of `read`.
    pub fn parse_with(name: &str, text: &str, read: &mut ReadInclude<'_>) -> Result<Self, KerberosError> {
        let mut parser = Parser::new(read);
        parser.file(&ConfFile { name: name.into(), text: text.into() }, 0)?;
        let mut conf = Self::default();
        for relation in parser.finish() {
            conf.take(relation);
        }
        Ok(conf)
    }

    /// Of settings that stand there twice the first one counts; KDCs are collected.
    fn take(&mut self, Relation { path, value }: Relation) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["libdefaults", name] => self.take_default(name, &value),
            ["realms", realm, "kdc"] => self.realm_mut(realm).kdc.push(value),
            ["realms", realm, "primary_kdc" | "master_kdc"] => self.realm_mut(realm).primary_kdc.push(value),
            ["realms", realm, ..] => drop(self.realm_mut(realm)),
            ["domain_realm", host] => {
                self.domain_realm.entry(host.to_ascii_lowercase()).or_insert(value);
            }
            ["capaths", client, server] => {
                let realms = self.capaths.entry(((*client).to_owned(), (*server).to_owned())).or_default();
                realms.extend(value.split_whitespace().filter(|realm| *realm != ".").map(str::to_owned));
            }
            _ => {}
        }
    }

    fn take_default(&mut self, name: &str, value: &str) {
        let first = |slot: &mut Option<String>| value::first(slot, Some(value.to_owned()));
        match name {
            "default_realm" => first(&mut self.default_realm),
            "default_ccache_name" => first(&mut self.default_ccache_name),
            "default_keytab_name" => first(&mut self.default_keytab_name),
            "default_client_keytab_name" => first(&mut self.default_client_keytab_name),
            "permitted_enctypes" => value::first(&mut self.permitted_enctypes, value::etypes(value)),
            "default_tkt_enctypes" => value::first(&mut self.default_tkt_enctypes, value::etypes(value)),
            "default_tgs_enctypes" => value::first(&mut self.default_tgs_enctypes, value::etypes(value)),
            "allow_weak_crypto" | "allow_rc4" => value::first(&mut self.allow_rc4, value::boolean(value)),
            "dns_lookup_kdc" | "dns_fallback" => {
                value::first(&mut self.dns_lookup_kdc, value::boolean(value));
            }
            "dns_lookup_realm" => value::first(&mut self.dns_lookup_realm, value::boolean(value)),
            "forwardable" => value::first(&mut self.forwardable, value::boolean(value)),
            "udp_preference_limit" => value::first(&mut self.udp_preference_limit, value.parse().ok()),
            "clockskew" => value::first(&mut self.clock_skew, value::seconds(value)),
            _ => {}
        }
    }

    fn realm_mut(&mut self, name: &str) -> &mut Realm {
        self.realms.entry(name.to_owned()).or_default()
    }

    /// The KDCs of a realm as they stand there: `host`, `host:port`, `[address]:port`, with `tcp/` or `udp/` in front
    /// where only that is to be used. Empty where none is named.
    #[must_use]
    pub fn kdcs(&self, realm: &str) -> &[String] {
        self.realm(realm).map(|realm| realm.kdc.as_slice()).unwrap_or_default()
    }

    /// The KDCs of a realm that know a changed password first.
    #[must_use]
    pub fn primary_kdcs(&self, realm: &str) -> &[String] {
        self.realm(realm).map(|realm| realm.primary_kdc.as_slice()).unwrap_or_default()
    }

    /// Realms that are named with settings of their own.
    pub fn realms(&self) -> impl Iterator<Item = &str> {
        self.realms.keys().map(String::as_str)
    }

    /// As it is written, or else without regard to case.
    fn realm(&self, name: &str) -> Option<&Realm> {
        let other = || self.realms.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        self.realms.get(name).or_else(|| other().map(|(_, realm)| realm))
    }

    /// The realm of a host by `[domain_realm]`: the host itself, then each domain above it, with and without the dot in
    /// front.
    #[must_use]
    pub fn realm_of_host(&self, host: &str) -> Option<&str> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let mut name = host.as_str();
        loop {
            if let Some(realm) = self.domain_realm.get(name) {
                return Some(realm);
            }
            // `.contoso.com` after `ex01.contoso.com`, then `contoso.com`.
            name = match name.strip_prefix('.') {
                Some(rest) => rest,
                None => name.get(name.find('.')?..)?,
            };
        }
    }

    /// The realms between that of the client and that of the server by `[capaths]`; empty for a direct way.
    #[must_use]
    pub fn way(&self, client: &str, server: &str) -> Option<&[String]> {
        self.capaths.get(&(client.to_owned(), server.to_owned())).map(Vec::as_slice)
    }
}
