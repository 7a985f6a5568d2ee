//! Tells the three services apart by the SigV4 credential scope, and knows one access key.

use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;

use crate::body::{self, Body};
use crate::lambda::{self, Lambda};
use crate::scope::Scope;
use crate::sns::{self, Sns};
use crate::{Requests, overview};

/// The page for people; no bucket can have this name.
const OVERVIEW_PATH: &str = "/_sandbox";

const UNKNOWN_KEY: &str = "The security token included in the request is invalid.";

/// The services behind the port.
#[derive(Debug)]
pub(crate) struct Router {
    pub(crate) access_key: String,
    pub(crate) requests: Arc<Requests>,
    pub(crate) sns: Sns,
    pub(crate) lambda: Lambda,
}

impl Router {
    /// Answers one request to the port.
    pub(crate) async fn respond(&self, request: Request<Incoming>) -> Response<Body> {
        let scope = Scope::of(request.headers(), request.uri());
        let known_key = scope
            .as_ref()
            .is_some_and(|scope| scope.access_key == self.access_key);
        match scope.as_ref().map(|scope| scope.service.as_str()) {
            None if is_overview(&request) => overview::page(&self.requests, &self.lambda),
            // S3 refuses unsigned requests and unknown keys itself.
            None | Some("s3") => self.s3(request).await,
            Some("sns") if known_key => sns::respond(&self.sns, &self.requests, request).await,
            Some("sns") => sns::refuse("InvalidClientTokenId", StatusCode::FORBIDDEN, UNKNOWN_KEY),
            Some("lambda") if known_key => {
                lambda::respond(&self.lambda, &self.requests, request).await
            }
            Some("lambda") => lambda::refuse(
                "UnrecognizedClientException",
                StatusCode::FORBIDDEN,
                UNKNOWN_KEY,
            ),
            Some(other) => unknown_service(other),
        }
    }

    async fn s3(&self, _request: Request<Incoming>) -> Response<Body> {
        let message = "the sandbox has no S3 yet";
        sns::refuse("NotImplemented", StatusCode::NOT_IMPLEMENTED, message)
    }
}

fn is_overview(request: &Request<Incoming>) -> bool {
    request.method() == Method::GET && request.uri().path() == OVERVIEW_PATH
}

fn unknown_service(name: &str) -> Response<Body> {
    let message = format!("the sandbox offers s3, sns and lambda, not {name}");
    body::json(
        StatusCode::NOT_IMPLEMENTED,
        &json!({ "__type": "NotImplemented", "message": message }),
    )
}
