//! CloudFormation's HTTP API, as far as it describes stacks.

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;

use super::{Declared, Stacks};
use crate::Requests;
use crate::account::ACCOUNT_ID;
use crate::body::{self, Body};
use crate::sns::Form;
use crate::xml::{element, text};

const MAX_BODY_BYTES: usize = 64 * 1024;

const STATUS: &str = "CREATE_COMPLETE";

/// A refusal, for which CloudFormation has one code
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html>).
struct Refused(String);

impl From<crate::sns::Error> for Refused {
    fn from(error: crate::sns::Error) -> Self {
        Self(error.to_string())
    }
}

/// Answers one request to CloudFormation.
pub(crate) async fn respond(
    stacks: &Stacks,
    region: &str,
    requests: &Requests,
    request: Request<Incoming>,
) -> Response<Body> {
    match answer(stacks, region, requests, request).await {
        Ok(xml) => body::answer(StatusCode::OK, "text/xml", xml),
        Err(Refused(message)) => {
            crate::sns::refuse("ValidationError", StatusCode::BAD_REQUEST, &message)
        }
    }
}

async fn answer(
    stacks: &Stacks,
    region: &str,
    requests: &Requests,
    request: Request<Incoming>,
) -> Result<String, Refused> {
    let body = body::read(request.into_body(), MAX_BODY_BYTES).await;
    let body = body.map_err(|_| Refused("the request could not be read".to_owned()))?;
    let mut form = Form::parse(&body)?;
    let action = form.take("Action").unwrap_or_default();
    form.take("Version");
    if !["DescribeStacks", "DescribeStackResources"].contains(&action.as_str()) {
        return Err(Refused(format!(
            "the sandbox's CloudFormation describes stacks only: no {action}"
        )));
    }
    requests.count("cloudformation", &action);
    let name = form.take("StackName");
    form.finish()?;
    let asked = asked(stacks, name.as_deref())?;
    let members = asked.iter().map(|declared| match action.as_str() {
        "DescribeStacks" => described(declared, region),
        _ => resources(declared, region),
    });
    let list = match action.as_str() {
        "DescribeStacks" => "Stacks",
        _ => "StackResources",
    };
    let result = element(list, &members.collect::<String>());
    let result = element(&format!("{action}Result"), &result);
    Ok(element(&format!("{action}Response"), &result))
}

/// The stack of a name, or all where none is named.
fn asked(stacks: &Stacks, name: Option<&str>) -> Result<Vec<Declared>, Refused> {
    let stacks = stacks.lock();
    let Some(name) = name else {
        return Ok(stacks.values().cloned().collect());
    };
    match stacks.get(name) {
        Some(declared) => Ok(vec![declared.clone()]),
        None => Err(Refused(format!("Stack with id {name} does not exist"))),
    }
}

fn described(Declared { stack, at }: &Declared, region: &str) -> String {
    let pairs = |member: [&str; 2], pairs: &[(String, String)]| -> String {
        let members = pairs.iter().map(|(name, value)| {
            element("member", &(text(member[0], name) + &text(member[1], value)))
        });
        members.collect()
    };
    let parameters = pairs(["ParameterKey", "ParameterValue"], &stack.parameters);
    let outputs = pairs(["OutputKey", "OutputValue"], &stack.outputs);
    let fields = [
        text("StackId", &id(region, &stack.name)),
        text("StackName", &stack.name),
        element("Parameters", &parameters),
        text("CreationTime", &at.to_string()),
        text("StackStatus", STATUS),
        element("Outputs", &outputs),
    ];
    element("member", &fields.concat())
}

fn resources(Declared { stack, at }: &Declared, region: &str) -> String {
    let members = stack.resources.iter().map(|resource| {
        let fields = [
            text("StackName", &stack.name),
            text("StackId", &id(region, &stack.name)),
            text("LogicalResourceId", &resource.logical_id),
            text("PhysicalResourceId", &resource.physical_id),
            text("ResourceType", &resource.kind),
            text("Timestamp", &at.to_string()),
            text("ResourceStatus", STATUS),
        ];
        element("member", &fields.concat())
    });
    members.collect()
}

fn id(region: &str, name: &str) -> String {
    format!("arn:aws:cloudformation:{region}:{ACCOUNT_ID}:stack/{name}/sandbox")
}
