//! `multipart/encrypted` bodies: sealed SOAP, `[MS-WSMV] 2.2.9.1`.
//!
//! Lengths are read from the body, never found by looking for a boundary in the encrypted bytes.

mod reader;
#[cfg(test)]
mod tests;

use super::{AuthError, SecurityContext};
use reader::parts_with;

/// The boundary everyone writes.
const BOUNDARY: &str = "Encrypted Boundary";
/// The media type of what is sealed.
const SOAP: &str = "application/soap+xml;charset=UTF-8";

/// A sealed body with its `Content-Type`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedBody {
    /// The value of the `Content-Type` header.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// One sealed message of a body, still sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its length in clear, as announced.
    pub length: usize,
    /// The mechanism's header.
    pub header: &'a [u8],
    /// The encrypted data.
    pub data: &'a [u8],
}

/// Whether a `Content-Type` announces a sealed body.
#[must_use]
pub fn is_encrypted(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("multipart/encrypted")
        || media.eq_ignore_ascii_case("multipart/x-multi-encrypted")
}

/// Seals one SOAP message. Where the mechanism limits the size, it goes in several parts.
///
/// # Errors
/// The mechanism cannot carry it.
pub fn seal(context: &mut SecurityContext, soap: &[u8]) -> Result<EncryptedBody, AuthError> {
    let protocol = context.label();
    let limit = context.chunk_size().unwrap_or(usize::MAX).max(1);
    let media = if soap.len() > limit { "multipart/x-multi-encrypted" } else { "multipart/encrypted" };
    let mut body = Vec::with_capacity(soap.len() + 512);
    let mut rest = soap;
    loop {
        let (chunk, after) = rest.split_at(rest.len().min(limit));
        write_part(context, chunk, &mut body)?;
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    let content_type = format!("{media};protocol=\"{protocol}\";boundary=\"{BOUNDARY}\"");
    Ok(EncryptedBody { content_type, body })
}

fn write_part(context: &mut SecurityContext, message: &[u8], body: &mut Vec<u8>) -> Result<(), AuthError> {
    let sealed = context.seal(message)?;
    let header_length =
        u32::try_from(sealed.header.len()).map_err(|_| AuthError::Caller("the signature is too long"))?;
    let head = format!(
        "--{BOUNDARY}\r\n\
         \tContent-Type: {}\r\n\
         \tOriginalContent: type={SOAP};Length={}\r\n\
         --{BOUNDARY}\r\n\
         \tContent-Type: application/octet-stream\r\n",
        context.label(),
        message.len(),
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(&header_length.to_le_bytes());
    body.extend_from_slice(&sealed.header);
    body.extend_from_slice(&sealed.data);
    Ok(())
}

/// Unseals a body.
///
/// # Errors
/// [`AuthError::Malformed`] when the body is not `multipart/encrypted` or a length does not fit,
/// [`AuthError::BadSeal`] when a message is not one of this context.
pub fn unseal(context: &mut SecurityContext, content_type: &str, body: &[u8]) -> Result<Vec<u8>, AuthError> {
    let parts = parts_with(content_type, body, |header, length, rest| {
        context.protection().data_length(header, length, rest)
    })?;
    let mut soap = Vec::with_capacity(parts.iter().map(|part| part.data.len()).sum());
    for part in parts {
        let message = context.unseal(part.header, part.data)?;
        if message.len() != part.length {
            return Err(malformed("unsealed length differs from Length"));
        }
        soap.extend_from_slice(&message);
    }
    soap.truncate(soap.len() - context.protection().padding(&soap).min(soap.len()));
    Ok(soap)
}

/// The parts of a body whose encrypted data is as long as the clear text (NTLM, Kerberos).
///
/// # Errors
/// [`AuthError::Malformed`].
pub fn parts<'a>(content_type: &str, body: &'a [u8]) -> Result<Vec<Part<'a>>, AuthError> {
    parts_with(content_type, body, |_, length, _| Some(length))
}

fn malformed(why: &'static str) -> AuthError {
    AuthError::malformed("multipart/encrypted body", why)
}
