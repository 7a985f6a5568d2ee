//! What a listing comes upon to batches of ten messages to SNS, no faster than is allowed and no longer.

use std::future::ready;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backup::deadline::Deadline;
use backup::message::Message;
use futures::stream::{Stream, StreamExt};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::warn;

use crate::filter::Filter;
use crate::pace::Pace;
use crate::progress::Job;
use crate::step::Step;
use crate::tally::Tally;
use crate::topic::{BATCH_ENTRIES, Failure, Topic};

/// How often the throughput is told.
const SAMPLE_EVERY: Duration = Duration::from_secs(2);

/// What is published, where to and until when.
pub struct Publication<'a> {
    /// The run's name, in every message.
    pub run: &'a str,
    /// Which objects are wanted.
    pub filter: &'a Filter,
    /// Where messages go; none only counts.
    pub topic: Option<Topic<'a>>,
    /// How fast.
    pub pace: Pace,
    /// When no more is listed and published.
    pub deadline: Deadline,
}

/// What became of ten or fewer jobs.
struct Batch {
    /// What was to be published, and whether its message was accepted.
    jobs: Vec<(Job, bool)>,
    failures: Vec<Failure>,
}

impl Batch {
    fn of(jobs: Vec<Job>, accepted: bool, failures: Vec<Failure>) -> Batch {
        let mut jobs: Vec<_> = jobs.into_iter().map(|job| (job, accepted)).collect();
        for failure in &failures {
            jobs[failure.entry].1 = false;
        }
        Batch { jobs, failures }
    }
}

impl Publication<'_> {
    /// Counts the objects of a listing and publishes a message for each that is wanted, until the listing or the
    /// time is over.
    pub async fn publish(&self, steps: impl Stream<Item = Step>) -> Tally {
        let tally = Mutex::new(Tally::new(self.run));
        self.drive(steps, &tally).await;
        tally.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    async fn drive(&self, steps: impl Stream<Item = Step>, tally: &Mutex<Tally>) {
        let concurrency = self.topic.map_or(1, |topic| topic.concurrency);
        let jobs = steps
            .take_until(self.deadline.near())
            .filter_map(|step| ready(lock(tally).note(step, self.filter)));
        let mut batches = pin!(
            jobs.then(|job| self.pace(job))
                .ready_chunks(BATCH_ENTRIES)
                .map(|jobs| self.publish_batch(jobs, tally))
                .buffer_unordered(concurrency)
        );
        let mut samples = interval_at(Instant::now() + SAMPLE_EVERY, SAMPLE_EVERY);
        samples.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                batch = batches.next() => match batch {
                    Some(batch) => self.settle(&mut lock(tally), batch),
                    None => break,
                },
                _ = samples.tick() => lock(tally).sample(&self.pace),
            }
        }
    }

    /// Waits until the job may be published; near the deadline the one that waits goes at once.
    async fn pace(&self, job: Job) -> Job {
        if self.topic.is_some() {
            tokio::select! {
                biased;
                () = self.pace.wait(job.object.size) => {}
                () = self.deadline.near() => {}
            }
        }
        job
    }

    async fn publish_batch(&self, jobs: Vec<Job>, tally: &Mutex<Tally>) -> Batch {
        let Some(topic) = self.topic else {
            return Batch::of(jobs, true, Vec::new());
        };
        let message = |job: &Job| Message {
            run: self.run.to_owned(),
            object: job.object.clone(),
        };
        let messages: Vec<_> = jobs.iter().map(message).collect();
        lock(tally).in_flight += messages.len() as u64;
        let published = self.deadline.wait_for(topic.publish(&messages)).await;
        lock(tally).in_flight -= messages.len() as u64;
        match published {
            Some(failures) => Batch::of(jobs, true, failures),
            None => {
                let messages = messages.len();
                warn!(messages, "the time was over before SNS accepted them");
                Batch::of(jobs, false, Vec::new())
            }
        }
    }

    fn settle(&self, tally: &mut Tally, batch: Batch) {
        for (job, accepted) in batch.jobs {
            tally.settle(job, accepted, self.topic.is_some().then_some(&self.pace));
        }
        for failure in batch.failures {
            tally.summary.add_failure(failure);
        }
    }
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}
