//! One message: what may be in it, its checksums, and its size.

use std::collections::BTreeMap;

use data_encoding::{BASE64, HEXLOWER};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use super::Error;

/// The most a message, or all messages of a batch, may have in bytes: 1 MiB
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>; 256 KiB until 2025).
pub(super) const MAX_MESSAGE_BYTES: usize = 1_048_576;

/// A message has at most ten attributes
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>).
const MAX_ATTRIBUTES: usize = 10;

/// The attributes of a message, by name.
pub type Attributes = BTreeMap<String, Attribute>;

/// A message attribute: text, or bytes as base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Attribute {
    data_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    string_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binary_value: Option<String>,
}

impl Attribute {
    /// A text.
    pub fn text(value: impl Into<String>) -> Self {
        Self {
            data_type: "String".to_owned(),
            string_value: Some(value.into()),
            binary_value: None,
        }
    }

    /// The bytes that are checked and counted: whether it is binary, and its value.
    fn bytes(&self) -> Option<(bool, Vec<u8>)> {
        let kind = self.data_type.split('.').next().unwrap_or_default();
        match (kind, &self.string_value, &self.binary_value) {
            ("String" | "Number", Some(text), None) if !text.is_empty() => {
                Some((false, text.clone().into_bytes()))
            }
            ("Binary", None, Some(base64)) => {
                let bytes = BASE64.decode(base64.as_bytes()).ok()?;
                (!bytes.is_empty()).then_some((true, bytes))
            }
            _ => None,
        }
    }
}

/// A message as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) body: String,
    pub(super) attributes: Attributes,
}

impl Message {
    /// Refuses what SQS would not carry.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.body.is_empty() {
            let problem = "The request must contain the parameter MessageBody.";
            return Err(Error::InvalidParameterValue(problem.to_owned()));
        }
        if !self.body.chars().all(crate::xml::is_xml) {
            return Err(Error::InvalidMessageContents);
        }
        if self.attributes.len() > MAX_ATTRIBUTES {
            let problem = "Number of message attributes exceeds the allowed maximum [10].";
            return Err(Error::InvalidParameterValue(problem.to_owned()));
        }
        for (name, attribute) in &self.attributes {
            if name.is_empty() || attribute.bytes().is_none() {
                let problem = format!(
                    "The message attribute '{name}' must contain a non-empty value of its type."
                );
                return Err(Error::InvalidParameterValue(problem));
            }
        }
        if self.size_bytes() > MAX_MESSAGE_BYTES {
            let problem = format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {MAX_MESSAGE_BYTES} bytes."
            );
            return Err(Error::InvalidParameterValue(problem));
        }
        Ok(())
    }

    /// What counts against the limit: the body and the attributes, names and types included.
    pub(super) fn size_bytes(&self) -> usize {
        let attribute = |(name, attribute): (&String, &Attribute)| {
            let value = attribute.bytes().map_or(0, |(_, bytes)| bytes.len());
            name.len() + attribute.data_type.len() + value
        };
        self.body.len() + self.attributes.iter().map(attribute).sum::<usize>()
    }

    pub(super) fn md5_of_body(&self) -> String {
        HEXLOWER.encode(&Md5::digest(&self.body))
    }
}

/// The checksum of attributes; none of none
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation>).
pub(super) fn md5_of(attributes: &Attributes) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut md5 = Md5::new();
    let update = |md5: &mut Md5, bytes: &[u8]| {
        md5.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        md5.update(bytes);
    };
    for (name, attribute) in attributes {
        let (is_binary, value) = attribute.bytes().unwrap_or_default();
        update(&mut md5, name.as_bytes());
        update(&mut md5, attribute.data_type.as_bytes());
        md5.update([if is_binary { 2 } else { 1 }]);
        update(&mut md5, &value);
    }
    Some(HEXLOWER.encode(&md5.finalize()))
}

/// The attributes that were asked for: by name, by `PREFIX.*`, or all with `All` and `.*`.
pub(super) fn asked_for(attributes: &Attributes, names: &[String]) -> Attributes {
    let is_asked_for = |name: &str| {
        names.iter().any(|asked| {
            asked == "All"
                || asked == name
                || asked.strip_suffix(".*").is_some_and(|prefix| {
                    prefix.is_empty()
                        || name
                            .strip_prefix(prefix)
                            .is_some_and(|rest| rest.starts_with('.'))
                })
        })
    };
    let wanted = attributes.iter().filter(|(name, _)| is_asked_for(name));
    wanted.map(|(n, a)| (n.clone(), a.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> Message {
        Message {
            body: body.to_owned(),
            attributes: Attributes::new(),
        }
    }

    #[test]
    fn carries_any_text_that_xml_carries_up_to_a_mebibyte() {
        for body in ["x", "a\tb\r\n", "é – 漢 🦀", &"x".repeat(MAX_MESSAGE_BYTES)] {
            assert_eq!(message(body).check(), Ok(()));
        }
        assert_eq!(message("\u{0}").check(), Err(Error::InvalidMessageContents));
        for body in ["", &"é".repeat(MAX_MESSAGE_BYTES / 2 + 1)] {
            let refused = message(body).check();
            assert!(matches!(refused, Err(Error::InvalidParameterValue(_))));
        }
    }

    #[test]
    fn refuses_attributes_without_a_value_of_their_type() {
        let attribute = |data_type: &str, text: Option<&str>, binary: Option<&str>| Attribute {
            data_type: data_type.to_owned(),
            string_value: text.map(str::to_owned),
            binary_value: binary.map(str::to_owned),
        };
        for (attribute, good) in [
            (attribute("String", Some("x"), None), true),
            (attribute("Number.int", Some("7"), None), true),
            (attribute("Binary", None, Some("eA==")), true),
            (attribute("Binary", None, Some("?")), false),
            (attribute("Binary", Some("x"), None), false),
            (attribute("String", Some(""), None), false),
            (attribute("Text", Some("x"), None), false),
        ] {
            let message = Message {
                attributes: [("a".to_owned(), attribute)].into(),
                ..message("x")
            };
            assert_eq!(message.check().is_ok(), good, "{message:?}");
        }
    }

    #[test]
    fn gives_the_attributes_that_are_asked_for() {
        let all: Attributes = ["a", "a.b", "ab"]
            .map(|name| (name.to_owned(), Attribute::text("x")))
            .into();
        for (asked, given) in [
            ("All", vec!["a", "a.b", "ab"]),
            (".*", vec!["a", "a.b", "ab"]),
            ("a", vec!["a"]),
            ("a.*", vec!["a.b"]),
            ("c", vec![]),
        ] {
            let given_now = asked_for(&all, &[asked.to_owned()]);
            assert_eq!(given_now.into_keys().collect::<Vec<_>>(), given, "{asked}");
        }
    }
}
