//! The fault of one invocation: it ends before it would.

use std::sync::Arc;
use std::time::Duration;

use super::{Function, Request};
use crate::faults::{Faults, Kind};

/// The latest that an invocation is interrupted. Half of the interruptions come in the first quarter of it, since
/// copies take little time here.
const LATEST: Duration = Duration::from_millis(400);

/// The end that an invocation meets if it has not ended by then.
pub(super) struct Interruption {
    pub(super) after: Duration,
    kind: Kind,
    faults: Arc<Faults>,
    function: String,
    event: String,
}

impl Interruption {
    /// What the plan in force has for an invocation.
    pub(super) fn of(faults: &Arc<Faults>, function: &Function, request: &Request) -> Option<Self> {
        let (kind, draw) = faults.active()?.lambda(&function.name, &request.payload)?;
        let after = LATEST.mul_f64(draw.how().powi(2));
        // What would time out by then does so by itself.
        (after < function.timeout).then(|| Self {
            after,
            kind,
            faults: Arc::clone(faults),
            function: function.name.clone(),
            event: String::from_utf8_lossy(&request.payload).into_owned(),
        })
    }

    /// Notes that it has happened; `false` if it is to look like the end of the function's time.
    pub(super) fn kills(self) -> bool {
        let Self {
            kind,
            function,
            event,
            ..
        } = &self;
        self.faults.note("lambda", *kind, function, event);
        *kind == Kind::Kill
    }
}
