use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Element, XmlError> {
    Element::parse(text.as_bytes(), &Limits::default())
}

fn kind(text: &str) -> XmlErrorKind {
    parse(text).unwrap_err().kind
}

#[test]
fn namespaces_are_resolved() {
    let root = parse(
        r#"<?xml version="1.0"?><a:x xmlns:a="urn:a" xmlns="urn:d" a:k="1" k="2"><y><z xmlns=""/></y></a:x>"#,
    )
    .unwrap();
    assert!(root.is("urn:a", "x"));
    assert_eq!(root.attribute_ns("urn:a", "k"), Some("1"));
    assert_eq!(root.attribute("k"), Some("2"));
    let y = root.child("urn:d", "y").unwrap();
    assert!(y.child("", "z").is_some());
    assert_eq!(root.descendants().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["x", "y", "z"]);
}

#[test]
fn text_is_joined_and_resolved() {
    let root = parse("<a>x&lt;<!--c-->&#65;<![CDATA[<&]]>\r\n<?p i?>&#xD;</a>").unwrap();
    assert_eq!(root.text(), "x<A<&\n\r");
    assert_eq!(root.children.len(), 1);
}

#[test]
fn hostile_documents_are_refused() {
    assert_eq!(kind("<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>"), XmlErrorKind::Dtd);
    assert_eq!(kind("<a>&e;</a>"), XmlErrorKind::UndeclaredEntity);
    assert_eq!(kind("<a b='&e;'/>"), XmlErrorKind::UndeclaredEntity);
    assert_eq!(kind("<p:a/>"), XmlErrorKind::UnboundPrefix);
    assert_eq!(kind("<a>\u{1}</a>"), XmlErrorKind::Character);
    assert_eq!(kind(""), XmlErrorKind::Empty);
    assert_eq!(kind("hello"), XmlErrorKind::Empty);
    assert_eq!(kind("<a/>x"), XmlErrorKind::Trailing);
    assert_eq!(kind("<a/><b/>"), XmlErrorKind::Trailing);
    for cut in ["<a>", "<a><b></b>", "<a", "<a b='", "<a><![CDATA[x", "<a><!--"] {
        assert_eq!(kind(cut), XmlErrorKind::Truncated, "{cut}");
    }
    for bad in [
        "<a></b>",
        "<a b='1' b='2'/>",
        "<a b=1/>",
        "<a>&#xD800;</a>",
        "<1a/>",
        "<a><?xml version=\"1.0\"?></a>",
        "</a>",
        "<a b='<'/>",
    ] {
        assert!(matches!(kind(bad), XmlErrorKind::Malformed(_)), "{bad}: {:?}", kind(bad));
    }
    let twice = "<a xmlns:p='urn:x' xmlns:q='urn:x' p:b='1' q:b='2'/>";
    assert!(matches!(kind(twice), XmlErrorKind::Malformed(_)));
}

#[test]
fn limits_hold() {
    let limits =
        Limits { depth: 3, elements: 5, text: 10, attributes: 2, attribute: 10, name: 8, document: 1000 };
    let limit = |text: &str| Element::parse(text.as_bytes(), &limits).map(|_| ()).map_err(|e| e.kind);
    assert_eq!(limit("<a><b><c/></b></a>"), Ok(()));
    assert_eq!(limit("<a><b><c><d/></c></b></a>"), Err(XmlErrorKind::Limit("depth")));
    assert_eq!(limit("<a><b/><b/><b/><b/><b/></a>"), Err(XmlErrorKind::Limit("elements")));
    assert_eq!(limit("<a>12345<b/>678901</a>"), Err(XmlErrorKind::Limit("text size")));
    assert_eq!(limit("<a b='1' c='2' d='3'/>"), Err(XmlErrorKind::Limit("attributes")));
    assert_eq!(limit("<a b='12345678901'/>"), Err(XmlErrorKind::Limit("attribute size")));
    assert_eq!(limit("<abcdefghi/>"), Err(XmlErrorKind::Limit("name size")));
    assert_eq!(limit(&format!("<a>{}</a>", " ".repeat(1000))), Err(XmlErrorKind::Limit("document size")));
    let bomb = "<a>".repeat(100_000);
    assert_eq!(kind(&bomb), XmlErrorKind::Limit("depth"));
}

#[test]
fn the_writer_declares_what_it_uses() {
    let mut writer = Writer::new(&[("s", "urn:s")]);
    writer.start("urn:s", "E").start("urn:o", "A").attribute(Some("urn:q"), "k", "\"\n");
    writer.start("urn:o", "B").end().start("", "C").end().end();
    writer.start("urn:s", "F").attribute(Some(XML_NAMESPACE), "lang", "en").text("").end();
    let text = writer.finish();
    assert_eq!(
        text,
        "<s:E xmlns:s=\"urn:s\"><A xmlns=\"urn:o\" xmlns:ns1=\"urn:q\" ns1:k=\"&quot;&#xA;\"><B /><C xmlns=\"\" /></A>\
         <s:F xml:lang=\"en\"></s:F></s:E>"
    );
    let tree = parse(&text).unwrap();
    let a = tree.child("urn:o", "A").unwrap();
    assert_eq!(a.attribute_ns("urn:q", "k"), Some("\"\n"));
    assert!(a.child("urn:o", "B").is_some() && a.child("", "C").is_some());
    assert_eq!(tree.child("urn:s", "F").unwrap().attribute_ns(XML_NAMESPACE, "lang"), Some("en"));
}

fn tree() -> impl Strategy<Value = Element> {
    let name = "[a-zA-Z_][a-zA-Z0-9_.-]{0,5}";
    let namespace = prop_oneof![Just(""), Just("urn:a"), Just("urn:b"), Just("urn:c")];
    let leaf = (namespace.clone(), name, "[^\0]{0,8}", any::<bool>()).prop_map(
        |(namespace, name, text, attribute)| {
            let element = Element::new(namespace, &name);
            match (attribute, text.is_empty()) {
                (true, _) => element.with_attribute("k", &text),
                (false, true) => element,
                (false, false) => element.with_text(&text),
            }
        },
    );
    leaf.prop_recursive(4, 32, 4, move |inner| {
        (namespace.clone(), name, prop::collection::vec(inner, 0..4)).prop_map(
            |(namespace, name, children)| {
                children.into_iter().fold(Element::new(namespace, &name), Element::with_child)
            },
        )
    })
}

proptest! {
    #[test]
    fn a_tree_survives_writing_and_reading(tree in tree()) {
        prop_assert_eq!(&parse(&tree.to_xml(&[("p", "urn:a")])).unwrap(), &tree);
    }

    #[test]
    fn every_text_survives(text in "\\PC{0,20}|[\\x00-\\x20<>&\"'\u{FFFE}\u{85}\u{2028}]{0,20}") {
        let element = Element::new("", "a").with_attribute("k", &text).with_text(&text);
        let read = parse(&element.to_xml(&[])).unwrap();
        let expected = text.replace('\0', "\u{FFFD}");
        prop_assert_eq!(read.attribute("k"), Some(expected.as_str()));
        prop_assert_eq!(read.text(), expected);
    }

    #[test]
    fn no_bytes_make_it_panic(at in 0usize..120, byte in any::<u8>(), cut in 0usize..120) {
        let mut bytes = b"<?xml version=\"1.0\"?><a:x xmlns:a=\"urn:a\" k=\"1&amp;\"><y>t&#65;</y><![CDATA[z]]><!--c--><w/></a:x>".to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(cut.max(1));
        let _ = Element::parse(&bytes, &Limits::default());
    }
}
