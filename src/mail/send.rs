//! A letter on its way: SMTP (RFC 5321) with STARTTLS (RFC 3207) or TLS from the beginning (RFC 8314).

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailboxes, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use secrecy::ExposeSecret as _;

use super::Letter;
use crate::config::{Mail, Security};
use crate::secret::{Redaction, SecretError};

/// How long the server may take over one command.
const COMMAND: Duration = Duration::from_secs(30);
/// How long all of it may take.
const ALL: Duration = Duration::from_secs(120);

/// Why there is no mail. The run that it would tell of is not touched by that.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// The password cannot be had
    #[error("the password for the mail server cannot be had: {0}")]
    Secret(#[from] SecretError),
    /// The CA file cannot be used
    #[error("mail.ca_file {}: {message}", .file.display())]
    CaFile {
        /// The file
        file: PathBuf,
        /// Why
        message: String,
    },
    /// The letter cannot be written as a mail
    #[error("the mail cannot be written: {0}")]
    Message(String),
    /// The server was not reached, or did not take it
    #[error("the mail server {server}:{port}: {message}")]
    Server {
        /// Its name
        server: String,
        /// Its port
        port: u16,
        /// What it said, or why it was not reached
        message: String,
    },
}

/// Sends it to all who are to be told.
///
/// # Errors
/// The server cannot be reached as `security` wants it, does not let us in, or does not take the mail.
pub async fn send(mail: &Mail, letter: &Letter) -> Result<(), MailError> {
    let message = message(mail, letter)?;
    let mut secrets = Redaction::default();
    let transport = transport(mail, &mut secrets).await?;
    let fault = |message: String| MailError::Server {
        server: mail.server.clone(),
        port: mail.port,
        // A server may repeat what it was given.
        message: secrets.clean(&message),
    };
    match tokio::time::timeout(ALL, transport.send(message)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(fault(said(&error))),
        Err(_) => Err(fault("no answer in time".into())),
    }
}

fn message(mail: &Mail, letter: &Letter) -> Result<Message, MailError> {
    let to: Mailboxes = mail.to.iter().cloned().collect();
    let mut message = Message::builder()
        .from(mail.from.clone())
        .mailbox(lettre::message::header::To::from(to))
        .subject(letter.subject.as_str())
        .message_id(None)
        .header(ContentType::TEXT_PLAIN)
        .body(letter.body.clone())
        .map_err(|error| MailError::Message(error.to_string()))?;
    // RFC 3834: nobody who is away answers to a program.
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    message.headers_mut().insert_raw(HeaderValue::new(name, "auto-generated".into()));
    Ok(message)
}

/// What it signs in with goes into `secrets`.
async fn transport(
    mail: &Mail,
    secrets: &mut Redaction,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, MailError> {
    // What lettre calls dangerous is a builder without TLS; `tls` decides that here, and `Required` never goes on without.
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&mail.server)
        .port(mail.port)
        .timeout(Some(COMMAND))
        .tls(match mail.security {
            Security::StartTls => Tls::Required(tls(mail)?),
            Security::Tls => Tls::Wrapper(tls(mail)?),
            Security::None => Tls::None,
        });
    if let Some((username, password)) = &mail.sign_in {
        let password = mail.secrets.fetch(password).await?;
        let sent =
            [password.expose_secret().to_owned(), format!("\0{username}\0{}", password.expose_secret())];
        sent.iter().for_each(|sent| secrets.hide(&STANDARD.encode(sent).into()));
        secrets.hide(&password);
        builder =
            builder.credentials(Credentials::new(username.clone(), password.expose_secret().to_owned()));
    }
    Ok(builder.build())
}

fn tls(mail: &Mail) -> Result<TlsParameters, MailError> {
    let mut builder = TlsParameters::builder(mail.server.clone());
    if let Some(file) = &mail.ca_file {
        let fault = |message: String| MailError::CaFile { file: file.clone(), message };
        let pem = std::fs::read(file).map_err(|error| fault(error.to_string()))?;
        let certificate = Certificate::from_pem(&pem).map_err(|error| fault(said(&error)))?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(certificate);
    }
    builder.build_rustls().map_err(|error| MailError::Server {
        server: mail.server.clone(),
        port: mail.port,
        message: said(&error),
    })
}

/// An error with its causes, safe to print: a part of it may be what the server says.
fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    crate::report::printable(&text)
}
