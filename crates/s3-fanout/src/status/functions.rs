//! How many invocations of a function may run at once, as Lambda tells it.

use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use backup::aws::Cause;

use super::Unread;

const PERMISSION: &str = "lambda:GetFunctionConcurrency";

/// The concurrency reserved for a function; none, if it shares the account's.
pub async fn reserved_concurrency(
    sdk: &SdkConfig,
    function: Option<&str>,
) -> Result<Option<i32>, Unread> {
    let Some(function) = function else {
        return Ok(None);
    };
    let asked = Client::new(sdk)
        .get_function_concurrency()
        .function_name(function);
    match asked.send().await.map_err(Cause::from) {
        Ok(answer) => Ok(answer.reserved_concurrent_executions),
        Err(cause) => {
            let what = format!("the concurrency reserved for {function}");
            Err(Unread::new(what, PERMISSION, &cause))
        }
    }
}
