//! The answer: what was read, in figures, and what they mean.

use jiff::Timestamp;
use serde::Serialize;

use super::metrics::Measured;
use super::stack::{Queue, Stack};
use super::unread::Unread;
use super::verdict::{self, Failure};
use super::window::Window;

/// Everything that was read.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Who was asked.
    pub place: String,
    /// About which time.
    pub window: Window,
    /// The stack.
    pub stack: Stack,
    /// What CloudWatch has measured, unless it refused.
    pub measured: Option<Measured>,
    /// The concurrency reserved for the publisher and for the copier, where there is one and we may know.
    pub reserved: [Option<i32>; 2],
    /// The messages of the failure queues, where we may know, in the order of [`Queue::ALL`].
    pub depths: [Option<u64>; 3],
    /// What could not be read.
    pub unread: Vec<Unread>,
}

/// The answer of `status`. What could not be read is null.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The stack's name.
    pub stack: String,
    /// Its state.
    pub state: Option<String>,
    /// When it was made or last changed.
    pub changed_at: Option<Timestamp>,
    /// The region or the endpoint that was asked.
    pub place: String,
    /// Now.
    pub at: Timestamp,
    /// The figures are of the time from then on.
    pub since: Timestamp,
    /// When the publisher last ran, from the beginning of a time of `period_secs`; looked for in the last 26 hours
    /// at least.
    pub last_run_at: Option<Timestamp>,
    /// How exactly `last_run_at` is known.
    pub period_secs: i64,
    /// The publisher's figures.
    pub publisher: Option<Figures>,
    /// The copier's.
    pub copier: Option<Figures>,
    /// The topic's.
    pub topic: Option<Topic>,
    /// What the publisher says of its pace, if it ran for long enough to say so.
    pub pace: Option<Pace>,
    /// The failure queues.
    pub queues: Vec<Depth>,
    /// What is not well, and what to do about it.
    pub failures: Vec<Failure>,
    /// What is good to know.
    pub notes: Vec<String>,
    /// What could not be read.
    pub unread: Vec<Unread>,
    /// Whether all is well; null if nothing bad was found, but not everything could be looked at.
    pub well: Option<bool>,
}

/// What a function did.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// Its name.
    pub function: String,
    /// Attempts: a retry is one of its own.
    pub invocations: u64,
    /// The same by the hour, up to now.
    pub invocations_by_hour: Vec<u64>,
    /// Attempts that ended in an error, and are retried twice.
    pub errors: u64,
    /// Attempts that found no room, and are repeated for six hours.
    pub throttles: u64,
    /// The most that ran at once.
    pub concurrency_max: Option<u64>,
    /// The most that may; null if the function shares the account's concurrency.
    pub concurrency_reserved: Option<i32>,
    /// Of all attempts.
    pub duration_mean_ms: Option<f64>,
    /// Of the longest.
    pub duration_max_ms: Option<f64>,
    /// How long an event waited for its attempt, at most.
    pub event_age_max_ms: Option<f64>,
    /// Events given up.
    pub events_dropped: u64,
    /// Those of them that no failure queue has taken.
    pub events_lost: u64,
}

/// What came through the topic.
#[derive(Debug, Clone, Serialize)]
pub struct Topic {
    /// Its ARN.
    pub arn: String,
    /// Messages that SNS accepted.
    pub published: u64,
    /// Messages that it handed to Lambda.
    pub delivered: u64,
    /// Messages that it could not hand over.
    pub failed: u64,
}

/// How fast the publisher was at its fastest.
#[derive(Debug, Clone, Serialize)]
pub struct Pace {
    /// Objects listed a second.
    pub listed_per_sec_max: Option<f64>,
    /// Messages published a second.
    pub published_per_sec_max: Option<f64>,
    /// Copies that it counted on to be in flight.
    pub copies_in_flight_max: Option<f64>,
}

/// What a failure queue holds.
#[derive(Debug, Clone, Serialize)]
pub struct Depth {
    /// Whose it is: `publisher`, `subscription` or `copier`.
    pub queue: &'static str,
    /// Where it is.
    pub url: Option<String>,
    /// Messages, those in flight among them.
    pub messages: Option<u64>,
    /// How long the oldest has been there, as CloudWatch last measured it; null in an empty queue.
    pub oldest_secs: Option<f64>,
}

impl Report {
    /// Reckons the figures and judges them.
    pub fn of(facts: Facts) -> Report {
        let Facts {
            window,
            stack,
            mut unread,
            ..
        } = facts.clone();
        let measured = facts.measured.as_ref();
        unread.extend(measured.and_then(incomplete));
        let figures = |function: &Option<String>, prefix, reserved| {
            let (measured, function) = (measured?, function.as_deref()?);
            Some(Figures::of(measured, &window, function, prefix, reserved))
        };
        let mut report = Report {
            state: stack.state.clone(),
            changed_at: stack.changed,
            at: window.now,
            since: Timestamp::from_second(window.since).unwrap_or_default(),
            last_run_at: measured.and_then(last_run),
            period_secs: window.period_secs,
            publisher: figures(&stack.publisher, "publisher", facts.reserved[0]),
            copier: figures(&stack.copier, "copier", facts.reserved[1]),
            topic: measured.and_then(|measured| Topic::of(measured, &stack)),
            pace: measured.and_then(Pace::of),
            queues: Queue::ALL.map(|queue| Depth::of(&facts, queue)).into(),
            stack: facts.stack.name.clone(),
            place: facts.place,
            failures: Vec::new(),
            notes: Vec::new(),
            well: None,
            unread,
        };
        report.failures = verdict::failures(&report, &stack, &window);
        report.notes = verdict::notes(&report, &stack, &window);
        report.well = match (report.failures.is_empty(), report.unread.is_empty()) {
            (true, true) => Some(true),
            (true, false) => None,
            (false, _) => Some(false),
        };
        report
    }
}

impl Figures {
    fn of(
        measured: &Measured,
        window: &Window,
        function: &str,
        prefix: &str,
        reserved: Option<i32>,
    ) -> Figures {
        let id = |figure: &str| format!("{prefix}_{figure}");
        let sum = |figure: &str| measured.sum(&id(figure)) as u64;
        let attempts = measured.sum(&id("duration_count"));
        Figures {
            function: function.to_owned(),
            invocations: sum("invocations"),
            invocations_by_hour: window.by_hour(measured.all(&id("invocations"))),
            errors: sum("errors"),
            throttles: sum("throttles"),
            concurrency_max: measured.max(&id("concurrency")).map(|most| most as u64),
            concurrency_reserved: reserved,
            duration_mean_ms: (attempts > 0.0)
                .then(|| measured.sum(&id("duration_sum")) / attempts),
            duration_max_ms: measured.max(&id("duration_max")),
            event_age_max_ms: measured.max(&id("age")),
            events_dropped: sum("dropped"),
            events_lost: sum("lost"),
        }
    }

    /// Attempts that ended well.
    pub fn ended_well(&self) -> u64 {
        self.invocations.saturating_sub(self.errors)
    }
}

impl Topic {
    fn of(measured: &Measured, stack: &Stack) -> Option<Topic> {
        Some(Topic {
            arn: stack.topic.clone()?,
            published: measured.sum("topic_published") as u64,
            delivered: measured.sum("topic_delivered") as u64,
            failed: measured.sum("topic_failed") as u64,
        })
    }
}

impl Pace {
    fn of(measured: &Measured) -> Option<Pace> {
        let pace = Pace {
            listed_per_sec_max: measured.max("own_list_rate"),
            published_per_sec_max: measured.max("own_publish_rate"),
            copies_in_flight_max: measured.max("own_copies_in_flight"),
        };
        let is_known = pace.listed_per_sec_max.or(pace.published_per_sec_max);
        is_known.or(pace.copies_in_flight_max).map(|_| pace)
    }
}

impl Depth {
    fn of(facts: &Facts, queue: Queue) -> Depth {
        let messages = facts.depths[queue as usize];
        let oldest = facts.measured.as_ref();
        let oldest = oldest.and_then(|all| all.last(&format!("queue_{}", queue.name())));
        Depth {
            queue: queue.name(),
            url: facts.stack.queue(queue).map(str::to_owned),
            messages,
            // The figure is minutes old: it may be of messages that are gone by now, and is 0 before there were any.
            oldest_secs: oldest.filter(|secs| messages != Some(0) && *secs > 0.0),
        }
    }
}

/// When the publisher last ran.
fn last_run(measured: &Measured) -> Option<Timestamp> {
    let mut runs = measured.all("publisher_invocations").iter();
    let last = runs.rfind(|(_, count)| *count > 0.0)?;
    Timestamp::from_second(last.0).ok()
}

fn incomplete(measured: &Measured) -> Option<Unread> {
    let incomplete: Vec<_> = measured.incomplete.iter().cloned().collect();
    (!incomplete.is_empty()).then(|| Unread {
        what: format!("all of {}", incomplete.join(", ")),
        permission: super::metrics::PERMISSION,
        error: "CloudWatch gave it in part only; ask again".to_owned(),
    })
}
