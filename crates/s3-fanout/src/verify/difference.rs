//! A difference as it is told: to a person, a line of JSON, a row of CSV.

use backup::object::printable;
use jiff::Timestamp;
use serde::Serialize;

use super::compared::{Compared, Verdict};

/// What is wrong with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The object has no copy.
    Missing,
    /// The copy is another than it should be.
    Different,
    /// The copy has no object.
    Extra,
    /// One of them could not be looked at.
    Unknown,
}

impl Kind {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Missing => "missing",
            Kind::Different => "different",
            Kind::Extra => "extra",
            Kind::Unknown => "unknown",
        }
    }
}

/// A key whose copy is not as it should be. The names are those of the JSON lines, and of CSV's columns.
#[derive(Debug, Clone, Serialize)]
pub struct Difference {
    /// What is wrong.
    pub kind: Kind,
    /// The key at the source.
    pub key: String,
    /// What differs, by names: `size`, `checksum`, `age`, `content_type`, `metadata`, `tags`, …
    pub what: Vec<&'static str>,
    /// The same in words.
    pub detail: String,
    /// The object's size.
    pub source_bytes: Option<u64>,
    /// The object's last change.
    pub source_last_modified: Option<Timestamp>,
    /// The copy's size.
    pub copy_bytes: Option<u64>,
    /// When the copy was written.
    pub copy_last_modified: Option<Timestamp>,
}

impl Difference {
    /// What is wrong, if anything is.
    pub fn of(compared: &Compared) -> Option<Difference> {
        let source = compared.source.as_ref();
        let (kind, what, detail) = match &compared.verdict {
            Verdict::Same(_) => return None,
            Verdict::Missing if source.is_some_and(|source| source.is_archived) => (
                Kind::Missing,
                vec!["archived"],
                "archived at the source: restore it before it can be copied".to_owned(),
            ),
            Verdict::Missing => (Kind::Missing, Vec::new(), "not copied".to_owned()),
            Verdict::Different(aspects) => {
                let texts: Vec<_> = aspects.iter().map(|aspect| aspect.text.as_str()).collect();
                let names = aspects.iter().map(|aspect| aspect.name).collect();
                (Kind::Different, names, texts.join("; "))
            }
            Verdict::Extra => (Kind::Extra, Vec::new(), "not in the source".to_owned()),
            Verdict::Unknown(reason) => (Kind::Unknown, Vec::new(), reason.clone()),
        };
        let source = source.map(|source| &source.object);
        let copy = compared.copy.as_ref();
        Some(Difference {
            kind,
            key: source.or(copy)?.key.clone(),
            what,
            detail,
            source_bytes: source.map(|object| object.size),
            source_last_modified: source.and_then(|object| object.last_modified),
            copy_bytes: copy.map(|object| object.size),
            copy_last_modified: copy.and_then(|object| object.last_modified),
        })
    }

    /// The key and what is wrong, in one line.
    pub fn line(&self) -> String {
        format!("{}: {}", printable(&self.key), self.detail)
    }
}
