//! What the end-to-end tests share: a sandbox with two buckets, clients for it, and the real binaries.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{
    BucketVersioningStatus, ChecksumMode, Payer, RequestPaymentConfiguration,
    VersioningConfiguration,
};
use backup::env::Environment;
use backup::message::{Message, Request, decode};
use bytes::Bytes;
use copier::copy::Copier;
use sandbox::lambda::{Function, Logs};
use sandbox::s3::{Attributes, Content};
use sandbox::{Options, Sandbox};
use tokio::sync::Semaphore;

/// One mebibyte.
pub const MIB: u64 = 1 << 20;

/// The bucket that is backed up.
pub const SOURCE: &str = "source";

/// The bucket it is backed up to.
pub const DEST: &str = "backup";

/// Keys that are easily got wrong on their way through a list, a message, a header, a query or a path.
pub const ODD_KEYS: [&str; 18] = [
    "with space",
    "plus+plus",
    "percent%41",
    "query?a=b&c=d",
    "hash#;,=@:$!'()*~",
    "double//slash",
    "/leading",
    "folder/",
    "..",
    "../up/./and/../down",
    "unicode-äöü-漢字-🦀",
    "e\u{301} is not \u{e9}",
    "tab\tnewline\nreturn\r",
    "\u{7f}\u{85}\u{2028}",
    "quote\"'<>&amp;",
    "back\\slash",
    "?versionId=1",
    " x ",
];

/// Messages that SNS has accepted.
pub type Accepted = Arc<Mutex<Vec<Message>>>;

/// A sandbox with two empty buckets.
#[derive(Debug)]
pub struct World {
    /// The services.
    pub sandbox: Sandbox,
    /// A client for both buckets.
    pub s3: aws_sdk_s3::Client,
    /// A client for the topics.
    pub sns: aws_sdk_sns::Client,
    log: Arc<Mutex<Vec<String>>>,
}

impl World {
    /// Starts a sandbox on a free loopback port.
    pub async fn start() -> World {
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&log);
        let logs = Logs::to(move |function, line| {
            lines.lock().unwrap().push(format!("{function} {line}"))
        });
        let options = Options {
            address: ([127, 0, 0, 1], 0).into(),
            logs,
            ..Options::default()
        };
        let credentials =
            Credentials::new(&options.access_key, &options.secret_key, None, None, "test");
        let region = Region::new(options.region.clone());
        let sandbox = Sandbox::start(options).await.unwrap();
        for bucket in [SOURCE, DEST] {
            sandbox.s3().create_bucket(bucket).unwrap();
        }
        let s3 = aws_sdk_s3::Config::builder()
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .behavior_version(BehaviorVersion::latest())
            .region(region.clone())
            .credentials_provider(credentials.clone())
            .endpoint_url(sandbox.endpoint_url())
            .force_path_style(true);
        let sns = aws_sdk_sns::Config::builder()
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .behavior_version(BehaviorVersion::latest())
            .region(region)
            .credentials_provider(credentials)
            .endpoint_url(sandbox.endpoint_url());
        World {
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            sns: aws_sdk_sns::Client::from_conf(sns.build()),
            sandbox,
            log,
        }
    }

    /// The copier's library over this sandbox, with further variables.
    pub fn copier<const N: usize>(&self, variables: [(&str, &str); N]) -> Copier {
        let mut all = [("", ""); 16];
        all[0] = ("SOURCE_BUCKET", SOURCE);
        all[1] = ("DEST_BUCKET", DEST);
        all[2..2 + N].copy_from_slice(&variables);
        let config = copier::config::Config::from_env(&Environment::from(all)).unwrap();
        Copier {
            source: self.s3.clone(),
            destination: self.s3.clone(),
            config,
            permits: Semaphore::new(1_000),
        }
    }

    /// Deploys both real binaries with the topic between them and further variables for both, and returns
    /// the topic's ARN.
    pub async fn deploy(&self, concurrency: usize, variables: &[(&str, &str)]) -> String {
        let topic = self
            .sns
            .create_topic()
            .name("s3-fanout")
            .send()
            .await
            .unwrap()
            .topic_arn
            .unwrap();
        let lambda = self.sandbox.lambda();
        let publisher = [
            &[
                ("SOURCE_BUCKET", SOURCE),
                ("DEST_BUCKET", DEST),
                ("TOPIC_ARN", &topic),
            ],
            variables,
        ]
        .concat();
        lambda
            .create_function(function("publisher", 1, &publisher))
            .unwrap();
        let copier = [
            &[("SOURCE_BUCKET", SOURCE), ("DEST_BUCKET", DEST)],
            variables,
        ]
        .concat();
        let copier = lambda
            .create_function(function("copier", concurrency, &copier))
            .unwrap();
        let subscribe = self
            .sns
            .subscribe()
            .topic_arn(&topic)
            .protocol("lambda")
            .endpoint(copier);
        subscribe.send().await.unwrap();
        topic
    }

    /// Puts a virtual object into the source bucket.
    pub fn put(&self, key: &str, size_bytes: u64, attributes: Attributes) {
        // Two objects of a size differ: the block holds the key.
        let block = Bytes::from(format!("{key}|").repeat(1 + 512 / (key.len() + 1)));
        self.sandbox
            .s3()
            .put(SOURCE, key, Content::repeat(block, size_bytes), attributes)
            .unwrap();
    }

    /// What a bucket shows of a key; `None` if it is not there.
    pub async fn head(&self, bucket: &str, key: &str) -> Option<HeadObjectOutput> {
        let head = self
            .s3
            .head_object()
            .bucket(bucket)
            .key(key)
            .checksum_mode(ChecksumMode::Enabled);
        head.send().await.ok()
    }

    /// The tags of an object, sorted.
    pub async fn tags(&self, bucket: &str, key: &str) -> Vec<(String, String)> {
        let tags = self
            .s3
            .get_object_tagging()
            .bucket(bucket)
            .key(key)
            .send()
            .await
            .unwrap();
        let mut tags: Vec<_> = tags
            .tag_set
            .into_iter()
            .map(|tag| (tag.key, tag.value))
            .collect();
        tags.sort();
        tags
    }

    /// Turns versioning on.
    pub async fn keep_versions(&self, bucket: &str) {
        let enabled = VersioningConfiguration::builder()
            .status(BucketVersioningStatus::Enabled)
            .build();
        let put = self
            .s3
            .put_bucket_versioning()
            .bucket(bucket)
            .versioning_configuration(enabled);
        put.send().await.unwrap();
    }

    /// Has whoever reads the source bucket pay for it.
    pub async fn charge_readers(&self) {
        let requester = RequestPaymentConfiguration::builder().payer(Payer::Requester);
        let put = self.s3.put_bucket_request_payment().bucket(SOURCE);
        put.request_payment_configuration(requester.build().unwrap())
            .send()
            .await
            .unwrap();
    }

    /// Requests since the earlier count, by name.
    pub fn requests_since(&self, earlier: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
        let mut now = self.sandbox.requests();
        for (name, count) in earlier {
            *now.get_mut(name).unwrap() -= count;
        }
        now.retain(|_, count| *count > 0);
        now
    }

    /// The messages that SNS accepts from now on.
    pub fn accepted(&self) -> Accepted {
        let accepted = Accepted::default();
        let sink = Arc::clone(&accepted);
        self.sandbox.sns().watch(move |message| {
            let Ok(Request::Message(message)) = decode(message.message) else {
                panic!("{} is no message", message.message)
            };
            sink.lock().unwrap().push(message);
        });
        accepted
    }

    /// Every line the functions wrote so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

/// A function from a binary of this workspace.
pub fn function(name: &str, concurrency: usize, variables: &[(&str, &str)]) -> Function {
    Function {
        environment: variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        timeout: Duration::from_secs(900),
        concurrency,
        retry_delays: vec![Duration::from_millis(10); 2],
        ..Function::new(name, binary(name))
    }
}

/// The operator's command in a world, and in nothing else of this process's environment that it would read.
pub fn operator(world: &World) -> Command {
    let mut command = Command::new(binary("s3-fanout"));
    command
        .env_clear()
        .envs(world.sandbox.environment().iter().cloned());
    // No credentials of the machine, and no service of its cloud to ask for them.
    for (name, value) in [
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ] {
        command.env(name, value);
    }
    command
}

/// Runs a command to its end.
pub async fn operate(mut command: Command) -> Output {
    let run = tokio::task::spawn_blocking(move || command.output().unwrap());
    run.await.unwrap()
}

/// The answer of a command with `--json`, which is all there is on standard output.
pub fn answer(output: &Output) -> serde_json::Value {
    let answer = serde_json::from_slice(&output.stdout);
    answer.unwrap_or_else(|error| panic!("{error}: {:?}", told(output)))
}

/// What a command says on standard error, and its exit status.
pub fn told(output: &Output) -> (String, Option<i32>) {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    (text, output.status.code())
}

/// A binary of this workspace, beside the test that asks for it. Cargo builds it for its own package's
/// tests only, so one that is older than its source must not be tested.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join(name);
    let built = modified(&path).unwrap_or(SystemTime::UNIX_EPOCH);
    let crates = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let newest = ["backup", "copier", "publisher", "sandbox", "s3-fanout"]
        .into_iter()
        .filter(|of| name == "s3-fanout" || ["backup", name].contains(of))
        .flat_map(|of| files(&crates.join(of).join("src")))
        .filter_map(|file| modified(&file));
    let advice = "run `cargo test --workspace`, which builds it";
    assert!(
        newest.max() < Some(built),
        "{} is missing or older than its source: {advice}",
        path.display()
    );
    path
}

/// The files below a folder.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| match path.is_dir() {
        true => files(&path),
        false => vec![path],
    };
    entries.flat_map(below).collect()
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().ok()?.modified().ok()
}

/// Kills the processes that this one has started from a binary of this name, as the kernel would for want
/// of memory, and returns how many there were.
pub fn kill(name: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let mut killed = 0;
    for id in ids {
        // pid (name) state parent …
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let ours = format!("{id} ({name}) ");
        let mut rest = stat.strip_prefix(&ours).unwrap_or_default().split(' ');
        let (state, parent) = (rest.next(), rest.next());
        // One that was killed before stays a zombie until it is waited for.
        if state != Some("Z") && parent == Some(&std::process::id().to_string()) {
            let id = rustix::process::Pid::from_raw(id).unwrap();
            rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
            killed += 1;
        }
    }
    killed
}

/// A file of `events/`.
pub fn event(name: &str) -> serde_json::Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../events")
        .join(name)
        .with_extension("json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Content headers, metadata and tags, all of them.
pub fn everything() -> Attributes {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Attributes {
        cache_control: Some("max-age=60".to_owned()),
        content_disposition: Some("attachment; filename=\"a b.bin\"".to_owned()),
        content_encoding: Some("gzip".to_owned()),
        content_language: Some("de, en".to_owned()),
        content_type: Some("application/x-thing; charset=utf-8".to_owned()),
        website_redirect_location: Some("/elsewhere".to_owned()),
        metadata: [pair("origin", "station 7"), pair("umlaut", "Größe")].into(),
        tags: vec![pair("class", "a/b = c+d"), pair("ünit", "100 @ 5")],
        ..Attributes::default()
    }
}
