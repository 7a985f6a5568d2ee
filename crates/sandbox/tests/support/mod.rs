//! A sandbox for one test, with the echo function and a log that can be read.

// Every test binary uses its own part of this.
#![allow(dead_code)]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
use sandbox::lambda::{Function, Logs, Response};
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};

/// What a client of a sandbox's S3 needs.
pub fn s3_config(sandbox: &Sandbox) -> Builder {
    aws_sdk_s3::Config::builder()
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(sandbox.endpoint_url())
        .credentials_provider(Credentials::new("sandbox", "sandbox", None, None, "test"))
        .force_path_style(true)
}

/// The lines the functions of a sandbox have written.
#[derive(Clone, Default)]
pub struct Logged(Arc<Mutex<Vec<String>>>);

impl Logged {
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub fn matching(&self, start: &str) -> Vec<String> {
        let lines = self.lines().into_iter();
        lines.filter(|line| line.starts_with(start)).collect()
    }

    pub fn last_report(&self) -> String {
        self.matching("REPORT ").pop().expect("a report")
    }
}

/// A sandbox on a free port.
pub async fn start() -> Sandbox {
    start_logged().await.0
}

pub async fn start_logged() -> (Sandbox, Logged) {
    let logged = Logged::default();
    let sink = logged.clone();
    let options = Options {
        address: ([127, 0, 0, 1], 0).into(),
        logs: Logs::to(move |_, line| sink.0.lock().unwrap().push(line.to_owned())),
        ..Options::default()
    };
    (Sandbox::start(options).await.unwrap(), logged)
}

/// The example `echo`, which cargo builds with the tests: `deps/TEST` lies beside `examples/`.
/// Its retries come at once and its time is ample, so that no test depends on speed.
pub fn echo(name: &str) -> Function {
    let test = std::env::current_exe().unwrap();
    let target: PathBuf = test.ancestors().nth(2).unwrap().into();
    Function {
        retry_delays: vec![Duration::ZERO, Duration::ZERO],
        timeout: Duration::from_secs(60),
        ..Function::new(name, target.join("examples/echo"))
    }
}

pub fn payload(response: &Response) -> Value {
    serde_json::from_slice(&response.payload).unwrap()
}

/// Waits for a state that is sure to come, and gives up only when something is badly wrong.
pub async fn eventually(reached: impl Fn() -> bool) {
    for _ in 0..30_000 {
        if reached() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("the state that was waited for has not come");
}

/// Whether a process runs; one that only waits to be reaped by its parent does not.
pub fn alive(pid: u64) -> bool {
    let state = state(pid);
    !state.is_empty() && !state.starts_with('Z')
}

/// Whether a process has ended and its parent knows.
pub fn reaped(pid: u64) -> bool {
    state(pid).is_empty()
}

fn state(pid: u64) -> String {
    let ps = std::process::Command::new("ps")
        .args(["-o", "stat=", "-p", &pid.to_string()])
        .output()
        .unwrap();
    String::from_utf8_lossy(&ps.stdout).trim().to_owned()
}

/// Events that keep the echo function busy until they are released.
pub struct Release(PathBuf);

impl Release {
    pub fn new() -> Self {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("sandbox-test-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub fn event(&self) -> String {
        json!({ "do": "wait-for", "path": self.0 }).to_string()
    }

    pub fn now(&self) {
        std::fs::write(&self.0, "").unwrap();
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Sends one request as it stands and returns the whole answer, head and body.
pub async fn send(sandbox: &Sandbox, head: &str, body: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = sandbox.endpoint_url().strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{head}\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// An `Authorization` header for a service.
pub fn signed(access_key: &str, service: &str) -> String {
    format!(
        "Authorization: AWS4-HMAC-SHA256 Credential={access_key}/20261121/us-east-1/{service}/aws4_request, \
         SignedHeaders=host, Signature=00"
    )
}

/// The JSON body of an answer.
pub fn json_body(answer: &str) -> Value {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}
