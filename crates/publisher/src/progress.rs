//! How far a run has come: what is left of every range if it ends now.

use std::collections::BTreeMap;

use backup::object::ObjectRef;

use crate::list::{KeyRange, Listed};
use crate::step::{RangeId, Step};

/// The place of an object in the listing.
#[derive(Debug)]
pub struct Place {
    range: RangeId,
    /// The key before it in its range, or where the range begins.
    after: String,
}

/// An object for which a message is to be published.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) place: Place,
    pub(crate) object: ObjectRef,
}

/// How far a run has come.
#[derive(Debug, Default)]
pub struct Progress {
    /// Of the ranges that were to be listed, how many have been begun.
    begun: usize,
    unfinished: BTreeMap<RangeId, Unfinished>,
}

/// A range that is not listed to its end, or has objects that are not settled.
#[derive(Debug)]
struct Unfinished {
    range: KeyRange,
    /// The last key that was listed, or where the range begins.
    last: String,
    ended: bool,
    /// Objects whose messages are under way.
    unsettled: u64,
    /// The key before the first of the objects whose messages were not accepted.
    again_after: Option<String>,
}

impl Progress {
    /// Takes a step of the listing in.
    pub fn note(&mut self, step: Step) -> Option<(Place, Listed)> {
        match step {
            Step::Opened(id, range) => {
                self.begun += 1;
                self.open(id, range);
            }
            Step::Split { range, until, rest } => {
                if let Some(cut) = self.unfinished.get_mut(&range) {
                    cut.range.until = Some(until);
                }
                for (id, range) in rest {
                    self.open(id, range);
                }
            }
            Step::Object(range, listed) => {
                let last = &mut self.unfinished.get_mut(&range)?.last;
                let after = std::mem::replace(last, listed.object.key.clone());
                return Some((Place { range, after }, listed));
            }
            Step::Ended(id) => {
                if let Some(range) = self.unfinished.get_mut(&id) {
                    range.ended = true;
                }
                self.forget_if_done(id);
            }
            // It stays unfinished.
            Step::Failed(..) => {}
        }
        None
    }

    /// A message for the object is to be published.
    pub fn begin(&mut self, place: &Place) {
        if let Some(range) = self.unfinished.get_mut(&place.range) {
            range.unsettled += 1;
        }
    }

    /// The message was accepted, or was not.
    pub fn settle(&mut self, place: Place, accepted: bool) {
        let Some(range) = self.unfinished.get_mut(&place.range) else {
            return;
        };
        range.unsettled -= 1;
        if !accepted
            && range
                .again_after
                .as_ref()
                .is_none_or(|again| place.after < *again)
        {
            range.again_after = Some(place.after);
        }
        self.forget_if_done(place.range);
    }

    /// How many of the ranges that were to be listed have been begun, and what is left of the ranges begun.
    pub fn left(&self) -> (usize, Vec<KeyRange>) {
        let left = self.unfinished.values().map(|range| KeyRange {
            after: range.again_after.as_ref().unwrap_or(&range.last).clone(),
            ..range.range.clone()
        });
        (self.begun, left.collect())
    }

    fn open(&mut self, id: RangeId, range: KeyRange) {
        let unfinished = Unfinished {
            last: range.after.clone(),
            range,
            ended: false,
            unsettled: 0,
            again_after: None,
        };
        self.unfinished.insert(id, unfinished);
    }

    fn forget_if_done(&mut self, id: RangeId) {
        let done = self.unfinished.get(&id).is_some_and(|range| {
            range.ended && range.unsettled == 0 && range.again_after.is_none()
        });
        if done {
            self.unfinished.remove(&id);
        }
    }
}
