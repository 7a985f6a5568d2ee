//! Whatever a function is invoked with: it is an order, a request, or an error that says what is wrong.

#![allow(clippy::unwrap_used)]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use aws_lambda_events::event::sns::SnsEvent;
use backup::message::{self, Message, Request};
use backup::object::ObjectRef;
use copier::copy::Copier;
use fastrand::Rng;
use proptest::prelude::*;
use proptest::sample::Index;
use publisher::event;
use sandbox::s3::Attributes;
use serde_json::{Value, json};
use tests::{MIB, SOURCE, World};

/// An event of the copier.
const BARE_KEY: &str = include_str!("../../events/copier-bare-key.json");

/// Every file of `events/`.
const EVENTS: [&str; 15] = [
    include_str!("../../events/backfill.json"),
    include_str!("../../events/backfill-unattended.json"),
    include_str!("../../events/changed.json"),
    BARE_KEY,
    include_str!("../../events/copier-malformed.json"),
    include_str!("../../events/copier-sns.json"),
    include_str!("../../events/daily-rule.json"),
    include_str!("../../events/daily-scheduler.json"),
    include_str!("../../events/date.json"),
    include_str!("../../events/dry-run.json"),
    include_str!("../../events/filtered.json"),
    include_str!("../../events/local.json"),
    include_str!("../../events/malformed.json"),
    include_str!("../../events/prefix.json"),
    include_str!("../../events/resume.json"),
];

/// The key the events for the copier name.
const KEY: &str = "2016-06-30/object-000.bin";

/// What Lambda would give an invocation.
const TIME_LEFT: Duration = Duration::from_secs(60);

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "(?s).{0,20}".prop_map(Value::from),
        "-?[0-9]{1,6}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let name = prop_oneof![
            "(?s).{0,8}",
            "date|from|to|prefix|dry_run|scheduled_time|time|detail-type|Records|Sns|Message|v|key"
        ];
        let fields = prop::collection::vec((name, inner.clone()), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(Value::from),
            fields.prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A valid event with one of its places replaced or removed.
fn any_altered_event() -> impl Strategy<Value = Value> {
    let replacement = prop_oneof![
        any_json().prop_map(Some),
        "(?s)\\{?.{0,40}".prop_map(|text| Some(Value::from(text))),
        Just(None)
    ];
    (0..EVENTS.len(), any::<Index>(), replacement).prop_map(|(event, place, replacement)| {
        let mut event: Value = serde_json::from_str(EVENTS[event]).unwrap();
        let mut places = Vec::new();
        collect_places(&event, String::new(), &mut places);
        let place = place.get(&places);
        match replacement {
            Some(value) => *event.pointer_mut(place).unwrap() = value,
            None => remove(&mut event, place),
        }
        event
    })
}

fn collect_places(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                collect_places(field, format!("{place}/{name}"), places);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect_places(item, format!("{place}/{index}"), places);
            }
        }
        _ => {}
    }
    places.push(place);
}

fn remove(event: &mut Value, place: &str) {
    let Some((parent, name)) = place.rsplit_once('/') else {
        return *event = Value::Null;
    };
    match event.pointer_mut(parent).unwrap() {
        Value::Object(fields) => drop(fields.remove(name)),
        Value::Array(items) => drop(items.remove(name.parse().unwrap())),
        _ => unreachable!("only objects and arrays have places in them"),
    }
}

/// Some of the fields that orders have, each with its own value or another.
fn any_order() -> impl Strategy<Value = Value> {
    let fields = json!({
        "date": "2016-06-30", "from": "2016-06-01", "to": "2016-06-30", "prefix": "p/",
        "dry_run": true, "scheduled_time": "2016-07-01T02:00:00Z",
        "time": "2016-07-01T02:00:00Z", "detail-type": "Scheduled Event",
        "ranges": [{"prefix": "p/", "after": "p/a", "until": "p/b"}], "run": "r", "continuation": 1,
        "continue": true, "only": "changed", "include": ["*.csv"], "max_size": 10,
        "modified_since": "2016-07-01T02:00:00Z",
    });
    let fields: Vec<_> = fields.as_object().unwrap().clone().into_iter().collect();
    let other = prop::option::weighted(0.25, any_json());
    let chosen = prop::sample::subsequence(fields, 1..=5);
    (chosen, prop::collection::vec(other, 5)).prop_map(|(fields, others)| {
        let replaced = |((name, value), other): ((String, Value), Option<Value>)| {
            (name, other.unwrap_or(value))
        };
        Value::Object(fields.into_iter().zip(others).map(replaced).collect())
    })
}

/// An SNS event of no, one or several records, whatever their messages are.
fn any_sns_event() -> impl Strategy<Value = Value> {
    let body = prop_oneof![
        Just(KEY.to_owned()),
        "(?s)\\{?.{0,40}",
        "[ \t\n]{1,3}",
        any_json().prop_map(|json| json.to_string()),
        any::<u64>().prop_map(|seed| {
            let mut rng = Rng::with_seed(seed);
            let message = message(&mut rng).encode().into_bytes();
            String::from_utf8_lossy(&edited(message, &mut rng)).into_owned()
        }),
    ];
    prop::collection::vec(body, 0..3).prop_map(|bodies| {
        let event: Value = serde_json::from_str(BARE_KEY).unwrap();
        let record = |body: String| {
            let mut record = event["Records"][0].clone();
            record["Sns"]["Message"] = body.into();
            record
        };
        json!({ "Records": bodies.into_iter().map(record).collect::<Vec<_>>() })
    })
}

fn any_event() -> impl Strategy<Value = Value> {
    prop_oneof![
        any_json(),
        any_altered_event(),
        any_order(),
        any_sns_event()
    ]
}

/// Reads an event as the publisher does, and begins to make prefixes of it.
fn order(event: &Value) -> bool {
    match event::parse(event) {
        Ok(order) => {
            let format = "%Y-%m-%d/".parse().unwrap();
            assert!(order.scope.ranges(&format).take(3).count() > 0);
            true
        }
        Err(error) => {
            let text = error.to_string();
            let says = [
                "accepted are",
                "days are written",
                "both are included",
                "globs are such as",
                "no object lies between them",
                "a run's name has",
            ];
            assert!(says.iter().any(|hint| text.contains(hint)), "{text}");
            false
        }
    }
}

fn cases() -> ProptestConfig {
    ProptestConfig::with_cases(2_000)
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn any_event_is_an_order_or_an_error_that_says_what_is_accepted(event in any_event()) {
        order(&event);
    }
}

#[test]
fn any_event_is_a_copy_or_an_error_named_for_what_to_do() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::start());
    world.put(KEY, MIB, Attributes::default());
    let copier = runtime.block_on(async { world.copier([]) });
    let copied = Cell::new(0);
    proptest!(cases(), |(event in any_event())| {
        copied.set(copied.get() + u32::from(runtime.block_on(is_copied(&copier, event))?));
    });
    // What was altered is mostly not the message.
    assert!(copied.get() > 0);
}

async fn is_copied(copier: &Copier, event: Value) -> Result<bool, TestCaseError> {
    let records = event["Records"].as_array().cloned().unwrap_or_default();
    let bodies: Vec<_> = records
        .iter()
        .filter_map(|record| record["Sns"]["Message"].as_str())
        .collect();
    let Err(error) = copier.handle(event, "request", TIME_LEFT).await else {
        prop_assert!(!bodies.is_empty() && bodies.iter().all(|body| names_the_object(body)));
        return Ok(true);
    };
    match error.error_type() {
        "InvalidEvent" | "InvalidMessage" | "ForeignBucket" | "SourceMissing" => Ok(false),
        // The SDK sends no key of white space alone.
        "Refused" if bodies.iter().any(|body| body.trim().is_empty()) => Ok(false),
        _ => Err(TestCaseError::fail(format!("{error:?}"))),
    }
}

fn names_the_object(body: &str) -> bool {
    match message::decode(body) {
        Ok(Request::Message(message)) => message.object.key == KEY,
        Ok(Request::Key(key)) => key == KEY,
        Err(_) => false,
    }
}

/// What inputs were read as.
#[derive(Debug, Default)]
struct Read {
    messages: u64,
    keys: u64,
    orders: u64,
    sns_events: u64,
}

impl Read {
    fn read(&mut self, input: &[u8]) {
        self.decode(&String::from_utf8_lossy(input));
        if let Ok(event) = serde_json::from_slice::<Value>(input) {
            self.orders += u64::from(order(&event));
            if let Ok(event) = serde_json::from_value::<SnsEvent>(event) {
                self.sns_events += 1;
                for record in &event.records {
                    self.decode(&record.sns.message);
                }
            }
        }
    }

    fn decode(&mut self, body: &str) {
        match message::decode(body) {
            Ok(Request::Message(message)) => {
                let again = message::decode(&message.encode()).unwrap();
                assert_eq!(again, Request::Message(message));
                self.messages += 1;
            }
            Ok(Request::Key(key)) => {
                assert_eq!(key, body);
                self.keys += 1;
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// Bytes, texts put together of JSON's pieces, and messages and events with a few bytes changed.
fn arbitrary_input(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(..4) {
        0 => {
            let mut bytes = vec![0; rng.usize(..200)];
            rng.fill(&mut bytes);
            bytes
        }
        1 => {
            const PIECES: [&str; 24] = [
                "{",
                "}",
                "[",
                "]",
                ":",
                ",",
                " ",
                "\"",
                "\\u00",
                "null",
                "true",
                "1",
                "-1",
                "1e999",
                "\"v\":1",
                "\"run\":\"r\"",
                "\"bucket\":\"b\"",
                "\"key\":\"k\"",
                "\"size\":5",
                "\"date\":\"2016-06-30\"",
                "\"dry_run\":true",
                "\"prefix\":\"",
                "\"Records\":[",
                "2016-07-01T02:00:00Z",
            ];
            let pieces = (0..rng.usize(1..16)).map(|_| *rng.choice(PIECES.iter()).unwrap());
            let text: String = pieces.collect();
            text.into_bytes()
        }
        2 => edited(message(rng).encode().into_bytes(), rng),
        _ => edited(rng.choice(EVENTS).unwrap().into(), rng),
    }
}

fn message(rng: &mut Rng) -> Message {
    let mut text = |most| -> String {
        let count = rng.usize(1..most);
        (0..count).map(|_| rng.char(..)).collect()
    };
    let (run, key, etag) = (text(20), text(60), text(20));
    Message {
        run,
        object: ObjectRef {
            bucket: SOURCE.to_owned(),
            key,
            size: rng.u64(..) >> rng.u8(..64),
            etag: rng.bool().then_some(etag),
            last_modified: None,
        },
    }
}

/// Up to three times, some bytes give way to others; every eighth input is as it was.
fn edited(mut bytes: Vec<u8>, rng: &mut Rng) -> Vec<u8> {
    if rng.u8(..8) == 0 {
        return bytes;
    }
    for _ in 0..rng.usize(1..4) {
        let start = rng.usize(..=bytes.len());
        let end = bytes.len().min(start + rng.usize(..4));
        let new: Vec<u8> = (0..rng.usize(..3)).map(|_| rng.u8(..)).collect();
        bytes.splice(start..end, new);
    }
    bytes
}

/// Of as many inputs as `INPUTS` says, ten million without it.
#[test]
#[ignore = "takes minutes: INPUTS=10000000 cargo test --workspace --test inputs -- --ignored --nocapture"]
fn no_input_makes_reading_panic() {
    let inputs = std::env::var("INPUTS").map_or(10_000_000, |given| given.parse().unwrap());
    let started = Instant::now();
    let mut read = Read::default();
    for seed in 0..inputs {
        let input = arbitrary_input(&mut Rng::with_seed(seed));
        let outcome = catch_unwind(AssertUnwindSafe(|| read.read(&input)));
        assert!(
            outcome.is_ok(),
            "input {seed} made it panic: {:?}",
            String::from_utf8_lossy(&input)
        );
    }
    let seconds = started.elapsed().as_secs();
    println!("{inputs} inputs in {seconds} s: {read:?}");
    let counts = [read.messages, read.keys, read.orders, read.sns_events];
    assert!(counts.iter().all(|count| *count > 0), "{read:?}");
}
