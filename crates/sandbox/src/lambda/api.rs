//! Lambda's HTTP API, as far as the AWS CLI and SDKs need it to invoke and to look.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};
use uuid::Uuid;

use super::function::{HANDLER, VERSION};
use super::{Error, Lambda, MAX_SYNC_PAYLOAD_BYTES};
use crate::Requests;
use crate::body::{self, Body, ReadError};
use crate::origin::Origin;
use crate::trace::Trace;

/// The version of the API in every path
/// (<https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>).
const PREFIX: &str = "/2015-03-31/functions";

/// The version in the path of GetFunctionConcurrency
/// (<https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConcurrency.html>).
const CONCURRENCY_PREFIX: &str = "/2019-09-30/functions";

/// Headers of Invoke that would change what it does, and that nothing here carries out.
const UNSUPPORTED_HEADERS: [&str; 3] = [
    "x-amz-client-context",
    "x-amz-tenant-id",
    "x-amz-durable-execution-name",
];

/// A refusal: Lambda's name for it, its status code and its words.
struct Refused(&'static str, StatusCode, String);

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self(error.code(), error.status(), error.to_string())
    }
}

impl Refused {
    fn parameter(message: impl Into<String>) -> Self {
        let status = StatusCode::BAD_REQUEST;
        Self("InvalidParameterValueException", status, message.into())
    }
}

/// Answers one request to Lambda.
pub(crate) async fn respond(
    lambda: &Lambda,
    requests: &Requests,
    request: Request<Incoming>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    match route(lambda, requests, &parts, body).await {
        Ok(mut response) => {
            let id = HeaderName::from_static("x-amzn-requestid");
            let new = Uuid::new_v4().to_string();
            response.headers_mut().entry(id).or_insert(header(new));
            response
        }
        Err(Refused(code, status, message)) => refuse(code, status, &message),
    }
}

async fn route(
    lambda: &Lambda,
    requests: &Requests,
    parts: &Parts,
    body: Incoming,
) -> Result<Response<Body>, Refused> {
    let path = parts.uri.path();
    if let Some(path) = path.strip_prefix(CONCURRENCY_PREFIX) {
        return concurrency(lambda, requests, parts, &segments(path));
    }
    let path = segments(path.strip_prefix(PREFIX).unwrap_or("?"));
    match (&parts.method, path.as_slice()) {
        (&Method::POST, [name, "invocations"]) => {
            requests.count("lambda", "Invoke");
            let name = decoded(name)?;
            check_query(parts.uri.query())?;
            invoke(lambda, &name, parts, read(body).await?).await
        }
        (&Method::GET, [""]) => {
            requests.count("lambda", "ListFunctions");
            check_query(parts.uri.query())?;
            let names = lambda.functions();
            let functions: Vec<Value> = names
                .iter()
                .filter_map(|n| configuration(lambda, n))
                .collect();
            Ok(body::json(
                StatusCode::OK,
                &json!({ "Functions": functions }),
            ))
        }
        (&Method::GET, [name]) => {
            requests.count("lambda", "GetFunction");
            check_query(parts.uri.query())?;
            let name = decoded(name)?;
            lambda.stats(&name)?;
            Ok(body::json(
                StatusCode::OK,
                &json!({ "Configuration": configuration(lambda, &name) }),
            ))
        }
        (&Method::GET, [name, "configuration"]) => {
            requests.count("lambda", "GetFunctionConfiguration");
            check_query(parts.uri.query())?;
            let name = decoded(name)?;
            lambda.stats(&name)?;
            Ok(body::json(
                StatusCode::OK,
                &json!(configuration(lambda, &name)),
            ))
        }
        _ => Err(unknown(parts)),
    }
}

/// The concurrency reserved for a function: here every function has one.
fn concurrency(
    lambda: &Lambda,
    requests: &Requests,
    parts: &Parts,
    path: &[&str],
) -> Result<Response<Body>, Refused> {
    let (&Method::GET, [name, "concurrency"]) = (&parts.method, path) else {
        return Err(unknown(parts));
    };
    requests.count("lambda", "GetFunctionConcurrency");
    check_query(parts.uri.query())?;
    let entry = lambda.find(&decoded(name)?)?;
    let reserved = json!({ "ReservedConcurrentExecutions": entry.pool.function.concurrency });
    Ok(body::json(StatusCode::OK, &reserved))
}

fn segments(path: &str) -> Vec<&str> {
    path.trim_matches('/').split('/').collect()
}

fn unknown(parts: &Parts) -> Refused {
    let (method, path) = (&parts.method, parts.uri.path());
    Refused(
        "UnknownOperationException",
        StatusCode::NOT_FOUND,
        format!("the sandbox's Lambda does not support {method} {path}"),
    )
}

async fn invoke(
    lambda: &Lambda,
    name: &str,
    parts: &Parts,
    payload: Bytes,
) -> Result<Response<Body>, Refused> {
    let headers = &parts.headers;
    let origin = parts.extensions.get().cloned().unwrap_or_default();
    let Origin { role, trace } = &origin;
    if let (Some(role), Some(arn)) = (role, lambda.arn_of(name)) {
        role.needs("lambda", "lambda:InvokeFunction", &arn);
    }
    if let Some(header) = UNSUPPORTED_HEADERS
        .iter()
        .find(|h| headers.contains_key(**h))
    {
        return Err(Refused::parameter(format!(
            "{header} is not supported by the sandbox"
        )));
    }
    if text(headers, "x-amz-log-type").is_some_and(|value| value != "None") {
        return Err(Refused::parameter(
            "LogType Tail is not supported by the sandbox: read the log sink",
        ));
    }
    match text(headers, "x-amz-invocation-type").unwrap_or("RequestResponse") {
        "RequestResponse" => invoke_sync(lambda, name, payload, trace.as_ref()).await,
        "Event" => {
            let request_id = lambda.invoke_later(name, payload, Duration::ZERO, trace.as_ref())?;
            Ok(empty(StatusCode::ACCEPTED, Some(request_id)))
        }
        "DryRun" => {
            lambda.stats(name)?;
            Ok(empty(StatusCode::NO_CONTENT, None))
        }
        other => Err(Refused::parameter(format!(
            "unknown invocation type {other}"
        ))),
    }
}

async fn invoke_sync(
    lambda: &Lambda,
    name: &str,
    payload: Bytes,
    trace: Option<&Trace>,
) -> Result<Response<Body>, Refused> {
    let result = lambda.invoke_now(name, payload, trace).await?;
    let mut response = body::answer(StatusCode::OK, "application/json", result.payload);
    let headers = response.headers_mut();
    headers.insert("x-amzn-requestid", header(result.request_id));
    headers.insert("x-amz-executed-version", header(result.executed_version));
    if let Some(error) = result.function_error {
        headers.insert("x-amz-function-error", header(error));
    }
    Ok(response)
}

/// `FunctionConfiguration`, as far as it means something here
/// (<https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html>).
fn configuration(lambda: &Lambda, name: &str) -> Option<Value> {
    let entry = lambda.find(name).ok()?;
    let function = &entry.pool.function;
    let variables: BTreeMap<_, _> = function.environment.iter().cloned().collect();
    Some(json!({
        "FunctionName": function.name,
        "FunctionArn": entry.pool.arn,
        "Runtime": "provided.al2023",
        "Handler": HANDLER,
        "MemorySize": function.memory_mb,
        // Whole seconds, and a part of one counts as one.
        "Timeout": function.timeout.as_millis().div_ceil(1000) as u64,
        "Environment": { "Variables": variables },
        "Version": VERSION,
        "State": "Active",
    }))
}

async fn read(body: Incoming) -> Result<Bytes, Refused> {
    match body::read(body, MAX_SYNC_PAYLOAD_BYTES).await {
        Ok(payload) => Ok(payload),
        Err(ReadError::TooLong) => Err(Refused(
            "RequestTooLargeException",
            StatusCode::PAYLOAD_TOO_LARGE,
            format!(
                "Request must be smaller than {MAX_SYNC_PAYLOAD_BYTES} bytes for the InvokeFunction operation"
            ),
        )),
        Err(ReadError::Broken) => Err(Refused(
            "InvalidRequestContentException",
            StatusCode::BAD_REQUEST,
            "the request body could not be read".to_owned(),
        )),
    }
}

/// The only parameter understood is the qualifier, and the only version is the latest.
fn check_query(query: Option<&str>) -> Result<(), Refused> {
    match query.unwrap_or_default() {
        "" | "Qualifier=$LATEST" | "Qualifier=%24LATEST" => Ok(()),
        other => Err(Refused::parameter(format!(
            "{other} is not supported by the sandbox"
        ))),
    }
}

fn decoded(name: &str) -> Result<String, Refused> {
    let name = percent_encoding::percent_decode_str(name).decode_utf8();
    let name = name.map_err(|_| Refused::parameter("the function name is not UTF-8"))?;
    Ok(name.into_owned())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

fn empty(status: StatusCode, request_id: Option<String>) -> Response<Body> {
    let mut response = body::answer(status, "application/json", "");
    if let Some(id) = request_id {
        response
            .headers_mut()
            .insert("x-amzn-requestid", header(id));
    }
    response
}

/// An error as Lambda's clients read it.
pub(crate) fn refuse(code: &'static str, status: StatusCode, message: &str) -> Response<Body> {
    let who = if status.is_server_error() {
        "Service"
    } else {
        "User"
    };
    let mut response = body::json(status, &json!({ "Type": who, "Message": message }));
    let headers = response.headers_mut();
    headers.insert("x-amzn-errortype", HeaderValue::from_static(code));
    headers.insert("x-amzn-requestid", header(Uuid::new_v4().to_string()));
    response
}

fn header(value: String) -> HeaderValue {
    HeaderValue::try_from(value).expect("request ids and Lambda's own words are ASCII")
}
