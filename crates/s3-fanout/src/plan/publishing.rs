//! How long the publisher takes to list and publish, if neither a pace nor a throttle holds it up. Pure arithmetic.

use publisher::config::LIST_CONCURRENCY;
use publisher::topic::BATCH_ENTRIES;

use super::totals::Totals;
use crate::speed::Speed;

/// Batches of ten messages in flight; template.yaml's `PublishConcurrency`.
const PUBLISH_CONCURRENCY: f64 = 16.0;

/// Messages a second that SNS takes in a region, where the account has no other quota.
/// <https://docs.aws.amazon.com/general/latest/gr/sns.html>
fn messages_per_sec(region: &str) -> f64 {
    match region {
        "us-east-1" => 30_000.0,
        "us-west-2" | "eu-west-1" => 9_000.0,
        "us-east-2" | "us-west-1" | "ap-south-1" | "ap-northeast-1" | "ap-northeast-2"
        | "ap-southeast-1" | "ap-southeast-2" | "eu-central-1" => 1_500.0,
        _ => 300.0,
    }
}

/// How long it takes in a region, in seconds. Pages of one prefix come one after the other, since they are compared.
pub fn publishing_secs(totals: &Totals, region: &str) -> f64 {
    let pages = (totals.pages as f64 / LIST_CONCURRENCY as f64).max(totals.longest_pages as f64);
    let per_sec = (PUBLISH_CONCURRENCY * BATCH_ENTRIES as f64 / totals.speed.publish_secs)
        .min(messages_per_sec(region));
    let messages = totals.sizes.all().objects as f64;
    (pages * totals.speed.list_secs).max(messages / per_sec)
}

/// How long it takes until the first copy begins, in seconds: a page, a batch of messages, and the start of both
/// functions.
pub fn first_copy_secs(speed: &Speed) -> f64 {
    speed.cold_start_secs + speed.list_secs + speed.publish_secs + speed.cold_start_secs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::totals::tests::{listed, totals};

    #[test]
    fn takes_the_longer_of_listing_and_publishing() {
        let keys = |n| (0..n).map(|_| listed("k", 1)).collect::<Vec<_>>();
        let one = totals(false, vec![keys(3_000)]);
        assert_eq!(publishing_secs(&one, "us-east-1"), 3_000.0 / 8_000.0);
        assert_eq!(publishing_secs(&one, "eu-central-1"), 2.0);
        assert_eq!(publishing_secs(&one, "eu-north-1"), 10.0);
        let days = totals(false, (0..80).map(|_| keys(1)).collect());
        assert_eq!(publishing_secs(&days, "us-east-1"), 160.0 / 8.0 * 0.1);
        let unwanted = totals(
            false,
            vec![(0..5_000).map(|_| listed("k.tmp", 1)).collect()],
        );
        assert_eq!(publishing_secs(&unwanted, "us-east-1"), 5.0 * 0.1);
    }

    #[test]
    fn both_functions_start_before_the_first_copy() {
        let first = first_copy_secs(&Speed::measured());
        assert!((first - (0.02 + 0.1 + 0.02 + 0.02)).abs() < 1e-9, "{first}");
    }
}
