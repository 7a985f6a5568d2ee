//! `s3-fanout backfill`: invokes the deployed publisher until its run is complete, and watches the destination fill.

mod bars;
mod fill;
mod function;
mod queues;
mod summary;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use backup::day::{Day, Days, PrefixFormat};
use publisher::filter::{Filter, Wanted};
use publisher::scope::Scope;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use self::bars::Bars;
use self::fill::DayFill;
use self::function::{Published, Publisher};
use self::queues::Queues;
use self::summary::{Summary, months};
use crate::access::Access;
use crate::buckets::Buckets;
use crate::exit::UsageError;
use crate::progress::Meter;
use crate::{answer, exit, interrupt, verify, warnings};

/// The shortest pause between two looks at the destination.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Between two looks at least so many times as long as a look takes: listing six months is some hundred requests.
const PAUSE_PER_LOOK: u32 = 10;

/// What an interruption means: all that works, works elsewhere.
const GOES_ON: &str = "the publisher and the copiers go on; the same command with --watch-only watches them on, and \
                       without it publishes what is still missing";

/// What `backfill` may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct BackFillArgs {
    /// Print one JSON object on standard output, and nothing else there
    #[arg(long)]
    pub json: bool,
    /// The deployed publisher: the stack's output PublisherFunctionName
    #[arg(long, value_name = "NAME")]
    pub function: String,
    /// The first day
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub from: Day,
    /// The last day
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub to: Day,
    /// Publish every object, not only those whose copy is missing, differs in size or is older
    #[arg(long, conflicts_with = "watch_only")]
    pub all: bool,
    /// Only watch a back-fill that runs
    #[arg(long)]
    pub watch_only: bool,
    /// A failure queue to watch: the stack's outputs CopierFailureQueueUrl and SubscriptionFailureQueueUrl
    #[arg(long, value_name = "URL")]
    pub queue: Vec<String>,
    /// How long to wait when nothing is copied any more: Lambda's retries take three minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1_440))]
    pub patience_mins: u64,
    #[command(flatten)]
    pub access: Access,
}

/// Fills to the end, or watches until Ctrl-C.
///
/// # Errors
/// The function or a bucket cannot be used, or the publisher failed.
pub fn run(args: &BackFillArgs) -> Result<ExitCode> {
    warnings::show();
    interrupt::or_done(back_fill(args), GOES_ON)
}

async fn back_fill(args: &BackFillArgs) -> Result<ExitCode> {
    let began = Instant::now();
    let days = Days::new(args.from, args.to).map_err(|error| UsageError(error.to_string()))?;
    let sdk = args.access.sdk_config(None).await?;
    let publisher = Publisher::find(&sdk, &args.function).await?;
    let buckets = Buckets::open(&publisher.buckets, &sdk).await;
    let buckets = buckets.with_context(|| {
        let (source, dest) = (&publisher.buckets.source, &publisher.buckets.dest);
        format!("{} backs up {source} to {dest}", args.function)
    })?;
    let fill = Fill {
        format: publisher.prefix_format.parse()?,
        queues: Queues::open(&sdk, &args.queue).await?,
        patience: Duration::from_secs(60 * args.patience_mins),
        buckets,
    };
    let (filled, published) = fill.fill(days, publish(&publisher, args)).await?;
    let verified = fill.verify(days).await?;
    let summary = Summary {
        function: args.function.clone(),
        invocations: published.invocations,
        publisher: published.total,
        months: months(&filled.fills),
        failed_messages: fill.queues.added().await?,
        stalled: filled.stalled,
        verified,
        elapsed_ms: began.elapsed().as_millis() as u64,
    };
    answer::print(&summary, args.json)?;
    Ok(exit::found(summary.is_good()))
}

/// What the publisher has answered.
#[derive(Debug, Default)]
struct Answers {
    invocations: u64,
    total: Published,
}

/// Invokes the publisher, again and again where its time is up, until it has published everything.
async fn publish(publisher: &Publisher, args: &BackFillArgs) -> Result<Answers> {
    let mut answers = Answers::default();
    let only = if args.all { "all" } else { "changed" };
    let first = json!({"from": args.from.to_string(), "to": args.to.to_string(), "only": only});
    let mut next: Option<Value> = (!args.watch_only).then_some(first);
    while let Some(event) = next {
        let answer = publisher.invoke(&event).await?;
        answers.invocations += 1;
        answers.total.listed += answer.listed;
        answers.total.unchanged += answer.unchanged;
        answers.total.archived += answer.archived;
        answers.total.published += answer.published;
        next = answer.resume;
    }
    Ok(answers)
}

/// A destination that fills.
struct Fill {
    buckets: Buckets,
    format: PrefixFormat,
    queues: Queues,
    patience: Duration,
}

/// The destination as it was seen last.
struct Filled {
    fills: Vec<DayFill>,
    stalled: bool,
}

impl Fill {
    /// Watches the destination until everything is there, or nothing comes any more.
    async fn fill(
        &self,
        days: Days,
        publishing: impl Future<Output = Result<Answers>>,
    ) -> Result<(Filled, Answers)> {
        let mut publishing = std::pin::pin!(publishing);
        let mut published = None;
        let mut fills = fill::days(days);
        let mut looked = Instant::now();
        fill::look(&self.buckets, &self.format, &mut fills, true).await?;
        let bars = Bars::begin(&months(&fills));
        let mut moved = Instant::now();
        loop {
            let pause = LOOK_EVERY.max(looked.elapsed() * PAUSE_PER_LOOK);
            tokio::select! {
                answers = &mut publishing, if published.is_none() => {
                    published = Some(answers?);
                    moved = Instant::now();
                }
                () = sleep(pause) => {}
            }
            looked = Instant::now();
            let before = there(&fills);
            let failed = self
                .look(&mut fills)
                .await
                .with_context(|| format!("the back-fill cannot be watched any more: {GOES_ON}"))?;
            bars.show(&months(&fills), failed);
            if there(&fills) != before {
                moved = Instant::now();
            }
            let left = left(&fills);
            let stalled = moved.elapsed() >= self.patience;
            // Every object that is missing has its message in a failure queue.
            let given_up = left > 0 && failed >= left;
            if published.is_some() && (left == 0 || given_up || stalled) {
                let answers = published.unwrap_or_default();
                return Ok((Filled { fills, stalled }, answers));
            }
        }
    }

    /// Looks at what was not full, and returns how many messages the failure queues have got.
    async fn look(&self, fills: &mut [DayFill]) -> Result<u64> {
        fill::look(&self.buckets, &self.format, fills, false).await?;
        self.queues.added().await
    }

    async fn verify(&self, days: Days) -> Result<verify::Findings> {
        let scope = Scope {
            ranges: Vec::new(),
            days: Some(days),
        };
        let everything = Filter::new(Wanted::default())?;
        let meter = Meter::begin("verifying");
        let (buckets, format) = (&self.buckets, &self.format);
        let options = verify::Options::default();
        verify::verify(
            buckets,
            &scope,
            &everything,
            format,
            options,
            &meter,
            |_| Ok(()),
        )
        .await
    }
}

/// Objects whose copies are there.
fn there(fills: &[DayFill]) -> u64 {
    fills.iter().map(|fill| fill.there.objects).sum()
}

/// Objects whose copies are not there yet.
fn left(fills: &[DayFill]) -> u64 {
    let left = |fill: &DayFill| fill.wanted.objects - fill.there.objects;
    fills.iter().map(left).sum()
}
