//! `s3-fanout plan`: what a backup would copy, how long it would take and what it would cost, before anything is copied.

mod answer;
mod choose;
mod lambda;
mod planning;
mod publishing;
mod queue;
pub mod recommend;
mod screen;
mod sizes;
mod time;
mod totals;
mod why;

use std::process::ExitCode;

use anyhow::Result;
use futures::StreamExt;
use publisher::config::LIST_CONCURRENCY;
use publisher::listing::Listing;
use publisher::step::Step;

use self::answer::{Answer, Place, Setup};
use self::choose::Asked;
use self::totals::Totals;
use crate::access::Access;
use crate::buckets::{Bucket, BucketArgs, Buckets};
use crate::cost::prices::Architecture;
use crate::deployment::model::NamedModel;
use crate::progress::{Amount, Meter};
use crate::scope::ScopeArgs;
use crate::speed::{MEASURED, Speed};
use crate::{answer as answers, exit, interrupt, warnings};

/// What an interruption means.
const INTERRUPTED: &str =
    "a plan writes nothing; run it again, or with fewer days for a quicker one";

/// What `plan` may be told.
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    /// Print one JSON object on standard output, and nothing else there
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    buckets: BucketArgs,
    #[command(flatten)]
    scope: ScopeArgs,
    /// Plan what is copied already, too, as if nothing were
    #[arg(long, help_heading = "Objects")]
    all: bool,
    #[command(flatten)]
    settings: SettingArgs,
    #[command(flatten)]
    access: Access,
}

/// What is decided already.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Settings")]
struct SettingArgs {
    /// Objects copied at the same time [default: what suits best]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    concurrency: Option<u32>,
    /// The size that parts come near to, in MiB [default: what suits best]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(5..=5_120))]
    part_size_mib: Option<u64>,
    /// Parts of one object copied at the same time [default: what suits best]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    parts_in_flight: Option<u32>,
    /// The processor that the functions run on
    #[arg(long, value_name = "NAME", value_enum, default_value_t)]
    architecture: Architecture,
    /// How fast S3 is taken to be: s3-2023 as it was last measured, s3-2016, lan, or a file of such figures
    #[arg(long, value_name = "NAME|FILE", default_value = MEASURED)]
    model: NamedModel,
}

/// Lists and tells the plan.
pub fn run(args: &PlanArgs) -> Result<ExitCode> {
    warnings::show();
    interrupt::or_done(plan(args), INTERRUPTED)
}

async fn plan(args: &PlanArgs) -> Result<ExitCode> {
    let asked = Asked {
        concurrency: args.settings.concurrency,
        part_size_mib: args.settings.part_size_mib,
        parts_in_flight: args.settings.parts_in_flight,
    };
    let scope = args.scope.scope()?;
    let mut totals = Totals::new(
        args.scope.filter()?,
        args.all,
        Speed::of(&args.settings.model.model),
        &asked.part_sizes_mib(),
        &asked.parts_in_flight(),
    );
    let sdk = args.access.sdk_config(None).await?;
    let buckets = Buckets::open(&args.buckets, &sdk).await?;
    let mut listing = Listing::new(
        buckets.source.listed(),
        Some(buckets.copies()),
        scope.ranges(&args.scope.prefix_format),
        LIST_CONCURRENCY,
    );
    let meter = Meter::begin("listing");
    while let Some(step) = listing.next().await {
        if matches!(step, Step::Object(..)) {
            meter.done(Amount {
                objects: 1,
                bytes: 0,
            });
        }
        totals.note(step)?;
    }
    drop(meter);
    let setup = Setup {
        source: place(&buckets.source),
        dest: place(&buckets.dest),
        asked,
        architecture: args.settings.architecture,
        model: args.settings.model.name.clone(),
    };
    let answer = Answer::of(&totals, &setup);
    answers::print(&answer, args.json)?;
    Ok(exit::found(answer.is_good()))
}

fn place(bucket: &Bucket) -> Place {
    let region = bucket.sdk.region().map(ToString::to_string);
    Place {
        bucket: bucket.name.clone(),
        region: region.unwrap_or_default(),
    }
}
