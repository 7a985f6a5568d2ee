//! `s3-fanout verify`: whether every object has its copy.

mod answer;
mod args;
pub mod chart;
mod compared;
pub mod demo;
mod difference;
mod findings;
mod histogram;
mod look;
mod output;
mod report;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use backup::day::PrefixFormat;
use futures::stream::TryStreamExt;
use publisher::filter::Filter;
use publisher::scope::Scope;

use crate::buckets::Buckets;
use crate::progress::{Amount, Meter};
use crate::{exit, interrupt, warnings};
use answer::Answer;
pub use args::VerifyArgs;
pub use compared::Options;
use compared::{Sides, ranges};
pub use difference::Difference;
pub use findings::Findings;
use output::Outputs;

/// Verifies to the end or to Ctrl-C.
pub fn run(args: &VerifyArgs) -> Result<ExitCode> {
    interrupt::or_done(
        command(args),
        "nothing was changed, and no file was written; run the same command again",
    )
}

async fn command(args: &VerifyArgs) -> Result<ExitCode> {
    warnings::show();
    let (scope, filter) = (args.scope.scope()?, args.scope.filter()?);
    let mut outputs = Outputs::create(args)?;
    let sdk = args.access.sdk_config(None).await?;
    let buckets = Buckets::open(&args.buckets, &sdk).await?;
    let meter = Meter::begin("verifying");
    let began = Instant::now();
    let format = &args.scope.prefix_format;
    let found = verify(
        &buckets,
        &scope,
        &filter,
        format,
        args.options(),
        &meter,
        |difference| outputs.add(difference),
    );
    let findings = found.await?;
    drop(meter);
    let answer = Answer::new(args, findings, began.elapsed());
    outputs.finish(&answer)?;
    crate::answer::print(&answer, args.json)?;
    Ok(exit::found(answer.is_good()))
}

/// Compares every wanted object of the scope with its copy, and tells every difference as it is found, in no order.
/// Memory is bounded whatever the number of keys.
///
/// # Errors
/// A listing failed, so that nobody knows what is missing, or `tell` failed.
pub async fn verify(
    buckets: &Buckets,
    scope: &Scope,
    filter: &Filter,
    format: &PrefixFormat,
    options: Options,
    meter: &Meter,
    mut tell: impl FnMut(&Difference) -> Result<()>,
) -> Result<Findings> {
    let sides = Sides {
        source: buckets.source.listed(),
        copies: buckets.copies(),
    };
    let mut findings = Findings::new();
    let keys = sides.compared(ranges(scope, format), filter, options);
    let mut keys = std::pin::pin!(keys);
    while let Some(compared) = keys.try_next().await? {
        if compared.source.is_some() {
            // No object's bytes are moved.
            meter.done(Amount::of(0));
        }
        if let Some(difference) = findings.add(&compared) {
            tell(&difference)?;
        }
    }
    Ok(findings)
}
