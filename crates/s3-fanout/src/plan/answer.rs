//! The plan as it is told.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::choose::{Asked, Candidate, best, candidates};
use super::publishing::publishing_secs;
use super::queue::{Load, PUBLISHER_INVOCATIONS, Queue, copy_mib_per_sec, queue};
use super::sizes::{Class, Count};
use super::time::Bound;
use super::totals::Totals;
use super::why;
use crate::cost::{Cost, Usage, cost};
use crate::prices::{self, Architecture};

/// Messages of one PublishBatch.
const BATCH: u64 = 10;

/// What is planned.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// The bucket that is backed up.
    pub source: String,
    /// The bucket it is backed up to.
    pub dest: String,
    /// Prefixes that were listed.
    pub prefixes: u64,
    /// Objects that were listed.
    pub listed: u64,
    /// Objects that are not wanted.
    pub filtered: u64,
    /// Objects whose copy is there.
    pub already_copied: Count,
    /// Objects that cannot be copied before they are restored.
    pub archived: Count,
    /// Objects larger than S3 makes of parts.
    pub too_large: Count,
    /// Objects to copy.
    pub to_copy: Count,
    /// How it would go; none if nothing is to be copied.
    pub estimate: Option<Planned>,
    /// What an operator should know before.
    pub notes: Vec<String>,
}

/// How it would go, with the settings that are recommended.
#[derive(Debug, Serialize)]
pub struct Planned {
    /// Parameters of template.yaml.
    pub settings: Vec<Setting>,
    /// From the first request to the last copy, in milliseconds.
    pub elapsed_ms: u64,
    /// What decides that.
    pub bound: Bound,
    /// The processor that is priced.
    pub architecture: Architecture,
    /// The cost on it.
    pub total_usd: f64,
    /// The cost on each of them.
    pub cost_usd: Costs,
    /// The date and the region of the prices.
    pub prices: Prices,
    /// The size of the smallest object.
    pub smallest_bytes: u64,
    /// The size in the middle, exact to a sixty-fourth.
    pub median_bytes: u64,
    /// The size of the largest object.
    pub largest_bytes: u64,
    /// How the sizes are spread.
    pub sizes: Vec<Class>,
    /// Parts of all objects that are copied in parts.
    pub parts: u64,
    /// Requests by operation. `GetObjectTagging` is the most there can be: a listing does not show tags.
    pub requests: BTreeMap<String, u64>,
    /// The same with other settings.
    pub times: Vec<Time>,
    /// Lambda's queue.
    pub queue: Queue,
    /// PUT, COPY and POST requests a second, with so many copies at once.
    pub write_requests_per_sec: f64,
    /// How long the longest copy takes, in milliseconds; an invocation has 15 minutes.
    pub longest_copy_ms: u64,
    /// Objects whose copy is gone on with by Lambda's retries.
    pub resumed: u64,
    /// Objects whose copy does not end in the invocations that Lambda makes.
    pub too_long: u64,
}

/// A parameter of template.yaml.
#[derive(Debug, Serialize)]
pub struct Setting {
    /// Its name.
    pub parameter: &'static str,
    /// What to set it to.
    pub value: u64,
    /// Why.
    pub why: String,
}

/// The cost by processor.
#[derive(Debug, Serialize)]
pub struct Costs {
    /// On arm64.
    pub arm64: Cost,
    /// On x86.
    pub x86_64: Cost,
}

/// What the prices are.
#[derive(Debug, Serialize)]
pub struct Prices {
    /// Their date.
    pub as_of: &'static str,
    /// Their region.
    pub region: &'static str,
}

/// How long it takes with some settings.
#[derive(Debug, Serialize)]
pub struct Time {
    /// Copies at once.
    pub copier_reserved_concurrency: u32,
    /// The size parts come near to.
    pub part_size_mib: u64,
    /// Parts of one object at once.
    pub parts_in_flight: u32,
    /// From the first request to the last copy, in milliseconds.
    pub elapsed_ms: u64,
    /// What decides that.
    pub bound: Bound,
}

/// What is known besides what was listed.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The source bucket, and where it is.
    pub source: Place,
    /// The destination bucket, and where it is.
    pub dest: Place,
    /// What is decided already.
    pub asked: Asked,
    /// The processor that is priced.
    pub architecture: Architecture,
}

/// A bucket and its region.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its name.
    pub bucket: String,
    /// Its region.
    pub region: String,
}

impl Answer {
    /// What the totals of a listing come to.
    pub fn of(totals: &Totals, setup: &Setup) -> Answer {
        let publishing = publishing_secs(totals, &setup.dest.region);
        let candidates = candidates(totals, &setup.asked, publishing);
        let to_copy = totals.sizes.all();
        let best = best(&candidates, &setup.asked).filter(|_| to_copy.objects > 0);
        let estimate = best.map(|best| {
            Planning {
                totals,
                setup,
                candidates: &candidates,
                best,
                publishing,
            }
            .planned()
        });
        Answer {
            source: setup.source.bucket.clone(),
            dest: setup.dest.bucket.clone(),
            prefixes: totals.prefixes,
            listed: totals.listed,
            filtered: totals.filtered,
            already_copied: totals.already_copied,
            archived: totals.archived,
            too_large: totals.too_large,
            to_copy,
            notes: notes(totals, setup, estimate.as_ref()),
            estimate,
        }
    }

    /// Whether all that was listed and is wanted can be copied.
    pub fn is_good(&self) -> bool {
        let too_long = self.estimate.as_ref().map_or(0, |planned| planned.too_long);
        self.archived.objects + self.too_large.objects + too_long == 0
    }
}

/// The totals, and the settings that were chosen.
struct Planning<'p> {
    totals: &'p Totals,
    setup: &'p Setup,
    candidates: &'p [Candidate<'p>],
    best: &'p Candidate<'p>,
    publishing: f64,
}

impl Planning<'_> {
    fn planned(&self) -> Planned {
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
            queue,
            longest_copy_ms: milliseconds(best.speed.longest_secs),
            resumed: best.speed.resumed,
            too_long: best.speed.too_long,
        }
    }

    fn load(&self, candidate: &Candidate<'_>) -> Load {
        let Count { objects, bytes } = self.totals.sizes.all();
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
            ("sns:PublishBatch", objects.div_ceil(BATCH)),
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

/// What an operator should know before.
fn notes(totals: &Totals, setup: &Setup, planned: Option<&Planned>) -> Vec<String> {
    let mut notes = Vec::new();
    let archived = totals.archived.objects;
    if archived > 0 {
        notes.push(format!(
            "{archived} archived objects cannot be copied: restore them, then back up again"
        ));
    }
    let too_large = totals.too_large.objects;
    if too_large > 0 {
        notes.push(format!(
            "{too_large} objects are larger than 10,000 parts of 5 GiB: nothing copies them"
        ));
    }
    let (source, dest) = (&setup.source.region, &setup.dest.region);
    if source != dest {
        notes.push(format!(
            "From {source} to {dest} S3 charges for every byte, which is not in the cost, and may be slower"
        ));
    }
    let Some(planned) = planned else { return notes };
    if planned.too_long > 0 {
        notes.push(format!(
            "{} objects take longer than the invocations Lambda makes: raise PartsInFlight",
            planned.too_long
        ));
    }
    if planned.resumed > 0 {
        notes.push(format!(
            "{} objects take more than one invocation of 15 min; Lambda's retries go on with them if their sources have a \
             full-object checksum",
            planned.resumed
        ));
    }
    if planned.queue.publisher_invocations > PUBLISHER_INVOCATIONS {
        notes.push(format!(
            "The publisher works through {} invocations of 15 min, and goes on by itself {} times: then invoke it with \
             the event that its error holds",
            planned.queue.publisher_invocations,
            PUBLISHER_INVOCATIONS - 1
        ));
    }
    notes
}

/// The counts without the services' names.
fn by_operation(requests: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let operation = |name: &str| name.rsplit(':').next().unwrap_or(name).to_owned();
    let requests = requests.iter();
    requests
        .map(|(name, count)| (operation(name), *count))
        .collect()
}

fn milliseconds(secs: f64) -> u64 {
    (secs * 1_000.0).round() as u64
}
