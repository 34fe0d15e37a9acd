//! The smallest writer of SVG 1.1: elements, attributes, escaped text.

use std::fmt::Write as _;

/// A picture as it grows.
pub(super) struct Svg {
    text: String,
    /// Open elements, for their closing tags.
    open: Vec<&'static str>,
}

/// Attributes by name.
pub(super) type Attributes<'a> = &'a [(&'a str, &'a dyn std::fmt::Display)];

impl Svg {
    /// A picture of this size, which fills the width that it is given.
    pub(super) fn new(width: f64, height: f64) -> Self {
        let mut svg = Self { text: String::new(), open: Vec::new() };
        let view = format!("0 0 {width} {height}");
        svg.begin(
            "svg",
            &[
                ("xmlns", &"http://www.w3.org/2000/svg"),
                ("viewBox", &view),
                ("width", &width),
                ("height", &height),
                ("role", &"img"),
                ("aria-labelledby", &"title description"),
            ],
        );
        svg
    }

    /// Opens an element; what follows is inside it until [`Svg::end`].
    pub(super) fn begin(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.tag(name, attributes);
        self.text.push_str(">\n");
        self.open.push(name);
    }

    /// Closes the element that was opened last.
    pub(super) fn end(&mut self) {
        let name = self.open.pop().expect("each end has its begin");
        writeln!(self.text, "</{name}>").expect(STRING);
    }

    /// An element without content.
    pub(super) fn empty(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.tag(name, attributes);
        self.text.push_str("/>\n");
    }

    /// An element with text.
    pub(super) fn text(&mut self, name: &'static str, attributes: Attributes<'_>, text: &str) {
        self.tag(name, attributes);
        self.text.push('>');
        escape(&mut self.text, text);
        writeln!(self.text, "</{name}>").expect(STRING);
    }

    /// The whole picture.
    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.end();
        }
        self.text
    }

    fn tag(&mut self, name: &str, attributes: Attributes<'_>) {
        write!(self.text, "<{name}").expect(STRING);
        for (name, value) in attributes {
            write!(self.text, " {name}=\"").expect(STRING);
            escape(&mut self.text, &value.to_string());
            self.text.push('"');
        }
    }
}

const STRING: &str = "writing to a String never fails";

/// XML 1.0 section 2.4, and section 2.2: characters that XML doesn't know are left out.
fn escape(out: &mut String, text: &str) {
    for found in text.chars() {
        match found {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(found),
            '\0'..'\u{20}' | '\u{FFFE}' | '\u{FFFF}' => {}
            _ => out.push(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_text_or_an_attribute_comes_out_as_it_went_in() {
        let odd = "a<b> & \"c\" 'd' ]]> – µ\u{1}";
        let mut svg = Svg::new(10.0, 5.0);
        svg.begin("g", &[("id", &odd)]);
        svg.text("text", &[], odd);
        let text = svg.finish();
        let document = roxmltree::Document::parse(&text).expect("it is well-formed");
        let group = document.root_element().first_element_child().expect("the group");
        let kept = odd.trim_end_matches('\u{1}');
        assert_eq!(group.attribute("id"), Some(kept));
        assert_eq!(group.first_element_child().and_then(|text| text.text()), Some(kept));
    }
}
