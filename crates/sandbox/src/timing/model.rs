//! What a model of time says: how long S3, SNS and Lambda take for what they do, and how much they take on.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check;
use crate::{s3, sns};

/// The models that have a name, and what they say.
const NAMED: [(&str, &str); 3] = [
    ("s3-2016", include_str!("models/s3-2016.json")),
    ("s3-2023", include_str!("models/s3-2023.json")),
    ("lan", include_str!("models/lan.json")),
];

/// How long everything takes. By default nothing takes any time, and nothing is refused.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Model {
    /// Where the jitter begins: the same seed makes the same latencies in the same order.
    pub seed: u64,
    /// By how large a share of itself a latency may be shorter or longer.
    pub jitter: f64,
    /// How long an answer takes at the soonest.
    pub latency_ms: Latency,
    /// How fast the bytes of one CopyObject or UploadPartCopy move, in MB (10^6 bytes) a second.
    pub copy_mb_per_sec: Option<f64>,
    /// How fast those of all such requests together do, at most.
    pub all_copies_mb_per_sec: Option<f64>,
    /// The requests that a prefix takes; any number without them.
    pub rates: Option<Rates>,
    /// How long Lambda takes.
    pub lambda: LambdaTimes,
}

/// Requests a second that each prefix takes; more are answered 503 SlowDown. A prefix is a bucket's keys up to their
/// first slash.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html>
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// PUT, COPY, POST and DELETE.
    pub writes_per_sec: f64,
    /// GET and HEAD, and the reading side of copies.
    pub reads_per_sec: f64,
    /// A prefix that was not used for so long takes the requests of so many seconds at once.
    #[serde(default = "one_second")]
    pub burst_secs: f64,
    /// How a new prefix comes to its rates; it has them at once without.
    #[serde(default)]
    pub warm_up: Option<WarmUp>,
}

/// A prefix that is new to S3.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmUp {
    /// The share of the rates that it begins with.
    pub share: f64,
    /// How long it takes from there to all of them, evenly.
    pub secs: f64,
}

/// What Lambda takes besides running a function.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LambdaTimes {
    /// What the first invocation of an execution environment waits for it, besides the start of its process here.
    pub cold_start_ms: f64,
    /// Execution environments of a function that may begin in ten seconds; any number without.
    /// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html>
    pub environments_per_10_secs: Option<f64>,
    /// Whether a function gets only the share of a processor that its memory stands for. Linux only: elsewhere it
    /// gets all it takes.
    pub processor_by_memory: bool,
}

const fn one_second() -> f64 {
    1.0
}

/// How long after the arrival of a request its answer comes at the soonest, in milliseconds: a time for every
/// operation, but for those with one of their own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    #[serde(default)]
    usual: f64,
    #[serde(flatten)]
    exceptions: BTreeMap<String, f64>,
}

/// Why something is no model.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidModel(String);

impl Model {
    /// The names that [`Model::named`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMED.iter().map(|(name, _)| *name)
    }

    /// A model by its name: `s3-2016` and `s3-2023` are S3 as it was measured then, `lan` is a store near by.
    pub fn named(name: &str) -> Option<Model> {
        let (_, json) = NAMED.iter().find(|(known, _)| *known == name)?;
        Some(Model::parse(json).expect("a model that is built in"))
    }

    /// Reads a model from JSON.
    ///
    /// # Errors
    /// It is not JSON, has a field or an operation that does not exist, or a figure that cannot be.
    pub fn parse(json: &str) -> Result<Model, InvalidModel> {
        let model: Model =
            serde_json::from_str(json).map_err(|error| InvalidModel(error.to_string()))?;
        model.check().map_err(InvalidModel)?;
        Ok(model)
    }

    fn check(&self) -> Result<(), String> {
        for operation in self.latency_ms.exceptions.keys() {
            if !is_operation(operation) {
                return Err(format!(
                    "latency_ms.{operation}: neither S3 nor SNS has that operation here"
                ));
            }
        }
        check::check(self)
    }
}

impl Latency {
    /// The same for every operation of S3 and SNS.
    pub fn of_all(latency: Duration) -> Self {
        Self {
            usual: milliseconds(latency),
            exceptions: BTreeMap::new(),
        }
    }

    /// Another one for an operation, such as `CopyObject` or `PublishBatch`.
    ///
    /// # Panics
    ///
    /// If neither S3 nor SNS has the operation here: its latency would never apply.
    pub fn except(mut self, operation: &'static str, latency: Duration) -> Self {
        let is_known = is_operation(operation);
        assert!(is_known, "the sandbox has no operation {operation:?}");
        let latency = milliseconds(latency);
        self.exceptions.insert(operation.to_owned(), latency);
        self
    }

    /// That of most operations, in milliseconds.
    pub fn usual(&self) -> f64 {
        self.usual
    }

    /// Those that operations have of their own, in milliseconds.
    pub(super) fn exceptions(&self) -> impl Iterator<Item = (&str, f64)> {
        let exceptions = self.exceptions.iter();
        exceptions.map(|(operation, latency_ms)| (operation.as_str(), *latency_ms))
    }

    /// That of an operation, in milliseconds.
    pub fn of(&self, operation: &str) -> f64 {
        *self.exceptions.get(operation).unwrap_or(&self.usual)
    }
}

impl From<Latency> for Model {
    fn from(latency: Latency) -> Model {
        Model {
            latency_ms: latency,
            ..Model::default()
        }
    }
}

fn is_operation(name: &str) -> bool {
    s3::operations().contains(&name) || sns::actions::ACTIONS.contains(&name)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
