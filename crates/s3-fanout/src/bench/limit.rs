//! The least time that a model of S3 allows a backup: what no program with these settings can be faster than.

use copier::plan::{Plan, Sizes, TooLarge, plan};
use sandbox::timing::Model;
use serde::{Deserialize, Serialize};

use crate::speed::Speed;

/// What a backup may do at once, and how it divides objects.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Objects copied at the same time.
    pub concurrency: u32,
    /// Where parts begin, and how large they are.
    pub sizes: Sizes,
    /// Parts of one object copied at the same time.
    pub parts_in_flight: u32,
    /// Whether a topic stands between the listing and the copies.
    pub publishes: bool,
}

/// What keeps a backup from being faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// All copies, divided among as many as there may be at once.
    Slots,
    /// The one copy that takes longest.
    LongestCopy,
    /// The copies that some slot must do one after another, be they the shortest.
    Rounds,
    /// The write requests that a prefix takes in a second.
    WriteRate,
    /// The bytes that all copies together move in a second.
    Bandwidth,
    /// The calls of which none needs another, all at the same time.
    Calls,
}

/// A least time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// In seconds.
    pub seconds: f64,
    /// Why it is no less.
    pub bound: Bound,
}

/// The least time for objects of these sizes. The processes' starts are not in it, as they are measured apart.
///
/// # Errors
/// An object is too large for an upload.
pub fn limit(model: &Model, settings: Settings, sizes: &[u64]) -> Result<Limit, TooLarge> {
    let speed = Speed::of(model);
    let mut copies = Vec::with_capacity(sizes.len());
    let mut writes = 0;
    // The least that is left to do when the last bytes of all are asked for.
    let mut end_secs = f64::INFINITY;
    for size in sizes {
        let plan = plan(*size, settings.sizes)?;
        writes += writes_to_the_last_bytes(plan);
        end_secs = end_secs.min(speed.end_of(*size, plan));
        copies.push(speed.copy_of(*size, plan, settings.parts_in_flight));
    }
    copies.sort_by(f64::total_cmp);
    let slots = f64::from(settings.concurrency);
    let rounds = copies.len().div_ceil(settings.concurrency as usize);
    let rate = model.rates.map_or(0.0, |rates| {
        let asking = writes as f64 / rates.writes_per_sec - rates.burst_secs;
        speed.look_secs + asking + end_secs
    });
    let bytes: u64 = sizes.iter().sum();
    let moved = model.all_copies_mb_per_sec;
    let bounds = [
        (copies.iter().sum::<f64>() / slots, Bound::Slots),
        (copies.last().copied().unwrap_or(0.0), Bound::LongestCopy),
        // Some slot does at least so many, for all slots together have so many more: pigeons and their holes.
        (copies.iter().take(rounds).sum(), Bound::Rounds),
        (rate, Bound::WriteRate),
        (
            moved.map_or(0.0, |mb| bytes as f64 / (mb * 1e6)),
            Bound::Bandwidth,
        ),
    ];
    let mut limit = Limit {
        seconds: 0.0,
        bound: Bound::Slots,
    };
    for (seconds, bound) in bounds {
        if seconds > limit.seconds {
            limit = Limit { seconds, bound };
        }
    }
    limit.seconds += speed.list_secs;
    if settings.publishes {
        limit.seconds += speed.publish_secs;
    }
    Ok(limit)
}

/// Requests of a copy that write, up to the one that asks for its last bytes.
fn writes_to_the_last_bytes(plan: Plan) -> u64 {
    match plan {
        Plan::Single => 1,
        Plan::Multipart(parts) => 1 + u64::from(parts.count()),
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Slots => "all copies, divided among as many as may run at once",
            Self::LongestCopy => "the copy that takes longest",
            Self::Rounds => {
                "the copies that some slot must do one after another, be they the shortest"
            }
            Self::WriteRate => "the write requests that a prefix takes in a second",
            Self::Bandwidth => "the bytes that all copies together move in a second",
            Self::Calls => "calls of which none needs another, all at the same time",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speed::DEFAULT_SIZES;

    /// Copies of 10 MB/s and nothing else that takes time, but for what is added.
    fn bounded(extra: &str, concurrency: u32, sizes: &[u64]) -> (f64, Bound) {
        let model = Model::parse(&format!("{{\"copy_mb_per_sec\":10{extra}}}")).unwrap();
        let settings = Settings {
            concurrency,
            sizes: DEFAULT_SIZES,
            parts_in_flight: 16,
            publishes: true,
        };
        let limit = limit(&model, settings, sizes).unwrap();
        ((limit.seconds * 1e6).round() / 1e6, limit.bound)
    }

    #[test]
    fn each_bound_is_the_largest_where_it_should_be() {
        const MB: u64 = 1_000_000;
        let ten = [10 * MB; 10];
        assert_eq!(bounded("", 5, &ten), (2.0, Bound::Slots));
        // Ten copies of a second in four slots: some slot does three.
        assert_eq!(bounded("", 4, &ten), (3.0, Bound::Rounds));
        let one_long = [10 * MB, 10 * MB, 90 * MB];
        assert_eq!(bounded("", 3, &one_long), (9.0, Bound::LongestCopy));
        let slow = ",\"rates\":{\"writes_per_sec\":2,\"reads_per_sec\":9,\"burst_secs\":1}";
        // Two at once, then two a second; the last of them takes a second.
        assert_eq!(bounded(slow, 10, &ten), (4.0 + 1.0, Bound::WriteRate));
        let narrow = ",\"all_copies_mb_per_sec\":20";
        assert_eq!(bounded(narrow, 10, &ten), (5.0, Bound::Bandwidth));
    }

    #[test]
    fn a_page_and_a_batch_come_before_the_first_copy() {
        let slow = ",\"latency_ms\":{\"usual\":0,\"ListObjectsV2\":200,\"PublishBatch\":30}";
        assert_eq!(bounded(slow, 1, &[10_000_000]), (1.23, Bound::Slots));
    }

    #[test]
    fn an_upload_writes_its_beginning_and_its_parts_before_its_end() {
        let parts = plan(700_000_000, DEFAULT_SIZES).unwrap();
        assert_eq!(writes_to_the_last_bytes(parts), 1 + 11);
        assert_eq!(writes_to_the_last_bytes(Plan::Single), 1);
    }
}
