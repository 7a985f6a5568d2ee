//! The page for people with curl: what has been asked, what the functions did, what failed, what is queued.

use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::Requests;
use crate::body::{self, Body};
use crate::faults::Faults;
use crate::lambda::Lambda;
use crate::sqs::Sqs;

/// Everything the sandbox counts, and the failure records, as indented JSON.
pub(crate) fn page(
    requests: &Requests,
    lambda: &Lambda,
    sqs: &Sqs,
    faults: &Faults,
) -> Response<Body> {
    let mut functions = Map::new();
    for name in lambda.functions() {
        let (Ok(stats), Ok(failures)) = (lambda.stats(&name), lambda.failures(&name)) else {
            continue;
        };
        functions.insert(name, json!({ "stats": stats, "failures": failures }));
    }
    let mut queues = Map::new();
    for name in sqs.queues() {
        let depth = sqs.url(&name).and_then(|url| sqs.depth(&url));
        if let Ok(depth) = depth {
            queues.insert(name, json!(depth));
        }
    }
    let page: Value = json!({
        "requests": requests.snapshot(),
        "functions": functions,
        "queues": queues,
        "faults": faults.injected(),
    });
    body::answer(StatusCode::OK, "application/json", format!("{page:#}\n"))
}
