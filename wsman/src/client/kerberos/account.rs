//! From names as people write them to those that a KDC knows.

use std::net::IpAddr;

use crate::auth::kerberos::kdc::{KeytabKey, Proof};
use crate::auth::kerberos::{EncryptionType, KerberosError, Key, Keytab, KeytabEntry, NameType, Principal};
use crate::auth::{Secret, UserName};

use secrecy::ExposeSecret as _;

/// What is known of realms when a name is read.
pub(super) struct Realms<'a> {
    /// Configured, or the default of krb5.conf
    pub(super) default: Option<&'a str>,
    /// The domain of the service's host, which is often that of the account too
    pub(super) of_host: Option<&'a str>,
    /// Whether a realm has a KDC that is named somewhere
    pub(super) is_known: &'a (dyn Fn(&str) -> bool + Sync),
}

/// The names to try at the KDC, the likeliest first.
///
/// `user@suffix` is an account in a realm of that name, or a user principal name that some realm's KDC resolves
/// (RFC 6806 5): a suffix need not be a realm.
pub(super) fn clients(user: &UserName, realms: &Realms<'_>) -> Result<Vec<Principal>, KerberosError> {
    if user.domain == "." {
        return Err(KerberosError::Caller(
            "an account of the server itself (.\\name) is not known to Kerberos; use NTLM",
        ));
    }
    let default = realms.default.map(str::to_uppercase);
    let of_host = realms.of_host.map(str::to_uppercase);
    if !user.domain.is_empty() {
        let domain = user.domain.to_uppercase();
        // A short domain name says nothing about the realm, but it mostly is the beginning of it.
        let is_short_for = |realm: &String| realm.split('.').next() == Some(&domain);
        let realm = match default.or_else(|| of_host.filter(is_short_for)) {
            Some(realm) if !domain.contains('.') => realm,
            _ => domain,
        };
        return Ok(vec![account(&user.user, &realm)]);
    }
    let Some((name, suffix)) = user.user.rsplit_once('@') else {
        let realm = default.or(of_host).ok_or_else(|| KerberosError::UnknownRealm(user.user.clone()))?;
        return Ok(vec![account(&user.user, &realm)]);
    };
    let suffix = suffix.to_uppercase();
    let direct = account(name, &suffix);
    let resolved = |realm: String| Principal::enterprise(user.user.clone(), realm);
    Ok(match default {
        Some(default) if default != suffix && (realms.is_known)(&suffix) => vec![direct, resolved(default)],
        Some(default) if default != suffix => vec![resolved(default), direct],
        Some(_) => vec![direct, resolved(suffix)],
        None => {
            let other = of_host.filter(|realm| *realm != suffix);
            [direct, resolved(suffix)].into_iter().chain(other.map(resolved)).collect()
        }
    })
}

/// The names of one realm after the other, in order.
pub(super) fn by_realm(clients: Vec<Principal>) -> Vec<Vec<Principal>> {
    let mut groups: Vec<Vec<Principal>> = Vec::new();
    for client in clients {
        match groups.last_mut().filter(|group| group.iter().all(|other| other.realm == client.realm)) {
            Some(group) => group.push(client),
            None => groups.push(vec![client]),
        }
    }
    groups
}

/// A name that may be that of a service, such as `HTTP/ex01.contoso.com`.
fn account(name: &str, realm: &str) -> Principal {
    let parts: Vec<String> = name.split('/').map(str::to_owned).collect();
    Principal { realm: realm.to_owned(), name_type: NameType::Principal, parts }
}

/// The names that a keytab has keys of, and those keys. An empty user name stands for the first in the keytab.
pub(super) fn from_keytab(
    user: &UserName,
    keytab: &Keytab,
    realms: &Realms<'_>,
) -> Result<(Vec<Principal>, Proof), KerberosError> {
    let names = if user.user.is_empty() {
        let first = keytab.entries().first().map(|entry| entry.principal.clone());
        vec![first.ok_or(KerberosError::NoKey { principal: "any account".into(), etype: None })?]
    } else {
        match clients(user, realms) {
            // The keytab knows the realm.
            Err(KerberosError::UnknownRealm(_)) => vec![account(&user.user, "")],
            names => names?,
        }
    };
    let found: Vec<&KeytabEntry> = names.iter().flat_map(|name| keytab.keys_of(name)).collect();
    let Some(first) = found.first() else {
        let principal = names.first().map(ToString::to_string).unwrap_or_default();
        return Err(KerberosError::NoKey { principal, etype: None });
    };
    // As it is written in the keytab: the KDC of MIT minds the case.
    let owner = Principal { name_type: NameType::Principal, ..first.principal.clone() };
    let keys = found.iter().filter(|entry| entry.principal.is_same(&owner));
    let keys = keys.map(|entry| KeytabKey { kvno: entry.kvno, key: entry.key.clone() }).collect();
    Ok((vec![owner], Proof::Keys(keys)))
}

/// Names and proof of an account that has a password or keys.
pub(super) fn account_of(
    user: &UserName,
    secret: &Secret,
    realms: &Realms<'_>,
    allow_rc4: bool,
) -> Result<(Vec<Principal>, Proof), KerberosError> {
    match secret {
        Secret::Password(password) => Ok((clients(user, realms)?, Proof::Password(password.clone()))),
        Secret::NtHash(hash) if allow_rc4 => {
            let key = Key::new(EncryptionType::Rc4, hash.expose_secret().as_slice())?;
            Ok((clients(user, realms)?, Proof::Keys(vec![KeytabKey { kvno: 0, key }])))
        }
        Secret::NtHash(_) => Err(KerberosError::Caller(
            "an NT hash is a key for RC4, which Kerberos takes only where allow_rc4 is set",
        )),
        Secret::Keytab(keytab) => from_keytab(user, keytab, realms),
        Secret::TicketCache(_) | Secret::None => {
            Err(KerberosError::Caller("Kerberos needs a password, a keytab or a ticket cache"))
        }
    }
}

/// Reads an SPN: `class/host`, with `:port` and `@REALM` where wanted.
pub(super) fn service(spn: &str) -> Result<Principal, KerberosError> {
    let service = Principal::parse(spn)?;
    let [_, host] = service.parts.as_slice() else {
        return Err(KerberosError::Caller("an SPN is written as class/host, such as HTTP/ex01.contoso.com"));
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let before_port = host.rsplit_once(':').map_or(host.as_str(), |(host, _)| host);
    let before_port = before_port.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<IpAddr>().is_ok() || before_port.parse::<IpAddr>().is_ok() {
        return Err(KerberosError::AddressAsHost(host.clone()));
    }
    Ok(Principal { name_type: NameType::ServiceHost, ..service })
}

/// The domain that the host of a service is in.
pub(super) fn domain_of(service: &Principal) -> Option<&str> {
    host_of(service).trim_end_matches('.').split_once('.').map(|(_, domain)| domain)
}

/// The host of a service without its port.
pub(super) fn host_of(service: &Principal) -> &str {
    let host = service.parts.get(1).map_or("", String::as_str);
    host.split_once(':').map_or(host, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(user: &str, default: Option<&str>, of_host: Option<&str>, known: &[&str]) -> Vec<String> {
        let is_known = |realm: &str| known.contains(&realm);
        let realms = Realms { default, of_host, is_known: &is_known };
        let clients = clients(&UserName::parse(user), &realms).unwrap();
        clients.iter().map(|name| format!("{}:{name}", name.name_type.number())).collect()
    }

    #[test]
    fn account_names_in_every_form() {
        let contoso = Some("contoso.com");
        assert_eq!(names("anna", contoso, None, &[]), ["1:anna@CONTOSO.COM"]);
        assert_eq!(names("CONTOSO\\anna", contoso, None, &[]), ["1:anna@CONTOSO.COM"]);
        assert_eq!(names("contoso\\anna", None, None, &[]), ["1:anna@CONTOSO"]);
        assert_eq!(names("fabrikam.com\\bo", contoso, None, &[]), ["1:bo@FABRIKAM.COM"]);
        let both = ["1:anna@CONTOSO.COM", r"10:anna\@contoso.com@CONTOSO.COM"];
        assert_eq!(names("anna@contoso.com", contoso, None, &[]), both);
        assert_eq!(names("anna@contoso.com", None, None, &[]), both);
        let foreign = ["1:bo@FABRIKAM.COM", r"10:bo\@fabrikam.com@CONTOSO.COM"];
        assert_eq!(names("bo@fabrikam.com", contoso, None, &["FABRIKAM.COM"]), foreign);
        let resolved = [r"10:anna\@mail.test@CONTOSO.COM", "1:anna@MAIL.TEST"];
        assert_eq!(names("anna@mail.test", contoso, None, &[]), resolved);
        assert_eq!(names("HTTP/ex01", contoso, None, &[]), ["1:HTTP/ex01@CONTOSO.COM"]);
        let realms = Realms { default: None, of_host: None, is_known: &|_| false };
        let unknown = clients(&UserName::parse("anna"), &realms);
        assert!(matches!(unknown, Err(KerberosError::UnknownRealm(_))));
        assert!(clients(&UserName::parse(".\\anna"), &realms).is_err());
    }

    #[test]
    fn the_domain_of_the_host_stands_in_for_a_realm_that_nobody_named() {
        let host = Some("contoso.com");
        assert_eq!(names("anna", None, host, &[]), ["1:anna@CONTOSO.COM"]);
        assert_eq!(names("anna", Some("corp.test"), host, &[]), ["1:anna@CORP.TEST"]);
        assert_eq!(names("contoso\\anna", None, host, &[]), ["1:anna@CONTOSO.COM"]);
        assert_eq!(names("fabrikam\\anna", None, host, &[]), ["1:anna@FABRIKAM"]);
        let upn = ["1:anna@MAIL.TEST", r"10:anna\@mail.test@MAIL.TEST", r"10:anna\@mail.test@CONTOSO.COM"];
        assert_eq!(names("anna@mail.test", None, host, &[]), upn);
        let grouped =
            by_realm(vec![account("a", "A"), account("b", "A"), account("a", "B"), account("c", "A")]);
        assert_eq!(grouped.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 1]);
        let spn = |spn: &str| service(spn).unwrap();
        assert_eq!(domain_of(&spn("HTTP/ex01.contoso.com:5985")), Some("contoso.com"));
        assert_eq!(domain_of(&spn("HTTP/ex01")), None);
    }

    #[test]
    fn f6_an_ip_address_has_no_spn_and_the_error_says_so() {
        for address in ["HTTP/10.0.0.1", "HTTP/10.0.0.1:5985", "HTTP/::1", "HTTP/[2001:db8::1]:5986"] {
            let error = service(address).unwrap_err();
            assert!(matches!(error, KerberosError::AddressAsHost(_)), "{address}");
            assert!(error.hint().is_some_and(|hint| hint.contains("DNS name")), "{error}");
        }
    }

    #[test]
    fn f5_an_spn_may_have_a_port() {
        let spn = service("HTTP/ex01.contoso.com:5985@CONTOSO.COM").unwrap();
        assert_eq!(spn.to_string(), "HTTP/ex01.contoso.com:5985@CONTOSO.COM");
        assert_eq!(host_of(&spn), "ex01.contoso.com");
        assert!(service("ex01.contoso.com").is_err());
    }
}
