//! `s3-fanout bench copier`: one object of every size, with so many of its parts at once, beside what the model allows.

pub mod processor;
pub mod report;
mod row;
mod shape;
mod stage;

use std::process::ExitCode;

use anyhow::Result;

use crate::deployment::log::Log;
use crate::deployment::model::NamedModel;
use crate::interrupt;
use crate::progress::Step;
use crate::speed::Speed;
use crate::{answer, exit};
use report::Report;
use row::Row;
use shape::{PARTS_IN_FLIGHT, SIZES, Shape};
use stage::Stage;

/// What `bench copier` may be told.
#[derive(Debug, clap::Args)]
pub struct CopierArgs {
    /// What S3 takes for everything: s3-2016, s3-2023, lan, or a file of one's own
    #[arg(long, value_name = "NAME|FILE", default_value = crate::speed::MEASURED)]
    pub model: NamedModel,
    /// Only an object of this size; may be given several times [default: 64 MiB to 5 TB]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..=5_000_000_000_000))]
    pub size: Vec<u64>,
    /// Only so many parts at once; may be given several times [default: 1, 4, 16 and 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub parts_in_flight: Vec<u32>,
    /// Do not measure the processor time
    #[arg(long)]
    pub no_processor: bool,
    /// Print one JSON object on standard output, and nothing else there
    #[arg(long)]
    pub json: bool,
}

/// Copies an object of every shape that was asked for, one after another.
pub fn run(args: &CopierArgs) -> Result<ExitCode> {
    interrupt::or_done(bench(args), interrupt::ALL_WAS_HERE)
}

async fn bench(args: &CopierArgs) -> Result<ExitCode> {
    let log = Log::create("bench")?;
    let measured = async {
        let rows = measure(args, &log).await?;
        let processor = match args.no_processor {
            true => None,
            false => Some(processor::measure(&log).await?),
        };
        anyhow::Ok((rows, processor))
    };
    let (rows, processor) = match measured.await {
        Ok(measured) => measured,
        Err(error) => return Err(error.context(log.keep()?)),
    };
    let report = Report::new(args.model.name.clone(), rows, processor);
    answer::print(&report, args.json)?;
    Ok(exit::found(report.is_good()))
}

async fn measure(args: &CopierArgs, log: &Log) -> Result<Vec<Row>> {
    let shapes = shapes(args);
    let stage = Stage::start(&args.model.model, log).await?;
    let step = Step::begin("copying", shapes.len() as u64);
    let mut rows = Vec::new();
    for shape in &shapes {
        rows.push(Row::new(shape, &stage.copy(shape).await?));
        step.one_more();
    }
    drop(step);
    stage.end().await;
    Ok(rows)
}

/// Those that were asked for, or all; each once.
fn shapes(args: &CopierArgs) -> Vec<Shape> {
    let speed = Speed::of(&args.model.model);
    let chosen = |asked: &[u64], all: &[u64]| {
        let mut chosen = if asked.is_empty() { all } else { asked }.to_vec();
        chosen.sort_unstable();
        chosen.dedup();
        chosen
    };
    let asked: Vec<_> = args
        .parts_in_flight
        .iter()
        .map(|&parts| parts.into())
        .collect();
    let parts_in_flight = chosen(&asked, &PARTS_IN_FLIGHT.map(u64::from));
    let shape = |size, parts: u64| Shape::new(size, parts as u32, &speed);
    let sizes = chosen(&args.size, &SIZES);
    let of = |&size: &u64| parts_in_flight.iter().map(move |&parts| shape(size, parts));
    sizes.iter().flat_map(of).collect()
}
