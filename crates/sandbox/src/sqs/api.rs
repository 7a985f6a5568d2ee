//! SQS's HTTP API in AWS JSON 1.0: which operation a request asks for, and its answer.

use std::collections::BTreeMap;

use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::message::{MAX_MESSAGE_BYTES, md5_of};
use super::receive::receive;
use super::request::{
    ChangeVisibility, CreateQueue, DeleteMessage, Entry, GetQueueAttributes, GetQueueUrl,
    ListQueues, MAX_DELAY_SECS, MAX_VISIBILITY_SECS, SendMessage, read, read_batch, seconds,
};
use super::{Error, Settings, Sqs};
use crate::Requests;
use crate::body::{self, Body, ReadError};

/// Room for a batch over the limit, which deserves the error that says so, with every byte escaped.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// What every request names its operation after
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html>).
const TARGET: &str = "AmazonSQS.";

/// Every operation of the sandbox.
const OPERATIONS: [&str; 11] = [
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "CreateQueue",
    "DeleteMessage",
    "DeleteMessageBatch",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListQueues",
    "ReceiveMessage",
    "SendMessage",
    "SendMessageBatch",
];

/// Answers one request to SQS.
pub(crate) async fn respond(
    sqs: &Sqs,
    requests: &Requests,
    request: Request<Incoming>,
) -> Response<Body> {
    let answer = match read_request(requests, request).await {
        Ok((operation, body)) => act(sqs, &operation, body).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(answer) => with_id(body::answer(
            StatusCode::OK,
            "application/x-amz-json-1.0",
            answer.to_string(),
        )),
        Err(error) => {
            let (shape, code) = error.names();
            refuse(shape, code, StatusCode::BAD_REQUEST, &error.to_string())
        }
    }
}

/// The operation a request asks for, and what it holds.
async fn read_request(
    requests: &Requests,
    request: Request<Incoming>,
) -> Result<(String, Value), Error> {
    let malformed = |problem: &str| Error::InvalidParameterValue(problem.to_owned());
    let target = request.headers().get("x-amz-target");
    let target = target.and_then(|target| target.to_str().ok()?.strip_prefix(TARGET));
    if request.method() != Method::POST {
        return Err(malformed("SQS takes JSON by POST"));
    }
    let Some(target) = target else {
        return Err(malformed(
            "the sandbox's SQS speaks JSON only: X-Amz-Target is missing",
        ));
    };
    let operation = target.to_owned();
    if !OPERATIONS.contains(&target) {
        return Err(Error::UnsupportedOperation(operation));
    }
    requests.count("sqs", &operation);
    let body = body::read(request.into_body(), MAX_BODY_BYTES).await;
    let body = body.map_err(|error| match error {
        ReadError::TooLong => malformed("the request body is too long"),
        ReadError::Broken => malformed("the request body could not be read"),
    })?;
    let body = serde_json::from_slice(&body);
    Ok((
        operation,
        body.map_err(|_| malformed("the request body is not JSON"))?,
    ))
}

async fn act(sqs: &Sqs, operation: &str, body: Value) -> Result<Value, Error> {
    match operation {
        "CreateQueue" => create_queue(sqs, read(body)?),
        "GetQueueUrl" => {
            let GetQueueUrl { queue_name } = read(body)?;
            Ok(json!({ "QueueUrl": sqs.url(&queue_name)? }))
        }
        "ListQueues" => {
            let ListQueues { queue_name_prefix } = read(body)?;
            let names = sqs.queues().into_iter();
            let names = names.filter(|name| name.starts_with(&queue_name_prefix));
            let urls: Vec<_> = names.map(|name| sqs.url_of(&name)).collect();
            Ok(json!({ "QueueUrls": urls }))
        }
        "GetQueueAttributes" => attributes(sqs, &read(body)?),
        "SendMessage" => send(sqs, read(body)?),
        "SendMessageBatch" => send_batch(sqs, body),
        "ReceiveMessage" => receive(sqs, read(body)?).await,
        "DeleteMessage" => delete(sqs, read(body)?),
        "DeleteMessageBatch" => in_batch(sqs, body, delete),
        "ChangeMessageVisibility" => change_visibility(sqs, read(body)?),
        _ => in_batch(sqs, body, change_visibility),
    }
}

fn create_queue(sqs: &Sqs, request: CreateQueue) -> Result<Value, Error> {
    let mut settings = Settings::default();
    for (name, value) in request.attributes {
        let (setting, most) = match name.as_str() {
            "VisibilityTimeout" => (&mut settings.visibility_timeout, MAX_VISIBILITY_SECS),
            "DelaySeconds" => (&mut settings.delay, MAX_DELAY_SECS),
            _ => return Err(Error::InvalidAttributeName(name)),
        };
        let value = value.parse().ok();
        let value = value.and_then(|given| seconds(&name, given, most).ok());
        *setting = Some(value.ok_or(Error::InvalidAttributeValue(name))?);
    }
    let url = sqs.create(&request.queue_name, settings)?;
    Ok(json!({ "QueueUrl": url }))
}

fn attributes(sqs: &Sqs, request: &GetQueueAttributes) -> Result<Value, Error> {
    let queue = sqs.find(&request.queue_url)?;
    let depth = queue.depth();
    let all: BTreeMap<&str, String> = [
        ("ApproximateNumberOfMessages", depth.visible.to_string()),
        (
            "ApproximateNumberOfMessagesNotVisible",
            depth.in_flight.to_string(),
        ),
        (
            "ApproximateNumberOfMessagesDelayed",
            depth.delayed.to_string(),
        ),
        ("DelaySeconds", queue.delay.as_secs().to_string()),
        ("MaximumMessageSize", MAX_MESSAGE_BYTES.to_string()),
        ("QueueArn", sqs.arn_of(&queue.name)),
        (
            "VisibilityTimeout",
            queue.visibility_timeout.as_secs().to_string(),
        ),
    ]
    .into();
    let mut given = Map::new();
    for asked in &request.attribute_names {
        let some = all
            .iter()
            .filter(|(name, _)| asked == "All" || asked == *name);
        let some: Vec<_> = some.collect();
        if some.is_empty() {
            return Err(Error::InvalidAttributeName(asked.clone()));
        }
        given.extend(
            some.into_iter()
                .map(|(name, value)| ((*name).to_owned(), json!(value))),
        );
    }
    Ok(match given.is_empty() {
        true => json!({}),
        false => json!({ "Attributes": given }),
    })
}

fn send(sqs: &Sqs, request: SendMessage) -> Result<Value, Error> {
    let queue = sqs.find(&request.queue_url)?;
    let (message, delay) = request.into_message()?;
    let mut answer = json!({ "MD5OfMessageBody": message.md5_of_body() });
    if let Some(md5) = md5_of(&message.attributes) {
        answer["MD5OfMessageAttributes"] = md5.into();
    }
    answer["MessageId"] = queue.send(message, delay)?.to_string().into();
    Ok(answer)
}

fn send_batch(sqs: &Sqs, body: Value) -> Result<Value, Error> {
    let entries: Vec<Entry<SendMessage>> = read_batch(body.clone())?;
    let sizes = entries.iter().filter_map(|(_, entry)| entry.as_ref().ok());
    if sizes.map(SendMessage::size_bytes).sum::<usize>() > MAX_MESSAGE_BYTES {
        return Err(Error::BatchTooLong(MAX_MESSAGE_BYTES));
    }
    in_batch(sqs, body, send)
}

fn delete(sqs: &Sqs, request: DeleteMessage) -> Result<Value, Error> {
    let queue = sqs.find(&request.queue_url)?;
    queue.delete(&request.receipt_handle)?;
    Ok(json!({}))
}

fn change_visibility(sqs: &Sqs, request: ChangeVisibility) -> Result<Value, Error> {
    let queue = sqs.find(&request.queue_url)?;
    let timeout = request.visibility_timeout;
    let timeout = seconds("VisibilityTimeout", timeout, MAX_VISIBILITY_SECS)?;
    queue.change_visibility(&request.receipt_handle, timeout)?;
    Ok(json!({}))
}

/// Does for every entry what the operation does without a batch.
fn in_batch<T: DeserializeOwned>(
    sqs: &Sqs,
    body: Value,
    act: impl Fn(&Sqs, T) -> Result<Value, Error>,
) -> Result<Value, Error> {
    let queue = body["QueueUrl"].as_str().unwrap_or_default().to_owned();
    sqs.find(&queue)?;
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (id, request) in read_batch::<T>(body)? {
        match request.and_then(|request| act(sqs, request)) {
            Ok(mut answer) => {
                answer["Id"] = id.into();
                successful.push(answer);
            }
            Err(error) => failed.push(json!({
                "Id": id,
                "Code": error.code(),
                "Message": error.to_string(),
                "SenderFault": true,
            })),
        }
    }
    Ok(json!({ "Successful": successful, "Failed": failed }))
}

/// An error as the clients of SQS read it: its shape in the body, its code of old in a header.
pub(crate) fn refuse(
    shape: &str,
    code: &'static str,
    status: StatusCode,
    message: &str,
) -> Response<Body> {
    let error = json!({ "__type": format!("com.amazonaws.sqs#{shape}"), "message": message });
    let mut response = with_id(body::answer(
        status,
        "application/x-amz-json-1.0",
        error.to_string(),
    ));
    let code = HeaderValue::try_from(format!("{code};Sender")).expect("codes are ASCII");
    response.headers_mut().insert("x-amzn-query-error", code);
    response
}

fn with_id(mut response: Response<Body>) -> Response<Body> {
    let id = HeaderValue::try_from(Uuid::new_v4().to_string()).expect("a UUID is ASCII");
    response.headers_mut().insert("x-amzn-requestid", id);
    response
}
