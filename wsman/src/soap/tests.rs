use super::*;
use crate::xml::{Element, Limits};
use proptest::prelude::*;

fn parse(text: &str) -> Result<Envelope, SoapError> {
    Envelope::parse(text.as_bytes(), &Limits::default())
}

#[test]
fn an_envelope_is_found_whatever_its_prefixes() {
    let text = r#"<?xml version="1.0"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope" xmlns:q="urn:q">
        <SOAP-ENV:Header><q:One/></SOAP-ENV:Header> <SOAP-ENV:Body><q:Two>x</q:Two></SOAP-ENV:Body></SOAP-ENV:Envelope>"#;
    let envelope = parse(text).unwrap();
    assert!(envelope.header("urn:q", "One").is_some());
    assert_eq!(envelope.body_element("urn:q", "Two").unwrap().text(), "x");
    assert!(envelope.fault().is_none());
}

#[test]
fn a_fault_is_an_element_and_never_a_text() {
    let text = format!(
        r#"<s:Envelope xmlns:s="{}"><s:Body><x>&lt;s:Fault&gt;</x><x><s:Fault/></x></s:Body></s:Envelope>"#,
        ns::SOAP
    );
    assert!(parse(&text).unwrap().fault().is_none());
}

#[test]
fn nested_subcodes_and_empty_reasons_are_read() {
    let text = format!(
        r#"<e:Envelope xmlns:e="{}"><e:Body><e:Fault><e:Code><e:Value> e:Sender </e:Value><e:Subcode><e:Value>w:A</e:Value>
        <e:Subcode><e:Value>w:B</e:Value></e:Subcode></e:Subcode></e:Code><e:Reason><e:Text xml:lang=""/></e:Reason></e:Fault></e:Body></e:Envelope>"#,
        ns::SOAP
    );
    let fault = parse(&text).unwrap().fault().unwrap();
    assert_eq!((fault.code_name(), fault.subcode_name(), fault.reason.as_str()), ("Sender", Some("B"), ""));
    let written = Envelope { headers: Vec::new(), body: vec![fault.to_element()] };
    assert_eq!(parse(&written.to_xml(&[("s", ns::SOAP)])).unwrap().fault(), Some(fault));
}

#[test]
fn what_is_no_envelope_is_shown_harmlessly() {
    assert_eq!(parse(" \r\n"), Err(SoapError::Empty));
    let long = format!("<html>\x1b[31mred\u{202E}\r\n\tService {}", "x".repeat(5000));
    let Err(SoapError::NotSoap(excerpt)) = parse(&long) else { panic!("an HTML page") };
    assert!(excerpt.as_str().starts_with("<html>\u{FFFD}[31mred\u{FFFD} Service x"));
    assert!(excerpt.as_str().len() < 1100 && excerpt.as_str().ends_with('…'));
    assert!(matches!(
        parse("<s:Envelope xmlns:s='urn:1.1'><s:Body/></s:Envelope>"),
        Err(SoapError::NotSoap(_))
    ));
    let cut = format!("<s:Envelope xmlns:s='{}'><s:Body><a", ns::SOAP);
    assert!(matches!(parse(&cut), Err(SoapError::Xml { .. })));
    let bare = format!("<s:Envelope xmlns:s='{}'/>", ns::SOAP);
    assert_eq!(parse(&bare), Err(SoapError::NoBody));
    let deep = format!("<s:Envelope xmlns:s='{}'><s:Body>{}", ns::SOAP, "<a>".repeat(100_000));
    assert!(matches!(parse(&deep), Err(SoapError::Xml { .. })));
}

proptest! {
    #[test]
    fn an_excerpt_is_one_harmless_line(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
        let excerpt = Excerpt::new(&bytes);
        prop_assert!(!excerpt.as_str().chars().any(char::is_control));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Envelope::parse(&bytes, &Limits::default());
    }

    #[test]
    fn any_text_survives(text in "\\PC*") {
        let envelope = Envelope {
            headers: vec![Element::new("urn:h", "H").with_text(&text)],
            body: vec![Element::new("urn:b", "B").with_attribute("a", &text)],
        };
        let again = parse(&envelope.to_xml(ns::REQUEST_PREFIXES)).unwrap();
        prop_assert_eq!(again.headers[0].text(), text.as_str());
        prop_assert_eq!(again.body[0].attribute("a"), Some(text.as_str()));
    }
}
