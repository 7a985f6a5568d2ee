//! Accepts HTTP/1.1 connections and hands every request to one closure.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::body::Body;

/// Accepting fails when file descriptors run out; a pause lets connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until dropped, and closes every connection then; an error closes the one it is of, without an answer.
pub(crate) async fn serve<H, F, E>(listener: TcpListener, handle: H)
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<Body>, E>> + Send + 'static,
    E: Error + Send + Sync + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, handle.clone()));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection<H, F, E>(stream: TcpStream, handle: H)
where
    H: Fn(Request<Incoming>) -> F + Send,
    F: Future<Output = Result<Response<Body>, E>> + Send,
    E: Error + Send + Sync + 'static,
{
    // Answers are small and awaited: Nagle's delay would only add latency.
    let _ = stream.set_nodelay(true);
    // A client that goes away mid-request is its own affair.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(handle))
        .await;
}
