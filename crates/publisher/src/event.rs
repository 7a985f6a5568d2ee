//! What may invoke the publisher: a schedule, a day, a range of days, a prefix, or what is left of a run.

use std::str::FromStr;

use backup::day::{Day, DayError, Days, ReversedError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::filter::{Filter, FilterError, Wanted};
use crate::list::KeyRange;
use crate::scope::Scope;

/// What every error of an event ends with.
const ACCEPTED: &str = r#"accepted are an EventBridge scheduled event, {"scheduled_time":"2016-07-01T02:00:00Z"}, {"date":"2016-06-30"}, {"from":"2016-01-01","to":"2016-06-30"}, {"prefix":"any/prefix/"} and the `resume` of an answer, each with an optional "only":"changed" or "all", "dry_run":true, "continue":true, and "include", "exclude" (lists of globs), "min_size", "max_size" (bytes), "modified_since", "modified_before" (moments)"#;

/// The longest name of a run: it is in every message, which has room for a key of any characters besides.
const MAX_RUN_BYTES: usize = 128;

/// What an invocation asks for.
#[derive(Debug, Clone)]
pub struct Order {
    /// What to list.
    pub scope: Scope,
    /// Which of it to publish.
    pub filter: Filter,
    /// Whether what is copied already is published, if the event says so.
    pub only: Option<Only>,
    /// List and count, publish nothing.
    pub dry_run: bool,
    /// The run's name: that of the run that is gone on with, or when the schedule fired. It is the same when the
    /// invocation is retried.
    pub run: Option<String>,
    /// Whether the function is to invoke itself when its time is up, for there is no one to do so.
    pub continues: bool,
    /// How often the run was gone on with before, by itself.
    pub continuation: u32,
    /// Whether it is what is left of a run.
    pub is_resumed: bool,
}

/// Which of the listed objects are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Only {
    /// All.
    All,
    /// Those whose copy is missing at the destination, differs in size or is older.
    Changed,
}

impl FromStr for Only {
    type Err = serde::de::value::Error;

    fn from_str(text: &str) -> Result<Only, Self::Err> {
        Only::deserialize(serde::de::value::StrDeserializer::new(text))
    }
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
    /// A run cannot be named so.
    #[error("`run` of the event has {0} bytes; a run's name has 1 to {MAX_RUN_BYTES}")]
    Run(usize),
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
    ranges: Vec<KeyRange>,
    run: Option<String>,
    only: Option<Only>,
    #[serde(rename = "continue", default)]
    continues: bool,
    #[serde(default)]
    continuation: u32,
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
    let scope = scope(&fields)?.ok_or_else(|| EventError::Shape {
        given: shown(event),
        found: found(&fields),
    })?;
    let scheduled = moment(&fields);
    let is_resumed = fields.run.is_some();
    let run = fields.run.or(scheduled.map(|time| time.to_string()));
    if let Some(bytes) = run.as_ref().map(String::len)
        && !(1..=MAX_RUN_BYTES).contains(&bytes)
    {
        return Err(EventError::Run(bytes));
    }
    Ok(Order {
        scope,
        only: fields.only,
        dry_run: fields.dry_run,
        run,
        // A schedule does not wait for an answer.
        continues: fields.continues || scheduled.is_some(),
        continuation: fields.continuation,
        is_resumed,
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

/// What the event is about, if it says one thing.
fn scope(fields: &Fields) -> Result<Option<Scope>, EventError> {
    let days = |days| Scope {
        ranges: Vec::new(),
        days: Some(days),
    };
    let range = |from: &str, to: &str| -> Result<Days, EventError> {
        Ok(Days::new(day("from", from)?, day("to", to)?)?)
    };
    let one = (
        &fields.date,
        (&fields.from, &fields.to),
        &fields.prefix,
        moment(fields),
        &fields.ranges[..],
    );
    Ok(Some(match one {
        (Some(date), (None, None), None, None, []) => days(day("date", date)?.into()),
        (None, (Some(from), Some(to)), None, None, []) => days(range(from, to)?),
        (None, (None, None), Some(prefix), None, []) => Scope {
            ranges: vec![KeyRange::of(prefix.clone())],
            days: None,
        },
        (None, (None, None), None, Some(moment), []) => days(Day::before(moment).into()),
        (None, (from, to), None, None, [_, ..]) if from.is_some() == to.is_some() => Scope {
            ranges: fields.ranges.clone(),
            days: match (from, to) {
                (Some(from), Some(to)) => Some(range(from, to)?),
                _ => None,
            },
        },
        _ => return Ok(None),
    }))
}

impl Order {
    /// The event that does what is left of this order under the run's name, as another continuation of it.
    pub fn resume(&self, run: &str, only: Only, left: &Scope) -> Value {
        let mut event = json!(self.filter.wanted());
        let fields = event.as_object_mut().expect("a filter is an object");
        fields.insert("run".to_owned(), json!(run));
        fields.insert("only".to_owned(), json!(only));
        fields.insert("continuation".to_owned(), json!(self.continuation + 1));
        if !left.ranges.is_empty() {
            fields.insert("ranges".to_owned(), json!(left.ranges));
        }
        if let Some(days) = left.days {
            fields.insert("from".to_owned(), json!(days.from().to_string()));
            fields.insert("to".to_owned(), json!(days.to().to_string()));
        }
        for (name, is) in [("dry_run", self.dry_run), ("continue", self.continues)] {
            if is {
                fields.insert(name.to_owned(), json!(true));
            }
        }
        event
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
        ("`ranges`", !fields.ranges.is_empty()),
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
    use backup::day::PrefixFormat;
    use serde_json::json;

    fn scope(event: Value) -> Scope {
        parse(&event).unwrap().scope
    }

    fn prefixes(scope: &Scope) -> Vec<String> {
        let format = "%Y-%m-%d/".parse().unwrap();
        scope.ranges(&format).map(|range| range.prefix).collect()
    }

    fn one_day(text: &str) -> Scope {
        Scope {
            ranges: Vec::new(),
            days: Some(text.parse::<Day>().unwrap().into()),
        }
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
        assert_eq!(order.run.as_deref(), Some("2016-07-01T02:00:00Z"));
        assert!(order.continues, "no one waits for a schedule's answer");
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
    fn what_is_left_of_an_order_is_an_order_again() {
        let format: PrefixFormat = "%Y-%m-%d/".parse().unwrap();
        let event = json!({"from": "2016-06-28", "to": "2016-07-01", "continue": true,
            "include": ["*.csv"], "min_size": 1, "modified_before": "2016-08-01T00:00:00Z"});
        let order = parse(&event).unwrap();
        let cut = KeyRange {
            prefix: "2016-06-28/".to_owned(),
            after: "2016-06-28/a b\n".to_owned(),
            until: Some("2016-06-28/m".to_owned()),
        };
        let left = order.scope.left(2, vec![cut.clone()]).unwrap();
        let resume = order.resume("r", Only::Changed, &left);
        assert_eq!(
            resume,
            json!({"run": "r", "only": "changed", "continuation": 1, "continue": true, "include": ["*.csv"],
                "min_size": 1, "modified_before": "2016-08-01T00:00:00Z", "from": "2016-06-30", "to": "2016-07-01",
                "ranges": [{"prefix": "2016-06-28/", "after": "2016-06-28/a b\n", "until": "2016-06-28/m"}]})
        );
        let again = parse(&resume).unwrap();
        assert_eq!(again.scope, left);
        assert_eq!((again.run.as_deref(), again.continuation), (Some("r"), 1));
        assert_eq!(again.only, Some(Only::Changed));
        let ranges: Vec<_> = again.scope.ranges(&format).collect();
        let day = |day: &str| KeyRange::of(format!("{day}/"));
        assert_eq!(ranges, [cut, day("2016-06-30"), day("2016-07-01")]);
        assert_eq!(order.scope.left(4, Vec::new()), None);
        let begun_again = again.scope.left(1, Vec::new()).unwrap();
        assert_eq!(
            (begun_again.ranges, begun_again.days),
            (Vec::new(), left.days)
        );
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
                "\"[a\" in `include` is not a glob",
            ),
            (
                json!({"date": "2016-06-30", "min_size": 2, "max_size": 1}),
                "`min_size` is 2 and `max_size` is 1",
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
                json!({"date": "2016-01-01", "ranges": [{"prefix": "a"}]}),
                "names `date` and `ranges`; accepted are",
            ),
            (
                json!({"ranges": [{"after": "a"}]}),
                "cannot be read: missing field `prefix`",
            ),
            (
                json!({"date": "2016-01-01", "only": "new"}),
                "cannot be read: unknown variant `new`, expected `all` or `changed`",
            ),
            (
                json!({"date": "2016-01-01", "run": ""}),
                "`run` of the event has 0 bytes; a run's name has 1 to 128",
            ),
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
