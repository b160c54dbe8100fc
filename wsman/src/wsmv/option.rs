//! Options of a request.

use crate::soap::ns;
use crate::xml::Element;

/// One `wsman:Option`, `[DSP0226] 6`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WsmanOption {
    /// `Name`
    pub name: String,
    /// The text
    pub value: String,
    /// `MustComply`: the server refuses what it does not know
    pub must_comply: bool,
}

impl WsmanOption {
    /// An option the server may ignore.
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned(), must_comply: false }
    }

    /// The protocol version of a PowerShell shell, sent with Create and Connect, `[MS-PSRP] 3.1.5.3.1`.
    pub fn protocol_version(version: &str) -> Self {
        Self { must_comply: true, ..Self::new("protocolversion", version) }
    }

    /// Lets a Receive wait although no output comes, `[MS-WSMV] 3.1.4.14`.
    pub fn keep_alive() -> Self {
        Self::new("WSMAN_CMDSHELL_OPTION_KEEPALIVE", "True")
    }

    pub(super) fn from_element(element: &Element) -> Self {
        let must_comply = element.attribute("MustComply").map(str::trim);
        Self {
            name: element.attribute("Name").unwrap_or_default().to_owned(),
            value: element.text().trim().to_owned(),
            must_comply: matches!(must_comply, Some("true" | "1")),
        }
    }

    pub(super) fn to_element(&self) -> Element {
        let mut element = Element::new(ns::WSMAN, "Option").with_attribute("Name", &self.name);
        if self.must_comply {
            element = element.with_attribute("MustComply", "true");
        }
        element.with_text(&self.value)
    }
}
