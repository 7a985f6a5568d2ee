//! What the strategies are given to do.

use anyhow::Result;
use bytes::Bytes;
use clap::ValueEnum;
use sandbox::s3::{Attributes, Content, Store};
use serde::{Deserialize, Serialize};

use crate::deployment::SOURCE_BUCKET;
use crate::deployment::source::{self, DAY_PREFIX};

/// Of an object of `small`, and of those that are only looked at.
const SMALL_BYTES: u64 = 1_000;

/// A workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workload {
    /// A day of large objects.
    Day,
    /// Many small objects, with tags and metadata.
    Small,
    /// Some small calls in a function.
    Ping,
    /// A listing, a small call per object, and a sum, in a function.
    SumSizes,
}

impl Workload {
    /// How many objects it has.
    pub fn objects(self) -> u32 {
        match self {
            Self::Day => 250,
            Self::Small => 2_000,
            Self::Ping => 3,
            Self::SumSizes => 20,
        }
    }

    /// Whether objects are copied; otherwise they are looked at.
    pub fn copies(self) -> bool {
        matches!(self, Self::Day | Self::Small)
    }

    /// Its name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Small => "small",
            Self::Ping => "ping",
            Self::SumSizes => "sum-sizes",
        }
    }

    /// Puts the first objects of it into the source bucket.
    pub fn put(self, store: &Store, objects: u32) -> Result<()> {
        match self {
            Self::Day => source::put_virtual_day(store, objects),
            _ => put_small(store, objects),
        }
    }

    /// The sizes of its first objects, in bytes.
    pub fn sizes(self, objects: u32) -> Vec<u64> {
        match self {
            Self::Day => source::virtual_sizes().take(objects as usize).collect(),
            _ => (0..objects).map(small_bytes).collect(),
        }
    }

    /// The keys of its first objects, where they are small.
    pub fn keys(self, objects: u32) -> Vec<String> {
        (0..objects).map(small_key).collect()
    }
}

fn small_key(number: u32) -> String {
    format!("{DAY_PREFIX}small-{number:06}.bin")
}

/// All as large as one another but for their number: a sum that comes out right has counted each once.
fn small_bytes(number: u32) -> u64 {
    SMALL_BYTES + u64::from(number % 50)
}

fn put_small(store: &Store, objects: u32) -> Result<()> {
    let shared = Content::repeat(
        Bytes::from_static(b"a small object of many. "),
        2 * SMALL_BYTES,
    );
    for number in 0..objects {
        let attributes = Attributes {
            metadata: [("sequence".to_owned(), number.to_string())].into(),
            tags: vec![("day".to_owned(), "2016-06-30".to_owned())],
            ..Attributes::default()
        };
        let content = shared.slice(0..small_bytes(number));
        store.put(SOURCE_BUCKET, &small_key(number), content, attributes)?;
    }
    Ok(())
}
