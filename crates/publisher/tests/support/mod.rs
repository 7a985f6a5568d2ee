//! S3, SNS and Lambda as far as the publisher asks them, in this process and on Tokio's clock: every request takes
//! its time without taking any.

#![allow(dead_code)]

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use backup::deadline::Deadline;
use backup::env::Environment;
use backup::message::{Request, decode};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use publisher::config::Config;
use publisher::handler::{Invocation, Publisher};
use serde_json::Value;
use tokio::time::{Instant, sleep};

/// How long every request takes.
pub const LATENCY: Duration = Duration::from_millis(20);

/// An object's size, and the second of its last change.
pub type Facts = (u64, i64);

/// What the services hold and have seen.
#[derive(Debug)]
pub struct State {
    /// The source bucket.
    pub source: BTreeMap<String, Facts>,
    /// The destination bucket.
    pub copies: BTreeMap<String, Facts>,
    /// Keys of a page.
    pub page: usize,
    /// Messages that SNS takes in a second; it refuses others.
    pub sns_quota: usize,
    /// The status and the code with which it does.
    pub throttle: (u16, &'static str),
    /// The number of the request that is the last to have an effect.
    pub dies_at: usize,
    /// Every request, by what it asks for: `list source a/`, `publish 10`, `invoke`.
    pub requests: Vec<String>,
    /// Accepted messages' keys, and when.
    pub published: Vec<(String, Instant)>,
    /// The runs named in them.
    pub runs: Vec<String>,
    /// Whether Lambda refuses events.
    pub may_not_invoke: bool,
    /// Events that the publisher has handed Lambda.
    pub invoked: Vec<Value>,
}

/// The services.
#[derive(Debug, Clone)]
pub struct World(pub Arc<Mutex<State>>);

impl World {
    /// With these objects in the source bucket.
    pub fn with(source: impl IntoIterator<Item = (String, Facts)>) -> World {
        World(Arc::new(Mutex::new(State {
            source: source.into_iter().collect(),
            copies: BTreeMap::new(),
            page: 1_000,
            sns_quota: usize::MAX,
            throttle: (400, "Throttling"),
            dies_at: usize::MAX,
            requests: Vec::new(),
            published: Vec::new(),
            runs: Vec::new(),
            may_not_invoke: false,
            invoked: Vec::new(),
        })))
    }

    /// Changes what the services hold.
    pub fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap());
    }

    /// A look at what the services hold and have seen.
    pub fn see<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.0.lock().unwrap())
    }

    /// How many requests began so.
    pub fn requests(&self, beginning: &str) -> usize {
        self.see(|state| {
            let requests = state.requests.iter();
            requests
                .filter(|request| request.starts_with(beginning))
                .count()
        })
    }

    /// How often each key was published.
    pub fn published(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        self.see(|state| {
            for (key, _) in &state.published {
                *counts.entry(key.clone()).or_default() += 1;
            }
        });
        counts
    }

    /// A publisher over these services, with further variables.
    pub fn publisher(&self, variables: &[(&str, &str)]) -> Publisher {
        let mut all = HashMap::from([
            ("SOURCE_BUCKET", "acme-data"),
            ("DEST_BUCKET", "acme-backup"),
            ("TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:s3-fanout"),
        ]);
        all.extend(variables.iter().copied());
        let mut pairs = [("", ""); 16];
        pairs
            .iter_mut()
            .zip(all)
            .for_each(|(pair, variable)| *pair = variable);
        let config = Config::from_env(&Environment::from(pairs)).unwrap();
        let s3 = aws_sdk_s3::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_s3::config::Region::new("us-east-1"))
            .credentials_provider(aws_sdk_s3::config::Credentials::for_tests())
            .force_path_style(true)
            .http_client(self.client());
        let sns = aws_sdk_sns::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_sns::config::Region::new("us-east-1"))
            .credentials_provider(aws_sdk_sns::config::Credentials::for_tests())
            .http_client(self.client());
        let lambda = aws_sdk_lambda::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_lambda::config::Region::new("us-east-1"))
            .credentials_provider(aws_sdk_lambda::config::Credentials::for_tests())
            .http_client(self.client());
        let s3 = aws_sdk_s3::Client::from_conf(s3.build());
        Publisher {
            source: s3.clone(),
            destination: s3,
            sns: aws_sdk_sns::Client::from_conf(sns.build()),
            lambda: aws_sdk_lambda::Client::from_conf(lambda.build()),
            config,
        }
    }

    fn client(&self) -> SharedHttpClient {
        let world = self.clone();
        http_client_fn(move |_, _| SharedHttpConnector::new(world.clone()))
    }
}

/// An invocation that has this time before nothing more is begun; the margin after it is ten seconds.
pub fn invocation(request_id: &str, time: Option<Duration>) -> Invocation {
    let margin = Duration::from_secs(10);
    Invocation {
        request_id: request_id.to_owned(),
        function_arn: "arn:aws:lambda:us-east-1:123456789012:function:publisher".to_owned(),
        deadline: time.map_or(Deadline::NONE, |time| {
            Deadline::before(Instant::now() + time + margin, margin)
        }),
    }
}

impl HttpConnector for World {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let world = self.clone();
        HttpConnectorFuture::new(async move {
            sleep(LATENCY).await;
            let uri = request.uri().to_owned();
            let body = String::from_utf8(request.body().bytes().unwrap().to_vec()).unwrap();
            let (status, answer) = world.0.lock().unwrap().answer(&uri, &body);
            Ok(HttpResponse::new(
                status.try_into().unwrap(),
                SdkBody::from(answer),
            ))
        })
    }
}

impl State {
    fn answer(&mut self, uri: &str, body: &str) -> (u16, String) {
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        if self.requests.len() >= self.dies_at {
            // Whoever asks is dead already.
            return (400, String::new());
        }
        if uri.contains("/invocations") {
            self.requests.push("invoke".to_owned());
            if self.may_not_invoke {
                return (
                    403,
                    r#"{"__type":"AccessDeniedException","Message":"no"}"#.to_owned(),
                );
            }
            self.invoked.push(serde_json::from_str(body).unwrap());
            return (202, String::new());
        }
        if body.starts_with("Action=PublishBatch") {
            return self.publish(&form(body));
        }
        let (bucket, objects) = if path.contains("acme-data") {
            ("source", &self.source)
        } else {
            assert!(path.contains("acme-backup"), "{uri}");
            ("copies", &self.copies)
        };
        let query = form(query);
        let answer = list(objects, &query, self.page);
        self.requests
            .push(format!("list {bucket} {}", query["prefix"]));
        (200, answer)
    }

    fn publish(&mut self, form: &HashMap<String, String>) -> (u16, String) {
        let field = |n: usize, name: &str| {
            form.get(&format!("PublishBatchRequestEntries.member.{n}.{name}"))
        };
        let entries: Vec<_> = (1..=10)
            .filter_map(|n| Some((field(n, "Id")?, field(n, "Message")?)))
            .collect();
        let now = Instant::now();
        let second_ago = now - Duration::from_secs(1);
        let lately = self.published.iter().rev();
        let lately = lately.take_while(|(_, at)| *at > second_ago).count();
        if lately + entries.len() > self.sns_quota {
            self.requests.push("throttled".to_owned());
            let (status, code) = self.throttle;
            let error =
                format!("<Error><Code>{code}</Code><Message>Rate exceeded</Message></Error>");
            return (status, format!("<ErrorResponse>{error}</ErrorResponse>"));
        }
        self.requests.push(format!("publish {}", entries.len()));
        let mut accepted = String::new();
        for (id, message) in entries {
            let Ok(Request::Message(message)) = decode(message) else {
                panic!("{message} is no message")
            };
            self.published.push((message.object.key, now));
            self.runs.push(message.run);
            write!(accepted, "<member><Id>{id}</Id></member>").unwrap();
        }
        self.runs.dedup();
        let answer = format!(
            "<PublishBatchResponse><PublishBatchResult><Successful>{accepted}</Successful><Failed/>\
             </PublishBatchResult></PublishBatchResponse>"
        );
        (200, answer)
    }
}

/// A page of a listing, as ListObjectsV2 answers.
fn list(objects: &BTreeMap<String, Facts>, query: &HashMap<String, String>, page: usize) -> String {
    let prefix = &query["prefix"];
    let after = query.get("continuation-token").or(query.get("start-after"));
    let after = after.cloned().unwrap_or_default();
    let most = query
        .get("max-keys")
        .map_or(page, |keys| keys.parse().unwrap());
    let from = prefix.clone().max(after.clone());
    let mut keys = objects
        .range(from..)
        .filter(|(key, _)| **key > after)
        .take_while(|(key, _)| key.starts_with(prefix))
        .peekable();
    let mut contents = String::new();
    let mut last = None;
    for (key, (size, second)) in keys.by_ref().take(most.min(page)) {
        let encoded = utf8_percent_encode(key, NON_ALPHANUMERIC);
        let changed = jiff::Timestamp::from_second(*second).unwrap();
        write!(
            contents,
            "<Contents><Key>{encoded}</Key><Size>{size}</Size><LastModified>{changed}</LastModified></Contents>"
        )
        .unwrap();
        last = Some(key);
    }
    let token = last.filter(|_| keys.peek().is_some());
    let next = token.map_or(String::new(), |key| {
        let key = key.replace('&', "&amp;").replace('<', "&lt;");
        format!("<NextContinuationToken>{key}</NextContinuationToken>")
    });
    format!(
        "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>{}</IsTruncated>{next}{contents}</ListBucketResult>",
        token.is_some()
    )
}

/// The fields of a query or a form, decoded.
fn form(text: &str) -> HashMap<String, String> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text)
            .decode_utf8()
            .unwrap()
            .into_owned()
    };
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}
