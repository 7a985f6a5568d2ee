//! The publisher invokes itself when its time is up before its run is complete.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use backup::aws::Cause;
use serde_json::Value;

/// Hands Lambda the event for the function, to be invoked with when it can.
///
/// # Errors
/// Lambda did not take it.
pub async fn invoke(client: &Client, function_arn: &str, event: &Value) -> Result<(), Cause> {
    client
        .invoke()
        .function_name(function_arn)
        .invocation_type(InvocationType::Event)
        .payload(Blob::new(event.to_string()))
        .send()
        .await?;
    Ok(())
}
