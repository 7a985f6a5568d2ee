//! What the strategies are given to do.

use anyhow::Result;
use clap::ValueEnum;
use sandbox::s3::Store;
use serde::{Deserialize, Serialize};

use crate::deployment::source;

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
            _ => source::put_small(store, objects),
        }
    }

    /// The sizes of its first objects, in bytes.
    pub fn sizes(self, objects: u32) -> Vec<u64> {
        match self {
            Self::Day => source::virtual_sizes().take(objects as usize).collect(),
            _ => (0..objects).map(source::small_bytes).collect(),
        }
    }

    /// The keys of its first objects, where they are small.
    pub fn keys(self, objects: u32) -> Vec<String> {
        (0..objects).map(source::small_key).collect()
    }
}
