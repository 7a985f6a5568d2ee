//! The plan of faults, as JSON and as checked.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::kind::{BATCH, DELIVERY, INVOCATION, Kind, LONG, LONG_OPERATIONS, S3, SNS, SOURCE};

/// The rates of a whole operation may exceed 1 by what adding them up in floats costs.
const ROUNDING: f64 = 1e-9;

/// The entry that stands for all operations that have none of their own.
const ANY: &str = "*";

/// Which faults happen how often: of every request, delivery, invocation and copied source, a rate from 0 to 1 by kind.
/// An operation's own rates stand in place of those of `*`. As JSON, every part but the seed optional:
///
/// ```
/// let plan = sandbox::faults::Plan::parse(r#"{
///   "seed": 7,
///   "s3": {
///     "*": { "slow_down": 0.02, "internal_error": 0.01, "access_denied": 0.001,
///            "reset_before": 0.005, "reset_after": 0.005, "stall": 0.002 },
///     "UploadPartCopy": { "slow_down": 0.03, "error_in_200": 0.01, "empty_200": 0.005 }
///   },
///   "sns": {
///     "PublishBatch": { "internal_error": 0.02, "error_after": 0.05, "entry_failed": 0.05 },
///     "deliveries": { "duplicate": 0.05, "delay": 0.1 }
///   },
///   "lambda": { "copier": { "kill": 0.02, "timeout": 0.01 } },
///   "source": { "bucket": "source", "overwrite": 0.01, "delete": 0.002 }
/// }"#)?;
/// # Ok::<(), sandbox::faults::PlanError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub(super) seed: u64,
    pub(super) s3: Operations,
    pub(super) sns: Operations,
    pub(super) deliveries: Rates,
    pub(super) lambda: Operations,
    pub(super) source: Option<(String, Rates)>,
}

/// What is wrong with a plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// It is not JSON, or not of a plan's form.
    #[error("{0}; a plan is an object of seed, s3, sns, lambda and source")]
    Form(serde_json::Error),
    /// A service has no such operation.
    #[error("{field}: there is no such operation; accepted are {accepted}")]
    Operation {
        /// Where it stands.
        field: String,
        /// The operations there are.
        accepted: String,
    },
    /// This fault cannot happen there.
    #[error("{field}: no such fault can happen there; accepted are {accepted}")]
    Kind {
        /// Where it stands.
        field: String,
        /// The faults that can.
        accepted: String,
    },
    /// A rate that is none.
    #[error("{field} is {given}; a rate is from 0 to 1")]
    Rate {
        /// Where it stands.
        field: String,
        /// What it is.
        given: f64,
    },
    /// One request has at most one fault.
    #[error("{field}: the rates add up to {given}; together they are at most 1")]
    Sum {
        /// Where they stand.
        field: String,
        /// What they add up to.
        given: f64,
    },
}

/// The JSON, before its names are looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    seed: u64,
    #[serde(default)]
    s3: BTreeMap<String, WrittenRates>,
    #[serde(default)]
    sns: BTreeMap<String, WrittenRates>,
    #[serde(default)]
    lambda: BTreeMap<String, WrittenRates>,
    source: Option<WrittenSource>,
}

type WrittenRates = BTreeMap<String, f64>;

#[derive(Deserialize)]
struct WrittenSource {
    bucket: String,
    #[serde(flatten)]
    rates: WrittenRates,
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    ///
    /// [`PlanError`], which names the field, what was given and what is accepted.
    pub fn parse(json: &str) -> Result<Self, PlanError> {
        let mut written: Written = serde_json::from_str(json).map_err(PlanError::Form)?;
        let deliveries = written.sns.remove("deliveries").unwrap_or_default();
        let source = written.source.map(|source| {
            let rates = Rates::check("source", source.rates, SOURCE)?;
            Ok::<_, PlanError>((source.bucket, rates))
        });
        Ok(Self {
            seed: written.seed,
            s3: Operations::check("s3", written.s3, &crate::s3::operations(), s3_kinds)?,
            sns: Operations::check("sns", written.sns, &crate::sns::actions::ACTIONS, sns_kinds)?,
            deliveries: Rates::check("sns.deliveries", deliveries, DELIVERY)?,
            lambda: Operations::of_functions(written.lambda)?,
            source: source.transpose()?,
        })
    }

    /// The functions the plan names.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        let names = self.lambda.0.keys().map(String::as_str);
        names.filter(|name| *name != ANY)
    }

    /// The bucket whose objects change while they are copied.
    pub fn source_bucket(&self) -> Option<&str> {
        self.source.as_ref().map(|(bucket, _)| bucket.as_str())
    }
}

fn s3_kinds(operation: &str) -> &'static [Kind] {
    if LONG_OPERATIONS.contains(&operation) {
        LONG
    } else {
        S3
    }
}

fn sns_kinds(action: &str) -> &'static [Kind] {
    if action == "PublishBatch" { BATCH } else { SNS }
}

/// Rates by operation; an operation's own stand in place of those for any.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Operations(BTreeMap<String, Rates>);

impl Operations {
    fn check(
        service: &str,
        written: BTreeMap<String, WrittenRates>,
        known: &[&str],
        kinds: fn(&str) -> &'static [Kind],
    ) -> Result<Self, PlanError> {
        let checked = written.into_iter().map(|(operation, rates)| {
            let field = format!("{service}.{operation}");
            if operation != ANY && !known.contains(&operation.as_str()) {
                let accepted = format!("{ANY}, {}", known.join(", "));
                return Err(PlanError::Operation { field, accepted });
            }
            let rates = Rates::check(&field, rates, kinds(&operation))?;
            Ok((operation, rates))
        });
        checked.collect::<Result<_, _>>().map(Self)
    }

    /// Functions may be added at any time: their names are not known here.
    fn of_functions(written: BTreeMap<String, WrittenRates>) -> Result<Self, PlanError> {
        let checked = written.into_iter().map(|(function, rates)| {
            let rates = Rates::check(&format!("lambda.{function}"), rates, INVOCATION)?;
            Ok((function, rates))
        });
        checked.collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn of(&self, operation: &str) -> Option<&Rates> {
        self.0.get(operation).or_else(|| self.0.get(ANY))
    }
}

/// How often each kind happens.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rates(Vec<(Kind, f64)>);

impl Rates {
    fn check(field: &str, mut written: WrittenRates, accepted: &[Kind]) -> Result<Self, PlanError> {
        let mut rates = Vec::new();
        for kind in accepted {
            if let Some(rate) = written.remove(kind.name()) {
                rates.push((*kind, rate));
            }
        }
        if let Some(name) = written.keys().next() {
            let accepted: Vec<_> = accepted.iter().map(|kind| kind.name()).collect();
            return Err(PlanError::Kind {
                field: format!("{field}.{name}"),
                accepted: accepted.join(", "),
            });
        }
        for (kind, rate) in &rates {
            if !(0.0..=1.0).contains(rate) {
                return Err(PlanError::Rate {
                    field: format!("{field}.{}", kind.name()),
                    given: *rate,
                });
            }
        }
        let sum: f64 = rates.iter().map(|(_, rate)| rate).sum();
        if sum > 1.0 + ROUNDING {
            return Err(PlanError::Sum {
                field: field.to_owned(),
                given: sum,
            });
        }
        Ok(Self(rates))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The kind whose part of the unit interval the fraction lies in, if it lies in any.
    pub(super) fn choose(&self, fraction: f64) -> Option<Kind> {
        let mut end = 0.0;
        let mut reached = self.0.iter().filter(|(_, rate)| {
            end += rate;
            fraction < end
        });
        reached.next().map(|(kind, _)| *kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_operations_own_rates_stand_in_place_of_those_for_any() {
        let plan = json!({ "seed": 1, "s3": {
            "*": { "slow_down": 0.5 },
            "CopyObject": { "empty_200": 0.25, "stall": 0.25 },
            "HeadObject": {},
        }});
        let plan = Plan::parse(&plan.to_string()).unwrap();
        let chosen = |operation, fraction| plan.s3.of(operation).unwrap().choose(fraction);
        assert_eq!(chosen("GetObject", 0.0), Some(Kind::SlowDown));
        assert_eq!(chosen("GetObject", 0.5), None);
        assert_eq!(chosen("CopyObject", 0.2), Some(Kind::Stall));
        assert_eq!(chosen("CopyObject", 0.4), Some(Kind::Empty200));
        assert_eq!(chosen("CopyObject", 0.6), None);
        assert_eq!(chosen("HeadObject", 0.0), None);
    }

    #[test]
    fn the_sample_plan_has_every_fault_there_is() {
        let plan = Plan::parse(include_str!("../../../../tests/faults.json")).unwrap();
        let has_all = |rates: Option<&Rates>, kinds: &[Kind]| {
            let rates = &rates.unwrap().0;
            let has = |kind| rates.iter().any(|(k, rate)| k == kind && *rate > 0.0);
            assert!(kinds.iter().all(has), "{rates:?} has not all of {kinds:?}");
        };
        has_all(plan.s3.of("any"), S3);
        for operation in LONG_OPERATIONS {
            has_all(plan.s3.of(operation), LONG);
        }
        has_all(plan.sns.of("PublishBatch"), BATCH);
        has_all(Some(&plan.deliveries), DELIVERY);
        for function in plan.functions() {
            has_all(plan.lambda.of(function), INVOCATION);
        }
        has_all(plan.source.as_ref().map(|(_, rates)| rates), SOURCE);
    }

    #[test]
    fn what_is_wrong_with_a_plan_is_named() {
        for (plan, words) in [
            (r#"{"s3":{}}"#, &["missing field `seed`"][..]),
            (r#"{"seed":1,"s4":{}}"#, &["unknown field `s4`", "`s3`"]),
            (
                r#"{"seed":1,"s3":{"UploadPartCopi":{"stall":1}}}"#,
                &["s3.UploadPartCopi", "accepted are *, ", "UploadPartCopy"],
            ),
            (
                r#"{"seed":1,"sns":{"Unpublish":{}}}"#,
                &["sns.Unpublish", "PublishBatch"],
            ),
            (
                r#"{"seed":1,"s3":{"HeadObject":{"empty_200":0.1}}}"#,
                &["s3.HeadObject.empty_200", "accepted are slow_down, "],
            ),
            (
                r#"{"seed":1,"s3":{"*":{"error_in_200":0.1}}}"#,
                &["s3.*.error_in_200"],
            ),
            (
                r#"{"seed":1,"sns":{"deliveries":{"entry_failed":0.1}}}"#,
                &[
                    "sns.deliveries.entry_failed",
                    "accepted are duplicate, delay",
                ],
            ),
            (
                r#"{"seed":1,"lambda":{"f":{"killed":0.1}}}"#,
                &["lambda.f.killed", "accepted are kill, timeout"],
            ),
            (
                r#"{"seed":1,"source":{"bucket":"b","truncate":0.1}}"#,
                &["source.truncate", "accepted are overwrite, delete"],
            ),
            (
                r#"{"seed":1,"source":{"delete":0.1}}"#,
                &["missing field `bucket`"],
            ),
            (
                r#"{"seed":1,"s3":{"*":{"stall":-0.5}}}"#,
                &["s3.*.stall is -0.5", "from 0 to 1"],
            ),
            (
                r#"{"seed":1,"lambda":{"*":{"kill":1.5}}}"#,
                &["lambda.*.kill is 1.5"],
            ),
            (
                r#"{"seed":1,"s3":{"*":{"stall":0.75,"slow_down":0.5}}}"#,
                &["s3.*: the rates add up to 1.25"],
            ),
            (
                r#"{"seed":1,"s3":{"*":{"stall":"often"}}}"#,
                &["\"often\"", "line 1"],
            ),
        ] {
            let error = Plan::parse(plan).unwrap_err().to_string();
            for word in words {
                assert!(error.contains(word), "{word:?} is not in: {error}");
            }
        }
    }

    #[test]
    fn rates_that_fill_the_interval_leave_nothing_out() {
        let thirds = json!({ "seed": 1, "lambda": { "*": { "kill": 0.1, "timeout": 0.9 } } });
        let plan = Plan::parse(&thirds.to_string()).unwrap();
        assert!(plan.lambda.of("f").unwrap().choose(0.999_999).is_some());
        assert_eq!(plan.functions().count(), 0);
    }
}
