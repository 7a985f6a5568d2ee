//! XML: what it can carry, and how answers are put together.

use quick_xml::escape::escape;

/// An element with text.
pub(crate) fn text(name: &str, value: &str) -> String {
    format!("<{name}>{}</{name}>", escape(value))
}

/// An element with elements.
pub(crate) fn element(name: &str, content: &str) -> String {
    format!("<{name}>{content}</{name}>")
}

/// The characters of XML 1.0 (<https://www.w3.org/TR/xml/#charsets>); SNS carries no others.
pub(crate) fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}
