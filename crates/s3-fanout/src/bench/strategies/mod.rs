//! `s3-fanout bench strategies`: what others did before, and ours, on the same model of S3 and the same objects.

mod args;
mod calls;
mod chart;
pub mod child;
mod fraction;
mod lambda;
mod ours;
mod page;
pub mod report;
mod row;
mod stage;
mod strategy;
mod sweep;
mod workload;

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::bench::limit::{Bound, limit};
use crate::deployment::log::Log;
use crate::exit::UsageError;
use crate::progress::above;
use crate::speed::{DEFAULT_PARTS_IN_FLIGHT, DEFAULT_SIZES};
use crate::{answer, exit, interrupt};
pub use args::BenchStrategiesArgs;
use ours::Ours;
use report::{Report, Setting};
use row::{Row, Share};
use stage::Run;
use strategy::Strategy;
use workload::Workload;

/// The most that the fan-out may take of its least time.
const FAN_OUT_RATIO: f64 = 1.25;
/// The most that `backup` may take of its own.
const BACKUP_RATIO: f64 = 1.2;
/// From so many copies at once a machine's processors are busy with their requests, and either may take more.
const MANY: u16 = 250;
const RATIO_OF_MANY: f64 = 1.5;
/// What either may take where S3 takes fewer requests than it could be asked: who waits must not wait too long.
const RATIO_OF_THROTTLED: f64 = 1.3;
/// The most memory that a backup of small objects may take, be they 2,000 or 100,000, in MB (2^20 bytes).
const PEAK_OF_SMALL_MB: f64 = 40.0;
/// How many times as fast as the threads of 2016 the fan-out is at least, by model.
const TIMES_AS_FAST: [(&str, f64); 2] = [("s3-2016", 7.0), ("s3-2023", 2.5)];
/// Copies at once that these two are said of.
const USUAL_CONCURRENCY: u16 = 100;

/// Runs the strategies one after another.
///
/// # Errors
/// A strategy is asked for that does not do the workload, or something does not start.
pub fn run(args: &BenchStrategiesArgs) -> Result<ExitCode> {
    interrupt::or_done(bench(args), interrupt::ALL_WAS_HERE)
}

async fn bench(args: &BenchStrategiesArgs) -> Result<ExitCode> {
    let strategies = chosen(args)?;
    if args.sweep && args.workload != Workload::Day {
        let workload = args.workload.name();
        bail!(UsageError(format!(
            "--sweep is of --workload day; {workload} has no parts"
        )));
    }
    // One that cannot be written should not be found out after minutes.
    let create = |file: &PathBuf| {
        File::create(file).with_context(|| format!("cannot write {}", file.display()))
    };
    let mut page = args.html.as_ref().map(create).transpose()?;
    let log = Log::create("bench")?;
    let done = match args.workload.copies() {
        true => copying(args, &strategies, &log).await,
        false => calls::bench(args, &strategies, &log).await,
    };
    let report = match done {
        Ok(report) => report,
        Err(error) => return Err(error.context(log.keep()?)),
    };
    if let (Some(file), Some(page)) = (&args.html, &mut page) {
        page.write_all(page::page(&report)?.as_bytes())
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    answer::print(&report, args.json)?;
    if !report.is_good() {
        eprintln!("{}", log.keep()?);
    }
    Ok(exit::found(report.is_good()))
}

/// Those that are asked for, in the order of the table.
fn chosen(args: &BenchStrategiesArgs) -> Result<Vec<Strategy>> {
    let all = Strategy::of(args.workload);
    if let Some(other) = args.strategy.iter().find(|asked| !all.contains(asked)) {
        let names: Vec<_> = all.iter().map(|strategy| strategy.name()).collect();
        bail!(UsageError(format!(
            "--strategy {} does not do --workload {}; accepted are {}",
            other.name(),
            args.workload.name(),
            names.join(", ")
        )));
    }
    let is_asked =
        |strategy: &&Strategy| args.strategy.is_empty() || args.strategy.contains(strategy);
    Ok(all.iter().filter(is_asked).copied().collect())
}

async fn copying(args: &BenchStrategiesArgs, strategies: &[Strategy], log: &Log) -> Result<Report> {
    let (model, workload) = (&args.model.model, args.workload);
    let objects = args.objects.unwrap_or(workload.objects());
    let sizes = workload.sizes(objects);
    let ours = Ours {
        part_size_mib: Some(args.part_size_mib.into()),
        parts_in_flight: args.parts_in_flight,
    };
    let least = limit(
        model,
        ours.limited(Strategy::FanOut, args.concurrency),
        &sizes,
    )?;
    let mut rows = Vec::new();
    for strategy in strategies {
        rows.push(one(args, *strategy, ours, &sizes, least.seconds, log).await?);
    }
    if let Some(least) = times_as_fast(args, ours) {
        row::expect_faster(&mut rows, least);
    }
    let swept = match args.sweep {
        true => Some(sweep::sweep(args, &sizes, log).await?),
        false => None,
    };
    let report = Report::new(Setting::of(args, &sizes), least, rows);
    Ok(Report {
        sweep: swept,
        ..report
    })
}

/// Runs a strategy, over a part of the objects if it would take too long.
async fn one(
    args: &BenchStrategiesArgs,
    strategy: Strategy,
    ours: Ours,
    sizes: &[u64],
    limit_s: f64,
    log: &Log,
) -> Result<Row> {
    let (model, objects) = (&args.model.model, sizes.len() as u32);
    let at_once = strategy.parallelism(args.concurrency, objects);
    let copied = match strategy.is_ours() {
        true => objects,
        false => fraction::objects(model, sizes, at_once),
    };
    let run = Run {
        strategy,
        workload: args.workload,
        model,
        concurrency: args.concurrency,
        ours,
        objects: copied,
    };
    above(|| eprintln!("{}: {copied} of {objects} objects", strategy.name()));
    let measured = stage::measure(run, log).await;
    let measured = measured.map_err(|error| error.context(strategy.name()))?;
    let share = Share {
        objects: objects.into(),
        copied: copied.into(),
        times: fraction::times(sizes, copied),
    };
    let mut row = Row::new(strategy, measured, share, limit_s);
    if strategy.is_ours() {
        judge(&mut row, args, ours, sizes)?;
    }
    Ok(row)
}

/// What is expected of ours.
fn judge(row: &mut Row, args: &BenchStrategiesArgs, ours: Ours, sizes: &[u64]) -> Result<()> {
    let own = limit(
        &args.model.model,
        ours.limited(row.strategy, args.concurrency),
        sizes,
    )?;
    let most = most_of_limit(row.strategy, args.concurrency, own.bound);
    row.expect_ratio(most, own.seconds);
    let is_usual = args.concurrency <= USUAL_CONCURRENCY;
    if row.strategy == Strategy::Backup && args.workload == Workload::Small && is_usual {
        row.expect_peak(PEAK_OF_SMALL_MB);
    }
    // Where S3 refuses some, those are counted, too.
    if own.bound != Bound::WriteRate {
        // All objects of both workloads have tags.
        row.expect_requests(ours.requests(row.strategy, sizes, true)?);
    }
    Ok(())
}

/// The most that ours may take of its least time.
fn most_of_limit(strategy: Strategy, concurrency: u16, bound: Bound) -> f64 {
    match (bound, strategy) {
        (Bound::WriteRate, _) => RATIO_OF_THROTTLED,
        _ if concurrency >= MANY => RATIO_OF_MANY,
        (_, Strategy::Backup) => BACKUP_RATIO,
        _ => FAN_OUT_RATIO,
    }
}

/// How many times as fast as the threads the fan-out is to be, if what was run is what that is said of.
fn times_as_fast(args: &BenchStrategiesArgs, ours: Ours) -> Option<f64> {
    let as_said = args.workload == Workload::Day
        && args.objects.is_none()
        && args.concurrency == USUAL_CONCURRENCY
        && ours.sizes() == DEFAULT_SIZES
        && ours.parts_in_flight == DEFAULT_PARTS_IN_FLIGHT;
    let of_model = TIMES_AS_FAST
        .iter()
        .find(|(name, _)| *name == args.model.name);
    of_model.filter(|_| as_said).map(|(_, least)| *least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ours_may_take_is_what_the_targets_say() {
        for (strategy, concurrency, bound, most) in [
            (Strategy::FanOut, 100, Bound::Rounds, 1.25),
            (Strategy::Backup, 100, Bound::Rounds, 1.2),
            (Strategy::FanOut, 250, Bound::LongestCopy, 1.5),
            (Strategy::Backup, 250, Bound::LongestCopy, 1.5),
            (Strategy::FanOut, 250, Bound::WriteRate, 1.3),
            (Strategy::Backup, 100, Bound::WriteRate, 1.3),
        ] {
            assert_eq!(most_of_limit(strategy, concurrency, bound), most);
        }
    }
}
