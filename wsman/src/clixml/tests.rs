use std::sync::Arc;

use proptest::prelude::*;
use secrecy::{ExposeSecret, SecretString};

use super::*;

/// Turns the text around; enough to see that it went through the cipher.
struct Reverse;

impl SecureStringCipher for Reverse {
    fn encrypt(&self, clear: &SecretString) -> Option<String> {
        Some(clear.expose_secret().chars().rev().collect())
    }

    fn decrypt(&self, encrypted: &str) -> Option<SecretString> {
        Some(SecretString::from(encrypted.chars().rev().collect::<String>()))
    }
}

fn kind(text: &str) -> DecodeErrorKind {
    decode(text.as_bytes()).unwrap_err().kind
}

#[test]
fn a_secret_is_never_written_in_clear() {
    let value = Value::credential("DOM\\user", SecureText::clear("canary"));
    assert_eq!(encode(&value, None), Err(EncodeError::NoSessionKey));
    let text = encode(&value, Some(&Reverse)).unwrap();
    assert!(text.contains("<SS N=\"Password\">yranac</SS>") && !text.contains("canary"));
    assert!(!format!("{value:?}").contains("canary"));
    let read = decode(text.as_bytes()).unwrap();
    let password = read.get("password").and_then(Value::as_secure).unwrap();
    assert!(password.decrypt(None).is_none());
    assert_eq!(password.decrypt(Some(&Reverse)).unwrap().expose_secret(), "canary");
    assert_eq!(read.get("Password").unwrap().display_text(), "System.Security.SecureString");
}

#[test]
fn values_are_found_and_shown_as_powershell_does() {
    let text = "<Obj RefId=\"0\"><TN RefId=\"0\"><T>Deserialized.My.Type</T></TN><Props><S N=\"A\">adapted</S>\
                <Obj N=\"E\" RefId=\"1\"><ToString>Two</ToString><I64>2</I64></Obj></Props>\
                <MS><S N=\"a\">note</S><Obj N=\"L\" RefId=\"2\"><LST><I32>1</I32><S>x</S></LST></Obj><Nil N=\"N\" />\
                <Obj N=\"D\" RefId=\"3\"><DCT><En><S N=\"Key\">k</S><B N=\"Value\">true</B></En></DCT></Obj></MS></Obj>";
    let value = decode(text.as_bytes()).unwrap();
    assert_eq!(value.get("A").and_then(Value::as_str), Some("note"));
    assert!(value.object().unwrap().is_type("my.type"));
    let number = value.get("e").unwrap();
    assert_eq!((number.as_i32(), &*number.display_text()), (Some(2), "Two"));
    assert_eq!(value.get("L").unwrap().display_text(), "1 x");
    assert_eq!(value.get("L").unwrap().as_list().len(), 2);
    assert_eq!(value.get("A").unwrap().as_list().len(), 1);
    assert!(value.get("N").unwrap().as_list().is_empty());
    assert_eq!(value.get("D").unwrap().entry("K").and_then(Value::as_bool), Some(true));
    assert_eq!(Value::Bool(true).display_text(), "True");
    assert_eq!(Value::custom([("x", 1.into()), ("y", "z".into())]).display_text(), "@{x=1; y=z}");
}

#[test]
fn names_and_types_are_shared_across_messages() {
    let text = b"<Obj RefId=\"0\"><TN RefId=\"0\"><T>A</T></TN><Props><S N=\"Name\">x</S></Props></Obj>";
    let mut decoder = Decoder::default();
    let (first, second) = (decoder.decode(text).unwrap(), decoder.decode(text).unwrap());
    let (first, second) = (first.object().unwrap(), second.object().unwrap());
    assert!(Arc::ptr_eq(&first.adapted[0].0, &second.adapted[0].0));
    let types = |object: &Object| Arc::clone(object.type_names.as_ref().unwrap());
    assert!(Arc::ptr_eq(&types(first), &types(second)));
}

/// Names are compared without case in each set on its own, also where sets stand inside each other.
#[test]
fn inner_names_do_not_hide_outer_ones() {
    let text = b"<Obj RefId=\"0\"><Props><S N=\"a\">1</S><Obj N=\"b\" RefId=\"1\"><Props><S N=\"A\">2</S></Props>\
                 <MS><S N=\"B\">3</S></MS></Obj><S N=\"A\">4</S></Props><MS><S N=\"a\">5</S></MS><MS><S N=\"A\">6</S></MS></Obj>";
    let mut decoder = Decoder::default();
    for _ in 0..2 {
        let value = decoder.decode(text).unwrap();
        let object = value.object().unwrap();
        let names: Vec<String> =
            object.properties().map(|(name, value)| format!("{name}={}", value.display_text())).collect();
        assert_eq!(names[0], "A=4");
        assert_eq!(names[2], "A=6");
        assert_eq!((object.adapted.len(), object.extended.len()), (2, 1));
        assert_eq!(object.get("b").unwrap().get("a").and_then(Value::as_str), Some("2"));
    }
}

#[test]
fn references_share_and_cycles_are_named() {
    let chain = |levels: usize| {
        let mut text = String::from("<Obj RefId=\"r\"><LST><Obj RefId=\"0\"><LST><S>x</S></LST></Obj>");
        for level in 1..=levels {
            let below = level - 1;
            text += &format!(
                "<Obj RefId=\"{level}\"><LST><Ref RefId=\"{below}\"/><Ref RefId=\"{below}\"/></LST></Obj>"
            );
        }
        text + "</LST></Obj>"
    };
    let text = chain(150);
    let value = decode(text.as_bytes()).unwrap();
    let items = value.items().unwrap();
    let Value::Object(first) = &items[0] else { panic!("an object") };
    let Value::Object(inner) = &items[1].items().unwrap()[1] else { panic!("an object") };
    assert!(Arc::ptr_eq(first, inner));
    let again = encode(&value, None).unwrap();
    assert!(again.len() < 2 * text.len());
    // Taking apart a chain without a bound would use up the stack.
    assert_eq!(kind(&chain(100_000)), DecodeErrorKind::TooDeep);

    let cycle = decode(
        b"<Obj RefId=\"7\"><LST><Obj RefId=\"8\"><MS><Ref N=\"up\" RefId=\"7\" /></MS></Obj></LST></Obj>",
    )
    .unwrap();
    let inner = &cycle.items().unwrap()[0];
    assert_eq!(inner.get("up"), Some(&Value::Cycle(cycle.object().unwrap().id)));
    let written = encode(&cycle, None).unwrap();
    assert_eq!(decode(written.as_bytes()).unwrap(), cycle);
    assert_eq!(encode(inner, None), Err(EncodeError::DanglingCycle));
}

#[test]
fn depth_is_limited_both_ways() {
    let nested = |levels: usize| format!("{}{}", "<Obj><LST>".repeat(levels), "</LST></Obj>".repeat(levels));
    assert!(decode(nested(49).as_bytes()).is_ok());
    assert_eq!(kind(&nested(50)), DecodeErrorKind::TooDeep);
    assert_eq!(kind(&"<Obj><LST>".repeat(1_000_000)), DecodeErrorKind::TooDeep);
    assert_eq!(kind(&"<Obj>".repeat(1_000_000)), DecodeErrorKind::TooDeep);
    let lists = |levels| (1..levels).fold(Value::list(Vec::new()), |value, _| Value::list(vec![value]));
    assert!(encode(&lists(49), None).is_ok());
    assert_eq!(encode(&lists(50), None), Err(EncodeError::TooDeep));
}

#[test]
fn limits_hold() {
    let limits = Limits { document: 1000, values: 10, name: 20, attributes: 3 };
    let limit = |text: &str| Decoder::new(limits).decode(text.as_bytes()).unwrap_err().kind;
    assert_eq!(limit(&format!("<S>{}</S>", "a".repeat(1000))), DecodeErrorKind::Limit("document size"));
    assert_eq!(
        limit(&format!("<Obj><LST>{}</LST></Obj>", "<Nil/>".repeat(20))),
        DecodeErrorKind::Limit("values")
    );
    let sets = format!("<Obj><MS>{}", "<MS N=\"s\">".repeat(20));
    assert_eq!(limit(&sets), DecodeErrorKind::Limit("values"));
    let skipped = format!("<Nil>{}", "<x>".repeat(1_000_000));
    assert_eq!(kind(&skipped), DecodeErrorKind::TooDeep);
    let bound: String = (0..300).map(|at| format!("<x xmlns:p{at}='u'>")).collect();
    assert_eq!(kind(&format!("<Nil>{bound}")), DecodeErrorKind::Limit("namespaces"));
    let name = "n".repeat(21);
    assert_eq!(limit(&format!("<Obj><MS><S N=\"{name}\"/></MS></Obj>")), DecodeErrorKind::Limit("name size"));
    assert_eq!(limit("<S a='' b='' c='' d=''/>"), DecodeErrorKind::Limit("attributes"));
}

#[test]
fn every_cut_of_a_document_is_an_error() {
    let whole = SAMPLE;
    assert!(decode(whole.as_bytes()).is_ok());
    for length in (0..whole.len()).filter(|length| whole.is_char_boundary(*length)) {
        assert!(decode(&whole.as_bytes()[..length]).is_err(), "{length}");
    }
}

const SAMPLE: &str = "\u{FEFF}<Obj RefId=\"0\"><TN RefId=\"0\"><T>A&amp;B</T><T/></TN><ToString>t_x000A_</ToString>\
    <!-- c --><Props><S N=\"a&#x41;\">1<![CDATA[<]]></S><I32 N=\"b\"> 5 </I32><DT N=\"d\">2026-01-02T03:04:05.678+01:00</DT>\
    <Obj N=\"e\" RefId=\"1\"><TNRef RefId=\"0\" /><DCT><En><S N=\"Key\">k</S><Ref N=\"Value\" RefId=\"0\" /></En></DCT></Obj></Props>\
    <MS><MS N=\"set\"><TS N=\"t\">P1DT2H</TS></MS><G N=\"g\">{a1b2c3d4-e5f6-0718-293a-4b5c6d7e8f90}</G><BA N=\"y\">AQI=</BA>\
    <Version N=\"v\">1.2</Version><D N=\"n\">1.10</D><Db N=\"f\">1E-05</Db><PR N=\"p\"><AV>a</AV><AI>1</AI><Nil /><PI>-1</PI>\
    <PC>5</PC><T>Processing</T><SR>-1</SR><SD>s</SD></PR></MS></Obj>";

/// Values of the real writer are in the recordings; these are the forms that it never writes.
#[test]
fn times_and_numbers_are_exact() {
    let date: DateTime = "2024-02-29T23:59:59.99999995".parse().unwrap();
    assert_eq!(date.to_string(), "2024-03-01T00:00:00");
    assert_eq!("1970-01-01".parse::<DateTime>().unwrap().unix_seconds(), 0);
    assert_eq!("1969-12-31T19:00:01-05:00".parse::<DateTime>().unwrap().unix_seconds(), 1);
    assert_eq!(DateTime::from_unix_seconds(951_782_400).to_string(), "2000-02-29T00:00:00Z");
    assert!("9999-12-31T23:59:59.99999999".parse::<DateTime>().is_err());
    assert!("2023-02-29".parse::<DateTime>().is_err());
    assert_eq!("-PT0.5S".parse::<TimeSpan>().unwrap(), TimeSpan(-5_000_000));
    assert_eq!("0.5".parse::<Decimal>().unwrap().to_string(), "0.5");
    let half = |text: &str| text.parse::<Decimal>().unwrap().to_string();
    assert_eq!(half("0.00000000000000000000000000005"), "0.0000000000000000000000000000");
    assert_eq!(half("0.00000000000000000000000000015"), "0.0000000000000000000000000002");
    assert_eq!(half("79228162514264337593543950334.5"), "79228162514264337593543950334");
    assert!("79228162514264337593543950335.5".parse::<Decimal>().is_err());
}

fn text() -> impl Strategy<Value = Text> {
    let odd = prop_oneof![
        Just(0x5Fu16),
        Just(0x78),
        Just(0x58),
        Just(0x30),
        Just(0xD83D),
        Just(0xDE00),
        Just(0xFFFE),
        Just(0xFFFF),
        Just(0x85),
        Just(0x7F),
        0u16..0x80,
        any::<u16>(),
    ];
    prop_oneof![".{0,12}".prop_map(Text::from), prop::collection::vec(odd, 0..12).prop_map(Text::from_utf16),]
}

fn primitive() -> impl Strategy<Value = Value> {
    let zone = prop_oneof![Just(Zone::Unspecified), Just(Zone::Utc), (-840i16..=840).prop_map(Zone::Offset)];
    let decimal = (any::<u128>(), 0u8..=28, any::<bool>()).prop_map(|(mantissa, scale, negative)| {
        let mantissa = mantissa >> 32;
        Decimal { mantissa, scale, negative: negative && mantissa != 0 }
    });
    prop_oneof![
        Just(Value::Nil),
        text().prop_map(Value::String),
        text().prop_map(Value::Uri),
        text().prop_map(Value::Xml),
        text().prop_map(Value::ScriptBlock),
        any::<u16>().prop_map(Value::Char),
        any::<bool>().prop_map(Value::Bool),
        any::<i8>().prop_map(Value::SByte),
        any::<u8>().prop_map(Value::Byte),
        any::<i32>().prop_map(Value::Int32),
        any::<i64>().prop_map(Value::Int64),
        any::<u64>().prop_map(Value::UInt64),
        any::<f32>().prop_filter("equal", |number| !number.is_nan()).prop_map(Value::Single),
        any::<f64>().prop_filter("equal", |number| !number.is_nan()).prop_map(Value::Double),
        decimal.prop_map(|decimal| Value::Decimal(Box::new(decimal))),
        (0i64..=3_155_378_975_999_999_999, zone)
            .prop_map(|(ticks, zone)| Value::DateTime(DateTime { ticks, zone })),
        any::<i64>().prop_map(|ticks| Value::TimeSpan(TimeSpan(ticks))),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
        any::<u128>().prop_map(|guid| Value::Guid(uuid::Uuid::from_u128(guid))),
        prop::collection::vec(0u32..=0x7FFF_FFFF, 2..=4).prop_map(|parts| Value::Version(Version(parts))),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    primitive().prop_recursive(5, 64, 6, |inner| {
        let items = || prop::collection::vec(inner.clone(), 0..5);
        let key = primitive().prop_filter("a key", |key| !key.is_nil());
        let base = prop_oneof![
            Just(Container::None),
            primitive()
                .prop_filter("no null", |base| !base.is_nil())
                .prop_map(|base| Container::Value(Box::new(base))),
            items().prop_map(Container::List),
            items().prop_map(Container::Enumerable),
            items().prop_map(Container::Queue),
            items().prop_map(Container::Stack),
            prop::collection::vec((key, inner.clone()), 0..4).prop_map(Container::Dictionary),
        ];
        // Names differ by their number, so that none replaces another.
        let members = || {
            prop::collection::vec((text(), inner.clone()), 0..4).prop_map(|members| -> Properties {
                let name = |at: usize, name: &Text| {
                    let mut units = format!("{at}").encode_utf16().collect::<Vec<_>>();
                    units.extend(name.to_utf16());
                    Arc::new(Text::from_utf16(units))
                };
                let member = |(at, (text, value))| (name(at, &text), Member::Value(value));
                members.into_iter().enumerate().map(member).collect()
            })
        };
        let types = prop::option::of(prop::collection::vec("[A-Z][a-z._x]{0,8}", 0..3));
        let types = types
            .prop_map(|types| types.map(|types| types.into_iter().map(Text::from).collect::<Arc<[Text]>>()));
        (base, members(), members(), types, prop::option::of(text())).prop_map(
            |(base, adapted, extended, type_names, to_string)| {
                Value::from(Object { id: 0, type_names, to_string, base, adapted, extended })
            },
        )
    })
}

/// Objects get their ordinals when they are read.
fn without_ids(value: &Value) -> Value {
    let Value::Object(object) = value else { return value.clone() };
    let list = |items: &[Value]| items.iter().map(without_ids).collect::<Vec<_>>();
    let members = |members: &Properties| -> Properties {
        let member = |member: &Member| match member {
            Member::Value(value) => Member::Value(without_ids(value)),
            Member::Set(set) => Member::Set(set.clone()),
        };
        members.iter().map(|(name, value)| (Arc::clone(name), member(value))).collect()
    };
    Value::from(Object {
        id: 0,
        base: match &object.base {
            Container::List(items) => Container::List(list(items)),
            Container::Enumerable(items) => Container::Enumerable(list(items)),
            Container::Queue(items) => Container::Queue(list(items)),
            Container::Stack(items) => Container::Stack(list(items)),
            Container::Dictionary(entries) => Container::Dictionary(
                entries.iter().map(|(key, value)| (without_ids(key), without_ids(value))).collect(),
            ),
            other => other.clone(),
        },
        adapted: members(&object.adapted),
        extended: members(&object.extended),
        ..Object::clone(object)
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(value in value()) {
        let written = encode(&value, None).unwrap();
        let read = decode(written.as_bytes()).unwrap();
        prop_assert_eq!(without_ids(&read), value);
        prop_assert_eq!(encode(&read, None).unwrap(), written);
    }

    #[test]
    fn every_utf16_text_survives_as_text_and_as_name(units in prop::collection::vec(any::<u16>(), 0..40)) {
        let text = Text::from_utf16(units.clone());
        let mut name = vec![0x6E];
        name.extend(&units);
        let name = Text::from_utf16(name);
        let object = Object { extended: vec![(Arc::new(name), Member::Value(Value::String(text)))], ..Object::default() };
        let value = Value::from(object);
        prop_assert_eq!(&decode(encode(&value, None).unwrap().as_bytes()).unwrap(), &value);
    }

    #[test]
    fn floats_keep_every_bit(bits in any::<u64>()) {
        let number = f64::from_bits(bits);
        let read = decode(encode(&Value::Double(number), None).unwrap().as_bytes()).unwrap();
        let read = read.as_f64().unwrap();
        prop_assert!(read.to_bits() == bits || (number.is_nan() && read.is_nan()));
    }

    #[test]
    fn no_mutation_makes_it_panic(
        changes in prop::collection::vec((0usize..2000, any::<u8>(), 0u8..3), 1..8),
        document in any::<bool>(),
    ) {
        let mut bytes = SAMPLE.as_bytes().to_vec();
        if document {
            let start = b"<Objs Version=\"1.2\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">";
            bytes = [start.as_slice(), &bytes[3..], b"</Objs>"].concat();
        }
        for (at, byte, what) in changes {
            let at = at % bytes.len();
            match what {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, b"<>&;\"/_x"[byte as usize % 8]),
                _ => _ = bytes.remove(at),
            }
        }
        let mut decoder = Decoder::default();
        let read = decoder.decode(&bytes);
        let _ = decoder.decode_document(&bytes);
        // What is read can be written, unless it has a shape that only a reader takes.
        if let Ok(value) = read {
            let _ = encode(&value, None);
        }
        // An error leaves nothing behind that disturbs the next message.
        prop_assert_eq!(decoder.decode(SAMPLE.as_bytes()).unwrap(), decode(SAMPLE.as_bytes()).unwrap());
    }
}
