//! Which settings to recommend: the smallest of those that are about as fast as the fastest. Pure arithmetic.

use std::collections::BTreeMap;

use crate::speed::{DEFAULT_PARTS_IN_FLIGHT, DEFAULT_SIZES};

/// About as fast: so much longer, as a share of the fastest time, which is as far as the reckoned times are from the
/// measured.
const TOLERATED_SHARE: f64 = 0.25;

/// So many seconds are worth no more copies at once.
const TOLERATED_SECS: f64 = 10.0;

/// Settings, and what the work comes to with them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// Copies at once.
    pub concurrency: u32,
    /// The size parts come near to, in MiB.
    pub part_size_mib: u64,
    /// Parts of one object at once.
    pub parts_in_flight: u32,
    /// PUT, COPY and POST requests.
    pub writes: u64,
    /// Parts of all objects.
    pub parts: u64,
    /// How long it takes.
    pub secs: f64,
}

/// What belongs to the choice to recommend. With so many copies at once: the fewest requests that are about as fast as
/// the fastest, then the fewest parts at once. Of these, the fewest copies at once that are about as fast as the
/// fastest of all, or a few seconds slower. What makes no difference stays as the copier has it where nothing is
/// configured.
pub fn recommended<T>(choices: impl IntoIterator<Item = (Choice, T)>) -> Option<T> {
    let mut by_concurrency: BTreeMap<u32, Vec<(Choice, T)>> = BTreeMap::new();
    for (choice, of) in choices {
        let same = by_concurrency.entry(choice.concurrency).or_default();
        same.push((choice, of));
    }
    let fastest = fastest(by_concurrency.values().flatten())?;
    let tolerated = share_more(fastest).max(fastest + TOLERATED_SECS);
    let mut smallest = by_concurrency.into_values().filter_map(smallest);
    let recommended = smallest.find(|(choice, _)| choice.secs <= tolerated);
    recommended.map(|(_, of)| of)
}

/// Of those with as many copies at once.
fn smallest<T>(choices: Vec<(Choice, T)>) -> Option<(Choice, T)> {
    let tolerated = share_more(fastest(&choices)?);
    let all = choices.into_iter();
    all.filter(|(choice, _)| choice.secs <= tolerated)
        .min_by_key(|(choice, _)| size(choice))
}

fn fastest<'c, T: 'c>(choices: impl IntoIterator<Item = &'c (Choice, T)>) -> Option<f64> {
    let secs = choices.into_iter().map(|(choice, _)| choice.secs);
    secs.min_by(f64::total_cmp)
}

fn share_more(secs: f64) -> f64 {
    secs * (1.0 + TOLERATED_SHARE)
}

/// What is compared of choices that are about as fast.
fn size(choice: &Choice) -> (u64, u32, bool) {
    let Choice {
        writes,
        parts,
        parts_in_flight,
        ..
    } = *choice;
    let parts_at_once = match parts {
        0 => parts_in_flight.abs_diff(DEFAULT_PARTS_IN_FLIGHT),
        _ => parts_in_flight,
    };
    let is_default = choice.part_size_mib << 20 == DEFAULT_SIZES.part_bytes;
    (writes, parts_at_once, !is_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Copies at once, MiB, parts at once; requests; seconds.
    fn choice(
        (concurrency, part_size_mib, parts_in_flight): (u32, u64, u32),
        writes: u64,
        secs: f64,
    ) -> (Choice, u64) {
        let choice = Choice {
            concurrency,
            part_size_mib,
            parts_in_flight,
            writes,
            parts: writes / 2,
            secs,
        };
        (choice, writes)
    }

    #[test]
    fn a_few_seconds_are_worth_no_more_copies_at_once_but_fewer_requests_must_be_as_fast() {
        let choices = [
            choice((100, 16, 64), 1_000, 8.0),
            choice((100, 64, 16), 300, 9.9),
            choice((100, 128, 16), 200, 10.1),
            choice((250, 16, 64), 1_000, 3.0),
            // Only with more requests than would be recommended would it be as fast.
            choice((50, 16, 64), 1_000, 12.9),
            choice((50, 64, 16), 300, 13.1),
        ];
        assert_eq!(recommended(choices), Some(300));
    }

    #[test]
    fn of_as_many_requests_the_fewest_parts_at_once_are_enough() {
        let of = |in_flight, secs| {
            let (choice, _) = choice((10, 64, in_flight), 100, secs);
            (choice, in_flight)
        };
        let choices = [of(4, 9.0), of(8, 6.2), of(16, 5.0), of(32, 5.0)];
        assert_eq!(recommended(choices), Some(8));
    }

    #[test]
    fn what_makes_no_difference_stays_as_the_copier_has_it() {
        let mut choices = Vec::new();
        for size in [16, 64, 128] {
            for in_flight in [4, 16, 64] {
                let settings = (10, size, in_flight);
                choices.push((
                    Choice {
                        parts: 0,
                        ..choice(settings, 50, 1.0).0
                    },
                    settings,
                ));
            }
        }
        assert_eq!(recommended(choices), Some((10, 64, 16)));
        assert_eq!(recommended::<()>([]), None);
    }
}
