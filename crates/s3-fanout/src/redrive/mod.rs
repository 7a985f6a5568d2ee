//! `s3-fanout redrive`: what is in a failure queue, and doing it again.

mod advice;
mod letter;
mod queue;
mod resend;
mod review;

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, interval_at, timeout};
use tracing::warn;

use crate::access::Access;
use crate::interrupt::{self, interrupted};
use crate::progress::{Amount, Meter};
use crate::{answer, exit, warnings};

use letter::Letter;
use queue::{Held, OUT_OF_SIGHT, Queue, Received};
use resend::Takers;
use review::{Redrive, Review};

/// Messages beyond those that were there at the start that are read: the number is approximate.
const MARGIN: u64 = 10;

/// Batches in a row of which nothing is accepted before it is given up: the next would not be, either.
const VAIN_BATCHES: u32 = 3;

/// How long a request that is under way when someone asks to stop may take to end.
const GRACE: Duration = Duration::from_secs(3);

/// What a call has received.
type Batch = Result<Vec<Received>>;

/// What is asked for.
#[derive(Debug, clap::Args)]
pub struct RedriveArgs {
    /// The failure queue, such as the stack's output CopierFailureQueueUrl
    #[arg(long, value_name = "URL", value_parser = queue_url)]
    queue: String,
    /// Publish the messages again, and delete each from the queue after it was accepted
    #[arg(long)]
    yes: bool,
    /// Only failures of this errorType; may be given several times
    #[arg(long, value_name = "type=NAME", value_parser = filter)]
    filter: Vec<String>,
    /// Print one JSON object on standard output, and nothing else there
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: Access,
}

/// Shows what is in a queue, and does it again if it was told to.
pub fn run(args: RedriveArgs) -> Result<ExitCode> {
    warnings::show();
    interrupt::runtime()?.block_on(redrive(&args))
}

/// How the reading of a queue ended.
enum End {
    /// Everything was read.
    Empty,
    /// As many as there were at the start were read, or nothing is accepted any more.
    Enough,
    /// Someone asked to stop.
    Interrupted,
}

async fn redrive(args: &RedriveArgs) -> Result<ExitCode> {
    let region = match args.access.region {
        Some(_) => None,
        None => queue::region_of(&args.queue),
    };
    let sdk = args.access.sdk_config(region.as_ref().map(AsRef::as_ref));
    let sdk = sdk.await?;
    let queue = Queue::new(&sdk, &args.queue);
    let depth = queue.depth().await?;
    let mut run = Run {
        args,
        queue: &queue,
        takers: Takers::new(sdk),
        held: Held::default(),
        review: Review {
            queue: args.queue.clone(),
            unseen: depth.unseen,
            redrive: args.yes.then(Redrive::default),
            ..Review::default()
        },
    };
    let most = depth.visible + depth.visible / 10 + MARGIN;
    let meter = Meter::begin("redrive");
    meter.expect(amount(depth.visible));
    let end = run.read(most, &meter).await;
    meter.all_known();
    drop(meter);
    run.release().await;
    if let (Err(_), Some(Redrive { redriven, .. })) = (&end, &run.review.redrive) {
        eprintln!("{redriven} were done again and deleted before this; run the same to go on");
    }
    run.conclude(&end?)
}

/// One reading of a queue.
struct Run<'a> {
    args: &'a RedriveArgs,
    queue: &'a Queue<'a>,
    takers: Takers,
    held: Held,
    review: Review,
}

impl Run<'_> {
    /// Reads the queue until it is empty or so many messages were received, and does with each what is to be done.
    async fn read(&mut self, most: u64, meter: &Meter) -> Result<End> {
        let mut stop = std::pin::pin!(async {
            // Without signals there is nothing to wait for.
            if interrupted().await.is_err() {
                std::future::pending::<()>().await;
            }
        });
        let began = Instant::now();
        let (mut received, mut in_vain) = (0, 0);
        loop {
            let Some(batch) = self.receive(stop.as_mut()).await else {
                return Ok(End::Interrupted);
            };
            let batch = batch?;
            if batch.is_empty() {
                return Ok(End::Empty);
            }
            received += batch.len() as u64;
            meter.done(amount(batch.len() as u64));
            let letters = self.note(batch);
            if self.args.yes && !letters.is_empty() {
                let Some(accepted) = self.resend(&letters, stop.as_mut()).await else {
                    return Ok(End::Interrupted);
                };
                in_vain = if accepted { 0 } else { in_vain + 1 };
            }
            // What was received first would come back and be counted again.
            let is_over = !self.args.yes && began.elapsed() > OUT_OF_SIGHT / 2;
            if received >= most || in_vain == VAIN_BATCHES || is_over {
                return Ok(End::Enough);
            }
        }
    }

    /// Receives a batch, unless someone asks to stop. What is under way then is waited for, so that it can be released.
    async fn receive(&mut self, stop: Pin<&mut impl Future<Output = ()>>) -> Option<Batch> {
        let mut receiving = std::pin::pin!(self.queue.receive(&mut self.held));
        tokio::select! {
            batch = &mut receiving => return Some(batch),
            () = stop => {}
        }
        // Held is what matters of it; what comes later than this comes back by itself.
        let _ = timeout(GRACE, receiving).await;
        None
    }

    /// Counts what was received for the first time, and returns what can be done again.
    fn note(&mut self, batch: Vec<Received>) -> Vec<(String, Letter)> {
        let mut letters = Vec::new();
        for received in batch {
            if received.before {
                continue;
            }
            let letter = Letter::read(&received.body, &received.attributes);
            let filter = &self.args.filter;
            if !filter.is_empty() && !filter.contains(&letter.error_type) {
                self.review.filtered += 1;
                continue;
            }
            self.review.note(&letter);
            match (&mut self.review.redrive, letter.again.is_empty()) {
                (Some(done), true) => done.not_understood += 1,
                _ => letters.push((received.id, letter)),
            }
        }
        letters
    }

    /// Does a batch again and deletes what was accepted of it; returns whether anything was, or nothing if someone asks
    /// to stop before that is known.
    async fn resend(
        &mut self,
        letters: &[(String, Letter)],
        mut stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Option<bool> {
        let (ids, letters): (Vec<_>, Vec<_>) = letters.iter().map(|(i, l)| (i.clone(), l)).unzip();
        let mut resending = std::pin::pin!(self.takers.resend(&letters));
        let mut late = interval_at(Instant::now() + OUT_OF_SIGHT / 3, OUT_OF_SIGHT / 3);
        let outcomes = loop {
            tokio::select! {
                outcomes = &mut resending => break outcomes,
                () = stop.as_mut() => return None,
                _ = late.tick() => if let Some((messages, why)) = self.queue.keep(&ids, &self.held).await {
                    warn!(messages, why, "they may come back before they are done again");
                },
            }
        };
        let accepted = ids.into_iter().zip(&outcomes);
        let accepted = accepted.filter(|(_, outcome)| outcome.is_ok());
        let accepted: Vec<_> = accepted.map(|(id, _)| id).collect();
        let undeleted = match accepted.is_empty() {
            true => None,
            false => self.queue.delete(&accepted, &mut self.held).await,
        };
        if let Some(done) = &mut self.review.redrive {
            let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
            done.refused += refused.clone().count() as u64;
            done.reason = done
                .reason
                .take()
                .or_else(|| refused.clone().next().cloned());
            let (left, why) = undeleted.unwrap_or_default();
            done.undeleted += left as u64;
            done.redriven += (accepted.len() - left) as u64;
            done.reason = done.reason.take().or((left > 0).then_some(why));
        }
        Some(!accepted.is_empty())
    }

    /// Lets everything that is left be seen again.
    async fn release(&self) {
        if let Some((messages, why)) = self.queue.release(&self.held).await {
            let minutes = OUT_OF_SIGHT.as_secs() / 60;
            warn!(
                messages,
                why, "they are out of sight for at most {minutes} minutes"
            );
        }
    }

    /// Shows what was found and done.
    fn conclude(mut self, end: &End) -> Result<ExitCode> {
        self.review.complete = matches!(end, End::Empty);
        answer::print(&self.review, self.args.json)?;
        if matches!(end, End::Interrupted) {
            eprintln!(
                "interrupted: what was not done again can be seen in the queue; run the same to go on"
            );
            return Ok(ExitCode::from(exit::INTERRUPTED));
        }
        Ok(exit::found(self.review.is_settled()))
    }
}

fn amount(messages: u64) -> Amount {
    Amount {
        objects: messages,
        bytes: 0,
    }
}

/// A URL with a path.
fn queue_url(text: &str) -> Result<String, String> {
    let uri: Option<http::Uri> = text.parse().ok();
    let is_url = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.path().len() > 1
    });
    match is_url {
        true => Ok(text.to_owned()),
        false => Err(
            "a queue's URL is needed, such as https://sqs.eu-west-1.amazonaws.com/111122223333/failures"
                .to_owned(),
        ),
    }
}

/// The type in `type=NAME`.
fn filter(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some(("type", name)) if !name.is_empty() => Ok(name.to_owned()),
        _ => Err("a filter is type=NAME, such as type=AccessDenied".to_owned()),
    }
}
