//! SNS's HTTP API: which action a form asks for, and its answer.

use http::{Method, Request, Response};
use hyper::body::Incoming;
use serde::Deserialize;

use super::actions::ACTIONS;
use super::batch::Batch;
use super::form::Form;
use super::message::Message;
use super::topic::Subscription;
use super::xml::{refuse, success};
use super::{Error, Sns, faulty};
use crate::Requests;
use crate::body::{self, Body, ReadError};
use crate::faults::Closed;
use crate::origin::Origin;
use crate::timing::Arrival;
use crate::xml::{element, text};

/// Room for a batch over the limit, which deserves the error that says so: ten messages of
/// 256 KB, with every byte percent-encoded.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// Answers one request to SNS, unless a fault closes its connection.
pub(crate) async fn respond(
    sns: &Sns,
    requests: &Requests,
    arrival: &Arrival,
    request: Request<Incoming>,
) -> Result<Response<Body>, Closed> {
    let origin = request.extensions().get().cloned().unwrap_or_default();
    let answer = match read(requests, request).await {
        Ok((action, form)) => {
            arrival.asks_for(&action);
            let act = |form| act(sns, &action, form, &origin);
            faulty::serve(&sns.faults, &action, form, act).await?
        }
        Err(error) => Err(error),
    };
    Ok(answer.unwrap_or_else(|error| refuse(error.code(), error.status(), &error.to_string())))
}

/// The action a request asks for, and its parameters.
async fn read(requests: &Requests, request: Request<Incoming>) -> Result<(String, Form), Error> {
    if request.method() != Method::POST || request.uri().path() != "/" {
        return Err(Error::Malformed("SNS takes a form by POST to /"));
    }
    let body = body::read(request.into_body(), MAX_BODY_BYTES).await;
    let body = body.map_err(|error| match error {
        ReadError::TooLong => Error::Malformed("too long"),
        ReadError::Broken => Error::Malformed("it could not be read"),
    })?;
    let mut form = Form::parse(&body)?;
    let action = form.take("Action").unwrap_or_default();
    form.take("Version");
    if !ACTIONS.contains(&action.as_str()) {
        return Err(Error::InvalidAction(action));
    }
    requests.count("sns", &action);
    Ok((action, form))
}

fn act(sns: &Sns, action: &str, form: Form, origin: &Origin) -> Result<Response<Body>, Error> {
    let result = match action {
        "CreateTopic" => create_topic(sns, form)?,
        "Subscribe" => subscribe(sns, form)?,
        "ListTopics" => list_topics(sns, form)?,
        "ListSubscriptionsByTopic" => list_subscriptions(sns, form)?,
        "Publish" => publish(sns, form, origin)?,
        _ => publish_batch(sns, form, origin)?,
    };
    Ok(success(action, &result))
}

fn create_topic(sns: &Sns, mut form: Form) -> Result<String, Error> {
    let name = form.require("Name")?;
    let mut kms_key_id = None;
    for (name, value) in attributes(&mut form)? {
        if name != "KmsMasterKeyId" {
            return Err(no_attribute(&name));
        }
        kms_key_id = Some(value);
    }
    form.finish()?;
    let arn = sns.create_topic_with(&name, kms_key_id.as_deref())?;
    Ok(text("TopicArn", &arn))
}

fn subscribe(sns: &Sns, mut form: Form) -> Result<String, Error> {
    let topic_arn = form.require("TopicArn")?;
    let protocol = form.require("Protocol")?;
    let endpoint = form.require("Endpoint")?;
    // A subscription of a function needs no confirmation: its ARN is always returned.
    form.take("ReturnSubscriptionArn");
    let mut dead_letters = None;
    for (name, value) in attributes(&mut form)? {
        if name != "RedrivePolicy" {
            return Err(no_attribute(&name));
        }
        dead_letters = Some(dead_letter_target(&value)?);
    }
    form.finish()?;
    if protocol != "lambda" {
        let problem = format!("Protocol Reason: the sandbox delivers to lambda, not {protocol}");
        return Err(Error::InvalidParameter(problem));
    }
    let arn = sns.subscribe_with(&topic_arn, &endpoint, dead_letters.as_deref())?;
    Ok(text("SubscriptionArn", &arn))
}

/// The attributes that a topic or a subscription is to have.
fn attributes(form: &mut Form) -> Result<Vec<(String, String)>, Error> {
    let entries = form.take_list("Attributes", "entry").into_iter();
    let pairs = entries.map(|mut entry| {
        let pair = (entry.require("key")?, entry.require("value")?);
        entry.finish()?;
        Ok(pair)
    });
    pairs.collect()
}

fn no_attribute(name: &str) -> Error {
    Error::InvalidParameter(format!(
        "Attributes Reason: the sandbox has no attribute {name}"
    ))
}

/// The queue of a redrive policy
/// (<https://docs.aws.amazon.com/sns/latest/dg/sns-configure-dead-letter-queue.html>).
fn dead_letter_target(policy: &str) -> Result<String, Error> {
    let policy: Result<RedrivePolicy, _> = serde_json::from_str(policy);
    let policy = policy.map_err(|error| {
        Error::InvalidParameter(format!(
            "RedrivePolicy Reason: failed to parse JSON: {error}"
        ))
    })?;
    Ok(policy.dead_letter_target_arn)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RedrivePolicy {
    dead_letter_target_arn: String,
}

fn list_topics(sns: &Sns, form: Form) -> Result<String, Error> {
    form.finish()?;
    let topics = sns.topics();
    let members = topics
        .iter()
        .map(|arn| element("member", &text("TopicArn", arn)));
    Ok(element("Topics", &members.collect::<String>()))
}

fn list_subscriptions(sns: &Sns, mut form: Form) -> Result<String, Error> {
    let topic_arn = form.require("TopicArn")?;
    form.finish()?;
    let member = |subscription: Subscription| {
        let fields = [
            text("SubscriptionArn", &subscription.arn),
            text("Owner", crate::account::ACCOUNT_ID),
            text("Protocol", "lambda"),
            text("Endpoint", &subscription.endpoint),
            text("TopicArn", &topic_arn),
        ];
        element("member", &fields.concat())
    };
    let members = sns.topic(&topic_arn)?.subscriptions.into_iter().map(member);
    Ok(element("Subscriptions", &members.collect::<String>()))
}

fn publish(sns: &Sns, mut form: Form, origin: &Origin) -> Result<String, Error> {
    let topic_arn = form.require("TopicArn")?;
    let message = Message::take(&mut form)?;
    form.finish()?;
    sns.ask(&topic_arn, origin)?;
    sns.admit(1)?;
    let id = sns.publish_message(&topic_arn, &message, origin.trace.as_ref())?;
    Ok(text("MessageId", &id))
}

fn publish_batch(sns: &Sns, mut form: Form, origin: &Origin) -> Result<String, Error> {
    let topic_arn = form.require("TopicArn")?;
    let entries = form.take_list("PublishBatchRequestEntries", "member");
    form.finish()?;
    let batch = Batch::take(entries)?;
    sns.ask(&topic_arn, origin)?;
    sns.admit(batch.entries.len())?;
    let (mut successful, mut failed) = (String::new(), String::new());
    for (id, message) in batch.entries {
        let published = message.and_then(|message| {
            faulty::check_entry(&sns.faults, &message.text)?;
            sns.publish_message(&topic_arn, &message, origin.trace.as_ref())
        });
        match published {
            Ok(message_id) => {
                let fields = text("Id", &id) + &text("MessageId", &message_id);
                successful += &element("member", &fields);
            }
            Err(error) => {
                let sender_fault = if error == Error::Internal {
                    "false"
                } else {
                    "true"
                };
                let fields = [
                    text("Id", &id),
                    text("Code", error.code()),
                    text("Message", &error.to_string()),
                    text("SenderFault", sender_fault),
                ];
                failed += &element("member", &fields.concat());
            }
        }
    }
    Ok(element("Successful", &successful) + &element("Failed", &failed))
}
