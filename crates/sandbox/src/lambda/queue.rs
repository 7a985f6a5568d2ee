//! A function's asynchronous events: first in, first out, retried, and kept as records when given up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::Request;
use super::outcome::Outcome;
use super::pool::{Permit, Pool};
use super::record::{self, Condition};
use crate::sqs::Attributes;

/// An accepted event, until it is done or given up.
struct Event {
    request: Request,
    accepted: Instant,
    invoke_count: usize,
    last: Option<Outcome>,
}

/// The queue of one function; it holds any number of events.
pub(super) struct Queue {
    pool: Arc<Pool>,
    events: mpsc::UnboundedSender<Event>,
    failures: Mutex<Vec<Value>>,
}

impl Queue {
    /// Starts taking events to the pool.
    pub(super) fn start(pool: Arc<Pool>) -> Arc<Self> {
        let (events, waiting) = mpsc::unbounded_channel();
        let queue = Arc::new(Self {
            pool,
            events,
            failures: Mutex::default(),
        });
        queue.pool.host.spawn(queue.clone().dispatch(waiting));
        queue
    }

    /// Accepts an event, which counts as outstanding even before its delay is over.
    pub(super) fn accept(self: Arc<Self>, request: Request, delay: Duration) {
        self.pool.host.outstanding.send_modify(|count| *count += 1);
        if delay.is_zero() {
            self.begin(request);
            return;
        }
        let queue = Arc::clone(&self);
        self.pool.host.spawn(async move {
            sleep(delay).await;
            queue.begin(request);
        });
    }

    fn begin(&self, request: Request) {
        self.pool.counters.accept_event();
        self.pool.measure("AsyncEventsReceived", 1.0);
        self.push(Event {
            request,
            accepted: Instant::now(),
            invoke_count: 0,
            last: None,
        });
    }

    /// The records of the events given up, oldest first.
    pub(super) fn failures(&self) -> Vec<Value> {
        let failures = self.failures.lock();
        failures.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn push(&self, event: Event) {
        self.pool.counters.lock().events_queued += 1;
        // The receiver only goes away when the sandbox stops, and all events with it.
        let _ = self.events.send(event);
    }

    /// Gives each event a place in the pool, in order. An event that finds none waits, and with it
    /// all behind it: Lambda would back off and retry, which comes to the same at one machine.
    async fn dispatch(self: Arc<Self>, mut waiting: mpsc::UnboundedReceiver<Event>) {
        while let Some(event) = waiting.recv().await {
            let permit = self.permit(&event).await;
            self.pool.counters.lock().events_queued -= 1;
            match permit {
                Some(permit) => self.pool.host.spawn(self.clone().run(event, permit)),
                None => self.give_up(&event, Condition::EventAgeExceeded),
            }
        }
    }

    /// A place for the event, unless it gets too old first.
    async fn permit(&self, event: &Event) -> Option<Permit> {
        let time_left = self.time_left(event);
        if time_left.is_zero() {
            return None;
        }
        tokio::select! {
            permit = self.pool.permit() => Some(permit),
            () = sleep(time_left) => None,
        }
    }

    async fn run(self: Arc<Self>, mut event: Event, permit: Permit) {
        let age = event.accepted.elapsed();
        self.pool
            .measure("AsyncEventAge", age.as_secs_f64() * 1_000.0);
        let outcome = self.pool.run(&permit, &event.request).await;
        drop(permit);
        event.invoke_count += 1;
        if outcome.failure.is_none() {
            self.done();
            return;
        }
        event.last = Some(outcome);
        match self.pool.function.retry_delays.get(event.invoke_count - 1) {
            Some(delay) => self.retry(event, *delay).await,
            None => self.give_up(&event, Condition::RetriesExhausted),
        }
    }

    /// Queues the event again after its delay, or when it gets too old, if that is sooner.
    async fn retry(&self, event: Event, delay: Duration) {
        self.pool.counters.lock().events_retrying += 1;
        sleep(delay.min(self.time_left(&event))).await;
        self.pool.counters.lock().events_retrying -= 1;
        self.push(event);
    }

    fn give_up(&self, event: &Event, condition: Condition) {
        let record = record::failure(
            &self.pool.arn,
            &event.request,
            condition,
            event.invoke_count,
            event.last.as_ref(),
        );
        self.send_on(&record);
        let failures = self.failures.lock();
        failures
            .unwrap_or_else(PoisonError::into_inner)
            .push(record);
        self.pool.counters.lock().events_failed += 1;
        self.pool.measure("AsyncEventsDropped", 1.0);
        self.done();
    }

    /// Sends a record to the on-failure destination, if there is one. Lambda drops what is too long for a queue.
    fn send_on(&self, record: &Value) {
        let Pool { function, host, .. } = &*self.pool;
        let Some(queue) = &function.on_failure else {
            return;
        };
        if let Some(role) = host.iam.role(&function.name) {
            host.sqs.ask(queue, &role);
        }
        let sent = host.sqs.send(queue, &record.to_string(), Attributes::new());
        if let Err(error) = sent {
            self.pool.measure("DestinationDeliveryFailures", 1.0);
            let line = format!("the on-failure destination refused a record: {error}");
            host.logs.line(&function.name, &line);
        }
    }

    fn done(&self) {
        self.pool.counters.lock().events_under_way -= 1;
        self.pool.host.outstanding.send_modify(|count| *count -= 1);
    }

    fn time_left(&self, event: &Event) -> Duration {
        let age = event.accepted.elapsed();
        self.pool.function.max_event_age.saturating_sub(age)
    }
}
