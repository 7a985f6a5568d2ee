//! How many of a workload's objects a slow strategy copies, and what that says of all.

use sandbox::timing::Model;

use crate::speed::Speed;

/// A strategy that the model says takes longer copies a fraction only, in seconds.
const LONGEST_SECS: f64 = 90.0;

/// What the fraction takes, in seconds.
const FRACTION_SECS: f64 = 45.0;

/// The objects that a strategy copies which copies so many at the same time by one request each: all, or as many rounds
/// as are long enough to be measured.
pub fn objects(model: &Model, sizes: &[u64], at_once: u32) -> u32 {
    let all = sizes.len() as u32;
    let speed = Speed::of(model);
    let secs: f64 = sizes.iter().map(|size| speed.request_of(*size)).sum();
    let whole = secs / f64::from(at_once);
    if whole <= LONGEST_SECS {
        return all;
    }
    let round = secs / f64::from(all);
    let rounds = (FRACTION_SECS / round).max(1.0) as u32;
    all.min(at_once.saturating_mul(rounds))
}

/// How many times the bytes of the first objects all of them have.
pub fn times(sizes: &[u64], objects: u32) -> f64 {
    let bytes = |sizes: &[u64]| sizes.iter().sum::<u64>() as f64;
    bytes(sizes) / bytes(&sizes[..objects as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(model: &str, at_once: u32) -> u32 {
        let sizes = [700_000_000; 250];
        objects(&Model::named(model).unwrap(), &sizes, at_once)
    }

    #[test]
    fn what_is_fast_enough_copies_all_and_what_is_not_copies_whole_rounds() {
        // 25 s a copy in 2016, 8.6 s in 2023.
        assert_eq!(of("s3-2016", 100), 250);
        assert_eq!(of("s3-2016", 1), 1);
        assert_eq!(of("s3-2016", 8), 8);
        assert_eq!(of("s3-2023", 1), 5);
        assert_eq!(of("s3-2023", 8), 40);
        assert_eq!(of("s3-2023", 25), 250);
        assert_eq!(of("lan", 1), 250);
    }

    #[test]
    fn a_fraction_is_one_of_bytes() {
        assert_eq!(times(&[1, 3, 4], 2), 2.0);
        assert_eq!(times(&[1, 3, 4], 3), 1.0);
    }
}
