//! How S3 encodes keys in lists, and decodes form-encoded text.

use std::fmt::Write;

use percent_encoding::percent_decode_str;
use s3s::dto::EncodingType;
use s3s::{S3Result, s3_error};

/// Decodes percent-encoding with `+` for a space, once; `None` if the result is not UTF-8.
pub(super) fn form_decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

/// How the texts of a list are written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Encoding {
    Plain,
    Url,
}

impl Encoding {
    /// # Errors
    ///
    /// InvalidArgument for another encoding than `url`.
    pub(super) fn parse(encoding_type: Option<&EncodingType>) -> S3Result<Self> {
        match encoding_type.map(EncodingType::as_str) {
            None => Ok(Self::Plain),
            Some(EncodingType::URL) => Ok(Self::Url),
            Some(_) => Err(s3_error!(
                InvalidArgument,
                "Invalid Encoding Method specified in Request"
            )),
        }
    }

    /// As S3 encodes: `/` is kept, a space is `+`.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html#API_ListObjectsV2_RequestSyntax>
    pub(super) fn encode(self, text: &str) -> String {
        if matches!(self, Self::Plain) {
            return text.to_owned();
        }
        let mut encoded = String::with_capacity(text.len());
        for byte in text.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'*' | b'/' => {
                    encoded.push(char::from(byte))
                }
                b' ' => encoded.push('+'),
                _ => write!(encoded, "%{byte:02X}").expect("a string takes any text"),
            }
        }
        encoded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_encoding_keeps_slashes_and_writes_a_space_as_plus() {
        assert_eq!(
            Encoding::Url.encode("a b/c+d%é\u{1}"),
            "a+b/c%2Bd%25%C3%A9%01"
        );
        assert_eq!(Encoding::Plain.encode("a b+"), "a b+");
    }

    #[test]
    fn form_decoding_undoes_it_exactly_once() {
        assert_eq!(form_decode("a+b/c%2Bd%2541").as_deref(), Some("a b/c+d%41"));
        assert_eq!(form_decode("%ff"), None);
    }
}
