//! `[mail]`: who is told when a run fails, and through which server.

use std::path::PathBuf;

use lettre::message::Mailbox;

use super::fields::{Fields, Sited};
use crate::secret::{SecretRef, Secrets};

/// What protects the way to the mail server. What is asked for is kept to: there is no way from one to a weaker one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS after the command STARTTLS (RFC 3207), or no mail
    StartTls,
    /// TLS from the first byte (RFC 8314)
    Tls,
    /// None
    None,
}

impl Security {
    /// The port that is customary.
    fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// Who is told when a run fails, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Mail {
    /// Those who are told
    pub to: Vec<Mailbox>,
    /// Who tells
    pub from: Mailbox,
    /// The mail server
    pub server: String,
    /// Its port
    pub port: u16,
    /// What protects the way
    pub security: Security,
    /// Who signs in, and where the password is kept
    pub sign_in: Option<(String, SecretRef)>,
    /// Fetches that password
    pub secrets: Secrets,
    /// Who vouches for the server, in place of the system's trust store
    pub ca_file: Option<PathBuf>,
    /// From how many failed objects on
    pub after: usize,
}

pub(super) fn read(f: &mut Fields<'_>, secrets: &Secrets) -> Option<Mail> {
    let (to, from) = (recipients(f), sender(f));
    let server = f.text("server");
    let security = f.choice(
        "security",
        &[("starttls", Security::StartTls), ("tls", Security::Tls), ("none", Security::None)],
    );
    let security = security.unwrap_or(Sited { value: Security::StartTls, at: f.at() });
    let port = f.number("port", 1..=65_535).and_then(|port| u16::try_from(port).ok());
    let (username, password) = (f.text("username"), f.secret("password"));
    let ca_file = f.path("ca_file");
    let after = f.number("after", 1..=1_000_000).and_then(|after| usize::try_from(after).ok()).unwrap_or(1);
    let in_clear = f.flag("danger_password_in_clear", false).value;

    let sign_in = match (username, password) {
        (Some(username), Some(password)) => Some((username.value, password)),
        (None, None) => None,
        _ => {
            let hint = Some("write both or neither");
            f.wrong("username", f.at(), "`username` and `password` go together", hint);
            None
        }
    };
    if security.value == Security::None && sign_in.is_some() && !in_clear {
        f.wrong(
            "security",
            security.at,
            "`none` sends the password in clear",
            Some("use starttls or tls; danger_password_in_clear = true does it all the same"),
        );
    }
    if security.value == Security::None && ca_file.is_some() {
        let hint = Some("use starttls or tls");
        f.wrong("ca_file", security.at, "without TLS there is nothing that a CA could vouch for", hint);
    }
    let Some(server) = server else {
        f.missing("server", "server = \"mail.contoso.com\"");
        return None;
    };
    if server.value.contains([':', '/', '@']) || server.value.contains(char::is_whitespace) {
        let hint = Some("its name alone; the port is `port`");
        f.wrong("server", server.at, format!("`{}` is not the name of a server", server.value), hint);
    }
    Some(Mail {
        to: Some(to).filter(|to| !to.is_empty())?,
        from: from?,
        server: server.value,
        port: port.unwrap_or(security.value.port()),
        security: security.value,
        sign_in,
        secrets: secrets.clone(),
        ca_file,
        after,
    })
}

/// A list of addresses, or one text in which they are separated by `;`.
fn recipients(f: &mut Fields<'_>) -> Vec<Mailbox> {
    let given = f.several("to");
    let mut to = Vec::new();
    for text in &given {
        for one in text.value.split(';').map(str::trim).filter(|one| !one.is_empty()) {
            to.extend(mailbox(f, "to", one, text.at));
        }
    }
    if to.is_empty() {
        f.missing("to", "to = [\"exchange-team@contoso.com\"]");
    }
    to
}

fn sender(f: &mut Fields<'_>) -> Option<Mailbox> {
    let Some(text) = f.text("from") else {
        f.missing("from", "from = \"mailwright@contoso.com\"");
        return None;
    };
    mailbox(f, "from", text.value.trim(), text.at)
}

fn mailbox(f: &mut Fields<'_>, key: &str, text: &str, at: usize) -> Option<Mailbox> {
    let parsed = text.parse::<Mailbox>().ok().filter(|_| !text.contains(char::is_control));
    if parsed.is_none() {
        let message = format!("`{}` is not a mail address", text.escape_debug());
        f.wrong(key, at, message, Some("for example exchange-team@contoso.com"));
    }
    parsed
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, ConfigError};

    const CONNECTION: &str = "[connections.corp]\ninfrastructure = \"hybrid\"\nserver = \"http://ex01/PowerShell/\"\n\
                              username = \"svc\"\npassword = \"env:PW\"\n";
    const LEAST: &str = "to = \"a@x.org\"\nfrom = \"mw@x.org\"\nserver = \"mail.x.org\"\n";

    fn parse(keys: &str) -> Result<Option<Mail>, ConfigError> {
        Config::parse(Path::new("it.toml"), format!("{CONNECTION}[mail]\n{keys}")).map(|config| config.mail)
    }

    #[track_caller]
    fn wrong(keys: &str, texts: &[&str]) {
        let error = parse(keys).unwrap_err();
        let said = format!("{error} {}", error.hints().join(" "));
        texts.iter().for_each(|text| assert!(said.contains(text), "`{text}` is not in {said}"));
    }

    #[test]
    fn it_is_off_where_it_is_not_there() {
        assert_eq!(Config::parse(Path::new("it.toml"), CONNECTION.into()).unwrap().mail, None);
    }

    #[test]
    fn several_may_be_told_and_starttls_is_the_default() {
        let both = |to: &str| parse(&LEAST.replace("\"a@x.org\"", to)).unwrap().unwrap().to;
        let as_list = both("[\"a@x.org\", \"Ops <b@x.org>\"]");
        assert_eq!(as_list, both("\"a@x.org; Ops <b@x.org>\""));
        assert_eq!(as_list.iter().map(|to| to.email.to_string()).collect::<Vec<_>>(), ["a@x.org", "b@x.org"]);
        let mail = parse(LEAST).unwrap().unwrap();
        assert_eq!((mail.security, mail.port, mail.after), (Security::StartTls, 587, 1));
        let tls = parse(&format!("{LEAST}security = \"tls\"")).unwrap().unwrap();
        assert_eq!(tls.port, 465);
    }

    #[test]
    fn no_password_goes_in_clear_unless_that_is_said() {
        let clear = format!("{LEAST}security = \"none\"\nusername = \"u\"\npassword = \"env:PW\"\n");
        wrong(&clear, &["it.toml:10:", "password in clear", "danger_password_in_clear"]);
        assert!(parse(&format!("{clear}danger_password_in_clear = true")).is_ok());
        assert!(parse(&format!("{LEAST}security = \"none\"")).is_ok(), "without a password nothing is lost");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        wrong("", &["mail.to", "mail.from", "mail.server"]);
        wrong(&LEAST.replace("a@x.org", "nobody"), &["it.toml:7:", "`nobody` is not a mail address"]);
        wrong(&LEAST.replace("a@x.org", "a@x.org\\r\\nBcc: b@y.org"), &["is not a mail address", "\\r\\n"]);
        wrong(&LEAST.replace("mail.x.org", "mail.x.org:25"), &["not the name of a server"]);
        wrong(&format!("{LEAST}username = \"u\""), &["go together"]);
        wrong(&format!("{LEAST}secruity = \"tls\""), &["did you mean `security`"]);
    }
}
