//! XML below SOAP: a namespace-aware pull [`Reader`], a small tree ([`Element`]) and a [`Writer`].
//!
//! A document type declaration is refused, so no entity but the five predefined ones exists, and everything a
//! peer can make large has a limit.
//!
//! ```
//! use wsman::xml::{Element, Limits, Writer};
//!
//! let mut writer = Writer::new(&[("s", "urn:soap")]);
//! writer.start("urn:soap", "Envelope").attribute(None, "note", "a<b").leaf("urn:other", "Body", "1 & 2").end();
//! let text = writer.finish();
//! assert_eq!(text, r#"<s:Envelope xmlns:s="urn:soap" note="a&lt;b"><Body xmlns="urn:other">1 &amp; 2</Body></s:Envelope>"#);
//!
//! let envelope = Element::parse(text.as_bytes(), &Limits::default())?;
//! assert_eq!(envelope.attribute("note"), Some("a<b"));
//! assert_eq!(envelope.child("urn:other", "Body").map(Element::text).as_deref(), Some("1 & 2"));
//! # Ok::<(), wsman::xml::XmlError>(())
//! ```

mod element;
mod encoding;
mod error;
mod limits;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use element::{Element, Node};
pub use encoding::decode_bytes;
pub(crate) use encoding::forbidden_character;
pub use error::{XmlError, XmlErrorKind};
pub use limits::Limits;
pub use reader::{Attribute, Event, Reader, StartTag};
pub use writer::Writer;

/// The namespace of the prefix `xml`, as in `xml:lang`, [XML-NAMES] 3.
pub const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";
