//! Lambda as its callers see it: real processes, driven through `Lambda`'s own functions.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use sandbox::lambda::{Error, Function};
use serde_json::{Value, json};
use support::{Logged, Release, alive, echo, eventually, payload, reaped, start, start_logged};

#[tokio::test]
async fn answers_with_what_the_function_answers() {
    let sandbox = start().await;
    let arn = sandbox.lambda().create_function(echo("echo")).unwrap();
    let event = json!({ "key": "2016-06-30/ä b.bin", "n": 1 });
    let response = sandbox
        .lambda()
        .invoke(&arn, event.to_string())
        .await
        .unwrap();
    assert_eq!(payload(&response), event);
    assert_eq!((response.status, response.function_error), (200, None));
    assert_eq!(response.executed_version, "$LATEST");
}

#[tokio::test]
async fn reuses_a_warm_environment() {
    let sandbox = start().await;
    let lambda = sandbox.lambda();
    lambda.create_function(echo("echo")).unwrap();
    let mut pids = Vec::new();
    for _ in 0..3 {
        let who = lambda.invoke("echo", r#"{"do":"who"}"#).await.unwrap();
        pids.push(payload(&who)["pid"].clone());
    }
    assert!(pids.iter().all(|pid| *pid == pids[0]), "{pids:?}");
    let stats = lambda.stats("echo").unwrap();
    assert_eq!((stats.invocations, stats.environments_started), (3, 1));
}

#[tokio::test]
async fn tells_the_function_what_lambda_tells_it() {
    let sandbox = start().await;
    let function = Function {
        environment: vec![("OWN".to_owned(), "yes".to_owned())],
        ..echo("echo")
    };
    let arn = sandbox.lambda().create_function(function).unwrap();
    let response = sandbox
        .lambda()
        .invoke("echo", r#"{"do":"who"}"#)
        .await
        .unwrap();
    let who = payload(&response);
    assert_eq!(who["request_id"], response.request_id);
    assert_eq!(who["arn"], arn);
    let environment = &who["environment"];
    assert_eq!(environment["AWS_LAMBDA_FUNCTION_NAME"], "echo");
    assert_eq!(environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "128");
    assert_eq!(environment["AWS_ENDPOINT_URL"], sandbox.endpoint_url());
    assert_eq!(environment["AWS_REGION"], "us-east-1");
    assert_eq!(environment["TZ"], ":UTC");
    assert_eq!(environment["OWN"], "yes");
    assert_eq!(environment["CARGO_MANIFEST_DIR"], Value::Null);
}

#[tokio::test]
async fn runs_no_more_environments_than_the_concurrency() {
    let sandbox = start().await;
    let lambda = sandbox.lambda();
    lambda
        .create_function(Function {
            concurrency: 2,
            ..echo("echo")
        })
        .unwrap();
    let release = Release::new();
    for _ in 0..5 {
        lambda.invoke_async("echo", release.event()).unwrap();
    }
    eventually(|| lambda.stats("echo").unwrap().concurrency == 2).await;
    eventually(|| lambda.stats("echo").unwrap().events_queued == 3).await;
    assert_eq!(lambda.stats("echo").unwrap().events_under_way, 5);
    release.now();
    lambda.idle().await;
    let stats = lambda.stats("echo").unwrap();
    assert_eq!((stats.invocations, stats.errors), (5, 0));
    assert_eq!(
        (stats.concurrency_reached, stats.environments_started),
        (2, 2)
    );
    assert_eq!((stats.concurrency, stats.events_queued), (0, 0));
    assert_eq!(
        (stats.events_under_way, stats.events_under_way_reached),
        (0, 5)
    );
    lambda.invoke_async("echo", release.event()).unwrap();
    lambda.idle().await;
    let stats = lambda.stats("echo").unwrap();
    assert_eq!(
        stats.events_under_way_reached, 5,
        "the most there ever were"
    );
}

#[tokio::test]
async fn throttles_a_synchronous_invocation_at_the_limit() {
    let sandbox = start().await;
    let lambda = sandbox.lambda();
    lambda
        .create_function(Function {
            concurrency: 1,
            ..echo("echo")
        })
        .unwrap();
    let release = Release::new();
    lambda.invoke_async("echo", release.event()).unwrap();
    eventually(|| lambda.stats("echo").unwrap().concurrency == 1).await;
    let error = lambda.invoke("echo", "{}").await.unwrap_err();
    assert!(matches!(error, Error::Throttled));
    assert_eq!(error.status(), 429);
    release.now();
    lambda.idle().await;
    assert!(lambda.invoke("echo", "{}").await.is_ok());
    assert_eq!(lambda.stats("echo").unwrap().throttles, 1);
}

#[tokio::test]
async fn refuses_unknown_functions_bad_json_and_large_payloads() {
    let sandbox = start().await;
    let lambda = sandbox.lambda();
    lambda.create_function(echo("echo")).unwrap();
    let codes = [
        lambda.invoke("other", "{}").await.unwrap_err(),
        lambda.invoke("echo", "{").await.unwrap_err(),
        lambda
            .invoke("echo", vec![b'1'; 6 * 1024 * 1024 + 1])
            .await
            .unwrap_err(),
        lambda
            .invoke_async("echo", vec![b'1'; 1024 * 1024 + 1])
            .unwrap_err(),
        lambda.create_function(echo("echo")).unwrap_err(),
    ]
    .map(|error| error.code());
    assert_eq!(
        codes,
        [
            "ResourceNotFoundException",
            "InvalidRequestContentException",
            "RequestTooLargeException",
            "RequestTooLargeException",
            "ResourceConflictException",
        ]
    );
}

#[tokio::test]
async fn retries_a_failed_event_under_one_request_id_and_then_keeps_its_record() {
    let (sandbox, logged) = start_logged().await;
    let lambda = sandbox.lambda();
    let arn = lambda.create_function(echo("echo")).unwrap();
    let event = json!({ "do": "fail", "key": "ä/\"b\"", "n": [1, 2] });
    let request_id = lambda.invoke_async("echo", event.to_string()).unwrap();
    lambda.idle().await;

    let starts = logged.matching("START RequestId:");
    let expected = format!("START RequestId: {request_id} Version: $LATEST");
    assert_eq!(starts, vec![expected; 3]);
    let failures = lambda.failures("echo").unwrap();
    assert_eq!(failures.len(), 1);
    let record = &failures[0];
    assert_eq!(record["version"], "1.0");
    assert!(record["timestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!(
        record["requestContext"],
        json!({
            "requestId": request_id,
            "functionArn": format!("{arn}:$LATEST"),
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        })
    );
    assert_eq!(record["requestPayload"], event);
    assert_eq!(
        record["responseContext"],
        json!({ "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" })
    );
    assert_eq!(record["responsePayload"]["errorMessage"], "told to fail");
    let stats = lambda.stats("echo").unwrap();
    assert_eq!((stats.invocations, stats.errors), (3, 3));
    assert_eq!((stats.events, stats.events_failed), (1, 1));
    assert_eq!(
        (stats.events_under_way, stats.events_under_way_reached),
        (0, 1),
        "an event that is retried is the same event"
    );
}

#[tokio::test]
async fn gives_up_an_event_that_has_become_too_old() {
    let sandbox = start().await;
    let lambda = sandbox.lambda();
    let function = Function {
        concurrency: 1,
        max_event_age: Duration::from_millis(200),
        retry_delays: vec![Duration::MAX],
        ..echo("echo")
    };
    lambda.create_function(function).unwrap();
    let release = Release::new();
    lambda.invoke_async("echo", release.event()).unwrap();
    let waiting = lambda.invoke_async("echo", r#"{"n":2}"#).unwrap();
    eventually(|| lambda.stats("echo").unwrap().events_failed == 1).await;
    release.now();
    lambda.idle().await;
    lambda.invoke_async("echo", r#"{"do":"fail"}"#).unwrap();
    lambda.idle().await;

    let records = lambda.failures("echo").unwrap();
    let context = |record: usize| &records[record]["requestContext"];
    assert_eq!(context(0)["requestId"], waiting);
    assert_eq!(context(0)["condition"], "EventAgeExceeded");
    assert_eq!(context(0)["approximateInvokeCount"], 0);
    assert_eq!(records[0].get("responsePayload"), None);
    assert_eq!(context(1)["condition"], "EventAgeExceeded");
    assert_eq!(context(1)["approximateInvokeCount"], 1);
    assert_eq!(
        records[1]["responsePayload"]["errorMessage"],
        "told to fail"
    );
}

#[tokio::test]
async fn kills_the_process_when_the_time_is_up() {
    let (sandbox, logged) = start_logged().await;
    let lambda = sandbox.lambda();
    let timeout = Duration::from_millis(300);
    lambda
        .create_function(Function {
            timeout,
            ..echo("echo")
        })
        .unwrap();
    let who = lambda.invoke("echo", r#"{"do":"who"}"#).await.unwrap();
    let pid = payload(&who)["pid"].as_u64().unwrap();
    let event = r#"{"do":"sleep","millis":3600000}"#;
    let response = lambda.invoke("echo", event).await.unwrap();
    assert!(!alive(pid));
    assert_eq!(response.function_error.as_deref(), Some("Unhandled"));
    let message = format!(
        "RequestId: {} Error: Task timed out after 0.30 seconds",
        response.request_id
    );
    assert_eq!(
        payload(&response),
        json!({ "errorType": "Sandbox.Timedout", "errorMessage": message })
    );
    assert!(logged.last_report().ends_with("\tStatus: timeout"));
    assert!(
        lambda
            .invoke("echo", "{}")
            .await
            .unwrap()
            .function_error
            .is_none()
    );
    let stats = lambda.stats("echo").unwrap();
    assert_eq!((stats.timeouts, stats.environments_started), (1, 2));
}

#[tokio::test]
async fn fails_the_invocation_whose_process_ends() {
    let sandbox = start().await;
    let lambda = sandbox.lambda();
    lambda.create_function(echo("echo")).unwrap();
    for (event, reason) in [
        (r#"{"do":"exit"}"#, "exit status 1"),
        (r#"{"do":"abort"}"#, "signal: aborted"),
    ] {
        let response = lambda.invoke("echo", event).await.unwrap();
        let id = &response.request_id;
        let message = format!("RequestId: {id} Error: Runtime exited with error: {reason}");
        assert_eq!(
            payload(&response),
            json!({ "errorType": "Runtime.ExitError", "errorMessage": message })
        );
    }
    assert!(
        lambda
            .invoke("echo", "{}")
            .await
            .unwrap()
            .function_error
            .is_none()
    );
    assert_eq!(lambda.stats("echo").unwrap().environments_started, 3);
}

#[tokio::test]
async fn keeps_the_environment_after_an_error_of_the_function() {
    let sandbox = start().await;
    let lambda = sandbox.lambda();
    lambda.create_function(echo("echo")).unwrap();
    for event in [r#"{"do":"fail"}"#, r#"{"do":"panic"}"#, "{}"] {
        lambda.invoke("echo", event).await.unwrap();
    }
    let stats = lambda.stats("echo").unwrap();
    assert_eq!((stats.errors, stats.environments_started), (2, 1));
}

#[tokio::test]
async fn starts_one_process_per_attempt_when_initialisation_fails() {
    let sandbox = start().await;
    let lambda = sandbox.lambda();
    let environment = vec![("ECHO_INIT".to_owned(), "exit".to_owned())];
    lambda
        .create_function(Function {
            environment,
            ..echo("echo")
        })
        .unwrap();
    lambda.invoke_async("echo", "{}").unwrap();
    lambda.idle().await;
    let record = &lambda.failures("echo").unwrap()[0];
    assert_eq!(record["responsePayload"]["errorType"], "Runtime.ExitError");
    let message = record["responsePayload"]["errorMessage"].as_str().unwrap();
    assert!(
        message.ends_with("Error: Runtime exited with error: exit status 3"),
        "{message}"
    );
    assert_eq!(lambda.stats("echo").unwrap().environments_started, 3);
}

#[tokio::test]
async fn fails_the_invocation_with_the_error_that_initialisation_reported() {
    let sandbox = start().await;
    let lambda = sandbox.lambda();
    let environment = vec![("ECHO_INIT".to_owned(), "error".to_owned())];
    lambda
        .create_function(Function {
            environment,
            ..echo("echo")
        })
        .unwrap();
    let response = lambda.invoke("echo", "{}").await.unwrap();
    assert_eq!(
        payload(&response),
        json!({ "errorType": "Echo.NoConfig", "errorMessage": "no configuration", "stackTrace": [] })
    );
    assert_eq!(response.function_error.as_deref(), Some("Unhandled"));
}

#[tokio::test]
async fn fails_the_invocation_whose_command_cannot_be_started() {
    let sandbox = start().await;
    let lambda = sandbox.lambda();
    lambda
        .create_function(Function::new("none", "/nowhere/bootstrap"))
        .unwrap();
    let response = lambda.invoke("none", "{}").await.unwrap();
    assert_eq!(payload(&response)["errorType"], "Runtime.InvalidEntrypoint");
    assert_eq!(lambda.stats("none").unwrap().environments_started, 0);
}

#[tokio::test]
async fn fails_the_invocation_whose_answer_is_over_six_megabytes() {
    let sandbox = start().await;
    let lambda = sandbox.lambda();
    lambda.create_function(echo("echo")).unwrap();
    let event = json!({ "do": "answer", "bytes": 6 * 1024 * 1024 });
    let response = lambda.invoke("echo", event.to_string()).await.unwrap();
    assert_eq!(
        payload(&response)["errorType"],
        "Function.ResponseSizeTooLarge"
    );
}

#[tokio::test]
async fn replaces_an_environment_that_died_while_it_was_idle() {
    let sandbox = start().await;
    let lambda = sandbox.lambda();
    lambda.create_function(echo("echo")).unwrap();
    let who = lambda.invoke("echo", r#"{"do":"who"}"#).await.unwrap();
    let pid = payload(&who)["pid"].to_string();
    let killed = std::process::Command::new("kill")
        .args(["-9", &pid])
        .status();
    assert!(killed.unwrap().success());
    eventually(|| reaped(pid.parse().unwrap())).await;
    let again = lambda.invoke("echo", "{}").await.unwrap();
    assert_eq!(again.function_error, None);
    assert_eq!(lambda.stats("echo").unwrap().environments_started, 2);
}

#[tokio::test]
async fn writes_start_the_functions_lines_end_and_report_in_that_order() {
    let (sandbox, logged) = start_logged().await;
    let lambda = sandbox.lambda();
    lambda.create_function(echo("echo")).unwrap();
    let cold = lambda
        .invoke("echo", r#"{"n":1}"#)
        .await
        .unwrap()
        .request_id;
    let warm = lambda
        .invoke("echo", r#"{"n":2}"#)
        .await
        .unwrap()
        .request_id;
    let lines = logged.lines();
    assert_eq!(lines.len(), 9, "{lines:#?}");
    let without_reports = [&lines[..4], &lines[5..8]].concat();
    assert_eq!(
        without_reports,
        [
            format!("START RequestId: {cold} Version: $LATEST"),
            "echo is ready".to_owned(),
            r#"event {"n":1}"#.to_owned(),
            format!("END RequestId: {cold}"),
            format!("START RequestId: {warm} Version: $LATEST"),
            r#"event {"n":2}"#.to_owned(),
            format!("END RequestId: {warm}"),
        ]
    );
    assert!(lines[4].starts_with(&format!("REPORT RequestId: {cold}\tDuration: ")));
    assert!(lines[4].contains("\tMemory Size: 128 MB") && lines[4].contains("\tInit Duration: "));
    assert!(lines[8].contains(" ms\tBilled Duration: ") && !lines[8].contains("Init"));
    let stats = lambda.stats("echo").unwrap();
    assert!(stats.init_ms_total > 0.0 && stats.duration_ms_total > 0.0);
    // Each of the two invocations is billed in whole milliseconds, rounded up.
    let rounded_up = stats.billed_ms_total as f64 - stats.init_ms_total - stats.duration_ms_total;
    assert!((0.0..2.0).contains(&rounded_up), "{stats:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn reports_the_peak_memory_of_the_process() {
    const ALLOCATED: u64 = 48 * 1024 * 1024;
    let (sandbox, logged) = start_logged().await;
    let lambda = sandbox.lambda();
    lambda.create_function(echo("echo")).unwrap();
    lambda.invoke("echo", "{}").await.unwrap();
    let before = lambda.stats("echo").unwrap().peak_memory_bytes.unwrap();
    assert!((1..ALLOCATED).contains(&before), "{before}");
    let event = json!({ "do": "allocate", "bytes": ALLOCATED });
    lambda.invoke("echo", event.to_string()).await.unwrap();
    let after = lambda.stats("echo").unwrap().peak_memory_bytes.unwrap();
    assert!(
        (ALLOCATED..ALLOCATED + 2 * before).contains(&after),
        "{after}"
    );
    let megabytes = after.div_ceil(1024 * 1024);
    assert!(
        logged
            .last_report()
            .contains(&format!("\tMax Memory Used: {megabytes} MB"))
    );
}

#[tokio::test]
async fn leaves_no_process_behind_after_shutdown() {
    let (sandbox, logged) = start_logged().await;
    let lambda = sandbox.lambda().clone();
    lambda.create_function(echo("echo")).unwrap();
    let who = lambda.invoke("echo", r#"{"do":"who"}"#).await.unwrap();
    let idle = payload(&who)["pid"].as_u64().unwrap();
    let script = r#"sleep 3600 & echo "pid $!"; echo "pid $$"; wait"#;
    let mut busy = Function::new("busy", "/bin/sh");
    busy.args = vec!["-c".to_owned(), script.to_owned()];
    lambda.create_function(busy).unwrap();
    lambda.invoke_async("busy", "{}").unwrap();
    eventually(|| logged.matching("pid ").len() == 2).await;
    sandbox.shutdown().await;
    assert!(!alive(idle));
    let pids = logged.matching("pid ");
    let pids = pids.iter().map(|line| line[4..].parse().unwrap());
    assert!(pids.into_iter().all(|pid| !alive(pid)));
    assert!(matches!(
        lambda.invoke("echo", "{}").await,
        Err(Error::Stopped)
    ));
}

#[tokio::test]
async fn kills_what_a_shell_script_has_started() {
    let (sandbox, logged): (_, Logged) = start_logged().await;
    let lambda = sandbox.lambda();
    let script = r#"sleep 3600 & echo "pid $!"; echo "pid $$"; wait"#;
    let mut script_function = Function::new("script", "/bin/sh");
    script_function.args = vec!["-c".to_owned(), script.to_owned()];
    lambda.create_function(script_function).unwrap();
    lambda.invoke_async("script", "{}").unwrap();
    eventually(|| logged.matching("pid ").len() == 2).await;
    let pids = logged.matching("pid ");
    let pids: Vec<u64> = pids.iter().map(|line| line[4..].parse().unwrap()).collect();
    assert!(pids.iter().all(|pid| alive(*pid)));
    drop(sandbox);
    eventually(|| pids.iter().all(|pid| !alive(*pid))).await;
}
