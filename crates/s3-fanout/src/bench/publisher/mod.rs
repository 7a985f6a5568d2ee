//! `s3-fanout bench publisher`: the publisher at the sizes it must bear, 20 ms for every request.

mod bound;
mod case;
mod objects;
mod report;
mod row;
mod seen;
mod stage;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;

use crate::args::BenchPublisherArgs;
use crate::interrupt;
use crate::log::Log;
pub use case::names;
use report::Report;

/// Runs the cases one after another, each in a sandbox of its own.
pub fn run(args: &BenchPublisherArgs) -> Result<ExitCode> {
    interrupt::or_done(bench(args))
}

async fn bench(args: &BenchPublisherArgs) -> Result<ExitCode> {
    let log = Log::create("bench")?;
    let mut rows = Vec::new();
    for case in case::chosen(&args.case, args.scale) {
        let measured = stage::measure(&case, &log).await;
        let measured = match measured {
            Ok(measured) => measured,
            Err(error) => return Err(error.context(case.name).context(log.keep()?)),
        };
        rows.push(row::row(&case, measured, &rows));
    }
    let report = Report::new(rows);
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
    } else {
        write!(out, "{report}")?;
    }
    if report.is_good() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("{}", log.keep()?);
    Ok(ExitCode::FAILURE)
}
