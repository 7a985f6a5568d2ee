//! The answers of the AWS Query protocol.

use http::{HeaderValue, Response, StatusCode};
use uuid::Uuid;

use crate::body::{self, Body};
use crate::xml::{element, text};

const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

/// The answer to an action that succeeded; `result` is the XML of its output.
pub(super) fn success(action: &str, result: &str) -> Response<Body> {
    let id = Uuid::new_v4().to_string();
    let xml = format!(
        "<{action}Response xmlns=\"{NAMESPACE}\">{}{}</{action}Response>",
        element(&format!("{action}Result"), result),
        element("ResponseMetadata", &text("RequestId", &id)),
    );
    answer(StatusCode::OK, &id, xml)
}

/// An error as the clients of SNS read it.
pub(crate) fn refuse(code: &str, status: StatusCode, message: &str) -> Response<Body> {
    let id = Uuid::new_v4().to_string();
    let at_fault = if status.is_server_error() {
        "Receiver"
    } else {
        "Sender"
    };
    let error = [
        text("Type", at_fault),
        text("Code", code),
        text("Message", message),
    ];
    let xml = format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\">{}{}</ErrorResponse>",
        element("Error", &error.concat()),
        text("RequestId", &id),
    );
    answer(status, &id, xml)
}

fn answer(status: StatusCode, id: &str, xml: String) -> Response<Body> {
    let mut response = body::answer(status, "text/xml", xml);
    let id = HeaderValue::try_from(id).expect("a UUID is ASCII");
    response.headers_mut().insert("x-amzn-requestid", id);
    response
}
