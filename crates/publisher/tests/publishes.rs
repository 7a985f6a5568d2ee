//! The publisher over an SDK client whose answers are made up: what SNS and S3 seldom answer.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2Input, ListObjectsV2Output};
use aws_sdk_s3::types::{EncodingType, Object};
use aws_sdk_sns::operation::publish_batch::{PublishBatchInput, PublishBatchOutput};
use aws_sdk_sns::types::{
    BatchResultErrorEntry, PublishBatchRequestEntry, PublishBatchResultEntry,
};
use aws_smithy_mocks::{MockResponseInterceptor, Rule, RuleMode, create_mock_http_client, mock};
use backup::deadline::Deadline;
use backup::env::Environment;
use backup::message::{Request, decode};
use publisher::config::Config;
use publisher::error::PublisherError;
use publisher::handler::{Invocation, Publisher};
use serde_json::json;

/// Every message that SNS accepted, and how often each key was offered.
#[derive(Default)]
struct Taken {
    accepted: BTreeMap<String, String>,
    offers: BTreeMap<String, usize>,
    batches: Vec<usize>,
}

type Verdict = Result<(), (&'static str, bool)>;

/// An SNS that judges every offer of a key, by the key and the number of the offer.
fn sns(
    judge: impl Fn(&str, usize) -> Verdict + Send + Sync + 'static,
) -> (Rule, Arc<Mutex<Taken>>) {
    let taken = Arc::new(Mutex::new(Taken::default()));
    let shared = Arc::clone(&taken);
    let answer = move |input: &PublishBatchInput| {
        let mut taken = shared.lock().unwrap();
        let entries = input.publish_batch_request_entries();
        taken.batches.push(entries.len());
        let mut output = PublishBatchOutput::builder()
            .set_successful(Some(vec![]))
            .set_failed(Some(vec![]));
        for entry in entries {
            output = match taken.judge(entry, &judge) {
                Ok(()) => {
                    output.successful(PublishBatchResultEntry::builder().id(entry.id()).build())
                }
                Err((code, sender_fault)) => output.failed(
                    BatchResultErrorEntry::builder()
                        .id(entry.id())
                        .code(code)
                        .sender_fault(sender_fault)
                        .message("made up")
                        .build()
                        .unwrap(),
                ),
            };
        }
        output.build()
    };
    (
        mock!(aws_sdk_sns::Client::publish_batch).then_compute_output(answer),
        taken,
    )
}

impl Taken {
    fn judge(
        &mut self,
        entry: &PublishBatchRequestEntry,
        judge: impl Fn(&str, usize) -> Verdict,
    ) -> Verdict {
        let Request::Message(message) = decode(entry.message()).unwrap() else {
            panic!("a message")
        };
        let key = message.object.key;
        let offers = self.offers.entry(key.clone()).or_default();
        *offers += 1;
        judge(&key, *offers)?;
        self.accepted.insert(key, message.run);
        Ok(())
    }
}

/// An S3 that lists 25 keys under every prefix, ten a page.
fn s3() -> Rule {
    mock!(aws_sdk_s3::Client::list_objects_v2).then_compute_output(|input: &ListObjectsV2Input| {
        let from: usize = input
            .continuation_token()
            .map_or(0, |token| token.parse().unwrap());
        let prefix = input.prefix().unwrap();
        let objects = (from..25.min(from + 10)).map(|n| {
            Object::builder()
                .key(format!("{prefix}{n:02}+%26"))
                .size(n as i64)
                .build()
        });
        ListObjectsV2Output::builder()
            .set_contents(Some(objects.collect()))
            .encoding_type(EncodingType::Url)
            .is_truncated(from + 10 < 25)
            .set_next_continuation_token((from + 10 < 25).then(|| (from + 10).to_string()))
            .build()
    })
}

fn publisher(s3: &Rule, sns: &Rule) -> Publisher {
    let mocked = |rule| {
        MockResponseInterceptor::new()
            .rule_mode(RuleMode::MatchAny)
            .with_rule(rule)
    };
    let s3 = aws_sdk_s3::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_s3::config::Region::new("us-east-1"))
        .credentials_provider(aws_sdk_s3::config::Credentials::new(
            "a", "s", None, None, "test",
        ))
        .http_client(create_mock_http_client())
        .interceptor(mocked(s3));
    let lambda = aws_sdk_lambda::Config::builder()
        .behavior_version_latest()
        .http_client(create_mock_http_client());
    let sns = aws_sdk_sns::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_sns::config::Region::new("us-east-1"))
        .credentials_provider(aws_sdk_sns::config::Credentials::new(
            "a", "s", None, None, "test",
        ))
        .http_client(create_mock_http_client())
        .interceptor(mocked(sns));
    let environment = Environment::from([
        ("SOURCE_BUCKET", "acme-data"),
        ("DEST_BUCKET", "acme-backup"),
        ("BACKFILL_ONLY", "all"),
        ("TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:s3-fanout"),
    ]);
    let s3 = aws_sdk_s3::Client::from_conf(s3.build());
    Publisher {
        source: s3.clone(),
        destination: s3,
        lambda: aws_sdk_lambda::Client::from_conf(lambda.build()),
        sns: aws_sdk_sns::Client::from_conf(sns.build()),
        config: Config::from_env(&environment).unwrap(),
    }
}

fn invocation(request_id: &str) -> Invocation {
    Invocation {
        request_id: request_id.to_owned(),
        function_arn: "publisher".to_owned(),
        deadline: Deadline::NONE,
    }
}

#[tokio::test(start_paused = true)]
async fn publishes_every_key_of_every_page_once_in_batches_of_ten() {
    let (sns, taken) = sns(|_, _| Ok(()));
    let publisher = publisher(&s3(), &sns);
    let summary = publisher
        .handle(&json!({"date": "2016-06-30"}), invocation("request-1"))
        .await
        .unwrap();
    assert_eq!(
        (summary.listed, summary.published, summary.failed),
        (25, 25, 0)
    );
    assert_eq!(
        (summary.prefixes, summary.bytes, summary.complete),
        (1, 300, true)
    );
    let taken = taken.lock().unwrap();
    assert_eq!(taken.accepted.len(), 25);
    assert!(
        taken.accepted.contains_key("2016-06-30/24 &"),
        "out of the listing's URL encoding"
    );
    assert!(taken.accepted.values().all(|run| run == "request-1"));
    assert_eq!(taken.batches, [10, 10, 5]);
}

#[tokio::test(start_paused = true)]
async fn lists_every_day_of_a_range_and_names_the_run_for_the_schedule() {
    let (sns, taken) = sns(|_, _| Ok(()));
    let publisher = publisher(&s3(), &sns);
    let range = json!({"from": "2016-01-01", "to": "2016-06-30"});
    let summary = publisher.handle(&range, invocation("r")).await.unwrap();
    assert_eq!((summary.prefixes, summary.published), (182, 182 * 25));
    publisher
        .handle(
            &json!({"scheduled_time": "2016-07-01T02:00:00Z"}),
            invocation("r"),
        )
        .await
        .unwrap();
    let taken = taken.lock().unwrap();
    assert_eq!(taken.accepted["2016-06-30/00 &"], "2016-07-01T02:00:00Z");
    assert_eq!(taken.accepted["2016-06-29/00 &"], "r");
}

#[tokio::test(start_paused = true)]
async fn publishes_only_what_passes_the_filters_in_full_batches_and_counts_the_rest() {
    let (sns, taken) = sns(|_, _| Ok(()));
    let publisher = publisher(&s3(), &sns);
    let event = json!({"date": "2016-06-30", "min_size": 5, "exclude": ["*/1? &"]});
    let summary = publisher.handle(&event, invocation("r")).await.unwrap();
    assert_eq!(
        (summary.listed, summary.filtered, summary.published),
        (25, 15, 10)
    );
    assert_eq!(summary.bytes, (5..10).chain(20..25).sum::<u64>());
    assert!(summary.complete);
    let taken = taken.lock().unwrap();
    assert_eq!(taken.batches, [10]);
    assert!(taken.accepted.contains_key("2016-06-30/05 &"));
    assert!(!taken.accepted.contains_key("2016-06-30/10 &"));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_counts_and_publishes_nothing() {
    let (sns, taken) = sns(|_, _| Ok(()));
    let publisher = publisher(&s3(), &sns);
    let event = json!({"date": "2016-06-30", "dry_run": true});
    let summary = publisher.handle(&event, invocation("r")).await.unwrap();
    let answer = serde_json::to_value(&summary).unwrap();
    assert_eq!(
        answer,
        json!({"run": "r", "prefixes": 1, "listed": 25, "filtered": 0, "unchanged": 0, "archived": 0, "bytes": 300, "published": 0, "failed": 0,
            "complete": true, "elapsed_ms": answer["elapsed_ms"]})
    );
    assert!(taken.lock().unwrap().batches.is_empty());
}

#[tokio::test(start_paused = true)]
async fn offers_only_the_entries_again_that_came_back_failed() {
    let (sns, taken) = sns(|key, offer| {
        if key.contains("/07") && offer < 4 {
            Err(("InternalError", false))
        } else {
            Ok(())
        }
    });
    let publisher = publisher(&s3(), &sns);
    let summary = publisher
        .handle(&json!({"date": "2016-06-30"}), invocation("r"))
        .await
        .unwrap();
    assert_eq!((summary.published, summary.failed), (25, 0));
    let mut batches = taken.lock().unwrap().batches.clone();
    batches.sort_unstable();
    assert_eq!(batches, [1, 1, 1, 5, 10, 10]);
}

#[tokio::test(start_paused = true)]
async fn fails_with_the_number_the_first_keys_and_the_reasons_after_all_else_was_published() {
    let (sns, taken) = sns(|key, _| match key {
        key if key.contains("/07") => Err(("InternalError", false)),
        key if key.contains("/1") => Err(("InvalidParameter", true)),
        _ => Ok(()),
    });
    let publisher = publisher(&s3(), &sns);
    let error = publisher
        .handle(&json!({"date": "2016-06-30"}), invocation("r"))
        .await
        .unwrap_err();
    assert_eq!(error.error_type(), "PublishFailed");
    let PublisherError::PublishFailed(summary) = &error else {
        unreachable!()
    };
    assert_eq!((summary.published, summary.failed), (14, 11));
    let text = error.to_string();
    assert!(
        text.starts_with("11 of 25 messages could not be published, all others were: "),
        "{text}"
    );
    assert!(
        text.contains("2016-06-30/10 & (InvalidParameter: made up)"),
        "{text}"
    );
    assert!(
        text.ends_with(" and 1 more; invoke again with the same event"),
        "{text}"
    );
    let taken = taken.lock().unwrap();
    assert_eq!(taken.accepted.len(), 14);
    assert_eq!(
        taken.offers["2016-06-30/07 &"], 6,
        "an internal error is worth six offers"
    );
    assert_eq!(
        taken.offers["2016-06-30/10 &"], 1,
        "the sender's fault is not worth another"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_batch_is_reported_and_does_not_stop_the_others() {
    let refused = mock!(aws_sdk_sns::Client::publish_batch).then_http_response(|| {
        aws_sdk_sns::config::http::HttpResponse::new(
            403.try_into().unwrap(),
            "<ErrorResponse><Error><Code>AuthorizationError</Code><Message>not yours</Message></Error></ErrorResponse>".into(),
        )
    });
    let publisher = publisher(&s3(), &refused);
    let error = publisher
        .handle(&json!({"date": "2016-06-30"}), invocation("r"))
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("25 of 25 messages could not be published"),
        "{text}"
    );
    assert!(
        text.contains("(AuthorizationError: not yours (status 403))"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_prefix_that_cannot_be_listed_to_its_end_fails_after_all_else_was_published() {
    let s3 = mock!(aws_sdk_s3::Client::list_objects_v2).then_compute_output(
        |input: &ListObjectsV2Input| {
            // The second day's page is truncated and does not say how to go on.
            let broken = input.prefix() == Some("2016-06-30/");
            let object = Object::builder()
                .key(format!("{}a", input.prefix().unwrap()))
                .size(1)
                .build();
            ListObjectsV2Output::builder()
                .contents(object)
                .is_truncated(broken)
                .build()
        },
    );
    let (sns, taken) = sns(|_, _| Ok(()));
    let publisher = publisher(&s3, &sns);
    let range = json!({"from": "2016-06-29", "to": "2016-07-01"});
    let error = publisher.handle(&range, invocation("r")).await.unwrap_err();
    assert!(matches!(error, PublisherError::ListFailed(_)));
    assert_eq!(
        error.to_string(),
        "1 of 3 prefixes could not be listed to their end: listing s3://acme-data/2016-06-30/ failed: \
         the page is truncated and names no continuation token; 2 of the 2 keys listed were published: \
         mend the reason and invoke again with the same event"
    );
    assert_eq!(taken.lock().unwrap().accepted.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_listing_out_of_key_order_is_an_error_not_a_gap() {
    let s3 =
        mock!(aws_sdk_s3::Client::list_objects_v2).then_compute_output(|_: &ListObjectsV2Input| {
            let object = |key: &str| Object::builder().key(key).size(1).build();
            ListObjectsV2Output::builder()
                .contents(object("x/b"))
                .contents(object("x/a"))
                .build()
        });
    let (sns, _) = sns(|_, _| Ok(()));
    let error = publisher(&s3, &sns)
        .handle(&json!({"prefix": "x/"}), invocation("r"))
        .await
        .unwrap_err();
    assert_eq!(error.error_type(), "ListFailed");
    let text = error.to_string();
    assert!(
        text.contains("the listing is not in key order (a directory bucket has none, and cannot be a source): x/a comes after x/b"),
        "{text}"
    );
}
