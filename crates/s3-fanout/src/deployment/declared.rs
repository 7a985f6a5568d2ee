//! What CloudFormation says of the system in the sandbox: the same as of template.yaml's, under the same names.

use anyhow::Result;
use sandbox::Sandbox;
use sandbox::cloudformation::{Resource, Stack};

use crate::deployment::{
    COPIER, COPIER_FAILURES, PUBLISHER, PUBLISHER_FAILURES, SUBSCRIPTION_FAILURES, TOPIC,
};

/// The name of the stack.
pub const STACK: &str = "s3-fanout";

/// The failure queues, by their names in the template.
const QUEUES: [(&str, &str); 3] = [
    ("PublisherFailureQueue", PUBLISHER_FAILURES),
    ("SubscriptionFailureQueue", SUBSCRIPTION_FAILURES),
    ("CopierFailureQueue", COPIER_FAILURES),
];

/// Declares the stack. A queue or a topic that there is not yet is made.
pub fn declare(sandbox: &Sandbox) -> Result<()> {
    let mut stack = Stack {
        name: STACK.to_owned(),
        ..Stack::default()
    };
    let mut add = |[logical_id, output, kind]: [&str; 3], physical_id: &str| {
        let output = (output.to_owned(), physical_id.to_owned());
        stack.outputs.push(output);
        stack.resources.push(Resource {
            logical_id: logical_id.to_owned(),
            physical_id: physical_id.to_owned(),
            kind: kind.to_owned(),
        });
    };
    for (id, output, name) in [
        ("PublisherFunction", "PublisherFunctionName", PUBLISHER),
        ("CopierFunction", "CopierFunctionName", COPIER),
    ] {
        add([id, output, "AWS::Lambda::Function"], name);
    }
    let topic = sandbox.sns().create_topic(TOPIC)?;
    add(["Topic", "TopicArn", "AWS::SNS::Topic"], &topic);
    for (id, name) in QUEUES {
        let url = sandbox.sqs().create_queue(name)?;
        add([id, &format!("{id}Url"), "AWS::SQS::Queue"], &url);
    }
    sandbox.declare_stack(stack);
    Ok(())
}
