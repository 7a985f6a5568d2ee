//! CloudWatch's API as the SDKs of today speak it: Smithy RPC v2 over CBOR
//! (<https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>).

use bytes::Bytes;
use ciborium::tag::Required;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};

use super::{Metrics, Statistics};
use crate::Requests;
use crate::body::{self, Body};

const GET_METRIC_DATA: &str = "/service/GraniteServiceVersion20100801/operation/GetMetricData";

/// Far above the 500 queries that one request may have.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>
const MAX_QUERIES: usize = 500;

/// A refusal: CloudWatch's name for it and its words.
struct Refused(&'static str, String);

impl Refused {
    fn validation(message: impl Into<String>) -> Self {
        Self("ValidationError", message.into())
    }
}

/// Seconds since 1970, with the tag that says so.
type Time = Required<f64, 1>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Input {
    metric_data_queries: Vec<Query>,
    start_time: Time,
    end_time: Time,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Query {
    id: String,
    metric_stat: MetricStat,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct MetricStat {
    metric: Metric,
    period: i64,
    stat: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Metric {
    namespace: String,
    metric_name: String,
    dimensions: Vec<Dimension>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Dimension {
    name: String,
    value: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    metric_data_results: Vec<Series>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Series {
    id: String,
    label: String,
    timestamps: Vec<Time>,
    values: Vec<f64>,
    status_code: &'static str,
}

/// Answers one request to CloudWatch.
pub(crate) async fn respond(
    metrics: &Metrics,
    requests: &Requests,
    request: Request<Incoming>,
) -> Response<Body> {
    match answer(metrics, requests, request).await {
        Ok(output) => cbor(StatusCode::OK, &output),
        Err(Refused(code, message)) => refuse(code, StatusCode::BAD_REQUEST, &message),
    }
}

async fn answer(
    metrics: &Metrics,
    requests: &Requests,
    request: Request<Incoming>,
) -> Result<Output, Refused> {
    let (method, path) = (request.method(), request.uri().path());
    if method != Method::POST || path != GET_METRIC_DATA {
        let message = format!("the sandbox's CloudWatch has GetMetricData only, not {path}");
        return Err(Refused("UnknownOperationException", message));
    }
    requests.count("monitoring", "GetMetricData");
    let body = body::read(request.into_body(), MAX_BODY_BYTES).await;
    let body: Bytes = body.map_err(|_| Refused::validation("the request could not be read"))?;
    let input: Input =
        ciborium::from_reader(&*body).map_err(|error| Refused::validation(error.to_string()))?;
    if input.metric_data_queries.len() > MAX_QUERIES {
        let message = format!("more than {MAX_QUERIES} queries");
        return Err(Refused::validation(message));
    }
    let span = input.start_time.0 as i64..input.end_time.0 as i64;
    if span.is_empty() {
        return Err(Refused::validation("StartTime must be before EndTime"));
    }
    let queries = input.metric_data_queries.into_iter();
    let results = queries.map(|query| series(metrics, query, span.clone()));
    Ok(Output {
        metric_data_results: results.collect::<Result<_, _>>()?,
    })
}

/// What one query asks for, newest first.
fn series(metrics: &Metrics, query: Query, span: std::ops::Range<i64>) -> Result<Series, Refused> {
    let MetricStat {
        metric,
        period,
        stat,
    } = query.metric_stat;
    let statistic: fn(&Statistics) -> f64 = match stat.as_str() {
        "Sum" => |all| all.sum,
        "SampleCount" => |all| all.count,
        "Average" => |all| all.sum / all.count,
        "Minimum" => |all| all.min,
        "Maximum" => |all| all.max,
        other => return Err(Refused::validation(format!("no statistic {other}"))),
    };
    if period < 60 || period % 60 != 0 {
        return Err(Refused::validation("a Period is a multiple of 60"));
    }
    // Everything here is measured for one thing, so other dimensions name nothing, as in CloudWatch.
    let of = match (metric.namespace.as_str(), metric.dimensions.as_slice()) {
        ("AWS/Lambda", [one]) if one.name == "FunctionName" => one.value.as_str(),
        ("AWS/SNS", [one]) if one.name == "TopicName" => &one.value,
        _ => "",
    };
    let name = &metric.metric_name;
    let periods = metrics.periods(&metric.namespace, name, of, span, period);
    let newest_first = || periods.iter().rev();
    Ok(Series {
        id: query.id,
        label: format!("{of} {name}"),
        timestamps: newest_first()
            .map(|(second, _)| Required(*second as f64))
            .collect(),
        values: newest_first().map(|(_, all)| statistic(all)).collect(),
        status_code: "Complete",
    })
}

/// An error as CloudWatch's clients read it.
pub(crate) fn refuse(code: &str, status: StatusCode, message: &str) -> Response<Body> {
    #[derive(Serialize)]
    struct Error<'a> {
        __type: &'a str,
        message: &'a str,
    }
    let error = Error {
        __type: code,
        message,
    };
    cbor(status, &error)
}

fn cbor(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("writing to memory does not fail");
    let mut response = body::answer(status, "application/cbor", bytes);
    let protocol = HeaderValue::from_static("rpc-v2-cbor");
    response.headers_mut().insert("smithy-protocol", protocol);
    response
}
