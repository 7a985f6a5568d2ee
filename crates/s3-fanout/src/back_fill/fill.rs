//! How far the destination has filled, day by day.

use anyhow::{Result, bail};
use backup::aws::chain;
use backup::day::{Day, Days, PrefixFormat};
use futures::stream::StreamExt;
use publisher::config::LIST_CONCURRENCY;
use publisher::list::KeyRange;
use publisher::listing::Listing;
use publisher::step::Step;

use crate::buckets::Buckets;
use crate::progress::Amount;

/// The copies of a day's objects.
#[derive(Debug, Clone)]
pub struct DayFill {
    /// The day.
    pub day: Day,
    /// Objects that can be copied.
    pub wanted: Amount,
    /// Those of them whose copies are there.
    pub there: Amount,
    /// Objects without a copy that must be restored before they can have one.
    pub archived: u64,
}

impl DayFill {
    /// Whether nothing is left to be copied.
    pub fn is_full(&self) -> bool {
        self.wanted == self.there
    }

    /// The month, as `2016-06`.
    pub fn month(&self) -> String {
        let mut day = self.day.to_string();
        day.truncate("2016-06".len());
        day
    }
}

/// All days, not looked at yet.
pub fn days(days: Days) -> Vec<DayFill> {
    let fill = |day| DayFill {
        day,
        wanted: Amount::default(),
        there: Amount::default(),
        archived: 0,
    };
    days.iter().map(fill).collect()
}

/// Looks at the days that were not full when they were looked at last: at both sides, by listing.
///
/// # Errors
/// A prefix could not be listed to its end.
pub async fn look(
    buckets: &Buckets,
    format: &PrefixFormat,
    fills: &mut [DayFill],
    all: bool,
) -> Result<()> {
    let mut open: Vec<&mut DayFill> = fills
        .iter_mut()
        .filter(|fill| all || !fill.is_full())
        .collect();
    let prefixes: Vec<_> = open
        .iter()
        .map(|fill| KeyRange::of(format.prefix(fill.day)))
        .collect();
    for fill in &mut open {
        (fill.wanted, fill.there, fill.archived) = Default::default();
    }
    let listing = Listing::new(
        buckets.source.listed(),
        Some(buckets.copies()),
        prefixes.into_iter(),
        LIST_CONCURRENCY,
    );
    let mut steps = std::pin::pin!(listing);
    while let Some(step) = steps.next().await {
        match step {
            // Ranges are begun in order, and where copies are compared none is cut.
            Step::Object(range, listed) => {
                let (fill, amount) = (&mut open[range], Amount::of(listed.object.size));
                if listed.is_unchanged {
                    fill.there += amount;
                    fill.wanted += amount;
                } else if listed.is_archived {
                    fill.archived += 1;
                } else {
                    fill.wanted += amount;
                }
            }
            Step::Failed(_, error) => bail!("{}", chain(&error)),
            Step::Opened(..) | Step::Split { .. } | Step::Ended(_) => {}
        }
    }
    Ok(())
}
