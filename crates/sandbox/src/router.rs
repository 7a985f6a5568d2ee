//! Tells the services apart by the SigV4 credential scope, and who asks by the access key.

use std::sync::Arc;

use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use s3s::service::S3Service;
use serde_json::json;

use crate::body::{self, Body};
use crate::cloudformation::{self, Stacks};
use crate::cloudwatch::{self, Metrics};
use crate::faults::{Closed, Faults};
use crate::iam::Iam;
use crate::lambda::{self, Lambda};
use crate::origin::Origin;
use crate::s3::{Fault, Store};
use crate::scope::Scope;
use crate::sns::{self, Sns};
use crate::sqs::{self, Sqs};
use crate::timing::{Arrival, Timing};
use crate::trace::Trace;
use crate::{Requests, overview};

/// The page for people; no bucket can have this name.
const OVERVIEW_PATH: &str = "/_sandbox";

const UNKNOWN_KEY: &str = "The security token included in the request is invalid.";

/// The services behind the port.
pub(crate) struct Router {
    pub(crate) iam: Arc<Iam>,
    pub(crate) requests: Arc<Requests>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) timing: Arc<Timing>,
    pub(crate) store: Arc<Store>,
    pub(crate) s3: S3Service,
    pub(crate) sns: Sns,
    pub(crate) sqs: Sqs,
    pub(crate) lambda: Lambda,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stacks: Stacks,
    pub(crate) region: String,
}

impl Router {
    /// Answers one request to the port, unless a fault closes its connection.
    pub(crate) async fn respond(
        &self,
        mut request: Request<Incoming>,
    ) -> Result<Response<Body>, Closed> {
        let arrival = self.timing.arrival();
        let scope = Scope::of(request.headers(), request.uri());
        let known_key = scope
            .as_ref()
            .is_some_and(|scope| self.iam.keys.knows(&scope.access_key));
        let origin = self.origin(scope.as_ref(), request.headers());
        request.extensions_mut().insert(origin);
        Ok(match scope.as_ref().map(|scope| scope.service.as_str()) {
            None if is_overview(&request) => {
                overview::page(&self.requests, &self.lambda, &self.sqs, &self.faults)
            }
            // S3 refuses unsigned requests and unknown keys itself.
            None | Some("s3") => arrival.hold(self.s3(&arrival, request)).await?,
            Some("sns") if known_key => {
                let answer = sns::respond(&self.sns, &self.requests, &arrival, request);
                arrival.hold(answer).await?
            }
            Some("sns") => sns::refuse("InvalidClientTokenId", StatusCode::FORBIDDEN, UNKNOWN_KEY),
            Some("sqs") if known_key => sqs::respond(&self.sqs, &self.requests, request).await,
            Some("sqs") => sqs::refuse(
                "InvalidSecurity",
                "InvalidClientTokenId",
                StatusCode::FORBIDDEN,
                UNKNOWN_KEY,
            ),
            Some("lambda") if known_key => {
                lambda::respond(&self.lambda, &self.requests, request).await
            }
            Some("lambda") => lambda::refuse(
                "UnrecognizedClientException",
                StatusCode::FORBIDDEN,
                UNKNOWN_KEY,
            ),
            Some("monitoring") if known_key => {
                cloudwatch::respond(&self.metrics, &self.requests, request).await
            }
            Some("monitoring") => {
                cloudwatch::refuse("InvalidClientTokenId", StatusCode::FORBIDDEN, UNKNOWN_KEY)
            }
            Some("cloudformation") if known_key => {
                cloudformation::respond(&self.stacks, &self.region, &self.requests, request).await
            }
            Some("cloudformation") => {
                sns::refuse("InvalidClientTokenId", StatusCode::FORBIDDEN, UNKNOWN_KEY)
            }
            Some(other) => unknown_service(other),
        })
    }

    fn origin(&self, scope: Option<&Scope>, headers: &HeaderMap) -> Origin {
        let function = scope.and_then(|scope| self.iam.keys.function_of(&scope.access_key));
        Origin {
            role: function.and_then(|function| self.iam.role(function)),
            trace: Trace::of(headers),
        }
    }

    async fn s3(
        &self,
        arrival: &Arrival,
        mut request: Request<Incoming>,
    ) -> Result<Response<Body>, Closed> {
        request.extensions_mut().insert(arrival.clone());
        let fault = Fault::of(&self.faults, &self.store);
        if let Some(fault) = fault.clone() {
            request.extensions_mut().insert(fault);
        }
        let response = match self.s3.call(request.map(s3s::Body::from)).await {
            Ok(response) => response.map(BodyExt::boxed_unsync),
            Err(error) => {
                let failure = json!({ "message": format!("s3 could not answer: {error:?}") });
                body::json(StatusCode::INTERNAL_SERVER_ERROR, &failure)
            }
        };
        match fault {
            Some(fault) => fault.answer(response).await,
            None => Ok(response),
        }
    }
}

fn is_overview(request: &Request<Incoming>) -> bool {
    request.method() == Method::GET && request.uri().path() == OVERVIEW_PATH
}

fn unknown_service(name: &str) -> Response<Body> {
    let message = format!(
        "the sandbox offers s3, sns, sqs, lambda, monitoring and cloudformation, not {name}"
    );
    body::json(
        StatusCode::NOT_IMPLEMENTED,
        &json!({ "__type": "NotImplemented", "message": message }),
    )
}
