//! One listener for all services, and what a running sandbox offers its owner.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};
use tokio_util::task::AbortOnDropHandle;

use crate::cloudformation::{Stack, Stacks};
use crate::cloudwatch::Metrics;
use crate::faults::Faults;
use crate::iam::Iam;
use crate::keys::Keys;
use crate::lambda::{Lambda, Logs, Services};
use crate::router::Router;
use crate::sns::Sns;
use crate::sqs::Sqs;
use crate::timing::Timing;
use crate::{Requests, listen, s3};

/// The port people know from other stand-ins for AWS.
const DEFAULT_PORT: u16 = 4566;

/// Connections that may wait to be accepted. One that finds no room is tried again after a second.
const BACKLOG: u32 = 4_096;

/// Where the sandbox listens, whose requests it answers, and where the functions' logs go.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 chooses a free one. An address that is not loopback opens the
    /// sandbox to everyone who can reach it: the signatures of SNS, SQS and Lambda requests are not
    /// verified.
    pub address: SocketAddr,
    /// The region in every ARN.
    pub region: String,
    /// The account's access key. Each function has one of its own, which begins with it.
    pub access_key: String,
    /// The secret of them all. S3 verifies signatures with it; SNS, SQS and Lambda look at the access key only.
    pub secret_key: String,
    /// What the functions write, with the START, END and REPORT lines.
    pub logs: Logs,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)),
            region: "us-east-1".to_owned(),
            access_key: "sandbox".to_owned(),
            secret_key: "sandbox".to_owned(),
            logs: Logs::default(),
        }
    }
}

/// A running sandbox. Dropping it closes the port and kills every function process.
pub struct Sandbox {
    endpoint_url: String,
    environment: Vec<(String, String)>,
    store: Arc<s3::Store>,
    router: Arc<Router>,
    server: AbortOnDropHandle<()>,
}

impl Sandbox {
    /// Starts listening on the current Tokio runtime, which runs everything.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = listen_on(options.address)?;
        let endpoint_url = format!("http://{}", reachable(listener.local_addr()?));
        let environment = environment(&endpoint_url, &options);
        let requests = Arc::new(Requests::default());
        let faults = Arc::new(Faults::default());
        let sqs = Sqs::new(&options.region, &endpoint_url);
        let metrics = Arc::new(Metrics::default());
        let keys = Keys::new(&options.access_key, &options.secret_key);
        let iam = Arc::new(Iam::new(keys));
        let timing = Arc::new(Timing::default());
        let services = Services {
            iam: iam.clone(),
            faults: faults.clone(),
            sqs: sqs.clone(),
            metrics: metrics.clone(),
            timing: timing.clone(),
        };
        let lambda = Lambda::new(&options.region, environment.clone(), options.logs, services);
        let sns = Sns::new(
            &options.region,
            lambda.clone(),
            sqs.clone(),
            &endpoint_url,
            faults.clone(),
            metrics.clone(),
        );
        let store = Arc::new(s3::Store::new(&options.region)?);
        let s3 = s3::service(
            store.clone(),
            &options.access_key,
            &options.secret_key,
            requests.clone(),
        );
        let router = Arc::new(Router {
            s3,
            iam,
            requests,
            faults,
            timing,
            store: store.clone(),
            sns,
            sqs,
            lambda,
            metrics,
            stacks: Stacks::default(),
            region: options.region,
        });
        let handler = router.clone();
        let handle = move |request| {
            let router = handler.clone();
            async move { router.respond(request).await }
        };
        let server = AbortOnDropHandle::new(tokio::spawn(listen::serve(listener, handle)));
        Ok(Self {
            endpoint_url,
            environment,
            store,
            router,
            server,
        })
    }

    /// The URL of all services, such as `http://127.0.0.1:4566`.
    pub fn endpoint_url(&self) -> &str {
        &self.endpoint_url
    }

    /// The buckets and their objects.
    pub fn s3(&self) -> &s3::Store {
        &self.store
    }

    /// The topics.
    pub fn sns(&self) -> &Sns {
        &self.router.sns
    }

    /// The queues.
    pub fn sqs(&self) -> &Sqs {
        &self.router.sqs
    }

    /// The functions.
    pub fn lambda(&self) -> &Lambda {
        &self.router.lambda
    }

    /// Tells CloudFormation of what was deployed here, as a stack of now, in place of one of that name.
    pub fn declare_stack(&self, stack: Stack) {
        self.router.stacks.declare(stack);
    }

    /// The faults: none, until a plan is given.
    pub fn faults(&self) -> &Faults {
        &self.router.faults
    }

    /// The permissions that the functions' requests need.
    pub fn iam(&self) -> &Iam {
        &self.router.iam
    }

    /// How long answers and cold starts take: no time, until a model is set.
    pub fn timing(&self) -> &Timing {
        &self.router.timing
    }

    /// The requests so far, by `service:operation`.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.router.requests.snapshot()
    }

    /// All an SDK or the AWS CLI needs to use the sandbox: the variables for the endpoint, the
    /// region and the credentials. Every function process has them too, but for an access key of its own.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.environment.clone()
    }

    /// Stops listening, kills every function process and waits until each has gone.
    pub async fn shutdown(mut self) {
        self.server.abort();
        // The port is free once the task has gone; that it was cancelled is no news.
        let _ = (&mut self.server).await;
        self.router.lambda.shutdown().await;
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("endpoint_url", &self.endpoint_url)
            .finish_non_exhaustive()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.router.lambda.stop();
    }
}

/// Listens with room for all connections that a fan-out opens in the same moment.
fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // As `TcpListener::bind` does, but on Windows, where it means something else.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Where a client on this machine reaches a listener; "any address" is not one to connect to.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    address
}

/// <https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html#EVarSettings>
fn environment(endpoint_url: &str, options: &Options) -> Vec<(String, String)> {
    [
        ("AWS_ENDPOINT_URL", endpoint_url),
        ("AWS_REGION", &options.region),
        ("AWS_DEFAULT_REGION", &options.region),
        ("AWS_ACCESS_KEY_ID", &options.access_key),
        ("AWS_SECRET_ACCESS_KEY", &options.secret_key),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}
