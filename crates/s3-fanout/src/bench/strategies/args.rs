//! What `bench strategies` may be told.

use std::path::PathBuf;

use super::strategy::Strategy;
use super::workload::Workload;
use crate::deployment::model::NamedModel;

/// What `bench strategies` may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct BenchStrategiesArgs {
    /// How long S3 and Lambda take: s3-2016, s3-2023, lan, or a file of one's own
    #[arg(long, value_name = "NAME|FILE", default_value = "s3-2023")]
    pub model: NamedModel,
    /// What is done: a day of 250 objects of 600-800 MB is copied, or 2,000 small objects are; or a function makes
    /// some small calls, or lists objects, looks at each, and sums their sizes
    #[arg(long, value_name = "NAME", value_enum, default_value = "day")]
    pub workload: Workload,
    /// Objects copied at the same time, where the strategy leaves that open
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub concurrency: u16,
    /// Run only this strategy; may be given several times
    #[arg(long, value_name = "NAME", value_enum)]
    pub strategy: Vec<Strategy>,
    /// The size that parts come near to; for backup and fan-out
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(5..=5_120))]
    pub part_size_mib: u32,
    /// Parts of one object copied at the same time; for backup and fan-out
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub parts_in_flight: u32,
    /// Take fewer objects than the workload has: a quick look, whose figures say little
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub objects: Option<u32>,
    /// Run the day with other concurrencies and part sizes, too, and recommend settings
    #[arg(long)]
    pub sweep: bool,
    /// Print one JSON object on standard output, and nothing else there
    #[arg(long)]
    pub json: bool,
    /// Write a page with charts
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}
