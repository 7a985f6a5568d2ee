//! The same backup of a day against S3 servers that we did not write, and against the sandbox. What each
//! gets wrong is listed in `known_wrong.rs`; nothing else may be.

#![allow(clippy::unwrap_used)]

mod api;
mod comparison;
mod day;
mod findings;
mod known_wrong;
mod lambda;
mod operator;
mod process;
mod queue;
mod redrive;
mod rules;
mod s3s_fs;
mod stage;
mod status;
mod suite;
mod verification;

use std::io::Write;
use std::path::PathBuf;

use findings::differences;
use known_wrong::KNOWN_WRONG;
use process::Process;
use stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_gets_nothing_wrong() {
    agrees(Stage::sandbox().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s3s_fs_gets_nothing_wrong_but_what_is_known() {
    agrees(Stage::s3s_fs().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moto_gets_nothing_wrong_but_what_is_known() {
    let Some(program) = program("moto_server") else {
        return;
    };
    let server = Process::start(program, |command, address| {
        let port = address.port().to_string();
        command.args(["-H", "127.0.0.1", "-p", &port]);
    });
    agrees(Stage::moto(server).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ministack_gets_nothing_wrong_but_what_is_known() {
    let Some(server) = ministack("s3,sns,lambda,logs") else {
        return;
    };
    agrees(Stage::ministack(server).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_done_again_with_ministacks_queues_and_topics() {
    let Some(server) = ministack("sns,sqs,lambda") else {
        return;
    };
    redrive::does_again_what_failed(server.address).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ministack_shows_its_stack_to_the_operator() {
    let services = "cloudformation,cloudwatch,monitoring,iam,lambda,s3,sns,sqs";
    let Some(server) = ministack(services) else {
        return;
    };
    status::agrees(api::Api(server.address)).await;
}

fn ministack(services: &str) -> Option<Process> {
    Some(Process::start(program("ministack")?, |command, address| {
        command
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", address.port().to_string())
            .env("AWS_ENDPOINT_URL", format!("http://{address}"))
            .env("SERVICES", services)
            // Else it listens on a fixed port, too, and sweeps the containers of this machine's Docker.
            .env("IOT_MTLS_ENABLED", "0")
            .env("DOCKER_HOST", "unix:///nonexistent");
    }))
}

async fn agrees(stage: Stage) {
    let findings = suite::findings(&stage).await;
    let differences = differences(stage.server, &findings, KNOWN_WRONG);
    assert!(
        differences.is_empty(),
        "{:?}:\n{}",
        stage.server,
        differences.join("\n")
    );
}

/// A server's program in the folder that `SECOND_OPINIONS` names; without the variable its test is
/// skipped. A server on the `PATH` would do, but may be of another version than the list.
#[expect(
    clippy::explicit_write,
    reason = "what eprintln prints is shown of failed tests only"
)]
fn program(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("SECOND_OPINIONS") else {
        let advice =
            "install .ci/second-opinions.txt in a venv and set SECOND_OPINIONS to its bin folder";
        writeln!(std::io::stderr(), "skipped: {name} is not asked; {advice}").unwrap();
        return None;
    };
    let program = PathBuf::from(folder).join(name);
    assert!(
        program.is_file(),
        "SECOND_OPINIONS has no {}",
        program.display()
    );
    Some(program)
}
