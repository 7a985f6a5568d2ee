//! The plan as it is told.

use std::collections::BTreeMap;

use serde::Serialize;

use super::choose::{Asked, best, candidates};
use super::planning::Planning;
use super::publishing::publishing_secs;
use super::queue::{PUBLISHER_INVOCATIONS, Queue};
use super::sizes::Class;
use super::time::Bound;
use super::totals::Totals;
use crate::cost::Cost;
use crate::cost::prices::Architecture;
use crate::progress::Amount;

/// What is planned.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// The bucket that is backed up.
    pub source: String,
    /// The bucket it is backed up to.
    pub dest: String,
    /// The model that S3 is taken to be as fast as.
    pub model: String,
    /// Prefixes that were listed.
    pub prefixes: u64,
    /// Objects that were listed.
    pub listed: u64,
    /// Objects that are not wanted.
    pub filtered: u64,
    /// Objects whose copy is there.
    pub already_copied: Amount,
    /// Objects that cannot be copied before they are restored.
    pub archived: Amount,
    /// Objects larger than S3 makes of parts.
    pub too_large: Amount,
    /// Objects to copy.
    pub to_copy: Amount,
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
    /// Those that a prefix takes; none if it takes any number.
    pub prefix_writes_per_sec: Option<f64>,
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
    /// The model that S3 is taken to be as fast as.
    pub model: String,
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
            model: setup.model.clone(),
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

/// What an operator should know before.
fn notes(totals: &Totals, setup: &Setup, planned: Option<&Planned>) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |objects: u64, text: String| {
        if objects > 0 {
            notes.push(text);
        }
    };
    let archived = totals.archived.objects;
    note(
        archived,
        format!("{archived} archived: restore them, or nothing copies them"),
    );
    let too_large = totals.too_large.objects;
    note(
        too_large,
        format!("{too_large} larger than 10,000 parts of 5 GiB: nothing copies them"),
    );
    if let Some(planned) = planned {
        note(
            planned.too_long,
            format!(
                "{} take longer than all invocations that Lambda makes: raise PartsInFlight",
                planned.too_long
            ),
        );
        note(
            planned.resumed,
            format!(
                "{} take more than 15 min; Lambda's retries go on with those that have a full-object checksum",
                planned.resumed
            ),
        );
        if planned.queue.publisher_invocations > PUBLISHER_INVOCATIONS {
            notes.push(format!(
                "The publisher goes on by itself {} times, then it must be invoked with the event in its error",
                PUBLISHER_INVOCATIONS - 1
            ));
        }
    }
    let (source, dest) = (&setup.source.region, &setup.dest.region);
    if source != dest {
        notes.push(format!(
            "From {source} to {dest} is slower, and S3 charges for every byte: neither is reckoned here"
        ));
    }
    notes
}
