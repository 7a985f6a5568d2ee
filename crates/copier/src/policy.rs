//! What an operator decides of every copy: whether it may replace another object, and what it preserves.

use std::str::FromStr;

/// What happens to an object that is at the destination already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// It is replaced if it differs from the source.
    IfChanged,
    /// It stays; one that differs is an error.
    Never,
    /// It is replaced.
    Always,
}

/// What a copy has of its source beside the bytes and the storage class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Preserve {
    /// Content headers, user metadata, website redirect and expiry header.
    pub metadata: bool,
    /// The tags.
    pub tags: bool,
    /// The annotations.
    pub annotations: bool,
}

impl FromStr for Overwrite {
    type Err = String;

    fn from_str(text: &str) -> Result<Overwrite, String> {
        match text {
            "if-changed" => Ok(Overwrite::IfChanged),
            "never" => Ok(Overwrite::Never),
            "always" => Ok(Overwrite::Always),
            _ => Err("it is none of them".to_owned()),
        }
    }
}

impl FromStr for Preserve {
    type Err = String;

    fn from_str(text: &str) -> Result<Preserve, String> {
        let mut preserve = Preserve::default();
        if text == "none" {
            return Ok(preserve);
        }
        for word in text.split(',').map(str::trim) {
            let known = match word {
                "metadata" => &mut preserve.metadata,
                "tags" => &mut preserve.tags,
                "annotations" => &mut preserve.annotations,
                _ => return Err(format!("{word:?} is none of them")),
            };
            if std::mem::replace(known, true) {
                return Err(format!("{word:?} stands there twice"));
            }
        }
        Ok(preserve)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_list_of_what_to_preserve() {
        let of = |metadata, tags, annotations| {
            Ok(Preserve {
                metadata,
                tags,
                annotations,
            })
        };
        assert_eq!("metadata,tags".parse(), of(true, true, false));
        assert_eq!("annotations, tags".parse(), of(false, true, true));
        assert_eq!("none".parse(), of(false, false, false));
        for wrong in ["acl", "metadata,,tags", "tags,tags", "none,tags", "Tags"] {
            assert!(wrong.parse::<Preserve>().is_err(), "{wrong}");
        }
    }
}
