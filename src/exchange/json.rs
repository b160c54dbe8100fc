//! PowerShell values as JSON, for `invoke`, plans and reports. Secrets become `***`.

use serde_json::{Map, Number, Value as Json};
use wsman::clixml::{Container, DateTime, Decimal, Member, Object, Properties, TimeSpan, Value, Zone};

/// Nesting that is shown; what lies deeper becomes null.
const MAX_DEPTH: usize = 32;
const TICKS_PER_SECOND: i64 = 10_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// The value as JSON: an enum as its name, an object without members as its text, a list as a list.
pub fn to_json(value: &Value) -> Json {
    convert(value, 0)
}

fn convert(value: &Value, depth: usize) -> Json {
    if depth > MAX_DEPTH {
        return Json::Null;
    }
    match value {
        Value::String(text) | Value::Uri(text) | Value::Xml(text) | Value::ScriptBlock(text) => {
            text.to_string_lossy().into_owned().into()
        }
        Value::Char(unit) => String::from_utf16_lossy(&[*unit]).into(),
        Value::Bool(flag) => (*flag).into(),
        Value::Byte(number) => (*number).into(),
        Value::SByte(number) => (*number).into(),
        Value::Int16(number) => (*number).into(),
        Value::UInt16(number) => (*number).into(),
        Value::Int32(number) => (*number).into(),
        Value::UInt32(number) => (*number).into(),
        Value::Int64(number) => (*number).into(),
        Value::UInt64(number) => (*number).into(),
        Value::Single(number) => float(f64::from(*number)),
        Value::Double(number) => float(*number),
        Value::Decimal(number) => decimal(**number).into(),
        Value::DateTime(moment) => date_time(*moment).into(),
        Value::TimeSpan(span) => time_span(*span).into(),
        Value::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
        Value::Guid(guid) => guid.to_string().into(),
        Value::Version(version) => {
            version.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(".").into()
        }
        Value::SecureString(_) => "***".into(),
        Value::Progress(record) => record.activity.to_string_lossy().into_owned().into(),
        Value::Object(object) => from_object(object, depth),
        _ => Json::Null,
    }
}

fn from_object(object: &Object, depth: usize) -> Json {
    let text = || object.to_string.as_ref().map(|text| Json::from(text.to_string_lossy().into_owned()));
    let list = |items: &[Value]| Json::Array(items.iter().map(|item| convert(item, depth + 1)).collect());
    match &object.base {
        Container::List(items)
        | Container::Enumerable(items)
        | Container::Queue(items)
        | Container::Stack(items) => list(items),
        Container::Dictionary(entries) => {
            let name = |key: &Value| match convert(key, depth + 1) {
                Json::String(text) => text,
                other => other.to_string(),
            };
            entries
                .iter()
                .map(|(key, value)| (name(key), convert(value, depth + 1)))
                .collect::<Map<_, _>>()
                .into()
        }
        // An enum is a number with the name as its text.
        Container::Value(inner) => match inner.as_ref() {
            Value::String(_) => convert(inner, depth + 1),
            _ => text().unwrap_or_else(|| convert(inner, depth + 1)),
        },
        Container::None if object.adapted.is_empty() && object.extended.is_empty() => {
            text().unwrap_or(Json::Null)
        }
        Container::None => {
            let mut members = Map::new();
            properties(&object.adapted, depth, &mut members);
            properties(&object.extended, depth, &mut members);
            Json::Object(members)
        }
    }
}

fn properties(properties: &Properties, depth: usize, into: &mut Map<String, Json>) {
    for (name, member) in properties {
        if let Member::Value(value) = member {
            into.insert(name.to_string_lossy().into_owned(), convert(value, depth + 1));
        }
    }
}

fn float(number: f64) -> Json {
    Number::from_f64(number).map_or_else(|| number.to_string().into(), Json::Number)
}

fn decimal(number: Decimal) -> String {
    let digits = format!("{:0>width$}", number.mantissa, width = usize::from(number.scale) + 1);
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(number.scale));
    let sign = if number.negative { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// ISO 8601 with as many digits as there are.
fn date_time(moment: DateTime) -> String {
    let (year, month, day) = civil(moment.ticks.div_euclid(SECONDS_PER_DAY * TICKS_PER_SECOND));
    let of_day = moment.ticks.rem_euclid(SECONDS_PER_DAY * TICKS_PER_SECOND);
    let (seconds, fraction) = (of_day / TICKS_PER_SECOND, of_day % TICKS_PER_SECOND);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:07}") };
    let zone = match moment.zone {
        Zone::Unspecified => String::new(),
        Zone::Utc => "Z".to_owned(),
        Zone::Offset(minutes) => {
            let sign = if minutes < 0 { '-' } else { '+' };
            format!("{sign}{:02}:{:02}", minutes.unsigned_abs() / 60, minutes.unsigned_abs() % 60)
        }
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}")
}

/// The date of a day counted from 0001-01-01, Gregorian throughout.
fn civil(days: i64) -> (i64, i64, i64) {
    // Eras of 400 years that begin on 1 March, so that the leap day comes last: 0001-01-01 is day 306 of era 0.
    let days = days + 306;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let (day, month) =
        (day_of_year - (153 * shifted + 2) / 5 + 1, if shifted < 10 { shifted + 3 } else { shifted - 9 });
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// As .NET writes it: `[-][d.]hh:mm:ss[.fffffff]`.
fn time_span(span: TimeSpan) -> String {
    let ticks = span.0.unsigned_abs();
    let second = TICKS_PER_SECOND.unsigned_abs();
    let (seconds, fraction) = (ticks / second, ticks % second);
    let sign = if span.0 < 0 { "-" } else { "" };
    let days = if seconds < 86_400 { String::new() } else { format!("{}.", seconds / 86_400) };
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:07}") };
    format!("{sign}{days}{:02}:{:02}:{:02}{fraction}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use wsman::clixml::SecureText;

    use super::*;

    fn object(object: Object) -> Value {
        Value::Object(Arc::new(object))
    }

    #[test]
    fn secrets_are_masked_at_any_depth() {
        let secret = Value::SecureString(SecureText::Clear("Canary-7c1f!pw".into()));
        let list = object(Object { base: Container::List(vec![secret, Value::Nil]), ..Object::default() });
        assert_eq!(to_json(&list), json!(["***", null]));
    }

    #[test]
    fn enums_texts_and_members() {
        let kind = Object {
            to_string: Some("UserMailbox".into()),
            base: Container::Value(Box::new(Value::Int32(1))),
            ..Object::default()
        };
        let mailbox = Object {
            adapted: vec![(Arc::new("RecipientType".into()), Member::Value(object(kind)))],
            extended: vec![(Arc::new("Size".into()), Member::Value(Value::UInt64(7)))],
            ..Object::default()
        };
        assert_eq!(to_json(&object(mailbox)), json!({"RecipientType": "UserMailbox", "Size": 7}));
        let bare = Object { to_string: Some("x".into()), ..Object::default() };
        assert_eq!(to_json(&object(bare)), json!("x"));
    }

    /// Ticks from the .NET documentation: `DateTime.UnixEpoch.Ticks` and `DateTime.MaxValue.Ticks`.
    #[test]
    fn moments_and_spans() {
        let at = |ticks, zone| date_time(DateTime { ticks, zone });
        assert_eq!(at(621_355_968_000_000_000, Zone::Utc), "1970-01-01T00:00:00Z");
        assert_eq!(at(3_155_378_975_999_999_999, Zone::Unspecified), "9999-12-31T23:59:59.9999999");
        assert_eq!(at(0, Zone::Offset(-90)), "0001-01-01T00:00:00-01:30");
        assert_eq!(
            at(621_355_968_000_000_000 + 951_782_400 * TICKS_PER_SECOND, Zone::Utc),
            "2000-02-29T00:00:00Z"
        );
        assert_eq!(time_span(TimeSpan(-(14 * 86_400 + 1) * TICKS_PER_SECOND)), "-14.00:00:01");
        assert_eq!(decimal(Decimal { mantissa: 5, scale: 3, negative: true }), "-0.005");
    }

    #[test]
    fn depth_has_a_limit() {
        let mut value = Value::Int32(1);
        for _ in 0..100 {
            value = object(Object { base: Container::List(vec![value]), ..Object::default() });
        }
        assert!(to_json(&value).to_string().contains("null"));
    }
}
