//! Draws that depend on the seed and on what is asked, never on what happens in between.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use md5::{Digest, Md5};

/// A sequence of draws for each subject, all from one seed.
#[derive(Debug, Default)]
pub(crate) struct Draws {
    seed: u64,
    /// How often each subject was asked for, by the digest of its name.
    asked: Mutex<HashMap<[u8; 16], u64>>,
}

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// The next draw of a subject: the n-th is the same in every run, whoever else draws.
    pub(crate) fn next(&self, operation: &str, subject: &str) -> Draw {
        let name = format!("{} {operation} {subject}", self.seed);
        let name: [u8; 16] = Md5::digest(name).into();
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let times = asked.entry(name).or_default();
        *times += 1;
        Draw(
            Md5::new()
                .chain_update(name)
                .chain_update(times.to_be_bytes())
                .finalize()
                .into(),
        )
    }
}

/// Two numbers from 0 to below 1 that have nothing to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Draw([u8; 16]);

impl Draw {
    /// Decides whether a fault happens and which, or how long an answer takes.
    pub(crate) fn which(self) -> f64 {
        fraction(u128::from_be_bytes(self.0) >> 64)
    }

    /// Decides the rest: when it happens, or with which bytes.
    pub(crate) fn how(self) -> f64 {
        fraction(u128::from_be_bytes(self.0) & u128::from(u64::MAX))
    }
}

/// 64 bits as a fraction: 53 of them are what a float holds, and with more it could come to 1.
fn fraction(bits: u128) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(draws: &Draws, subject: &str) -> Vec<Draw> {
        (0..100).map(|_| draws.next("Get", subject)).collect()
    }

    #[test]
    fn a_subjects_draws_are_the_same_whatever_others_draw_in_between() {
        let (alone, together) = (Draws::new(7), Draws::new(7));
        let expected = some(&alone, "a");
        let mixed: Vec<_> = (0..100)
            .map(|_| {
                together.next("Get", "b");
                together.next("Head", "a");
                together.next("Get", "a")
            })
            .collect();
        assert_eq!(mixed, expected);
    }

    #[test]
    fn another_seed_another_operation_and_another_subject_draw_otherwise() {
        let draw = |seed, operation, subject| Draws::new(seed).next(operation, subject);
        let first = draw(7, "Get", "a");
        assert_eq!(draw(7, "Get", "a"), first);
        for other in [
            draw(8, "Get", "a"),
            draw(7, "Head", "a"),
            draw(7, "Get", "b"),
        ] {
            assert_ne!(other, first);
        }
    }

    #[test]
    fn draws_fill_the_unit_interval_evenly() {
        let draws = Draws::new(1);
        let mut tenths = [[0; 10]; 2];
        for _ in 0..10_000 {
            let draw = draws.next("Get", "a");
            for (counts, fraction) in tenths.iter_mut().zip([draw.which(), draw.how()]) {
                counts[(fraction * 10.0) as usize] += 1;
            }
        }
        // Four standard deviations are 120.
        let even = |count: &i32| (880..=1_120).contains(count);
        assert!(tenths.iter().flatten().all(even), "{tenths:?}");
    }
}
