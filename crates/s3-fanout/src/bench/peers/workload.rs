//! What is copied.

use anyhow::Result;
use clap::ValueEnum;
use sandbox::s3::Store;

use crate::deployment::source;

/// The objects of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// 250 objects of 600-800 MB
    Day,
    /// 2,000 objects of 1 KB
    Small,
}

impl Workload {
    /// Those that were asked for, each once; all where none was.
    pub fn chosen(asked: &[Workload]) -> Vec<Workload> {
        let mut chosen = vec![Workload::Day, Workload::Small];
        chosen.retain(|workload| asked.is_empty() || asked.contains(workload));
        chosen
    }

    /// Its name on the command line and in the answer.
    pub fn name(self) -> &'static str {
        match self {
            Workload::Day => "day",
            Workload::Small => "small",
        }
    }

    /// How many objects there are.
    pub fn objects(self) -> u32 {
        match self {
            Workload::Day => 250,
            Workload::Small => 2_000,
        }
    }

    /// Puts so many of them into the source bucket.
    pub fn put(self, store: &Store, objects: u32) -> Result<()> {
        match self {
            Workload::Day => source::put_virtual_day(store, objects),
            Workload::Small => source::put_small(store, objects),
        }
    }
}
