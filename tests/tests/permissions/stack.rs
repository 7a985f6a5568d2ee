//! The template's functions in a sandbox, with the template's environment, and what they need of their roles.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sandbox::lambda::Function;
use serde_json::Value;
use tests::{World, function};

use crate::grants::Permission;
use crate::template::Template;

pub const PUBLISHER: &str = "PublisherFunction";
pub const COPIER: &str = "CopierFunction";

/// What each function was found to need.
pub type Needed = Arc<Mutex<BTreeMap<String, BTreeSet<Permission>>>>;

/// A deployed stack.
pub struct Stack {
    pub world: World,
    pub topic: String,
}

impl Stack {
    /// Deploys the template and adds what its functions need from now on.
    pub async fn deploy(template: &Template, needed: &Needed) -> Stack {
        let world = World::start().await;
        let needed = Arc::clone(needed);
        world.sandbox.iam().watch(move |asked| {
            let mut needed = needed.lock().unwrap();
            let of_function = needed.entry(asked.function.to_owned()).or_default();
            of_function.insert(Permission {
                action: asked.action.to_owned(),
                resource: asked.resource.to_owned(),
                via: Some(asked.via.to_owned()),
            });
        });
        for queue in template.of_type("AWS::SQS::Queue") {
            let key = key(&template.properties(&queue));
            let queues = world.sandbox.sqs();
            queues.create_queue_with(&queue, key.as_deref()).unwrap();
        }
        let key = key(&template.properties("Topic"));
        let topics = world.sandbox.sns();
        let topic = topics.create_topic_with("Topic", key.as_deref()).unwrap();
        let lambda = world.sandbox.lambda();
        let publisher = Function {
            // A second of work, and as much to stop in.
            timeout: Duration::from_secs(2),
            ..built("publisher", PUBLISHER, template)
        };
        lambda.create_function(publisher).unwrap();
        let copier = built("copier", COPIER, template);
        let copier = lambda.create_function(copier).unwrap();
        topics.subscribe(&topic, &copier).unwrap();
        Stack { world, topic }
    }

    /// Invokes the publisher and waits until all that came of it is done.
    pub async fn publish(&self, event: Value) {
        let lambda = self.world.sandbox.lambda();
        lambda.invoke_async(PUBLISHER, event.to_string()).unwrap();
        lambda.idle().await;
    }

    /// Has the copier copy the object of a key, or fail to.
    pub async fn copy(&self, key: &str) {
        self.world.sandbox.sns().publish(&self.topic, key).unwrap();
        self.world.sandbox.lambda().idle().await;
    }
}

fn built(binary: &str, id: &str, template: &Template) -> Function {
    let destination = &template.properties(id)["EventInvokeConfig"]["DestinationConfig"];
    Function {
        name: id.to_owned(),
        environment: template.environment(id),
        on_failure: destination["OnFailure"]["Destination"]
            .as_str()
            .map(str::to_owned),
        ..function(binary, 4, &[])
    }
}

/// The key of a topic or a queue; AWS's own keys are for everyone of the account.
fn key(properties: &Value) -> Option<String> {
    let key = properties["KmsMasterKeyId"].as_str()?;
    key.starts_with("arn:").then(|| key.to_owned())
}
