//! What is started: one of the functions, in one of the languages.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::deployment::{COPIER, COPIER_MEMORY_MB, PUBLISHER, PUBLISHER_MEMORY_MB};

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Lists and publishes.
    Publisher,
    /// Copies.
    Copier,
}

/// What its handler is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// The function that is deployed.
    Rust,
    /// The one it is compared with.
    Python,
}

/// A function in a language, ready to be started.
#[derive(Debug)]
pub struct Candidate {
    pub kind: Kind,
    pub language: Language,
    /// The program of an execution environment.
    pub command: PathBuf,
    pub args: Vec<String>,
    /// Its variables besides those that name its buckets and its topic.
    pub environment: Vec<(String, String)>,
    /// The size of its deployment package.
    pub zip_bytes: u64,
}

impl Kind {
    pub const ALL: [Kind; 2] = [Kind::Publisher, Kind::Copier];

    pub fn name(self) -> &'static str {
        match self {
            Self::Publisher => PUBLISHER,
            Self::Copier => COPIER,
        }
    }

    /// Its name in template.yaml, and so the folder that SAM builds it in.
    pub fn logical_id(self) -> &'static str {
        match self {
            Self::Publisher => "PublisherFunction",
            Self::Copier => "CopierFunction",
        }
    }

    pub fn memory_mb(self) -> u32 {
        match self {
            Self::Publisher => PUBLISHER_MEMORY_MB,
            Self::Copier => COPIER_MEMORY_MB,
        }
    }

    /// The event of its first invocation.
    pub fn event(self) -> &'static str {
        match self {
            Self::Publisher => include_str!("../../../../../events/date.json"),
            Self::Copier => include_str!("../../../../../events/copier-sns.json"),
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::Python => "Python",
        })
    }
}
