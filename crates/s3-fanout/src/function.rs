//! `s3-fanout function`: a Lambda function's entry point, as its own binary calls it.

use std::process::ExitCode;

use crate::args::{Function, FunctionArgs};

/// Serves invocations until the sandbox ends the process.
pub fn run(args: FunctionArgs) -> anyhow::Result<ExitCode> {
    // One thread, as in the binaries that are deployed.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let served = runtime.block_on(async {
        match args.name {
            Function::Publisher => publisher::handler::serve().await,
            Function::Copier => copier::handler::serve().await,
        }
    });
    served.map_err(anyhow::Error::from_boxed)?;
    Ok(ExitCode::SUCCESS)
}
