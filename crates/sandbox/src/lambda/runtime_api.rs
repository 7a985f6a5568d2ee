//! The Runtime API 2018-06-01 of one execution environment, on a loopback port of its own.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>. The environment's identity is
//! the listener. Which call is allowed when is decided in [`Session`].

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::outcome::MAX_SYNC_PAYLOAD_BYTES;
use super::session::{Message, Refusal, Session};
use crate::body::{self, Body, ReadError};
use crate::listen;

const PREFIX: &str = "/2018-06-01/runtime/";

/// One invocation on its way to the process.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) request_id: String,
    pub(super) payload: Bytes,
    pub(super) deadline_ms: u128,
    pub(super) function_arn: String,
    pub(super) trace_id: String,
}

/// The environment's end of its Runtime API; dropping it closes the listener.
pub(super) struct RuntimeApi {
    pub(super) address: SocketAddr,
    pub(super) deliveries: mpsc::UnboundedSender<Delivery>,
    pub(super) messages: mpsc::UnboundedReceiver<Message>,
    _server: AbortOnDropHandle<()>,
}

/// What the handlers share.
struct Shared {
    session: Mutex<Session>,
    deliveries: tokio::sync::Mutex<mpsc::UnboundedReceiver<Delivery>>,
}

impl RuntimeApi {
    /// Listens on a free loopback port.
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (deliveries, to_deliver) = mpsc::unbounded_channel();
        let (sender, messages) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            session: Mutex::new(Session::new(sender)),
            deliveries: tokio::sync::Mutex::new(to_deliver),
        });
        let handle = move |request| {
            let shared = shared.clone();
            async move { Ok::<_, Infallible>(shared.route(request).await) }
        };
        let server = tokio::spawn(listen::serve(listener, handle));
        Ok(Self {
            address,
            deliveries,
            messages,
            _server: AbortOnDropHandle::new(server),
        })
    }
}

impl Shared {
    async fn route(&self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let call = path.strip_prefix(PREFIX).unwrap_or_default();
        let calls: Vec<&str> = call.split('/').collect();
        match (request.method(), calls.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) => {
                let body = body::read(request.into_body(), MAX_SYNC_PAYLOAD_BYTES).await;
                self.answer(id, body, Session::respond)
            }
            (&Method::POST, ["invocation", id, "error"]) => {
                let body = body::read(request.into_body(), MAX_SYNC_PAYLOAD_BYTES).await;
                self.answer(id, body, Session::fail)
            }
            (&Method::POST, ["init", "error"]) => {
                let body = body::read(request.into_body(), MAX_SYNC_PAYLOAD_BYTES).await;
                self.answer("", body, |session, _, body| session.fail_init(body))
            }
            _ => refuse(&Refusal::NoSuchCall),
        }
    }

    /// The long poll: answers when there is an invocation.
    async fn next(&self) -> Response<Body> {
        if let Err(refusal) = self.session().ready() {
            return refuse(&refusal);
        }
        let Some(delivery) = self.deliveries.lock().await.recv().await else {
            // The environment is being ended. Lambda does not tell it, and runtimes take no answer but an invocation.
            return std::future::pending().await;
        };
        self.session().begin(&delivery.request_id);
        deliver(delivery)
    }

    fn answer(
        &self,
        request_id: &str,
        body: Result<Bytes, ReadError>,
        take: impl FnOnce(&mut Session, &str, Bytes) -> Result<(), Refusal>,
    ) -> Response<Body> {
        let mut session = self.session();
        let taken = match body {
            Ok(body) => take(&mut session, request_id, body),
            Err(ReadError::TooLong) => session.fail_too_large(request_id),
            Err(ReadError::Broken) => Err(Refusal::Unreadable),
        };
        match taken {
            Ok(()) => body::json(StatusCode::ACCEPTED, &json!({ "status": "OK" })),
            Err(refusal) => refuse(&refusal),
        }
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn deliver(delivery: Delivery) -> Response<Body> {
    let mut response = body::answer(StatusCode::OK, "application/json", delivery.payload);
    for (name, value) in [
        ("lambda-runtime-aws-request-id", delivery.request_id),
        (
            "lambda-runtime-deadline-ms",
            delivery.deadline_ms.to_string(),
        ),
        ("lambda-runtime-invoked-function-arn", delivery.function_arn),
        ("lambda-runtime-trace-id", delivery.trace_id),
    ] {
        let value = HeaderValue::try_from(value)
            .expect("request ids, numbers, ARNs of checked names and trace ids are ASCII");
        response
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
    }
    response
}

fn refuse(refusal: &Refusal) -> Response<Body> {
    let (status, kind) = refusal.answer();
    body::json(
        status,
        &json!({ "errorMessage": refusal.to_string(), "errorType": kind }),
    )
}
