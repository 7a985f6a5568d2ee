//! The one port: which service answers, whose key is known, and Lambda's HTTP API.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use sandbox::{Options, Sandbox};
use serde_json::json;
use support::{Release, echo, eventually, json_body, send, signed, start};

const LIST_TOPICS: &str = "Action=ListTopics&Version=2010-03-31";

fn invoke(name: &str, headers: &str) -> String {
    let authorization = signed("sandbox", "lambda");
    format!("POST /2015-03-31/functions/{name}/invocations HTTP/1.1\r\n{authorization}{headers}")
}

#[tokio::test]
async fn tells_the_services_apart_by_the_credential_scope() {
    let sandbox = start().await;
    let sns = format!("POST / HTTP/1.1\r\n{}", signed("sandbox", "sns"));
    let answer = send(&sandbox, &sns, LIST_TOPICS).await;
    assert!(answer.contains("<ListTopicsResponse"), "{answer}");
    let lambda = format!(
        "GET /2015-03-31/functions/ HTTP/1.1\r\n{}",
        signed("sandbox", "lambda")
    );
    let answer = send(&sandbox, &lambda, "").await;
    assert_eq!(json_body(&answer), json!({ "Functions": [] }));
    let sqs = format!(
        "POST / HTTP/1.1\r\n{}\r\nX-Amz-Target: AmazonSQS.ListQueues",
        signed("sandbox", "sqs")
    );
    let answer = send(&sandbox, &sqs, "{}").await;
    assert_eq!(json_body(&answer), json!({ "QueueUrls": [] }));
    let other = format!("POST / HTTP/1.1\r\n{}", signed("sandbox", "sts"));
    let answer = send(&sandbox, &other, "").await;
    assert!(
        answer.starts_with("HTTP/1.1 501 ") && answer.contains("not sts"),
        "{answer}"
    );
    let counted = sandbox.requests();
    assert_eq!(
        (counted["sns:ListTopics"], counted["lambda:ListFunctions"]),
        (1, 1)
    );
}

#[tokio::test]
async fn refuses_an_access_key_it_does_not_know() {
    let sandbox = start().await;
    let sns = format!("POST / HTTP/1.1\r\n{}", signed("other", "sns"));
    let answer = send(&sandbox, &sns, LIST_TOPICS).await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(
        answer.contains("<Code>InvalidClientTokenId</Code>"),
        "{answer}"
    );
    let lambda = format!(
        "GET /2015-03-31/functions/ HTTP/1.1\r\n{}",
        signed("other", "lambda")
    );
    let answer = send(&sandbox, &lambda, "").await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(
        answer.contains("x-amzn-errortype: UnrecognizedClientException"),
        "{answer}"
    );
    assert!(sandbox.requests().is_empty());
}

#[tokio::test]
async fn invokes_over_http_as_the_cli_does() {
    let sandbox = start().await;
    sandbox.lambda().create_function(echo("echo")).unwrap();
    let answer = send(&sandbox, &invoke("echo", ""), r#"{"n":1}"#).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("x-amz-executed-version: $LATEST")
    );
    assert_eq!(json_body(&answer), json!({ "n": 1 }));
    let arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Aecho";
    let answer = send(&sandbox, &invoke(arn, ""), r#"{"do":"fail"}"#).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(
        answer.contains("x-amz-function-error: Unhandled"),
        "{answer}"
    );
    assert_eq!(json_body(&answer)["errorMessage"], "told to fail");
    let event = invoke("echo", "\r\nX-Amz-Invocation-Type: Event");
    assert!(
        send(&sandbox, &event, "{}")
            .await
            .starts_with("HTTP/1.1 202 ")
    );
    let dry = invoke("echo", "\r\nX-Amz-Invocation-Type: DryRun");
    assert!(
        send(&sandbox, &dry, "{}")
            .await
            .starts_with("HTTP/1.1 204 ")
    );
    sandbox.lambda().idle().await;
    assert_eq!(sandbox.lambda().stats("echo").unwrap().invocations, 3);
    assert_eq!(sandbox.requests()["lambda:Invoke"], 4);
}

#[tokio::test]
async fn tells_how_a_function_is_configured() {
    let sandbox = start().await;
    let mut function = echo("echo");
    function.concurrency = 7;
    function.environment = vec![("DEST_BUCKET".to_owned(), "backup".to_owned())];
    let arn = sandbox.lambda().create_function(function).unwrap();
    let get = |version: &str, name: &str, what: &str| {
        let signed = signed("sandbox", "lambda");
        let head = format!("GET /{version}/functions/{name}/{what} HTTP/1.1\r\n{signed}");
        let sandbox = &sandbox;
        async move { send(sandbox, &head, "").await }
    };
    for name in ["echo", &arn.replace(':', "%3A")] {
        let configuration = json_body(&get("2015-03-31", name, "configuration").await);
        assert_eq!(configuration["FunctionArn"], arn);
        assert_eq!(configuration["Timeout"], 60);
        let variables = &configuration["Environment"]["Variables"];
        assert_eq!(*variables, json!({ "DEST_BUCKET": "backup" }));
        let concurrency = json_body(&get("2019-09-30", name, "concurrency").await);
        assert_eq!(concurrency, json!({ "ReservedConcurrentExecutions": 7 }));
    }
    for (version, what) in [
        ("2015-03-31", "configuration"),
        ("2019-09-30", "concurrency"),
    ] {
        let answer = get(version, "other", what).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
        assert!(answer.contains("ResourceNotFoundException"), "{answer}");
    }
    let answer = get("2019-09-30", "echo", "configuration").await;
    assert!(answer.contains("UnknownOperationException"), "{answer}");
    let requests = sandbox.requests();
    assert_eq!(requests["lambda:GetFunctionConfiguration"], 3);
    assert_eq!(requests["lambda:GetFunctionConcurrency"], 3);
}

#[tokio::test]
async fn refuses_invocations_as_lambda_does() {
    let sandbox = start().await;
    let mut function = echo("echo");
    function.concurrency = 1;
    sandbox.lambda().create_function(function).unwrap();
    let release = Release::new();
    sandbox
        .lambda()
        .invoke_async("echo", release.event())
        .unwrap();
    eventually(|| sandbox.lambda().stats("echo").unwrap().concurrency == 1).await;
    for (head, body, status, code) in [
        (invoke("other", ""), "{}", 404, "ResourceNotFoundException"),
        (
            invoke("echo", ""),
            "{",
            400,
            "InvalidRequestContentException",
        ),
        (invoke("echo", ""), "{}", 429, "TooManyRequestsException"),
        (
            invoke("echo", "\r\nX-Amz-Log-Type: Tail"),
            "{}",
            400,
            "InvalidParameterValueException",
        ),
        (
            invoke("echo", "\r\nX-Amz-Client-Context: e30="),
            "{}",
            400,
            "InvalidParameterValueException",
        ),
        (
            invoke("echo", "\r\nX-Amz-Invocation-Type: Now"),
            "{}",
            400,
            "InvalidParameterValueException",
        ),
        (invoke("echo/x", ""), "{}", 404, "UnknownOperationException"),
    ] {
        let answer = send(&sandbox, &head, body).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert!(
            answer.contains(&format!("x-amzn-errortype: {code}\r\n")),
            "{answer}"
        );
        assert_eq!(json_body(&answer)["Type"], "User");
    }
    release.now();
    sandbox.lambda().idle().await;
}

#[tokio::test]
async fn shows_people_with_curl_what_has_happened() {
    let sandbox = start().await;
    sandbox.lambda().create_function(echo("echo")).unwrap();
    sandbox
        .lambda()
        .invoke_async("echo", r#"{"do":"fail"}"#)
        .unwrap();
    sandbox.lambda().idle().await;
    let page = json_body(&send(&sandbox, "GET /_sandbox HTTP/1.1", "").await);
    assert_eq!(page["functions"]["echo"]["stats"]["errors"], 3);
    assert_eq!(
        page["functions"]["echo"]["failures"][0]["requestPayload"],
        json!({ "do": "fail" })
    );
    assert_eq!(page["requests"], json!({}));
}

#[tokio::test]
async fn offers_everything_a_client_needs_as_variables() {
    let sandbox = start().await;
    let names: Vec<_> = sandbox
        .environment()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names,
        [
            "AWS_ENDPOINT_URL",
            "AWS_REGION",
            "AWS_DEFAULT_REGION",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
        ]
    );
    assert_eq!(sandbox.environment()[0].1, sandbox.endpoint_url());
}

#[tokio::test]
async fn frees_its_port_when_it_is_shut_down() {
    let sandbox = start().await;
    let address = sandbox
        .endpoint_url()
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap();
    let options = Options {
        address,
        ..Options::default()
    };
    assert!(Sandbox::start(options.clone()).await.is_err());
    sandbox.shutdown().await;
    // A process that another test is starting holds a copy of the listener until it runs its program.
    for _ in 0..100 {
        if Sandbox::start(options.clone()).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{address} was not free again");
}
