//! The settings that backup and fan-out take, and what they come to.

use copier::plan::{Plan, Sizes, TooLarge, plan};

use super::strategy::Strategy;
use crate::bench::limit;
use crate::speed::DEFAULT_SIZES;

const MIB: u64 = 1 << 20;

/// From this size, which no object here has, objects are copied in parts where they are to be copied whole.
const WHOLE_MIB: u64 = 5_120;

/// How backup and fan-out divide objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ours {
    /// The size that parts come near to; objects are copied whole without.
    pub part_size_mib: Option<u64>,
    /// Parts of one object copied at the same time.
    pub parts_in_flight: u32,
}

impl Ours {
    /// Where parts begin, and how large they are.
    pub fn sizes(self) -> Sizes {
        Sizes {
            part_bytes: self.part_size_mib.unwrap_or(WHOLE_MIB) * MIB,
            multipart_threshold_bytes: self.threshold_mib() * MIB,
        }
    }

    /// The variables of a copier.
    pub fn variables(self) -> [(&'static str, String); 3] {
        let part_size_mib = self.part_size_mib.unwrap_or(WHOLE_MIB);
        [
            ("PART_SIZE_MIB", part_size_mib.to_string()),
            ("PARTS_IN_FLIGHT", self.parts_in_flight.to_string()),
            ("MULTIPART_THRESHOLD_MIB", self.threshold_mib().to_string()),
        ]
    }

    /// The flags of `backup`.
    pub fn flags(self) -> impl Iterator<Item = String> {
        let flag = |name: &str| format!("--{}", name.to_lowercase().replace('_', "-"));
        let variables = self.variables().into_iter();
        variables.flat_map(move |(name, value)| [flag(name), value])
    }

    /// For the least time.
    pub fn limited(self, strategy: Strategy, concurrency: u16) -> limit::Settings {
        limit::Settings {
            concurrency: concurrency.into(),
            sizes: self.sizes(),
            parts_in_flight: self.parts_in_flight,
            publishes: strategy == Strategy::FanOut,
        }
    }

    /// The requests that copies of these sizes take: the source is looked at, and the destination where no listing has
    /// shown that nothing is there; then one request copies an object, or it has parts, a beginning, an end, and tags
    /// that are read.
    pub fn requests(
        self,
        strategy: Strategy,
        sizes: &[u64],
        have_tags: bool,
    ) -> Result<u64, TooLarge> {
        let looks = if strategy == Strategy::Backup { 1 } else { 2 };
        let of = |size: &u64| {
            Ok(match plan(*size, self.sizes())? {
                Plan::Single => looks + 1,
                Plan::Multipart(parts) => {
                    looks + u64::from(parts.count()) + 2 + u64::from(have_tags)
                }
            })
        };
        sizes.iter().map(of).sum()
    }

    fn threshold_mib(self) -> u64 {
        match self.part_size_mib {
            Some(_) => DEFAULT_SIZES.multipart_threshold_bytes / MIB,
            None => WHOLE_MIB,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_700_mb_object_takes_its_parts_four_requests_and_one_for_its_tags() {
        let ours = |part_size_mib| Ours {
            part_size_mib,
            parts_in_flight: 16,
        };
        let one = [700_000_000];
        let of = |part_size_mib, strategy, sizes: &[u64], have_tags| {
            ours(part_size_mib).requests(strategy, sizes, have_tags)
        };
        assert_eq!(of(Some(64), Strategy::FanOut, &one, false), Ok(11 + 4));
        assert_eq!(of(Some(64), Strategy::FanOut, &one, true), Ok(11 + 5));
        assert_eq!(of(Some(64), Strategy::Backup, &one, false), Ok(11 + 3));
        assert_eq!(of(Some(64), Strategy::FanOut, &[1_000; 2], true), Ok(6));
        assert_eq!(of(Some(64), Strategy::Backup, &[1_000; 2], true), Ok(4));
        assert_eq!(of(None, Strategy::FanOut, &one, true), Ok(3));
        let flags: Vec<_> = ours(Some(32)).flags().collect();
        assert_eq!(
            flags.join(" "),
            "--part-size-mib 32 --parts-in-flight 16 --multipart-threshold-mib 256"
        );
    }
}
