//! What a listing comes upon, one step at a time.

use crate::list::{KeyRange, ListError, Listed};

/// The number of a range, in the order in which they are begun.
pub type RangeId = usize;

/// What a listing comes upon. The steps of one range are in key order.
#[derive(Debug)]
pub enum Step {
    /// The next of the ranges is begun.
    Opened(RangeId, KeyRange),
    /// An object.
    Object(RangeId, Listed),
    /// From here on a range ends earlier, and others take its rest.
    Split {
        /// The range.
        range: RangeId,
        /// The key with which it ends now.
        until: String,
        /// The others.
        rest: Vec<(RangeId, KeyRange)>,
    },
    /// A range is listed to its end.
    Ended(RangeId),
    /// A range cannot be listed any further.
    Failed(RangeId, ListError),
}
