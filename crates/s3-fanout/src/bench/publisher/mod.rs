//! `s3-fanout bench publisher`: the publisher at the sizes it must bear, 20 ms for every request.

mod bound;
mod case;
mod objects;
mod report;
mod row;
mod seen;
mod stage;

use std::process::ExitCode;

use anyhow::Result;

use crate::deployment::log::Log;
use crate::interrupt;
use crate::{answer, exit};
pub use case::names;
use report::Report;

/// Runs the cases of these names, or all, one after another, each in a sandbox of its own and with one of so many
/// of its keys.
pub fn run(names: &[String], scale: u64, json: bool) -> Result<ExitCode> {
    interrupt::or_done(bench(names, scale, json), interrupt::ALL_WAS_HERE)
}

async fn bench(names: &[String], scale: u64, json: bool) -> Result<ExitCode> {
    let log = Log::create("bench")?;
    let mut rows = Vec::new();
    for case in case::chosen(names, scale) {
        let measured = stage::measure(&case, &log).await;
        let measured = match measured {
            Ok(measured) => measured,
            Err(error) => return Err(error.context(case.name).context(log.keep()?)),
        };
        rows.push(row::row(&case, measured, &rows));
    }
    let report = Report::new(rows);
    answer::print(&report, json)?;
    if !report.is_good() {
        eprintln!("{}", log.keep()?);
    }
    Ok(exit::found(report.is_good()))
}
