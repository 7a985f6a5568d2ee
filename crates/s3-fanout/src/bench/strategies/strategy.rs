//! The strategies: those of others, by the names of their articles, and ours.

use std::num::NonZero;
use std::thread::available_parallelism;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::child::{Copying, PAGE_OF_50};
use super::workload::Workload;

/// Keys of a page of ListObjectsV2.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
const PAGE_KEYS: u64 = 1_000;

/// A strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// One copy after the other.
    Serial,
    /// A pool of threads, each with one CopyObject.
    Threads,
    /// A pool of days, each with a pool of threads.
    ThreadsByDay,
    /// The pool of threads inside one function.
    OneFunction,
    /// A function that publishes each key with ten threads, and one that copies each with one CopyObject.
    #[value(name = "fan-out-2016")]
    #[serde(rename = "fan-out-2016")]
    FanOut2016,
    /// A pool of a few more threads than there are processors.
    Parallel,
    /// One event loop, and a task per object.
    Async,
    /// An event loop that hands blocking calls to a pool of threads.
    AsyncParallel,
    /// Pages of 50 keys, each to a thread with an event loop of its own.
    #[value(name = "async-parallel2")]
    #[serde(rename = "async-parallel2")]
    AsyncParallel2,
    /// Ours, in one process.
    Backup,
    /// Ours, with Lambda and SNS.
    FanOut,
    /// One call after the other, in a function.
    Sequential,
    /// A process per call, in a function.
    Processes,
}

/// What copies, in the order of the table.
const COPYING: [Strategy; 11] = [
    Strategy::Serial,
    Strategy::Threads,
    Strategy::ThreadsByDay,
    Strategy::OneFunction,
    Strategy::FanOut2016,
    Strategy::Parallel,
    Strategy::Async,
    Strategy::AsyncParallel,
    Strategy::AsyncParallel2,
    Strategy::Backup,
    Strategy::FanOut,
];

/// What makes small calls, in the order of the table.
const CALLING: [Strategy; 4] = [
    Strategy::Sequential,
    Strategy::Threads,
    Strategy::Processes,
    Strategy::Async,
];

/// Threads of a pool whose author sized it by the processors.
pub fn pool_threads() -> usize {
    available_parallelism().map_or(1, NonZero::get) + 4
}

impl Strategy {
    /// Those that do a workload.
    pub fn of(workload: Workload) -> &'static [Strategy] {
        match workload.copies() {
            true => &COPYING,
            false => &CALLING,
        }
    }

    /// Its name, as on the command line.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whether it is this project's.
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Backup | Self::FanOut)
    }

    /// How a process of it copies, if it is one of those.
    pub fn copying(self) -> Option<Copying> {
        Some(match self {
            Self::Serial => Copying::Serial,
            Self::Threads => Copying::Threads,
            Self::ThreadsByDay => Copying::ThreadsByDay,
            Self::Parallel => Copying::Parallel,
            Self::Async => Copying::Async,
            Self::AsyncParallel => Copying::AsyncParallel,
            Self::AsyncParallel2 => Copying::AsyncParallel2,
            _ => return None,
        })
    }

    /// How many objects it copies at the same time, of so many.
    pub fn parallelism(self, concurrency: u16, objects: u32) -> u32 {
        let at_once = match self {
            Self::Serial | Self::Sequential => 1,
            Self::Parallel | Self::AsyncParallel => pool_threads() as u32,
            Self::Async | Self::Processes => objects,
            Self::AsyncParallel2 => pool_threads() as u32 * PAGE_OF_50 as u32,
            _ => u32::from(concurrency),
        };
        at_once.min(objects).max(1)
    }

    /// Pages that it lists of so many keys.
    pub fn pages(self, keys: u64) -> u64 {
        match self {
            Self::AsyncParallel2 => keys.div_ceil(PAGE_OF_50 as u64),
            // It compares with what the destination has.
            Self::Backup => keys.div_ceil(PAGE_KEYS) + 1,
            _ => keys.div_ceil(PAGE_KEYS),
        }
    }
}
