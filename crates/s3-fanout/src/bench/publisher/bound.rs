//! The least time a case can take: what S3, SNS and its settings allow.

use std::time::Duration;

use serde::Serialize;

/// How long the sandbox takes for a request.
pub const REQUEST: Duration = Duration::from_millis(20);

/// The publisher's own defaults, which the cases leave as they are.
const LIST_CONCURRENCY: f64 = 8.0;
const PUBLISH_CONCURRENCY: f64 = 16.0;

/// Keys of a page of ListObjectsV2.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
pub const PAGE_KEYS: u64 = 1_000;

/// Messages of a PublishBatch. <https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html>
const BATCH_MESSAGES: u64 = 10;

/// What keeps a case from being faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BoundBy {
    /// The pages, as many at a time as are listed at a time.
    Listing,
    /// The batches, as many at a time as are in flight.
    Publishing,
    /// The pages one after another, for each says where the next begins.
    Order,
    /// The copies that may be in flight.
    Pace,
    /// The messages that SNS takes in a second.
    Quota,
}

/// What a case asks to be bound by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// The requests, by how many there are at a time.
    Requests,
    /// Keys in order: source and destination side by side, each page after the one before it.
    Order,
    /// So many copies in flight, of so many seconds each.
    Pace {
        /// N of Little's law.
        copies: f64,
        /// R of Little's law.
        copy_secs: f64,
    },
    /// Messages a second.
    Quota(u32),
}

impl Limit {
    /// The least seconds that so many keys in so many prefixes take, and why.
    pub fn bound(self, keys: u64, prefixes: u64) -> (f64, BoundBy) {
        let pages = pages(keys, prefixes) as f64;
        let request = REQUEST.as_secs_f64();
        match self {
            Self::Requests => {
                let listing = pages / LIST_CONCURRENCY * request;
                let batches = keys.div_ceil(BATCH_MESSAGES) as f64;
                let publishing = batches / PUBLISH_CONCURRENCY * request;
                if listing > publishing {
                    (listing, BoundBy::Listing)
                } else {
                    (publishing, BoundBy::Publishing)
                }
            }
            Self::Order => (pages * request, BoundBy::Order),
            Self::Pace { copies, copy_secs } => (keys as f64 * copy_secs / copies, BoundBy::Pace),
            Self::Quota(per_second) => (keys as f64 / f64::from(per_second), BoundBy::Quota),
        }
    }
}

/// The pages that keys have when they are spread evenly over prefixes.
pub fn pages(keys: u64, prefixes: u64) -> u64 {
    let (each, rest) = (keys / prefixes, keys % prefixes);
    let page_count = |keys: u64| keys.div_ceil(PAGE_KEYS).max(1);
    rest * page_count(each + 1) + (prefixes - rest) * page_count(each)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_of_listing_and_publishing_is_the_bound() {
        assert_eq!(
            Limit::Requests.bound(45_000, 180),
            (4_500.0 / 16.0 * 0.02, BoundBy::Publishing)
        );
        // 180 pages of two keys each.
        assert_eq!(
            Limit::Requests.bound(360, 180),
            (180.0 / 8.0 * 0.02, BoundBy::Listing)
        );
    }

    #[test]
    fn the_other_bounds_are_those_of_their_limits() {
        assert_eq!(Limit::Order.bound(1_000_000, 1), (20.0, BoundBy::Order));
        let pace = Limit::Pace {
            copies: 100.0,
            copy_secs: 2.0,
        };
        assert_eq!(pace.bound(1_500, 1), (30.0, BoundBy::Pace));
        assert_eq!(
            Limit::Quota(3_000).bound(45_000, 180),
            (15.0, BoundBy::Quota)
        );
    }

    #[test]
    fn every_prefix_has_pages_of_its_own() {
        assert_eq!(pages(45_000, 180), 180);
        assert_eq!(pages(2_001, 2), 3);
        assert_eq!(pages(1, 3), 3, "an empty prefix is a page, too");
        assert_eq!(pages(1_000_000, 1), 1_000);
    }
}
