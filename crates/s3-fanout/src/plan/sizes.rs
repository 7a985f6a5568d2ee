//! How the sizes of objects are spread, in bounded memory at any number of them.

use serde::Serialize;

use crate::progress::Amount;

/// Where one class of sizes ends and the next begins, in bytes.
const BOUNDS: [u64; 7] = [
    1_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
    10_000_000_000,
    100_000_000_000,
    1_000_000_000_000,
];

/// Each power of two is counted in so many steps, which makes the median exact to a sixty-fourth.
const STEPS: u64 = 32;

/// Bits of a step.
const STEP_BITS: u32 = STEPS.ilog2();

/// Objects of sizes between two bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Class {
    /// The least size.
    pub from_bytes: u64,
    /// The size they stay below; none for the largest class.
    pub below_bytes: Option<u64>,
    /// How many there are.
    #[serde(flatten)]
    pub count: Amount,
}

/// The sizes of objects.
#[derive(Debug, Clone)]
pub struct Sizes {
    classes: [Amount; BOUNDS.len() + 1],
    steps: Vec<u64>,
    all: Amount,
    range: Option<(u64, u64)>,
}

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes {
            classes: Default::default(),
            steps: vec![0; step(u64::MAX) + 1],
            all: Amount::default(),
            range: None,
        }
    }
}

impl Sizes {
    /// Counts an object.
    pub fn add(&mut self, bytes: u64) {
        self.classes[BOUNDS.partition_point(|bound| *bound <= bytes)] += Amount::of(bytes);
        self.steps[step(bytes)] += 1;
        self.all += Amount::of(bytes);
        let (smallest, largest) = self.range.unwrap_or((bytes, bytes));
        self.range = Some((smallest.min(bytes), largest.max(bytes)));
    }

    /// All of them.
    pub fn all(&self) -> Amount {
        self.all
    }

    /// The smallest and the largest, in bytes.
    pub fn range(&self) -> Option<(u64, u64)> {
        self.range
    }

    /// The median in bytes, exact to a sixty-fourth.
    pub fn median(&self) -> Option<u64> {
        let (smallest, largest) = self.range?;
        let mut before = self.all.objects.div_ceil(2);
        let mut counts = self.steps.iter().enumerate();
        let (step, _) = counts.find(|(_, count)| {
            let is_here = before <= **count;
            before = before.saturating_sub(**count);
            is_here
        })?;
        Some(middle(step).clamp(smallest, largest))
    }

    /// The classes that have objects, smallest first.
    pub fn classes(&self) -> Vec<Class> {
        let bounds = (0..self.classes.len()).map(|class| Class {
            from_bytes: class.checked_sub(1).map_or(0, |below| BOUNDS[below]),
            below_bytes: BOUNDS.get(class).copied(),
            count: self.classes[class],
        });
        bounds.filter(|class| class.count.objects > 0).collect()
    }
}

/// The step a size falls into. Sizes below [`STEPS`] have one each.
fn step(bytes: u64) -> usize {
    let power = bytes.max(STEPS).ilog2() - STEP_BITS;
    // Below 64 * 32.
    (u64::from(power) * STEPS + (bytes >> power)) as usize
}

/// The size in the middle of a step.
fn middle(step: usize) -> u64 {
    let step = step as u64;
    let power = (step / STEPS).saturating_sub(1);
    let least = (step - power * STEPS) << power;
    least + ((1 << power) - 1) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_lies_in_its_step_and_the_steps_are_narrow() {
        let mut last = 0;
        for power in 0..64 {
            for nudge in [0, 1, 3] {
                let bytes = (1_u64 << power) + (1_u64 << power >> 2) * nudge;
                let step = step(bytes);
                assert!(step >= last, "{bytes}");
                last = step;
                let apart = middle(step).abs_diff(bytes);
                assert!(apart <= bytes / 32, "{bytes} is not {}", middle(step));
            }
        }
        assert_eq!(step(u64::MAX) + 1, Sizes::default().steps.len());
    }

    #[test]
    fn tells_the_smallest_the_median_and_the_largest() {
        let mut sizes = Sizes::default();
        assert_eq!((sizes.range(), sizes.median()), (None, None));
        sizes.add(7);
        assert_eq!((sizes.range(), sizes.median()), (Some((7, 7)), Some(7)));
        for bytes in [0, 700_000_000, 800_000_000, 5_000_000_000_000] {
            sizes.add(bytes);
        }
        assert_eq!(sizes.range(), Some((0, 5_000_000_000_000)));
        let median = sizes.median().unwrap();
        assert!(median.abs_diff(700_000_000) <= 700_000_000 / 64, "{median}");
    }

    #[test]
    fn a_size_on_a_bound_is_of_the_class_above_it() {
        let mut sizes = Sizes::default();
        for bytes in [999_999, 1_000_000, 1_000_001, 2_000_000_000_000] {
            sizes.add(bytes);
        }
        let shown: Vec<_> = sizes.classes();
        let class = |from_bytes, below_bytes, objects, bytes| Class {
            from_bytes,
            below_bytes,
            count: Amount { objects, bytes },
        };
        assert_eq!(
            shown,
            [
                class(0, Some(1_000_000), 1, 999_999),
                class(1_000_000, Some(10_000_000), 2, 2_000_001),
                class(1_000_000_000_000, None, 1, 2_000_000_000_000),
            ]
        );
    }
}
