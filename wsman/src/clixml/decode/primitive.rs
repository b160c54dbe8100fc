//! Primitives, `[MS-PSRP] 2.2.5.1`.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

use super::{Result, Run};
use crate::clixml::error::DecodeErrorKind;
use crate::clixml::kind::Kind;
use crate::clixml::number::{boolean, float, guid, integer};
use crate::clixml::scan::Tag;
use crate::clixml::text::Text;
use crate::clixml::value::{ProgressRecord, SecureText, Value};

/// .NET does not mind bits left over in the last character.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

impl<'a> Run<'a, '_> {
    /// A primitive, or `None` when the tag is none.
    pub(super) fn primitive(&mut self, tag: &Tag<'a>) -> Result<Option<Value>> {
        let value = match tag.kind {
            Kind::String => Value::String(self.text_element(tag)?),
            Kind::Uri => Value::Uri(self.text_element(tag)?),
            Kind::ScriptBlock => Value::ScriptBlock(self.text_element(tag)?),
            Kind::Xml => Value::Xml(self.text_element(tag)?),
            Kind::Char => Value::Char(self.parsed(tag, "C", |text| integer(text, false))?),
            Kind::Boolean => Value::Bool(self.parsed(tag, "B", boolean)?),
            Kind::Byte => Value::Byte(self.parsed(tag, "By", |text| integer(text, false))?),
            Kind::SByte => Value::SByte(self.parsed(tag, "SB", |text| integer(text, true))?),
            Kind::Int16 => Value::Int16(self.parsed(tag, "I16", |text| integer(text, true))?),
            Kind::UInt16 => Value::UInt16(self.parsed(tag, "U16", |text| integer(text, false))?),
            Kind::Int32 => Value::Int32(self.parsed(tag, "I32", |text| integer(text, true))?),
            Kind::UInt32 => Value::UInt32(self.parsed(tag, "U32", |text| integer(text, false))?),
            Kind::Int64 => Value::Int64(self.parsed(tag, "I64", |text| integer(text, true))?),
            Kind::UInt64 => Value::UInt64(self.parsed(tag, "U64", |text| integer(text, false))?),
            Kind::Single => Value::Single(self.parsed(tag, "Sg", float)?),
            Kind::Double => Value::Double(self.parsed(tag, "Db", float)?),
            Kind::Decimal => Value::Decimal(self.parsed(tag, "D", |text| text.parse().ok().map(Box::new))?),
            Kind::DateTime => Value::DateTime(self.parsed(tag, "DT", |text| text.parse().ok())?),
            Kind::TimeSpan => Value::TimeSpan(self.parsed(tag, "TS", |text| text.parse().ok())?),
            Kind::Guid => Value::Guid(self.parsed(tag, "G", guid)?),
            Kind::Version => Value::Version(self.parsed(tag, "Version", |text| text.parse().ok())?),
            Kind::Bytes => Value::Bytes(self.parsed(tag, "BA", bytes)?),
            Kind::SecureString => {
                Value::SecureString(self.parsed(tag, "SS", |text| Some(SecureText::from(text)))?)
            }
            Kind::Progress if self.is(tag, Kind::Progress) => Value::Progress(Box::new(self.progress(tag)?)),
            _ => return Ok(None),
        };
        Ok(Some(value))
    }

    fn parsed<T>(
        &mut self,
        tag: &Tag<'a>,
        name: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T> {
        let content = self.scanner.content(tag)?;
        parse(&content.raw()).ok_or_else(|| self.scanner.error(DecodeErrorKind::Content(name)))
    }

    /// `PR`, `[MS-PSRP] 2.2.5.1.25`: eight children in a fixed order.
    fn progress(&mut self, tag: &Tag<'a>) -> Result<ProgressRecord> {
        let activity = self.progress_text(tag, "AV")?;
        let activity_id = self.progress_number(tag, "AI")?;
        let operation = self.progress_child(tag, "S")?;
        let current_operation = match self.value(&operation)? {
            Value::Nil => None,
            Value::String(text) => Some(text),
            _ => return self.unexpected(&operation),
        };
        let parent_activity_id = self.progress_number(tag, "PI")?;
        let percent_complete = self.progress_number(tag, "PC")?;
        let record_type = self.progress_text(tag, "T")?;
        let seconds_remaining = self.progress_number(tag, "SR")?;
        let status = self.progress_text(tag, "SD")?;
        if let Some(more) = self.scanner.child()? {
            return self.unexpected(&more);
        }
        self.scanner.end(tag)?;
        let record_type = match record_type.to_string_lossy().trim() {
            name if name.eq_ignore_ascii_case("Processing") => Some(0),
            name if name.eq_ignore_ascii_case("Completed") => Some(1),
            number => integer(number, true),
        };
        let valid = activity != ""
            && status != ""
            && activity_id >= 0
            && parent_activity_id != activity_id
            && percent_complete <= 100;
        match record_type.filter(|_| valid) {
            Some(record_type) => Ok(ProgressRecord {
                activity,
                activity_id,
                status,
                current_operation,
                parent_activity_id,
                percent_complete,
                seconds_remaining,
                record_type,
            }),
            None => Err(self.scanner.error(DecodeErrorKind::Content("PR"))),
        }
    }

    fn progress_child(&mut self, parent: &Tag<'a>, name: &'static str) -> Result<Tag<'a>> {
        let child = if parent.empty { None } else { self.scanner.child()? };
        child.ok_or_else(|| self.scanner.error(DecodeErrorKind::MissingElement(name)))
    }

    fn progress_text(&mut self, parent: &Tag<'a>, name: &'static str) -> Result<Text> {
        let child = self.progress_child(parent, name)?;
        if child.local() != name {
            return Err(self.scanner.error(DecodeErrorKind::MissingElement(name)));
        }
        self.text_element(&child)
    }

    fn progress_number(&mut self, parent: &Tag<'a>, name: &'static str) -> Result<i32> {
        let text = self.progress_text(parent, name)?;
        let number = text.as_str().and_then(|text| integer(text, true));
        number.ok_or_else(|| self.scanner.error(DecodeErrorKind::Content("PR")))
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let compact: Vec<u8> =
        text.bytes().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).collect();
    BASE64.decode(compact).ok()
}
