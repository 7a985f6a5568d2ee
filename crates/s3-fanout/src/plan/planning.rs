//! From the settings that were chosen to how the backup would go with them.

use std::collections::BTreeMap;
use std::time::Duration;

use publisher::topic::BATCH_ENTRIES;

use super::answer::{Costs, Planned, Prices, Setting, Setup, Time};
use super::choose::Candidate;
use super::queue::{Load, Queue, copy_mib_per_sec, queue};
use super::totals::Totals;
use super::why;
use crate::cost::prices::{self, Architecture};
use crate::cost::{Cost, Usage, by_operation, cost};
use crate::progress::Amount;

/// The totals, and the settings that were chosen.
pub struct Planning<'p> {
    /// What was listed.
    pub totals: &'p Totals,
    /// What is known besides.
    pub setup: &'p Setup,
    /// All settings there are to choose from.
    pub candidates: &'p [Candidate<'p>],
    /// The ones that were chosen.
    pub best: &'p Candidate<'p>,
    /// How long it takes to list and publish, in seconds.
    pub publishing: f64,
}

impl Planning<'_> {
    /// How it would go.
    pub fn planned(&self) -> Planned {
        let (sizes, best) = (&self.totals.sizes, self.best);
        let (smallest_bytes, largest_bytes) = sizes.range().unwrap_or_default();
        let queue = self.queue(best);
        let writes_per_copy = best.by.writes() as f64 / sizes.all().objects as f64;
        let cost_usd = Costs {
            arm64: self.cost(best, Architecture::Arm64),
            x86_64: self.cost(best, Architecture::X86_64),
        };
        Planned {
            settings: self.settings(),
            elapsed_ms: milliseconds(best.estimate.secs),
            bound: best.estimate.bound,
            architecture: self.setup.architecture,
            total_usd: self.cost(best, self.setup.architecture).total,
            cost_usd,
            prices: Prices {
                as_of: prices::AS_OF,
                region: prices::REGION,
            },
            smallest_bytes,
            median_bytes: sizes.median().unwrap_or_default(),
            largest_bytes,
            sizes: sizes.classes(),
            parts: best.by.parts,
            requests: by_operation(&self.requests(best)),
            times: self.times(),
            write_requests_per_sec: queue.copies_per_sec * writes_per_copy,
            prefix_writes_per_sec: Some(self.totals.speed.writes_per_sec)
                .filter(|rate| rate.is_finite()),
            queue,
            longest_copy_ms: milliseconds(best.speed.longest_secs),
            resumed: best.speed.resumed,
            too_long: best.speed.too_long,
        }
    }

    fn load(&self, candidate: &Candidate<'_>) -> Load {
        let Amount { objects, bytes } = self.totals.sizes.all();
        Load {
            objects,
            bytes,
            busy_secs: candidate.speed.busy_secs,
            concurrency: candidate.concurrency,
            publishing_secs: self.publishing,
            last_begins_secs: candidate.estimate.last_begins_secs,
        }
    }

    fn queue(&self, candidate: &Candidate<'_>) -> Queue {
        let load = self.load(candidate);
        queue(&load, copy_mib_per_sec(&load))
    }

    /// By `service:operation`.
    fn requests(&self, candidate: &Candidate<'_>) -> BTreeMap<String, u64> {
        let (by, objects) = (candidate.by, self.totals.sizes.all().objects);
        let requests = [
            ("s3:HeadObject", 2 * objects),
            ("s3:GetObjectTagging", by.uploads),
            ("s3:CopyObject", by.singles),
            ("s3:CreateMultipartUpload", by.uploads),
            ("s3:UploadPartCopy", by.parts),
            ("s3:CompleteMultipartUpload", by.uploads),
            ("s3:ListObjectsV2", self.totals.pages),
            ("sns:PublishBatch", objects.div_ceil(BATCH_ENTRIES as u64)),
        ];
        let made = requests.into_iter().filter(|(_, count)| *count > 0);
        made.map(|(name, count)| (name.to_owned(), count)).collect()
    }

    fn cost(&self, candidate: &Candidate<'_>, architecture: Architecture) -> Cost {
        let queue = self.queue(candidate);
        cost(&Usage {
            requests: &self.requests(candidate),
            copying: Duration::from_secs_f64(candidate.speed.busy_secs),
            invocations: self.totals.sizes.all().objects + queue.publisher_invocations,
            publisher: Duration::from_secs_f64(queue.publisher_secs),
            architecture,
        })
    }

    fn times(&self) -> Vec<Time> {
        let parts_in_flight = self.best.speed.parts_in_flight;
        let all = self.candidates.iter();
        all.filter(|candidate| candidate.speed.parts_in_flight == parts_in_flight)
            .map(|candidate| Time {
                copier_reserved_concurrency: candidate.concurrency,
                part_size_mib: candidate.by.part_size_mib,
                parts_in_flight,
                elapsed_ms: milliseconds(candidate.estimate.secs),
                bound: candidate.estimate.bound,
            })
            .collect()
    }

    fn settings(&self) -> Vec<Setting> {
        let (best, asked) = (self.best, &self.setup.asked);
        let usd = |candidate: &Candidate<'_>| self.cost(candidate, self.setup.architecture).total;
        let others = why::Others {
            candidates: self.candidates,
            best,
            usd: &usd,
        };
        let setting = |parameter, value, given: bool, why: String| Setting {
            parameter,
            value,
            why: match given {
                true => format!("as given; {why}"),
                false => why,
            },
        };
        let load = self.load(best);
        vec![
            setting(
                "CopierReservedConcurrency",
                best.concurrency.into(),
                asked.concurrency.is_some(),
                others.concurrency(),
            ),
            setting(
                "PartSizeMib",
                best.by.part_size_mib,
                asked.part_size_mib.is_some(),
                others.part_size(),
            ),
            setting(
                "PartsInFlight",
                best.speed.parts_in_flight.into(),
                asked.parts_in_flight.is_some(),
                others.parts_in_flight(),
            ),
            setting(
                "MaxCopiesInFlight",
                0,
                false,
                "the publisher keeps the pace of CopierReservedConcurrency".to_owned(),
            ),
            setting(
                "CopyMibPerSec",
                copy_mib_per_sec(&load),
                false,
                format!(
                    "for that pace: a copy takes {:.1} s on average",
                    self.queue(best).mean_copy_secs
                ),
            ),
        ]
    }
}

fn milliseconds(secs: f64) -> u64 {
    (secs * 1_000.0).round() as u64
}
