//! An object of some size, so many parts of it at once, and the share of it that a run can bear.

use copier::plan::{Parts, Plan, Sizes, plan};

use crate::speed::{DEFAULT_SIZES, Speed};

const MIB: u64 = 1 << 20;

/// The sizes of objects, in bytes, from one CopyObject to the largest that S3 stored for fifteen years.
pub const SIZES: [u64; 7] = [
    64 * MIB,
    256 * MIB,
    700_000_000,
    5_000_000_000,
    100_000_000_000,
    1_000_000_000_000,
    5_000_000_000_000,
];

/// Parts of one object at once.
pub const PARTS_IN_FLIGHT: [u32; 4] = [1, 4, 16, 64];

/// What would take longer by the model is measured on some of its parts only.
const LONGEST_SECS: f64 = 20.0;

/// The size from which the copier looks for an upload that was cut off, where nothing else is configured.
const RESUME_THRESHOLD_BYTES: u64 = 50 << 30;

/// Requests for an object in parts besides its parts: two HeadObject, CreateMultipartUpload and
/// CompleteMultipartUpload.
const BESIDES_PARTS: u64 = 4;
/// GetObjectTagging, for an object with tags that is copied in parts.
const FOR_TAGS: u64 = 1;
/// Requests for an object that is copied at once: two HeadObject and CopyObject, which copies tags, too.
const AT_ONCE: u64 = 3;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// The object's size.
    pub size_bytes: u64,
    pub parts_in_flight: u32,
    /// How it is copied.
    pub plan: Plan,
    /// The least seconds it takes by the model.
    pub limit_secs: f64,
    /// The object that is measured in its place, or itself.
    pub measured: Measured,
}

/// An object that is copied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    pub size_bytes: u64,
    pub plan: Plan,
    /// The copier's setting that makes parts of the right size of it.
    pub part_size_mib: u64,
    /// The least seconds it takes by the model.
    pub limit_secs: f64,
}

impl Shape {
    /// An object that is copied with the default sizes.
    pub fn new(size_bytes: u64, parts_in_flight: u32, speed: &Speed) -> Shape {
        let plan = plan(size_bytes, DEFAULT_SIZES).expect("a size that an upload can have");
        let limit_secs = speed.copy_of(size_bytes, plan, parts_in_flight);
        let whole = Measured {
            size_bytes,
            plan,
            part_size_mib: DEFAULT_SIZES.part_bytes / MIB,
            limit_secs,
        };
        let share = match plan {
            Plan::Multipart(parts) if limit_secs > LONGEST_SECS => {
                share(parts, parts_in_flight, speed)
            }
            _ => None,
        };
        Shape {
            size_bytes,
            parts_in_flight,
            plan,
            limit_secs,
            measured: share.unwrap_or(whole),
        }
    }

    /// Whether the object is not measured itself.
    pub fn is_extrapolated(&self) -> bool {
        self.measured.size_bytes != self.size_bytes
    }
}

impl Measured {
    /// The requests that the copy of it takes, of an object with tags.
    pub fn requests(&self) -> u64 {
        match self.plan {
            Plan::Single => AT_ONCE,
            Plan::Multipart(parts) => {
                let looks_for_uploads = u64::from(self.size_bytes >= RESUME_THRESHOLD_BYTES);
                u64::from(parts.count()) + BESIDES_PARTS + FOR_TAGS + looks_for_uploads
            }
        }
    }
}

/// Full rounds of parts of the same size (the copier is told it in MiB, so rounded up), as many as take no longer than
/// is bearable, and one at least.
fn share(parts: Parts, parts_in_flight: u32, speed: &Speed) -> Option<Measured> {
    let part_size_mib = parts.part_bytes().div_ceil(MIB);
    let sizes = Sizes {
        part_bytes: part_size_mib * MIB,
        ..DEFAULT_SIZES
    };
    let of = |rounds: u32| {
        let size_bytes = u64::from(rounds * parts_in_flight) * sizes.part_bytes;
        let plan = plan(size_bytes, sizes).ok()?;
        // Few small parts are below the size from which there are any.
        matches!(plan, Plan::Multipart(_)).then(|| Measured {
            size_bytes,
            plan,
            part_size_mib,
            limit_secs: speed.copy_of(size_bytes, plan, parts_in_flight),
        })
    };
    let mut share = None;
    for longer in (1..=parts.count() / parts_in_flight).filter_map(of) {
        if share.is_some() && longer.limit_secs > LONGEST_SECS {
            break;
        }
        share = Some(longer);
    }
    share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Shape> {
        let speed = Speed::measured();
        let sizes = SIZES
            .iter()
            .flat_map(|&size| PARTS_IN_FLIGHT.map(|parts| (size, parts)));
        sizes
            .map(|(size, parts)| Shape::new(size, parts, &speed))
            .collect()
    }

    fn parts(plan: Plan) -> Parts {
        match plan {
            Plan::Multipart(parts) => parts,
            Plan::Single => panic!("one request"),
        }
    }

    #[test]
    fn what_takes_too_long_is_measured_on_full_rounds_of_the_same_parts() {
        let mut extrapolated = 0;
        for shape in all() {
            let measured = shape.measured;
            if !shape.is_extrapolated() {
                assert_eq!(
                    (measured.plan, measured.limit_secs),
                    (shape.plan, shape.limit_secs)
                );
                continue;
            }
            extrapolated += 1;
            let (whole, share) = (parts(shape.plan), parts(measured.plan));
            assert!(shape.limit_secs > LONGEST_SECS, "{shape:?}");
            assert!(share.part_bytes() - whole.part_bytes() < MIB, "{shape:?}");
            assert_eq!(share.count() % shape.parts_in_flight, 0, "{shape:?}");
            assert!(measured.limit_secs <= LONGEST_SECS, "{shape:?}");
            assert!(measured.limit_secs > LONGEST_SECS / 2.0, "{shape:?}");
        }
        assert!(extrapolated > 10, "{extrapolated}");
    }

    #[test]
    fn what_is_measured_is_what_the_copier_makes_of_its_settings() {
        for Shape { measured, .. } in all() {
            let sizes = Sizes {
                part_bytes: measured.part_size_mib * MIB,
                ..DEFAULT_SIZES
            };
            assert_eq!(plan(measured.size_bytes, sizes), Ok(measured.plan));
        }
    }

    #[test]
    fn requests_are_the_parts_and_five_with_tags() {
        let requests = |size| Shape::new(size, 64, &Speed::measured()).measured.requests();
        assert_eq!(requests(700_000_000), 11 + 5);
        assert_eq!(requests(64 * MIB), 3);
    }
}
