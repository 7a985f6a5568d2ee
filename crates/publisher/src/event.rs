//! What may invoke the publisher: a schedule, a day, a range of days, or a prefix.

use std::iter;

use backup::day::{Day, DayError, Days, PrefixFormat, ReversedError};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::filter::{Filter, FilterError, Wanted};

/// What every error of an event ends with.
const ACCEPTED: &str = r#"accepted are an EventBridge scheduled event, {"scheduled_time":"2016-07-01T02:00:00Z"}, {"date":"2016-06-30"}, {"from":"2016-01-01","to":"2016-06-30"} and {"prefix":"any/prefix/"}, each with an optional "dry_run":true, and "include", "exclude" (lists of globs), "min_size", "max_size" (bytes), "modified_since", "modified_before" (moments)"#;

/// What an invocation asks for.
#[derive(Debug, Clone)]
pub struct Order {
    /// What to list.
    pub scope: Scope,
    /// Which of it to publish.
    pub filter: Filter,
    /// List and count, publish nothing.
    pub dry_run: bool,
    /// When the schedule fired. It is the same when the invocation is retried.
    pub scheduled_time: Option<Timestamp>,
}

/// The keys an invocation is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The keys of days.
    Days(Days),
    /// The keys that start so.
    Prefix(String),
}

/// Why an event is no order. The text says what was given and what is accepted.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// A field is unknown or has the wrong type.
    #[error("the event {given} cannot be read: {problem}; {ACCEPTED}")]
    Fields {
        /// The event.
        given: String,
        /// What the reader stumbled over; a text, since the reader's own repeats the event at any length.
        problem: String,
    },
    /// The fields do not go together, or say nothing.
    #[error("the event {given} names {found}; {ACCEPTED}")]
    Shape {
        /// The event.
        given: String,
        /// What it names.
        found: String,
    },
    /// A day is not one of the calendar.
    #[error("`{field}` of the event: {source}")]
    Day {
        /// The field that holds it.
        field: &'static str,
        /// Why it is none.
        source: DayError,
    },
    /// The range ends before it starts.
    #[error(transparent)]
    Reversed(#[from] ReversedError),
    /// Nothing can be filtered so.
    #[error(transparent)]
    Filter(#[from] FilterError),
}

/// Every field of every accepted event; serde refuses any other by name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(default)]
    dry_run: bool,
    scheduled_time: Option<Timestamp>,
    date: Option<String>,
    from: Option<String>,
    to: Option<String>,
    prefix: Option<String>,
    #[serde(default)]
    include: Vec<String>,
    #[serde(default)]
    exclude: Vec<String>,
    min_size: Option<u64>,
    max_size: Option<u64>,
    modified_since: Option<Timestamp>,
    modified_before: Option<Timestamp>,
    // An EventBridge rule's scheduled event.
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    time: Option<Timestamp>,
    #[serde(rename = "version", default)]
    _version: Value,
    #[serde(rename = "id", default)]
    _id: Value,
    #[serde(rename = "source", default)]
    _source: Value,
    #[serde(rename = "account", default)]
    _account: Value,
    #[serde(rename = "region", default)]
    _region: Value,
    #[serde(rename = "resources", default)]
    _resources: Value,
    #[serde(rename = "detail", default)]
    _detail: Value,
}

/// Reads an event.
///
/// # Errors
/// The event is none of the accepted ones.
pub fn parse(event: &Value) -> Result<Order, EventError> {
    let fields = Fields::deserialize(event).map_err(|error| EventError::Fields {
        given: shown(event),
        problem: cut(error.to_string()),
    })?;
    let scope = match (
        &fields.date,
        &fields.from,
        &fields.to,
        &fields.prefix,
        moment(&fields),
    ) {
        (Some(date), None, None, None, None) => Scope::Days(day("date", date)?.into()),
        (None, Some(from), Some(to), None, None) => {
            Scope::Days(Days::new(day("from", from)?, day("to", to)?)?)
        }
        (None, None, None, Some(prefix), None) => Scope::Prefix(prefix.clone()),
        (None, None, None, None, Some(moment)) => Scope::Days(Day::before(moment).into()),
        _ => {
            return Err(EventError::Shape {
                given: shown(event),
                found: found(&fields),
            });
        }
    };
    Ok(Order {
        scope,
        dry_run: fields.dry_run,
        scheduled_time: moment(&fields),
        filter: Filter::new(Wanted {
            include: fields.include,
            exclude: fields.exclude,
            min_size: fields.min_size,
            max_size: fields.max_size,
            modified_since: fields.modified_since,
            modified_before: fields.modified_before,
        })?,
    })
}

impl Scope {
    /// The prefixes to list, one at a time: a range may have millions of days.
    pub fn prefixes<'a>(
        &'a self,
        format: &'a PrefixFormat,
    ) -> Box<dyn Iterator<Item = String> + Send + 'a> {
        match self {
            Scope::Prefix(prefix) => Box::new(iter::once(prefix.clone())),
            Scope::Days(days) => Box::new(days.iter().map(|day| format.prefix(day))),
        }
    }
}

/// When the schedule fired, if a schedule sent the event.
fn moment(fields: &Fields) -> Option<Timestamp> {
    match (&fields.detail_type, fields.time, fields.scheduled_time) {
        (Some(kind), Some(time), None) if kind == "Scheduled Event" => Some(time),
        (None, None, Some(time)) => Some(time),
        _ => None,
    }
}

fn day(field: &'static str, text: &str) -> Result<Day, EventError> {
    text.parse()
        .map_err(|source| EventError::Day { field, source })
}

/// Which of the fields that choose keys the event has.
fn found(fields: &Fields) -> String {
    let present = [
        ("`date`", fields.date.is_some()),
        ("`from`", fields.from.is_some()),
        ("`to`", fields.to.is_some()),
        ("`prefix`", fields.prefix.is_some()),
        ("`scheduled_time`", fields.scheduled_time.is_some()),
        ("`time`", fields.time.is_some()),
        ("`detail-type`", fields.detail_type.is_some()),
    ];
    let names: Vec<_> = present
        .iter()
        .filter(|(_, is)| *is)
        .map(|(name, _)| *name)
        .collect();
    if names.is_empty() {
        "nothing to back up".to_owned()
    } else {
        names.join(" and ")
    }
}

/// The event as JSON.
fn shown(event: &Value) -> String {
    cut(event.to_string())
}

/// A text, cut where it would fill the log.
fn cut(text: String) -> String {
    const MOST: usize = 500;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backup::aws::chain;
    use serde_json::json;

    fn scope(event: Value) -> Scope {
        parse(&event).unwrap().scope
    }

    fn prefixes(scope: &Scope) -> Vec<String> {
        scope.prefixes(&"%Y-%m-%d/".parse().unwrap()).collect()
    }

    fn one_day(text: &str) -> Scope {
        Scope::Days(text.parse::<Day>().unwrap().into())
    }

    #[test]
    fn a_schedule_means_the_utc_day_before_it() {
        let rule = json!({"detail-type": "Scheduled Event", "source": "aws.events",
            "time": "2016-07-01T02:00:00Z", "detail": {}, "dry_run": true});
        let order = parse(&rule).unwrap();
        assert_eq!(order.scope, one_day("2016-06-30"));
        assert!(order.dry_run);
        let order = parse(&json!({"scheduled_time": "2016-07-01T02:00:00Z"})).unwrap();
        assert_eq!(order.scope, one_day("2016-06-30"));
        assert_eq!(
            order.scheduled_time.unwrap().to_string(),
            "2016-07-01T02:00:00Z"
        );
    }

    #[test]
    fn a_day_a_range_and_a_prefix_mean_what_they_say() {
        assert_eq!(scope(json!({"date": "2016-06-30"})), one_day("2016-06-30"));
        let range = scope(json!({"from": "2016-06-29", "to": "2016-07-01"}));
        assert_eq!(
            prefixes(&range),
            ["2016-06-29/", "2016-06-30/", "2016-07-01/"]
        );
        let prefix = scope(json!({"prefix": "any/prefix/"}));
        assert_eq!(prefixes(&prefix), ["any/prefix/"]);
        assert_eq!(prefixes(&scope(json!({"prefix": ""}))), [""]);
    }

    #[test]
    fn says_what_is_wrong_with_an_event_and_what_is_accepted() {
        for (event, expected) in [
            (
                json!({}),
                "the event {} names nothing to back up; accepted are an EventBridge",
            ),
            (
                json!({"dry_run": true}),
                "names nothing to back up; accepted",
            ),
            (
                json!(null),
                "the event null cannot be read: invalid type: null",
            ),
            (
                json!("2016-06-30"),
                "the event \"2016-06-30\" cannot be read: invalid type: string",
            ),
            (
                json!({"day": "2016-06-30"}),
                "unknown field `day`, expected one of `dry_run`",
            ),
            (
                json!({"date": 20160630}),
                "cannot be read: invalid type: integer `20160630`, expected a string",
            ),
            (
                json!({"date": "2016-06-30", "dry_run": "yes"}),
                "invalid type: string \"yes\", expected a boolean",
            ),
            (
                json!({"date": "2016-06-31"}),
                "`date` of the event: \"2016-06-31\" is not a day of the calendar",
            ),
            (
                json!({"from": "2016-1-1", "to": "2016-06-30"}),
                "`from` of the event: \"2016-1-1\" is not a day",
            ),
            (
                json!({"date": "2016-06-30", "include": "*.csv"}),
                "invalid type: string \"*.csv\", expected a sequence",
            ),
            (
                json!({"date": "2016-06-30", "include": ["*.csv", "[a"]}),
                "\"[a\" in `include` of the event is not a glob",
            ),
            (
                json!({"date": "2016-06-30", "min_size": 2, "max_size": 1}),
                "`min_size` of the event is 2 and `max_size` is 1",
            ),
            (
                json!({"date": "2016-06-30", "min_size": -1}),
                "cannot be read: invalid value: integer `-1`",
            ),
            (
                json!({"from": "2016-06-30", "to": "2016-01-01"}),
                "the range ends (2016-01-01) before it starts",
            ),
            (json!({"from": "2016-01-01"}), "names `from`; accepted are"),
            (
                json!({"date": "2016-06-30", "prefix": "a/"}),
                "names `date` and `prefix`; accepted are",
            ),
            (json!({"scheduled_time": "yesterday"}), "cannot be read: "),
            (
                json!({"time": "2016-07-01T02:00:00Z"}),
                "names `time`; accepted are",
            ),
            (
                json!({"detail-type": "Object Created", "time": "2016-07-01T02:00:00Z"}),
                "names `time` and `detail-type`; accepted are",
            ),
        ] {
            let error = parse(&event).unwrap_err().to_string();
            assert!(
                error.contains(expected),
                "{error:?} should contain {expected:?}"
            );
        }
    }

    #[test]
    fn an_endless_event_does_not_fill_the_log() {
        let endless = "ü".repeat(100_000);
        for event in [
            json!({"x": endless}),
            json!({&endless: "x"}),
            json!({"dry_run": endless}),
            json!({"date": endless}),
            json!({"scheduled_time": endless}),
        ] {
            let error = chain(&parse(&event).unwrap_err());
            assert!(error.len() < 2_500, "{} bytes", error.len());
        }
    }
}
