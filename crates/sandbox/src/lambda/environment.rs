//! One execution environment: a process, its Runtime API, and one invocation at a time.

use std::convert::Infallible;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::function::{self, VERSION};
use super::host::Host;
use super::interruption::Interruption;
use super::outcome::Outcome;
use super::process::{self, Process};
use super::processor;
use super::runtime_api::{Delivery, RuntimeApi};
use super::session::Message;
use super::{Function, Request};

/// Lambda gives a runtime ten seconds to initialise
/// (<https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>).
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// A process that waits for invocations; dropping it kills the process.
pub(super) struct Environment {
    api: RuntimeApi,
    process: Process,
    started: Instant,
    peak_memory_bytes: Option<u64>,
    lost: bool,
    /// The share of a processor that it is held to, if it is.
    processor_share: Option<f64>,
    /// How long the initialisation took that its first invocation is to tell.
    init: Option<Duration>,
}

impl Environment {
    /// Starts the process; [`init`](Self::init) must follow.
    pub(super) async fn start(function: &Function, host: &Host) -> io::Result<Self> {
        let api = RuntimeApi::start().await?;
        let variables = variables(function, host, &api)?;
        let started = Instant::now();
        let process = Process::start(function, &variables, &host.logs, &host.tasks)?;
        Ok(Self {
            api,
            process,
            started,
            peak_memory_bytes: None,
            lost: false,
            processor_share: host
                .timing
                .has_processor_by_memory()
                .then(|| processor::share_of(function.memory_mb)),
            init: None,
        })
    }

    /// Waits until the process asks for its first invocation.
    ///
    /// Lambda would initialise a second time within the first invocation; here that one fails.
    pub(super) async fn init(&mut self, id: &str) -> Result<(), Outcome> {
        let processor = self.processor();
        let outcome = match timeout(INIT_TIMEOUT, beside(processor, self.message())).await {
            Ok(Some(Message::Ready)) => {
                self.look_at_memory();
                self.init = Some(self.started.elapsed());
                return Ok(());
            }
            Ok(Some(Message::InitFailed(payload))) => Outcome::init_failed(payload),
            Ok(Some(Message::Done(_)) | None) => Outcome::exited(id, self.process.exited().await),
            Err(_) => Outcome::timed_out(id, INIT_TIMEOUT),
        };
        self.give_up().await;
        Err(outcome)
    }

    /// Whether it has had no invocation yet.
    pub(super) fn is_new(&self) -> bool {
        self.init.is_some()
    }

    /// Leaves out of its initialisation what its process took.
    pub(super) fn forget_init(&mut self) {
        self.init = Some(Duration::ZERO);
    }

    /// How long the initialisation took; once.
    pub(super) fn take_init(&mut self) -> Option<Duration> {
        self.init.take()
    }

    /// Runs one invocation. It is over when the process asks for the next one, as in Lambda.
    pub(super) async fn invoke(
        &mut self,
        function: &Function,
        arn: &str,
        request: &Request,
        interruption: Option<Interruption>,
    ) -> Outcome {
        let delivery = delivery(function, arn, request);
        // The receiver lives as long as the listener, which is ours.
        let _ = self.api.deliveries.send(delivery);
        let mut answer = None;
        let time = interruption
            .as_ref()
            .map_or(function.timeout, |interruption| interruption.after);
        let processor = self.processor();
        let ended = timeout(time, beside(processor, self.run(&mut answer))).await;
        self.look_at_memory();
        if ended != Ok(End::Ready) {
            self.give_up().await;
        }
        match (answer, ended) {
            (Some(answer), _) => answer,
            (None, Err(_)) if interruption.is_some_and(Interruption::kills) => {
                Outcome::exited(&request.id, self.process.exited().await)
            }
            (None, Err(_)) => Outcome::timed_out(&request.id, function.timeout),
            (None, Ok(_)) => Outcome::exited(&request.id, self.process.exited().await),
        }
    }

    /// Waits until the log lines written so far are with the sink.
    pub(super) async fn flush_logs(&self) {
        self.process.flush_logs().await;
    }

    /// Whether it can take a further invocation.
    pub(super) fn is_usable(&self) -> bool {
        !self.lost && !self.process.has_exited()
    }

    /// The largest resident set seen so far, if the system tells.
    pub(super) fn peak_memory_bytes(&self) -> Option<u64> {
        self.peak_memory_bytes
    }

    async fn run(&mut self, answer: &mut Option<Outcome>) -> End {
        loop {
            match self.message().await {
                Some(Message::Done(outcome)) => *answer = Some(outcome),
                Some(Message::Ready) => return End::Ready,
                Some(Message::InitFailed(_)) | None => return End::Exited,
            }
        }
    }

    /// What the process says next; `None` when it has ended and everything it said is read.
    async fn message(&mut self) -> Option<Message> {
        tokio::select! {
            biased;
            message = self.api.messages.recv() => message,
            _ = self.process.exited() => self.api.messages.try_recv().ok(),
        }
    }

    /// Holds the process to its share of a processor for as long as this is waited for.
    fn processor(&self) -> impl Future<Output = Infallible> + use<> {
        let held = self.process.id().zip(self.processor_share);
        async move {
            match held {
                Some((pid, share)) => processor::hold(pid, share).await,
                None => std::future::pending().await,
            }
        }
    }

    fn look_at_memory(&mut self) {
        self.peak_memory_bytes = self.process.peak_memory_bytes().or(self.peak_memory_bytes);
    }

    async fn give_up(&mut self) {
        self.lost = true;
        self.process.kill().await;
    }
}

/// Does the work while something else goes on beside it, which ends with it.
async fn beside<T>(endless: impl Future<Output = Infallible>, work: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        done = work => done,
        never = endless => match never {},
    }
}

/// How an invocation came to its end within its time.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Ready,
    Exited,
}

fn delivery(function: &Function, arn: &str, request: &Request) -> Delivery {
    let deadline = SystemTime::now() + function.timeout;
    let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default();
    Delivery {
        request_id: request.id.clone(),
        payload: request.payload.clone(),
        deadline_ms: deadline.as_millis(),
        function_arn: arn.to_owned(),
        trace_id: request.trace.header(),
    }
}

/// The variables of an execution environment
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime>),
/// then the sandbox's, the access key of the function's role, and the function's own: the later wins.
fn variables(
    function: &Function,
    host: &Host,
    api: &RuntimeApi,
) -> io::Result<Vec<(String, String)>> {
    let name = &function.name;
    let date = jiff::Timestamp::now().strftime("%Y/%m/%d").to_string();
    let stream = format!("{date}/[{VERSION}]{}", Uuid::new_v4().simple());
    let own = [
        ("AWS_LAMBDA_RUNTIME_API", api.address.to_string()),
        ("AWS_LAMBDA_FUNCTION_NAME", name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", VERSION.to_owned()),
        (
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            function.memory_mb.to_string(),
        ),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", stream),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023".to_owned()),
        ("_HANDLER", function::HANDLER.to_owned()),
        (
            "LAMBDA_TASK_ROOT",
            process::task_root(function)?.display().to_string(),
        ),
        ("AWS_REGION", host.region.clone()),
        ("AWS_DEFAULT_REGION", host.region.clone()),
        ("TZ", ":UTC".to_owned()),
        ("LANG", "en_US.UTF-8".to_owned()),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value));
    Ok(own
        .into_iter()
        .chain(host.variables.iter().cloned())
        .chain([(
            "AWS_ACCESS_KEY_ID".to_owned(),
            host.iam.keys.of_function(name),
        )])
        .chain(function.environment.iter().cloned())
        .collect())
}

/// The payload a function gets when it is invoked without one.
pub(super) const EMPTY_PAYLOAD: Bytes = Bytes::from_static(b"{}");
