//! `s3-fanout bench peers`: our backup beside the tools that one would take instead.

mod found;
mod peer;
pub mod report;
mod row;
mod stage;
mod workload;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::deployment::log::Log;
use crate::deployment::model::NamedModel;
use crate::interrupt;
use crate::progress::Step;
use crate::{answer, exit};
use found::Found;
use peer::Peer;
use report::{Report, Results};
use row::Row;
use stage::Stage;
use workload::Workload;

/// What `bench peers` may be told.
#[derive(Debug, clap::Args)]
pub struct PeersArgs {
    /// What S3 takes for everything: s3-2016, s3-2023, lan, or a file of one's own
    #[arg(long, value_name = "NAME|FILE", default_value = crate::speed::MEASURED)]
    pub model: NamedModel,
    /// Only these objects; may be given several times [default: all]
    #[arg(long, value_name = "NAME")]
    workload: Vec<Workload>,
    /// Only this tool; may be given several times [default: all]
    #[arg(long, value_name = "NAME")]
    peer: Vec<Peer>,
    /// How often each tool copies them
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub runs: u32,
    /// The Python that has boto3 [default: python3.11 or python3 of PATH, whichever has it]
    #[arg(long, value_name = "PATH")]
    pub python: Option<PathBuf>,
    /// Copy only so many objects: a quick look, whose figures say little
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub objects: Option<u32>,
    /// Print one JSON object on standard output, and nothing else there
    #[arg(long)]
    pub json: bool,
}

/// Lets every tool that is installed copy the same objects, and compares what they took and what arrived.
pub fn run(args: &PeersArgs) -> Result<ExitCode> {
    interrupt::or_done(bench(args), interrupt::ALL_WAS_HERE)
}

async fn bench(args: &PeersArgs) -> Result<ExitCode> {
    let peers = found::all(&args.peer, args.python.as_deref()).await?;
    let log = Log::create("bench")?;
    let mut results = Vec::new();
    for workload in Workload::chosen(&args.workload) {
        let measured = measure(args, workload, &peers, &log).await;
        results.push(measured.map_err(|error| error.context(workload.name()))?);
    }
    let report = Report::new(args.model.name.clone(), args.runs, results);
    answer::print(&report, args.json)?;
    Ok(exit::found(report.is_good()))
}

/// The results of every tool. Their runs take turns, so that what else this machine does meets all of them.
async fn measure(
    args: &PeersArgs,
    workload: Workload,
    peers: &[Found],
    log: &Log,
) -> Result<Results> {
    let objects = args.objects.unwrap_or(workload.objects());
    let stage = Stage::start(workload, objects, &args.model.model, log).await?;
    let all = u64::from(args.runs) * peers.len() as u64;
    let step = Step::of(workload.name(), all, "runs");
    let mut samples: Vec<_> = peers.iter().map(|_| Vec::new()).collect();
    for number in 1..=args.runs {
        for (peer, samples) in peers.iter().zip(&mut samples) {
            samples.push(stage.copy_with(peer, number).await?);
            step.one_more();
        }
    }
    drop(step);
    let rows = peers.iter().zip(samples);
    let results = Results {
        workload: workload.name().to_owned(),
        objects: u64::from(objects),
        bytes: stage.bytes(),
        rows: rows
            .map(|(peer, samples)| Row::new(peer, samples))
            .collect(),
    };
    stage.end().await;
    Ok(results)
}
