//! `s3-fanout sandbox`: both functions deployed to S3, SNS, SQS and Lambda on this machine, until Ctrl-C.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use sandbox::lambda::Logs;

use crate::args::SandboxArgs;
use crate::deployment::model::NamedModel;
use crate::deployment::{
    COPIER_FAILURES, DEST_BUCKET, Deployment, PUBLISHER, SOURCE_BUCKET, Settings,
};
use crate::deployment::{declared, faults, source};
use crate::interrupt::{self, interrupted};

/// Serves the sandbox until it is interrupted.
pub fn run(args: SandboxArgs) -> Result<ExitCode> {
    let plan = args.faults.as_deref().map(faults::plan).transpose()?;
    interrupt::runtime()?.block_on(async {
        let stopping = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&stopping);
        let logs = Logs::to(move |function, line| {
            // What a process says of services that are gone is no news.
            if !ends.load(Ordering::Relaxed) {
                eprintln!("{function} {line}");
            }
        });
        let settings = Settings {
            address: args.address,
            copiers: args.concurrency,
            faults_to_come: plan.is_some(),
            ..Settings::default()
        };
        let deployment = Deployment::start(settings, logs).await?;
        declared::declare(&deployment.sandbox)?;
        source::put_virtual_day(deployment.sandbox.s3(), args.objects)?;
        if let Some(plan) = plan {
            deployment.sandbox.faults().inject(plan);
        }
        if let Some(NamedModel { model, .. }) = &args.model {
            deployment.sandbox.timing().set(model.clone());
        }
        introduce(&deployment, &args)?;
        interrupted().await?;
        stopping.store(true, Ordering::Relaxed);
        eprintln!("stopping");
        deployment.sandbox.shutdown().await;
        Ok(ExitCode::SUCCESS)
    })
}

fn introduce(deployment: &Deployment, args: &SandboxArgs) -> Result<()> {
    let endpoint = deployment.sandbox.endpoint_url();
    println!("S3, SNS, SQS and Lambda are at {endpoint}; Ctrl-C ends them. In another shell:\n");
    for (name, value) in deployment.sandbox.environment() {
        println!("  export {name}={value}");
    }
    println!(
        "\nThen back up the {} objects of 2016-06-30, look at a copy, and see what happened:\n",
        args.objects
    );
    println!(
        "  aws lambda invoke --function-name {PUBLISHER} --payload fileb://events/date.json /dev/stdout\n  \
         aws s3api head-object --bucket {DEST_BUCKET} --key 2016-06-30/object-000.bin --checksum-mode ENABLED\n  \
         s3-fanout status --stack {}\n  curl -s {endpoint}/_sandbox\n",
        declared::STACK
    );
    println!(
        "The source bucket is {SOURCE_BUCKET}, its copies go to {DEST_BUCKET}. What cannot be copied is in the \
         queue\n{}\nThe functions' logs follow.",
        deployment.sandbox.sqs().url(COPIER_FAILURES)?
    );
    if let Some(file) = &args.faults {
        println!(
            "Faults happen as {} says, to every client; {endpoint}/_sandbox counts them.",
            file.display()
        );
    }
    if let Some(NamedModel { name, .. }) = &args.model {
        println!("Requests, copies and cold starts take the time of the model {name}.");
    }
    if !args.address.ip().is_loopback() {
        eprintln!(
            "warning: {} can be reached from other machines",
            args.address
        );
    }
    Ok(())
}
