//! The stack: what template.yaml made, as CloudFormation tells it.

use anyhow::{Result, anyhow, bail};
use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{self, ResourceStatus, StackResource};
use backup::aws::Cause;
use jiff::Timestamp;

use super::{Unread, unread};
use crate::access::place;

/// How many other stacks are looked through for one of ours.
const MAX_OTHERS: usize = 500;

const DESCRIBE: &str = "cloudformation:DescribeStacks";
const RESOURCES: &str = "cloudformation:DescribeStackResources";

/// A queue that keeps what failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Days that were not listed or not wholly published.
    Publisher,
    /// Messages that SNS could not hand to the copier.
    Subscription,
    /// Objects that were not copied.
    Copier,
}

impl Queue {
    /// All of them, each at its own number.
    pub const ALL: [Queue; 3] = [Queue::Publisher, Queue::Subscription, Queue::Copier];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Queue::Publisher => "publisher",
            Queue::Subscription => "subscription",
            Queue::Copier => "copier",
        }
    }

    /// Its names in template.yaml, as a resource and as an output.
    fn ids(self) -> [&'static str; 2] {
        match self {
            Queue::Publisher => ["PublisherFailureQueue", "PublisherFailureQueueUrl"],
            Queue::Subscription => ["SubscriptionFailureQueue", "SubscriptionFailureQueueUrl"],
            Queue::Copier => ["CopierFailureQueue", "CopierFailureQueueUrl"],
        }
    }
}

/// A deployed stack.
#[derive(Debug, Clone, Default)]
pub struct Stack {
    /// Its name.
    pub name: String,
    /// Its state, such as `UPDATE_COMPLETE`; unknown if it may not be described.
    pub state: Option<String>,
    /// When it was made or last changed.
    pub changed: Option<Timestamp>,
    /// When the schedule fires, unless it is switched off or unknown.
    pub schedule: Option<String>,
    /// The publisher's name.
    pub publisher: Option<String>,
    /// The copier's name.
    pub copier: Option<String>,
    /// The topic's ARN.
    pub topic: Option<String>,
    /// Where the failure queues are, in the order of [`Queue::ALL`].
    pub queues: [Option<String>; 3],
    /// Where the publisher and the copier log.
    pub logs: [Option<String>; 2],
    /// Resources that are not in order, with their states.
    pub broken: Vec<String>,
}

impl Stack {
    /// Looks for a stack by its name.
    ///
    /// # Errors
    /// There is none, it is none of ours, or we may not know.
    pub async fn find(sdk: &SdkConfig, name: &str, missing: &mut Vec<Unread>) -> Result<Stack> {
        let client = Client::new(sdk);
        let describe = client.describe_stacks().stack_name(name).send().await;
        let described = match describe.map_err(Cause::from) {
            Ok(answer) => Ok(answer.stacks.unwrap_or_default().into_iter().next()),
            Err(cause) if cause.to_string().contains("does not exist") => {
                return Err(no_such_stack(&client, name, &place(sdk)).await);
            }
            Err(cause) if cause.status.is_none() => {
                let place = place(sdk);
                bail!(
                    "CloudFormation {place} does not answer: {cause}; correct --endpoint-url or --region"
                );
            }
            Err(cause) => Err(Unread::new("the stack's state", DESCRIBE, &cause)),
        };
        let resources = client.describe_stack_resources().stack_name(name);
        let resources = resources.send().await.map_err(Cause::from);
        let resources = resources
            .map(|answer| answer.stack_resources.unwrap_or_default())
            .map_err(|cause| Unread::new("the stack's resources", RESOURCES, &cause));
        if let (Err(one), Err(other)) = (&described, &resources) {
            bail!(
                "the stack {name:?} {} cannot be looked at: {}; {}; another --profile may have them",
                place(sdk),
                one.line(),
                other.line()
            );
        }
        let described = unread::kept(described, missing).flatten();
        let resources = unread::kept(resources, missing).unwrap_or_default();
        let stack = Stack::of(name, described.as_ref(), &resources);
        if stack.publisher.is_none() && stack.copier.is_none() {
            let state = stack.state.as_deref().unwrap_or("in a state unknown");
            bail!(
                "the stack {name:?} {} ({state}) has neither a PublisherFunction nor a CopierFunction: name one that \
                 was deployed from template.yaml, or see `aws cloudformation describe-stack-events`",
                place(sdk)
            );
        }
        Ok(stack)
    }

    /// What CloudFormation tells of a stack. The outputs say it all; the resources do for what they lack.
    pub fn of(name: &str, described: Option<&types::Stack>, resources: &[StackResource]) -> Stack {
        let gone =
            |one: &&StackResource| one.resource_status() == Some(&ResourceStatus::DeleteComplete);
        let resources: Vec<_> = resources.iter().filter(|one| !gone(one)).collect();
        let known = |resource: &str, output: &str| {
            let outputs = described.map(types::Stack::outputs).unwrap_or_default();
            let output = outputs.iter().find(|one| one.output_key() == Some(output));
            let resource = resources
                .iter()
                .find(|one| one.logical_resource_id() == Some(resource));
            output
                .and_then(|output| output.output_value())
                .or(resource.and_then(|resource| resource.physical_resource_id()))
                .map(str::to_owned)
        };
        let parameter = |name: &str| {
            let all = described.map(types::Stack::parameters).unwrap_or_default();
            let one = all.iter().find(|one| one.parameter_key() == Some(name));
            one.and_then(|one| one.parameter_value())
        };
        let enabled = parameter("ScheduleState") == Some("ENABLED");
        let made = described.and_then(types::Stack::creation_time);
        let changed = described.and_then(types::Stack::last_updated_time).or(made);
        let broken = resources.iter().filter_map(|resource| {
            let state = resource.resource_status()?.as_str();
            let id = resource.logical_resource_id()?;
            state
                .ends_with("FAILED")
                .then(|| format!("{id} is {state}"))
        });
        Stack {
            name: name.to_owned(),
            state: described
                .and_then(types::Stack::stack_status)
                .map(|state| state.as_str().to_owned()),
            changed: changed.and_then(time),
            schedule: parameter("ScheduleExpression")
                .filter(|_| enabled)
                .map(str::to_owned),
            publisher: known("PublisherFunction", "PublisherFunctionName"),
            copier: known("CopierFunction", "CopierFunctionName"),
            topic: known("Topic", "TopicArn"),
            queues: Queue::ALL.map(|queue| known(queue.ids()[0], queue.ids()[1])),
            logs: [
                known("PublisherLogGroup", "PublisherLogGroupName"),
                known("CopierLogGroup", "CopierLogGroupName"),
            ],
            broken: broken.collect(),
        }
    }

    /// The topic's name.
    pub fn topic_name(&self) -> Option<&str> {
        self.topic.as_deref()?.rsplit(':').next()
    }

    /// A queue's URL.
    pub fn queue(&self, queue: Queue) -> Option<&str> {
        self.queues[queue as usize].as_deref()
    }
}

/// There is no such stack; maybe it is another of ours that was meant.
async fn no_such_stack(client: &Client, name: &str, place: &str) -> anyhow::Error {
    let advice = match ours(client).await.as_deref() {
        Some([]) => {
            "no stack there is one of s3-fanout; correct --stack, --region or --profile".to_owned()
        }
        Some(names) => format!("those of s3-fanout there are {}", names.join(", ")),
        None => "correct --stack, --region or --profile".to_owned(),
    };
    anyhow!("there is no stack {name:?} {place}: {advice}")
}

/// The names of the stacks that have what ours have, if we may know.
async fn ours(client: &Client) -> Option<Vec<String>> {
    let mut stacks = client.describe_stacks().into_paginator().items().send();
    let mut ours = Vec::new();
    for _ in 0..MAX_OTHERS {
        let Some(stack) = stacks.next().await else {
            break;
        };
        let stack = stack.ok()?;
        let key = Some("CopierFunctionName");
        if stack.outputs().iter().any(|one| one.output_key() == key) {
            ours.extend(stack.stack_name);
        }
    }
    Some(ours)
}

fn time(time: &aws_sdk_cloudformation::primitives::DateTime) -> Option<Timestamp> {
    Timestamp::from_second(time.secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::super::example::{NOW, URL, at};
    use super::*;

    #[test]
    fn the_stack_is_known_by_its_outputs_or_else_by_its_resources() {
        let output = |key: &str, value: &str| {
            let output = types::Output::builder();
            output.output_key(key).output_value(value).build()
        };
        let described = types::Stack::builder()
            .stack_name("backup")
            .stack_status(types::StackStatus::CreateComplete)
            .creation_time(aws_sdk_cloudformation::primitives::DateTime::from_secs(at(
                NOW,
            )))
            .parameters(
                types::Parameter::builder()
                    .parameter_key("ScheduleState")
                    .parameter_value("ENABLED")
                    .build(),
            )
            .parameters(
                types::Parameter::builder()
                    .parameter_key("ScheduleExpression")
                    .parameter_value("rate(1 day)")
                    .build(),
            )
            .outputs(output("CopierFunctionName", "the-copier"))
            .build();
        let resource = |id: &str, physical: &str, state| {
            types::StackResource::builder()
                .logical_resource_id(id)
                .physical_resource_id(physical)
                .resource_status(state)
                .build()
        };
        let resources = [
            resource(
                "CopierFunction",
                "another",
                types::ResourceStatus::UpdateComplete,
            ),
            resource(
                "CopierFailureQueue",
                URL,
                types::ResourceStatus::CreateComplete,
            ),
            resource(
                "PublisherFunction",
                "gone",
                types::ResourceStatus::DeleteComplete,
            ),
            resource("Topic", "a:b:jobs", types::ResourceStatus::UpdateFailed),
        ];
        let stack = Stack::of("backup", Some(&described), &resources);
        assert_eq!(stack.copier.as_deref(), Some("the-copier"));
        assert_eq!(stack.publisher, None);
        assert_eq!(stack.queues, [None, None, Some(URL.to_owned())]);
        assert_eq!(stack.topic_name(), Some("jobs"));
        assert_eq!(stack.schedule.as_deref(), Some("rate(1 day)"));
        assert_eq!(stack.changed, NOW.parse().ok());
        assert_eq!(stack.broken, ["Topic is UPDATE_FAILED"]);
    }
}
