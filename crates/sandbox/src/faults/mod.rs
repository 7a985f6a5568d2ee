//! Faults on demand: seeded, so that the same requests meet the same faults again.
//!
//! What happens is decided here; what it looks like to a client is each service's own affair.

mod kind;
mod plan;
mod subject;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

pub(crate) use kind::Kind;
pub use plan::{Plan, PlanError};

use crate::draw::{Draw, Draws};
use plan::Rates;

/// The faults of one sandbox: none, until a plan is given.
#[derive(Debug, Default)]
pub struct Faults {
    active: RwLock<Option<Arc<Active>>>,
    injections: Mutex<Vec<Injection>>,
}

/// A fault that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Injection {
    /// The service and the kind as in the plan: `s3:slow_down`, `source:overwrite`.
    pub kind: String,
    /// The request's operation, the function's name, or `deliveries`.
    pub operation: String,
    /// The bucket and key of S3 and of the source, the message of SNS, the event of Lambda.
    pub subject: String,
}

impl Faults {
    /// Injects faults from now on, in place of those of an earlier plan.
    pub fn inject(&self, plan: Plan) {
        let active = Active {
            draws: Draws::new(plan.seed),
            plan,
        };
        *self.write() = Some(Arc::new(active));
    }

    /// Injects no more faults. A request that is stalled stays so.
    pub fn stop(&self) {
        *self.write() = None;
    }

    /// How many faults have happened since the sandbox started, by service and kind.
    pub fn injected(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for injection in &*self.lock() {
            *counts.entry(injection.kind.clone()).or_default() += 1;
        }
        counts
    }

    /// Every fault that has happened since the sandbox started, in the order of their happening.
    pub fn injections(&self) -> Vec<Injection> {
        self.lock().clone()
    }

    /// The plan in force, if there is one.
    pub(crate) fn active(&self) -> Option<Arc<Active>> {
        let active = self.active.read();
        active.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that a fault has happened.
    pub(crate) fn note(&self, service: &str, kind: Kind, operation: &str, subject: &str) {
        self.lock().push(Injection {
            kind: format!("{service}:{}", kind.name()),
            operation: operation.to_owned(),
            subject: subject.to_owned(),
        });
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Option<Arc<Active>>> {
        self.active.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Injection>> {
        self.injections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("a fault closes the connection")]
pub(crate) struct Closed;

/// A plan in force.
#[derive(Debug)]
pub(crate) struct Active {
    plan: Plan,
    draws: Draws,
}

/// A fault that is to happen, and the numbers it is made of.
pub(crate) type Drawn = (Kind, Draw);

impl Active {
    /// What befalls a request to S3.
    pub(crate) fn s3(&self, operation: &str, subject: &str) -> Option<Drawn> {
        self.draw(self.plan.s3.of(operation)?, "s3", operation, subject)
    }

    /// What befalls the source of a copy.
    pub(crate) fn source(&self, bucket: &str, subject: &str) -> Option<Drawn> {
        let (_, rates) = self
            .plan
            .source
            .as_ref()
            .filter(|(name, _)| name == bucket)?;
        self.draw(rates, "source", bucket, subject)
    }

    /// What befalls a request to SNS with these messages.
    pub(crate) fn sns(&self, action: &str, messages: &str) -> Option<Drawn> {
        let rates = self.plan.sns.of(action)?;
        let drawn = self.draw(rates, "sns", action, &subject::lasting(messages));
        // Entries fail one by one.
        drawn.filter(|(kind, _)| *kind != Kind::EntryFailed)
    }

    /// Whether an entry of a batch fails.
    pub(crate) fn fails_entry(&self, message: &str) -> bool {
        let rates = self.plan.sns.of("PublishBatch");
        let subject = subject::lasting(message);
        let drawn = rates.and_then(|rates| self.draw(rates, "sns", "entry", &subject));
        drawn.is_some_and(|(kind, _)| kind == Kind::EntryFailed)
    }

    /// What befalls the delivery of a message.
    pub(crate) fn delivery(&self, message: &str) -> Option<Drawn> {
        let subject = subject::lasting(message);
        self.draw(&self.plan.deliveries, "sns", "deliveries", &subject)
    }

    /// What befalls an invocation.
    pub(crate) fn lambda(&self, function: &str, payload: &[u8]) -> Option<Drawn> {
        let rates = self.plan.lambda.of(function)?;
        self.draw(rates, "lambda", function, &subject::of_event(payload))
    }

    fn draw(&self, rates: &Rates, service: &str, operation: &str, subject: &str) -> Option<Drawn> {
        if rates.is_empty() {
            return None;
        }
        let draw = self.draws.next(&format!("{service} {operation}"), subject);
        rates.choose(draw.which()).map(|kind| (kind, draw))
    }
}
