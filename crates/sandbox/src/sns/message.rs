//! One message: what may be in it, and how it is read from a request.

use serde::Serialize;
use std::collections::BTreeMap;

use super::Error;
use super::form::Form;
use crate::xml::is_xml;

/// The most a message, or all messages of a batch, may have in bytes
/// (<https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>).
pub(super) const MAX_MESSAGE_BYTES: usize = 262_144;

/// The longest subject (same page).
const MAX_SUBJECT_CHARS: usize = 100;

/// The longest name of a message attribute
/// (<https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html>).
const MAX_ATTRIBUTE_NAME_CHARS: usize = 256;

/// A message as it was published.
#[derive(Debug, Clone, Default)]
pub(super) struct Message {
    pub(super) text: String,
    pub(super) subject: Option<String>,
    pub(super) attributes: BTreeMap<String, Attribute>,
}

/// A message attribute, in the words of the envelope. A binary value stays base64.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Attribute {
    #[serde(rename = "Type")]
    data_type: String,
    value: String,
}

impl Message {
    /// Takes a message out of a request or of one entry of a batch.
    pub(super) fn take(form: &mut Form) -> Result<Self, Error> {
        let mut attributes = BTreeMap::new();
        for mut entry in form.take_list("MessageAttributes", "entry") {
            let name = entry.require("Name")?;
            let attribute = attribute(&name, &mut entry)?;
            entry.finish()?;
            attributes.insert(name, attribute);
        }
        Ok(Self {
            text: form.take("Message").unwrap_or_default(),
            subject: form.take("Subject"),
            attributes,
        })
    }

    /// What counts against the limit: the text and the attributes, names and types included.
    pub(super) fn size_bytes(&self) -> usize {
        let attribute = |(name, attribute): (&String, &Attribute)| {
            name.len() + attribute.data_type.len() + attribute.value.len()
        };
        self.text.len() + self.attributes.iter().map(attribute).sum::<usize>()
    }

    /// Refuses what SNS would not carry.
    pub(super) fn check(&self) -> Result<(), Error> {
        let problem = if self.text.is_empty() {
            "Empty message"
        } else if self.size_bytes() > MAX_MESSAGE_BYTES {
            "Message too long"
        } else if !self.text.chars().all(is_xml) {
            "Message Reason: it has characters that XML cannot carry"
        } else if !self.subject.as_deref().is_none_or(is_subject) {
            "Subject"
        } else {
            return Ok(());
        };
        Err(Error::InvalidParameter(problem.to_owned()))
    }
}

/// No line breaks or control characters, and not blank.
fn is_subject(subject: &str) -> bool {
    let length = subject.chars().count();
    (1..=MAX_SUBJECT_CHARS).contains(&length)
        && !subject.starts_with(' ')
        && !subject.chars().any(|c| c.is_control() || !is_xml(c))
}

fn attribute(name: &str, entry: &mut Form) -> Result<Attribute, Error> {
    let invalid =
        |why: &str| Error::InvalidAttribute(format!("The message attribute '{name}' {why}."));
    if !is_attribute_name(name) {
        return Err(invalid("has an invalid name"));
    }
    let data_type = entry.take("Value.DataType").unwrap_or_default();
    let field = match data_type.split('.').next() {
        Some("String" | "Number") => "Value.StringValue",
        Some("Binary") => "Value.BinaryValue",
        _ => return Err(invalid("has an invalid message attribute type")),
    };
    let value = entry.take(field).unwrap_or_default();
    if value.is_empty() || !value.chars().all(is_xml) {
        return Err(invalid("must contain a non-empty value of its type"));
    }
    if data_type.starts_with("Number") && value.parse::<f64>().is_err() {
        return Err(invalid("must contain a number"));
    }
    Ok(Attribute { data_type, value })
}

fn is_attribute_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let reserved = |prefix: &str| name.to_ascii_lowercase().starts_with(prefix);
    (1..=MAX_ATTRIBUTE_NAME_CHARS).contains(&name.len())
        && name.bytes().all(allowed)
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..")
        && !reserved("aws.")
        && !reserved("amazon.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str, subject: Option<&str>) -> Message {
        Message {
            text: text.to_owned(),
            subject: subject.map(str::to_owned),
            ..Message::default()
        }
    }

    #[test]
    fn carries_any_text_that_xml_carries() {
        for text in ["x", "a\tb\r\n", "é – 漢 🦀", "<&>\"'"] {
            assert_eq!(message(text, None).check(), Ok(()), "{text:?}");
        }
        for text in ["", "\u{0}", "a\u{1b}b", "\u{fffe}"] {
            assert!(message(text, None).check().is_err(), "{text:?}");
        }
    }

    #[test]
    fn counts_bytes_and_not_characters() {
        assert_eq!(message(&"x".repeat(262_144), None).check(), Ok(()));
        assert!(message(&"é".repeat(131_073), None).check().is_err());
    }

    #[test]
    fn takes_a_subject_of_one_line_and_a_hundred_characters() {
        assert_eq!(message("x", Some(&"é".repeat(100))).check(), Ok(()));
        for subject in ["", " x", "a\nb", &"x".repeat(101)] {
            assert!(message("x", Some(subject)).check().is_err(), "{subject:?}");
        }
    }

    #[test]
    fn refuses_attributes_that_break_the_rules() {
        let take = |rest: &str| {
            let body = format!("Message=x&MessageAttributes.entry.1.{rest}");
            Message::take(&mut Form::parse(body.as_bytes()).unwrap())
        };
        for rest in [
            "Name=a.&MessageAttributes.entry.1.Value.DataType=String",
            "Name=a&MessageAttributes.entry.1.Value.DataType=Text",
            "Name=a&MessageAttributes.entry.1.Value.DataType=String",
            "Value.DataType=String",
        ] {
            assert!(take(rest).is_err(), "{rest}");
        }
    }
}
