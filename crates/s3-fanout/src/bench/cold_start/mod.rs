//! `s3-fanout bench cold-start`: what a new execution environment costs, beside the same handlers with boto3.

mod candidate;
mod package;
mod python;
mod report;
mod row;
mod stage;

use std::process::ExitCode;

use anyhow::Result;

use crate::args::BenchColdStartArgs;
use crate::deployment::log::Log;
use crate::interrupt;
use crate::progress::Step;
use crate::{answer, exit};
use candidate::Candidate;
use python::Python;
use report::Report;
use row::Row;
use stage::{Sample, Stage};

/// Starts every candidate so many times and compares what was measured.
pub fn run(args: &BenchColdStartArgs) -> Result<ExitCode> {
    interrupt::or_done(bench(args), interrupt::ALL_WAS_HERE)
}

async fn bench(args: &BenchColdStartArgs) -> Result<ExitCode> {
    let mut candidates = package::bootstraps(&args.build)?;
    let python = Python::find(args.python.as_deref())?;
    match &python {
        Some(python) => candidates.extend(python.candidates()?),
        None => eprintln!("{}", python::SKIPPED),
    }
    // The languages of a function one after the other, so that what else this machine does meets both.
    candidates.sort_by_key(|candidate| candidate.kind);
    let log = Log::create("bench")?;
    let samples = match measure(&candidates, args.starts, &log).await {
        Ok(samples) => samples,
        Err(error) => return Err(error.context(log.keep()?)),
    };
    let rows = candidates.iter().zip(&samples);
    let rows = rows.map(|(candidate, samples)| Row::new(candidate, samples));
    let report = Report::new(
        rows.collect(),
        args.starts,
        python.map(Python::into_versions),
    );
    answer::print(&report, args.json)?;
    Ok(exit::found(report.is_good()))
}

/// The samples of every candidate. Their starts take turns, and the first of each is not counted: it reads from the
/// disk what all others find in memory.
async fn measure(candidates: &[Candidate], starts: u32, log: &Log) -> Result<Vec<Vec<Sample>>> {
    let stage = Stage::start(log).await?;
    let all = (u64::from(starts) + 1) * candidates.len() as u64;
    let step = Step::of("starting", all, "starts");
    let mut samples = vec![Vec::new(); candidates.len()];
    for number in 0..=starts {
        for (candidate, samples) in candidates.iter().zip(&mut samples) {
            let sample = stage.cold_start(candidate, number).await?;
            if number > 0 {
                samples.push(sample);
            }
            step.one_more();
        }
    }
    drop(step);
    stage.end().await;
    Ok(samples)
}
