//! What a plan of faults does to requests to SNS, and to the deliveries of messages.

use std::time::Duration;

use http::Response;

use super::Error;
use super::form::Form;
use crate::body::Body;
use crate::faults::{Closed, Faults, Kind};

/// The longest that a message is held back, so that others overtake it.
const LONGEST_DELAY: Duration = Duration::from_millis(200);

/// Serves a request unless its fault, if it gets one, keeps it from taking effect.
///
/// # Errors
///
/// [`Closed`], to close the connection without an answer.
pub(super) async fn serve(
    faults: &Faults,
    action: &str,
    form: Form,
    act: impl FnOnce(Form) -> Result<Response<Body>, Error>,
) -> Result<Result<Response<Body>, Error>, Closed> {
    let Some(plan) = faults.active() else {
        return Ok(act(form));
    };
    let messages = form.messages();
    let Some((kind, _)) = plan.sns(action, &messages) else {
        return Ok(act(form));
    };
    faults.note("sns", kind, action, &messages);
    let takes_effect = matches!(kind, Kind::ErrorAfter | Kind::ResetAfter);
    let answer = takes_effect.then(|| act(form));
    match (kind, answer) {
        (Kind::ResetBefore | Kind::ResetAfter, _) => Err(Closed),
        (Kind::Stall, _) => std::future::pending().await,
        // A request that SNS would refuse anyway is.
        (_, Some(Err(error))) => Ok(Err(error)),
        _ => Ok(Err(Error::Internal)),
    }
}

/// Fails an entry of a batch, if the plan says so.
pub(super) fn check_entry(faults: &Faults, message: &str) -> Result<(), Error> {
    match faults.active() {
        Some(plan) if plan.fails_entry(message) => {
            faults.note("sns", Kind::EntryFailed, "PublishBatch", message);
            Err(Error::Internal)
        }
        _ => Ok(()),
    }
}

/// How long each delivery of a message takes: there is one and it takes no time, unless the plan says otherwise.
pub(super) fn deliveries(faults: &Faults, message: &str) -> Vec<Duration> {
    let drawn = faults.active().and_then(|plan| plan.delivery(message));
    let Some((kind, draw)) = drawn else {
        return vec![Duration::ZERO];
    };
    faults.note("sns", kind, "deliveries", message);
    let later = LONGEST_DELAY.mul_f64(draw.how());
    match kind {
        Kind::Duplicate => vec![Duration::ZERO, later],
        _ => vec![later],
    }
}
