//! A Lambda function that does what its event tells it, for the sandbox's own tests.

use std::io::{Read, Write};
use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    match std::env::var("ECHO_INIT").as_deref() {
        Ok("exit") => std::process::exit(3),
        Ok("error") => report_init_error()?,
        _ => {}
    }
    println!("echo is ready");
    lambda_runtime::run(service_fn(handle)).await
}

/// Tells the Runtime API that there is no starting, as a runtime does before it ends.
fn report_init_error() -> std::io::Result<()> {
    let body = r#"{"errorMessage":"no configuration","errorType":"Echo.NoConfig","stackTrace":[]}"#;
    let host = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap_or_default();
    let mut stream = std::net::TcpStream::connect(&host)?;
    write!(
        stream,
        "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Lambda-Runtime-Function-Error-Type: Echo.NoConfig\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    stream.read_to_end(&mut Vec::new())?;
    std::process::exit(1);
}

/// Carries out the event's `do`; everything else is answered as it came.
async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (event, context) = event.into_parts();
    println!("event {event}");
    match event["do"].as_str() {
        Some("fail") => Err("told to fail".into()),
        Some("exit") => std::process::exit(1),
        Some("abort") => std::process::abort(),
        Some("panic") => panic!("told to panic"),
        Some("sleep") => {
            tokio::time::sleep(Duration::from_millis(number(&event, "millis"))).await;
            Ok(event)
        }
        Some("wait-for") => {
            while !std::path::Path::new(event["path"].as_str().unwrap_or_default()).exists() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            Ok(event)
        }
        Some("spin") => {
            let nanos = 1_000_000 * number(&event, "millis") + on_processor();
            while on_processor() < nanos {}
            Ok(event)
        }
        Some("allocate") => {
            let bytes = vec![1_u8; usize::try_from(number(&event, "bytes"))?];
            Ok(json!(
                bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>()
            ))
        }
        Some("answer") => Ok(Value::String(
            "x".repeat(usize::try_from(number(&event, "bytes"))?),
        )),
        Some("who") => Ok(json!({
            "pid": std::process::id(),
            "request_id": context.request_id,
            "arn": context.invoked_function_arn,
            "environment": std::env::vars().collect::<std::collections::BTreeMap<_, _>>(),
        })),
        _ => Ok(event),
    }
}

/// How long this program, which is one thread, has been on a processor, in nanoseconds.
fn on_processor() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.expect("Linux tells")
}

fn number(event: &Value, name: &str) -> u64 {
    event[name].as_u64().unwrap_or_default()
}
