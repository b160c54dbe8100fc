//! Building a page: every element that is opened is closed, and every text is escaped, because there is no other way in.

use crate::report::printable;

/// A page in the making.
#[derive(Debug, Default)]
pub(super) struct Page {
    html: String,
}

impl Page {
    /// The page as it is now.
    pub(super) fn into_string(self) -> String {
        self.html
    }

    /// Markup of ours.
    pub(super) fn markup(&mut self, markup: &'static str) {
        self.html.push_str(markup);
    }

    /// A text, whoever it comes from.
    pub(super) fn text(&mut self, text: &str) {
        escape(text, &mut self.html);
    }

    /// An element with its attributes and what is in it.
    pub(super) fn element(
        &mut self,
        name: &'static str,
        attributes: &[(&'static str, &str)],
        inside: impl FnOnce(&mut Self),
    ) {
        self.open(name, attributes);
        inside(self);
        self.html.push_str("</");
        self.html.push_str(name);
        self.html.push('>');
    }

    /// An element that holds a text only.
    pub(super) fn leaf(&mut self, name: &'static str, class: &'static str, text: &str) {
        let class = [("class", class)];
        self.element(name, if class[0].1.is_empty() { &[] } else { &class }, |page| page.text(text));
    }

    /// An element that has no inside.
    pub(super) fn void(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) {
        self.open(name, attributes);
    }

    /// Parts the lines of the source; between blocks it is not shown.
    pub(super) fn line(&mut self) {
        self.html.push('\n');
    }

    fn open(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) {
        self.html.push('<');
        self.html.push_str(name);
        for (attribute, value) in attributes {
            self.html.push(' ');
            self.html.push_str(attribute);
            self.html.push_str("=\"");
            escape(value, &mut self.html);
            self.html.push('"');
        }
        self.html.push('>');
    }
}

/// Escapes for text and for attributes in quotes; control characters and those that turn the direction show as what they are.
fn escape(text: &str, html: &mut String) {
    for c in printable(text).chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        let mut page = Page::default();
        page.element("p", &[("title", "\"><script>"), ("id", "a'b")], |page| {
            page.text("</p><img src=x onerror=alert(1)>&amp;\u{202e}\u{1b}");
        });
        assert_eq!(
            page.into_string(),
            "<p title=\"&quot;&gt;&lt;script&gt;\" id=\"a&#39;b\">&lt;/p&gt;&lt;img src=x onerror=alert(1)&gt;&amp;amp;\
             \\u{202e}\\u{1b}</p>"
        );
    }
}
