//! `s3-fanout backup`: the publisher's listing and the copier's copies in this process, without Lambda and SNS.

mod args;
mod failures;
mod summary;

use std::mem;
use std::panic;
use std::path::Path;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::Result;
use backup::aws::chain;
use backup::deadline::{Call, Deadline};
use copier::copy::{Action, Copier};
use copier::error::CopyError;
use copier::policy::Overwrite;
use futures::future::{FutureExt, ready};
use futures::stream::{self, BoxStream, StreamExt};
use publisher::config::LIST_CONCURRENCY;
use publisher::filter::Filter;
use publisher::list::Listed;
use publisher::listing::Listing;
use publisher::step::Step;
use tokio::runtime::Builder;
use tokio_util::task::AbortOnDropHandle;

pub use self::args::BackUpArgs;
use self::failures::{Failure, List};
use self::summary::Summary;
use crate::buckets::Buckets;
use crate::progress::{Amount, Meter};
use crate::{answer, descriptors, exit, interrupt, warnings};

/// Ctrl-C, as the listing and the copies see it.
static STOP: Call = Call::new();

/// Requests in flight for which one thread is enough: it makes and signs some 4,000 a second, and one that copies a part
/// of the default size takes S3 most of a second.
const REQUESTS_OF_A_THREAD: u16 = 2_000;

/// Backs up to the end, or until Ctrl-C; then what is under way ends in order.
///
/// # Errors
/// A bucket cannot be used, or the failure list cannot be written.
pub fn run(args: &BackUpArgs) -> Result<ExitCode> {
    warnings::show();
    // Copies wait, and what they share stays with one processor, until that one cannot make all their requests in time.
    let threads = args
        .copies
        .requests_in_flight
        .div_ceil(REQUESTS_OF_A_THREAD);
    let mut runtime = match threads {
        ..=1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    runtime.worker_threads(threads.into());
    runtime.enable_all().build()?.block_on(back_up(args))
}

async fn back_up(args: &BackUpArgs) -> Result<ExitCode> {
    let config = args.copier_config()?;
    let (scope, filter) = (args.scope.scope()?, args.scope.filter()?);
    descriptors::reserve_for(args.copies.concurrency, args.copies.requests_in_flight)?;
    let list = List::new(args.failures.as_deref())?;
    let retry = args.retry.as_deref();
    let retry = retry.map(|path| failures::keys(path, &args.buckets.source));
    let retry = retry.transpose()?;
    let sdk = args.access.sdk_config(None).await?;
    let buckets = Buckets::open(&args.buckets, &sdk).await?;
    let compare = !args.all && config.overwrite != Overwrite::Always;
    let copies = usize::from(args.copies.concurrency);
    let work = Arc::new(BackUp {
        copier: Copier::over(
            &buckets.source.sdk,
            &buckets.dest.sdk,
            config,
            args.copies.requests_in_flight.into(),
        ),
        filter,
        meter: Meter::begin("copying"),
        state: Mutex::new(State {
            summary: Summary {
                retried: retry.is_some(),
                ..Summary::default()
            },
            list,
        }),
        began: Instant::now(),
    });
    let stopping = AbortOnDropHandle::new(tokio::spawn(interrupt::stop_then_end(&STOP)));
    let jobs = match retry {
        Some(keys) => stream::iter(keys.map(|key| key.map(|key| work.again(key)))).boxed(),
        None => {
            let copies = compare.then(|| buckets.copies());
            let ranges = scope.ranges(&args.scope.prefix_format);
            let listing = Listing::new(buckets.source.listed(), copies, ranges, LIST_CONCURRENCY);
            listing
                .filter_map(|step| ready(work.note(step).transpose()))
                .boxed()
        }
    };
    work.copy_all(jobs, copies).await?;
    drop(stopping);
    let summary = work.finish();
    answer::print(&summary, args.json)?;
    Ok(match summary.interrupted {
        true => ExitCode::from(exit::INTERRUPTED),
        false => exit::found(summary.is_good()),
    })
}

/// A backup under way.
struct BackUp {
    copier: Copier,
    filter: Filter,
    meter: Meter,
    state: Mutex<State>,
    began: Instant,
}

/// What it has come to.
struct State {
    summary: Summary,
    list: List,
}

/// An object to copy.
struct Job {
    key: String,
    /// Its size in bytes, as far as a listing has shown it.
    size: u64,
    /// Whether a listing has shown that it has no copy.
    is_missing: bool,
}

impl BackUp {
    /// Counts what the listing comes upon; an object that is to be copied comes out.
    fn note(&self, step: Step) -> Result<Option<Job>> {
        let mut state = self.state();
        let summary = &mut state.summary;
        let Listed {
            object,
            is_archived,
            is_unchanged,
            is_missing,
        } = match step {
            Step::Object(_, listed) => listed,
            Step::Failed(_, error) => {
                summary.unlisted.push(chain(&error));
                return Ok(None);
            }
            Step::Opened(..) | Step::Split { .. } | Step::Ended(_) => return Ok(None),
        };
        summary.listed += 1;
        if !self.filter.passes(&object) {
            summary.filtered += 1;
        } else if is_unchanged {
            summary.unchanged += 1;
        } else if is_archived {
            let archived = CopyError::Archived {
                object: object.to_string(),
                cause: None,
            };
            state.fail(&object.bucket, &object.key, &archived)?;
        } else {
            self.meter.expect(Amount::of(object.size));
            return Ok(Some(Job {
                key: object.key,
                size: object.size,
                is_missing,
            }));
        }
        Ok(None)
    }

    /// An object of a failure list.
    fn again(&self, key: String) -> Job {
        self.state().summary.listed += 1;
        self.meter.expect(Amount::of(0));
        Job {
            key,
            size: 0,
            is_missing: false,
        }
    }

    /// Copies every object, so many at the same time, until someone asks to stop. What is under way always ends, also
    /// where the listing of failures fails.
    async fn copy_all(
        self: &Arc<Self>,
        jobs: BoxStream<'_, Result<Job>>,
        copies: usize,
    ) -> Result<()> {
        let end = stream::once(async { self.meter.all_known() }).filter_map(|()| ready(None));
        let jobs = jobs.chain(end).take_until(Deadline::called(&STOP).near());
        // A task of its own for each: what it sends leaves while others are still made.
        let copying = jobs.map(|job| {
            let work = Arc::clone(self);
            let copy = tokio::spawn(async move { work.copy(job?).await });
            AbortOnDropHandle::new(copy)
                .map(|ended| ended.unwrap_or_else(|error| panic::resume_unwind(error.into_panic())))
        });
        let mut copying = pin!(copying.buffer_unordered(copies));
        let mut outcome = Ok(());
        while let Some(copied) = copying.next().await {
            if copied.is_err() && outcome.is_ok() {
                STOP.make();
                outcome = copied;
            }
        }
        outcome
    }

    async fn copy(&self, job: Job) -> Result<()> {
        let (key, deadline) = (&job.key, Deadline::called(&STOP));
        let copied = match job.is_missing {
            true => self.copier.copy_missing_until(key, deadline).await,
            false => self.copier.copy_until(key, deadline).await,
        };
        let mut state = self.state();
        match copied {
            Ok(outcome) if outcome.action == Action::Unchanged => state.summary.unchanged += 1,
            Ok(outcome) => {
                state.summary.copied += 1;
                state.summary.bytes += outcome.size_bytes;
            }
            // It was asked for; the same command goes on.
            Err(CopyError::DeadlineNear { .. }) => return Ok(()),
            Err(error) => state.fail(&self.copier.config.source_bucket, &job.key, &error)?,
        }
        self.meter.done(Amount::of(job.size));
        Ok(())
    }

    fn finish(&self) -> Summary {
        let mut state = self.state();
        let summary = mem::take(&mut state.summary);
        Summary {
            failures_file: state.list.path().map(Path::to_owned),
            interrupted: Deadline::called(&STOP).is_near(),
            elapsed_ms: self.began.elapsed().as_millis() as u64,
            ..summary
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn fail(&mut self, bucket: &str, key: &str, error: &CopyError) -> Result<()> {
        let (error_type, error) = (error.error_type(), chain(error));
        self.summary.add_failure(error_type, &error);
        self.list.add(&Failure {
            bucket,
            key,
            error_type,
            error: &error,
        })
    }
}
