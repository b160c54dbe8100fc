//! Selectors: which instance of a resource is meant.

use crate::soap::ns;
use crate::xml::Element;

/// One `wsman:Selector`, `[DSP0226] 5.1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// `Name`
    pub name: String,
    /// The text, as it came
    pub value: String,
}

/// A `wsman:SelectorSet`. A client sends back, as it came, the one that Create returned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelectorSet(pub Vec<Selector>);

impl SelectorSet {
    /// The selectors of a shell, `[MS-WSMV] 2.2.4.37`.
    pub fn shell(id: &str) -> Self {
        Self(vec![Selector { name: "ShellId".to_owned(), value: id.to_owned() }])
    }

    /// The value under a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|selector| selector.name == name).map(|selector| selector.value.as_str())
    }

    /// The id of the shell.
    pub fn shell_id(&self) -> Option<&str> {
        self.get("ShellId")
    }

    /// Whether there is no selector.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn from_element(set: &Element) -> Self {
        let selectors = set.children_named(ns::WSMAN, "Selector").map(|element| Selector {
            name: element.attribute("Name").unwrap_or_default().to_owned(),
            value: element.text().trim().to_owned(),
        });
        Self(selectors.collect())
    }

    pub(super) fn to_element(&self) -> Element {
        self.0.iter().fold(Element::new(ns::WSMAN, "SelectorSet"), |set, selector| {
            let element = Element::new(ns::WSMAN, "Selector").with_attribute("Name", &selector.name);
            set.with_child(element.with_text(&selector.value))
        })
    }
}
