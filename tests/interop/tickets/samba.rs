//! Active Directory, as Samba has it.

use wsman::auth::Credentials;
use wsman::auth::kerberos::{EncryptionType, KerberosError};
use wsman::client::{Kerberos, KerberosSettings};

use crate::samba::{REALM, Samba};

/// Accounts of all kinds. Salts are the realm and the name that the account had when its password was set.
const DIRECTORY: &str = r#"
password = 'Passw0rd! für alle'
for name in ['anna', 'Bo.Äkta', 'gone', 'disabled', 'stale', 'asmith', 'before', 'svc-exchange']:
    samdb.newuser(name, password)
change('asmith', 'replace: userPrincipalName', 'userPrincipalName: anna.smith@mail.test')
change('svc-exchange', 'replace: servicePrincipalName', 'servicePrincipalName: HTTP/mail.ad.test',
       'servicePrincipalName: HTTP/ex01.ad.test')
change('svc-exchange', 'replace: msDS-SupportedEncryptionTypes', 'msDS-SupportedEncryptionTypes: 24')
change('disabled', 'replace: userAccountControl', 'userAccountControl: 514')
change('gone', 'replace: accountExpires', 'accountExpires: 132000000000000000')
change('stale', 'replace: pwdLastSet', 'pwdLastSet: 0')
change('before', 'replace: sAMAccountName', 'sAMAccountName: after')
samdb.newcomputer('ex02')
samdb.modify_ldif('dn: CN=ex02,CN=Computers,%s\nchangetype: modify\nreplace: servicePrincipalName\nservicePrincipalName: HOST/ex02.ad.test\n' % samdb.domain_dn())
samdb.setpassword('(sAMAccountName=ex02$)', password)
"#;
const PASSWORD: &str = "Passw0rd! für alle";

#[tokio::test]
async fn active_directory() {
    let Some(samba) = Samba::start(DIRECTORY) else { return };
    let settings = KerberosSettings {
        kdc: vec![samba.address()],
        realm: Some(REALM.into()),
        krb5_conf: super::no_dns(),
        ..KerberosSettings::default()
    };
    let kerberos = Kerberos::new(settings.clone());
    let get = async |user: &str, password: &str, spn: &str| {
        kerberos.service_ticket(&Credentials::new(user, password), spn).await
    };
    // Every form of a name; the KDC answers with the one that it has itself.
    for (user, known) in [
        ("anna", "anna"),
        ("ANNA", "anna"),
        ("AD\\anna", "anna"),
        ("anna@ad.test", "anna"),
        ("ad.test\\Anna", "anna"),
        ("anna.smith@mail.test", "asmith"),
        ("AD\\asmith", "asmith"),
        ("bo.äkta", "Bo.Äkta"),
        ("AD\\after", "after"),
    ] {
        let ticket =
            get(user, PASSWORD, "HTTP/ex01.ad.test").await.unwrap_or_else(|error| panic!("{user}: {error}"));
        assert_eq!(ticket.client.to_string(), format!("{known}@{REALM}"), "{user}");
        assert_eq!(ticket.key.etype(), EncryptionType::Aes256Sha1, "{user}");
    }
    // The realm by its short name, where nobody configured it.
    let short = Kerberos::new(KerberosSettings { realm: None, ..settings.clone() });
    let anna = Credentials::new("AD\\anna", PASSWORD);
    let ticket = short.service_ticket(&anna, "HTTP/mail.ad.test").await.unwrap();
    assert_eq!(ticket.server.realm, REALM);
    let with_keytab = super::with_keytab("anna", &samba.keytab("anna"));
    let ticket = kerberos.service_ticket(&with_keytab, "HTTP/mail.ad.test").await.unwrap();
    assert_eq!(ticket.client.to_string(), format!("anna@{REALM}"));
    // HTTP comes with HOST in Active Directory (sPNMappings), in any case.
    get("anna", PASSWORD, "HTTP/ex02.ad.test").await.unwrap();
    get("anna", PASSWORD, "http/EX01.ad.test").await.unwrap();
    let refused = get("anna", PASSWORD, "HTTP/nowhere.ad.test").await.unwrap_err();
    assert!(matches!(refused, KerberosError::UnknownService { .. }), "{refused}");
    assert_refusals(get).await;
}

async fn assert_refusals<F>(get: impl Fn(&'static str, &'static str, &'static str) -> F)
where
    F: Future<Output = Result<wsman::auth::kerberos::ServiceTicket, KerberosError>>,
{
    let account = |name: &str| format!("{name}@{REALM}");
    let refusal = async |user, password| get(user, password, "HTTP/ex01.ad.test").await.unwrap_err();
    assert_eq!(refusal("anna", "wrong").await, KerberosError::WrongPassword(account("anna")));
    assert_eq!(refusal("stale", PASSWORD).await, KerberosError::PasswordExpired(account("stale")));
    for (name, reason) in [("disabled", "disabled"), ("gone", "expired")] {
        let refused = refusal(name, PASSWORD).await;
        let KerberosError::Revoked { account: of, why } = &refused else { panic!("{name}: {refused:?}") };
        assert_eq!(*of, account(name));
        assert!(why.contains(reason), "{name}: {why}");
    }
    let refused = refusal("nobody", PASSWORD).await;
    assert!(matches!(refused, KerberosError::UnknownClient { .. }), "{refused}");
}
