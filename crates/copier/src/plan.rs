//! From an object's size to how it is copied: at once, or in equal parts. Pure arithmetic.

use std::ops::RangeInclusive;

const MIB: u64 = 1 << 20;

/// The smallest part but the last. A ranged part copy needs a source over this size, too.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
pub const MIN_PART_BYTES: u64 = 5 * MIB;

/// The largest part. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
pub const MAX_PART_BYTES: u64 = 5 * 1_024 * MIB;

/// The most parts of an upload. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
pub const MAX_PARTS: u64 = 10_000;

/// The largest object CopyObject takes.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
pub const MAX_COPY_OBJECT_BYTES: u64 = 5 * 1_024 * MIB;

/// The largest object that parts can make: 53.7 TB, above the 50 TB that S3 stores.
pub const MAX_OBJECT_BYTES: u64 = MAX_PARTS * MAX_PART_BYTES;

/// The two sizes that an operator chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// The size that parts come near to, in bytes.
    pub part_bytes: u64,
    /// The size from which an object is copied in parts, in bytes.
    pub multipart_threshold_bytes: u64,
}

/// How an object is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// By one CopyObject.
    Single,
    /// By a multipart upload.
    Multipart(Parts),
}

/// Equal parts of an object; the last may be smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    size_bytes: u64,
    part_bytes: u64,
}

/// One part of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its number, from 1.
    pub number: u32,
    /// Its first and its last byte.
    pub range: RangeInclusive<u64>,
}

/// An object larger than an upload can be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{size_bytes} bytes are more than {MAX_PARTS} parts of 5 GiB can hold ({MAX_OBJECT_BYTES} bytes)"
)]
pub struct TooLarge {
    size_bytes: u64,
}

/// Chooses how an object of a size is copied.
///
/// # Errors
/// The object is larger than [`MAX_OBJECT_BYTES`].
pub fn plan(size_bytes: u64, sizes: Sizes) -> Result<Plan, TooLarge> {
    if size_bytes > MAX_OBJECT_BYTES {
        return Err(TooLarge { size_bytes });
    }
    if size_bytes < sizes.multipart_threshold_bytes || size_bytes <= MIN_PART_BYTES {
        return Ok(Plan::Single);
    }
    let fewest = size_bytes.div_ceil(MAX_PART_BYTES);
    let most = (size_bytes / MIN_PART_BYTES).min(MAX_PARTS);
    let count = size_bytes.div_ceil(sizes.part_bytes).clamp(fewest, most);
    Ok(Plan::Multipart(Parts {
        size_bytes,
        part_bytes: size_bytes.div_ceil(count),
    }))
}

impl Parts {
    /// How many there are.
    pub fn count(&self) -> u32 {
        // At most MAX_PARTS, by construction.
        self.size_bytes.div_ceil(self.part_bytes) as u32
    }

    /// The size of all but the last, in bytes.
    pub fn part_bytes(&self) -> u64 {
        self.part_bytes
    }

    /// The part of a number, if there is one.
    pub fn part(&self, number: u32) -> Option<Part> {
        if !(1..=self.count()).contains(&number) {
            return None;
        }
        let start = u64::from(number - 1) * self.part_bytes;
        let end = (start + self.part_bytes).min(self.size_bytes) - 1;
        Some(Part {
            number,
            range: start..=end,
        })
    }

    /// The parts in order.
    pub fn iter(self) -> impl Iterator<Item = Part> {
        (1..=self.count()).filter_map(move |number| self.part(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DEFAULT: Sizes = Sizes {
        part_bytes: 64 * MIB,
        multipart_threshold_bytes: 256 * MIB,
    };
    const TIB: u64 = 1 << 40;

    fn parts(size_bytes: u64, sizes: Sizes) -> Option<(u32, u64)> {
        match plan(size_bytes, sizes).unwrap() {
            Plan::Single => None,
            Plan::Multipart(parts) => Some((parts.count(), parts.part_bytes())),
        }
    }

    #[test]
    fn copies_in_parts_from_the_threshold_on() {
        assert_eq!(parts(0, DEFAULT), None);
        assert_eq!(parts(256 * MIB - 1, DEFAULT), None);
        assert_eq!(parts(256 * MIB, DEFAULT), Some((4, 64 * MIB)));
        assert_eq!(parts(256 * MIB + 1, DEFAULT), Some((5, 53_687_092)));
        assert_eq!(parts(700 * MIB, DEFAULT), Some((11, 66_727_564)));
    }

    #[test]
    fn never_makes_a_part_below_the_minimum() {
        let smallest = Sizes {
            part_bytes: 5 * MIB,
            multipart_threshold_bytes: 5 * MIB,
        };
        assert_eq!(
            parts(5 * MIB, smallest),
            None,
            "a ranged copy needs a source over 5 MiB"
        );
        assert_eq!(parts(5 * MIB + 1, smallest), Some((1, 5 * MIB + 1)));
        assert_eq!(parts(10 * MIB - 1, smallest), Some((1, 10 * MIB - 1)));
        assert_eq!(parts(10 * MIB, smallest), Some((2, 5 * MIB)));
    }

    #[test]
    fn large_objects_have_at_most_10_000_parts_of_at_most_5_gib() {
        assert_eq!(
            parts(48 * TIB, DEFAULT),
            Some((10_000, (48 * TIB).div_ceil(10_000)))
        );
        assert_eq!(
            parts(MAX_OBJECT_BYTES, DEFAULT),
            Some((10_000, MAX_PART_BYTES))
        );
        assert_eq!(
            plan(MAX_OBJECT_BYTES + 1, DEFAULT).unwrap_err().to_string(),
            "53687091200001 bytes are more than 10000 parts of 5 GiB can hold (53687091200000 bytes)"
        );
    }

    /// Any size that an operator can choose for parts or for the threshold, and more of the small ones.
    fn any_part() -> impl Strategy<Value = u64> {
        prop_oneof![
            Just(MIN_PART_BYTES),
            MIN_PART_BYTES..=64 * MIB,
            MIN_PART_BYTES..=MAX_PART_BYTES
        ]
    }

    /// Any size that parts can make, and those around a multiple of a part and around the limits.
    fn any_size() -> impl Strategy<Value = u64> {
        let multiples = (any_part(), prop_oneof![1..=3_u64, 1..=MAX_PARTS], -1i64..=1).prop_map(
            |(part_bytes, count, nudge)| (part_bytes * count).saturating_add_signed(nudge),
        );
        let limits = (
            prop_oneof![
                Just(0),
                Just(MIN_PART_BYTES),
                Just(2 * MIN_PART_BYTES),
                Just(MAX_PARTS * MIN_PART_BYTES),
                Just(MAX_COPY_OBJECT_BYTES),
                Just(MAX_OBJECT_BYTES)
            ],
            -1i64..=1,
        )
            .prop_map(|(limit, nudge)| limit.saturating_add_signed(nudge));
        prop_oneof![
            0..=MAX_OBJECT_BYTES,
            0..=64 * MIB,
            0..=TIB,
            multiples,
            limits
        ]
        .prop_map(|size| size.min(MAX_OBJECT_BYTES))
    }

    proptest! {
        #[test]
        fn ranges_start_at_0_touch_cover_the_size_and_keep_the_limits(
            size in any_size(),
            part_bytes in any_part(),
            threshold in any_part(),
        ) {
            let sizes = Sizes { part_bytes, multipart_threshold_bytes: threshold };
            let Plan::Multipart(parts) = plan(size, sizes).unwrap() else {
                prop_assert!(size < threshold || size <= MIN_PART_BYTES);
                prop_assert!(size <= MAX_COPY_OBJECT_BYTES);
                return Ok(());
            };
            prop_assert!(size > MIN_PART_BYTES, "a ranged copy needs a source over 5 MiB");
            let mut next = 0;
            let last = parts.count();
            for (index, part) in parts.iter().enumerate() {
                prop_assert_eq!(part.number as usize, index + 1);
                prop_assert_eq!(*part.range.start(), next);
                let bytes = part.range.end() - part.range.start() + 1;
                prop_assert!(bytes <= MAX_PART_BYTES);
                prop_assert!(bytes >= MIN_PART_BYTES || part.number == last);
                prop_assert!(bytes == parts.part_bytes() || part.number == last);
                next = part.range.end() + 1;
            }
            prop_assert_eq!(next, size);
            prop_assert_eq!(parts.iter().count(), last as usize);
            prop_assert!(u64::from(last) <= MAX_PARTS);
        }

        #[test]
        fn what_10_000_parts_cannot_hold_is_refused(size in MAX_OBJECT_BYTES + 1..) {
            prop_assert_eq!(plan(size, DEFAULT), Err(TooLarge { size_bytes: size }));
        }
    }
}
