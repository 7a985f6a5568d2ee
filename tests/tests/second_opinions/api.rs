//! Calls of AWS APIs for which the workspace has no client: Lambda, CloudWatch Logs and SQS.

use std::net::SocketAddr;

use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// An endpoint that serves several services and verifies no signature.
#[derive(Debug, Clone, Copy)]
pub struct Api(pub SocketAddr);

/// An answer of success.
pub struct Answer {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; null where it is empty.
    pub body: Value,
}

impl Api {
    /// Calls an operation of a service that names it in the path.
    pub async fn post(&self, service: &str, path: &str, body: &Value) -> Answer {
        self.call(self.request(service, path), body).await
    }

    /// Calls an operation of a service that names it in a header.
    pub async fn target(&self, service: &str, target: &str, body: &Value) -> Answer {
        let request = self.request(service, "/").header("x-amz-target", target);
        self.call(request, body).await
    }

    /// Calls an operation of a service that takes a form and answers in XML, which nobody reads.
    pub async fn form(&self, service: &str, form: &str) {
        let mut request = self.request(service, "/");
        let headers = request.headers_mut().unwrap();
        let kind = "application/x-www-form-urlencoded";
        headers.insert("content-type", kind.parse().unwrap());
        self.send(request, form.to_owned()).await;
    }

    fn request(&self, service: &str, path: &str) -> http::request::Builder {
        // Only the scope is read: it says which service is meant.
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential=sandbox/20160701/us-east-1/{service}/aws4_request"
        );
        Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("host", self.0.to_string())
            .header("content-type", "application/x-amz-json-1.0")
            .header(
                "authorization",
                format!("{scope}, SignedHeaders=host, Signature=0"),
            )
    }

    async fn call(&self, request: http::request::Builder, body: &Value) -> Answer {
        self.send(request, body.to_string()).await
    }

    async fn send(&self, request: http::request::Builder, body: String) -> Answer {
        let request = request.body(Full::<bytes::Bytes>::from(body)).unwrap();
        let called = format!(
            "{} {:?}",
            request.uri(),
            request.headers().get("x-amz-target")
        );
        let stream = TcpStream::connect(self.0).await.unwrap();
        let (mut client, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let (head, body) = client.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let accepted = [StatusCode::OK, StatusCode::CREATED].contains(&head.status);
        assert!(accepted, "{called}: {} {body:?}", head.status);
        Answer {
            headers: head.headers,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        }
    }
}
