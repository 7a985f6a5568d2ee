//! Where the real binaries run as functions: in the sandbox's Lambda, or in the one of ministack.

use std::process::Command;
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{World, binary, function};

use crate::api::Api;

/// ministack reckons checksums in Python, for all invocations at once and a second per few MiB.
const TIMEOUT: Duration = Duration::from_secs(300);

/// A Lambda.
pub enum Lambda {
    /// The sandbox's.
    Sandbox(Box<World>),
    /// Another one, by its API, and a folder for what the functions write.
    Api(Api, TempDir),
}

/// What an invocation came to.
#[derive(Debug)]
pub struct Answer {
    /// Whether it is a function error.
    pub failed: bool,
    /// The function's answer, or its error.
    pub payload: Value,
}

impl Lambda {
    /// Deploys a binary of this workspace under a name and returns the function's ARN.
    pub async fn create(&self, name: &str, of: &str, variables: &[(&str, &str)]) -> String {
        match self {
            Lambda::Sandbox(world) => {
                // The sandbox gives every function a key of its own, which another server does not know.
                let variables = [variables, &[("AWS_ACCESS_KEY_ID", "sandbox")]].concat();
                let mut function = function(of, 8, &variables);
                function.name = name.to_owned();
                world.sandbox.lambda().create_function(function).unwrap()
            }
            Lambda::Api(api, folder) => {
                // Lambda makes it with the first line; what is read earlier must be there.
                let group = json!({"logGroupName": format!("/aws/lambda/{name}")});
                api.target("logs", "Logs_20140328.CreateLogGroup", &group)
                    .await;
                let log = folder.path().join(name);
                let variables: serde_json::Map<_, _> = variables
                    .iter()
                    .chain(&[("LOG_FILE", log.to_str().unwrap())])
                    .map(|(name, value)| ((*name).to_owned(), json!(value)))
                    .collect();
                let order = json!({
                    "FunctionName": name, "Runtime": "provided.al2023", "Handler": "bootstrap",
                    "Timeout": TIMEOUT.as_secs(),
                    "Role": "arn:aws:iam::000000000000:role/function",
                    "Code": {"ZipFile": BASE64.encode(&zip(of))},
                    "Environment": {"Variables": variables},
                });
                let answer = api.post("lambda", "/2015-03-31/functions", &order).await;
                answer.body["FunctionArn"].as_str().unwrap().to_owned()
            }
        }
    }

    /// Invokes a function and waits for its answer.
    pub async fn invoke(&self, name: &str, event: &Value) -> Answer {
        match self {
            Lambda::Sandbox(world) => {
                let answer = world
                    .sandbox
                    .lambda()
                    .invoke(name, event.to_string())
                    .await
                    .unwrap();
                Answer {
                    failed: answer.function_error.is_some(),
                    payload: serde_json::from_slice(&answer.payload).unwrap(),
                }
            }
            Lambda::Api(api, _) => {
                let path = format!("/2015-03-31/functions/{name}/invocations");
                let answer = api.post("lambda", &path, event).await;
                Answer {
                    failed: answer.headers.contains_key("x-amz-function-error"),
                    payload: answer.body,
                }
            }
        }
    }

    /// Waits until the copier was invoked so many times in all, and every invocation has ended.
    pub async fn settled(&self, invocations: usize) {
        match self {
            Lambda::Sandbox(world) => world.sandbox.lambda().idle().await,
            Lambda::Api(..) => {
                let ended = async {
                    while self.invocations().await < invocations {
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                };
                let ended = tokio::time::timeout(TIMEOUT, ended).await;
                assert!(
                    ended.is_ok(),
                    "of {invocations} invocations {} have ended",
                    self.invocations().await
                );
            }
        }
    }

    /// Every line the copier wrote so far that is JSON, in order.
    pub async fn copier_log(&self) -> Vec<Value> {
        let lines: Vec<String> = match self {
            Lambda::Sandbox(world) => world.log(),
            Lambda::Api(_, folder) => {
                // There is none before the first invocation.
                let log = std::fs::read_to_string(folder.path().join("copier"));
                log.unwrap_or_default()
                    .split('\n')
                    .map(str::to_owned)
                    .collect()
            }
        };
        let text = lines
            .iter()
            .map(|line| line.strip_prefix("copier ").unwrap_or(line));
        text.filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// How many invocations of the copier have ended. Lambda's own lines in the log group tell it; the
    /// copier's may come there late, with those of a later invocation.
    pub async fn invocations(&self) -> usize {
        let Lambda::Api(api, _) = self else { return 0 };
        let order = json!({"logGroupName": "/aws/lambda/copier", "limit": 10_000});
        let answer = api
            .target("logs", "Logs_20140328.FilterLogEvents", &order)
            .await;
        let events = answer.body["events"].as_array().unwrap().iter();
        let lines = events.map(|event| event["message"].as_str().unwrap());
        lines
            .filter(|line| line.starts_with("REPORT RequestId: "))
            .count()
    }
}

/// Starts the binary with its output in a file.
const BOOTSTRAP: &str = "#!/bin/sh\nexec \"$LAMBDA_TASK_ROOT/function\" >>\"$LOG_FILE\" 2>&1\n";

/// A deployment package, made by the Python of the server.
fn zip(of: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bootstrap"), BOOTSTRAP).unwrap();
    std::fs::copy(binary(of), folder.path().join("function")).unwrap();
    let zip = Command::new(crate::program("python3").unwrap())
        .args([
            "-m",
            "zipfile",
            "-c",
            "function.zip",
            "bootstrap",
            "function",
        ])
        .current_dir(folder.path())
        .status();
    assert!(zip.unwrap().success());
    std::fs::read(folder.path().join("function.zip")).unwrap()
}
