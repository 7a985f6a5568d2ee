//! What the template allows a function's role to do, and whether that is what the function needs.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use crate::template::{REGION, Template, scalar};

/// An action that a role may do to a resource, or that a function did.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    pub action: String,
    /// An ARN; of a role's, a pattern.
    pub resource: String,
    /// The service that asks; of a role's, the only one that may.
    pub via: Option<String>,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.action, self.resource)?;
        match &self.via {
            Some(via) => write!(f, " via {via}"),
            None => Ok(()),
        }
    }
}

impl Permission {
    /// Whether a role that has this may do that.
    pub fn allows(&self, needed: &Permission) -> bool {
        self.action == needed.action
            && matches(&self.resource, &needed.resource)
            && (self.via.is_none() || self.via == needed.via)
    }
}

/// Everything that a function's role may do.
pub fn of_role(template: &Template, function: &str) -> BTreeSet<Permission> {
    let properties = template.properties(function);
    let mut granted = BTreeSet::new();
    for policy in listed(&properties["Policies"]) {
        granted.extend(of_statements(&policy["Statement"]));
    }
    let role = Value::from(format!("{function}Role"));
    for id in template.of_type("AWS::IAM::Policy") {
        let policy = template.properties(&id);
        if listed(&policy["Roles"]).contains(&&role) {
            granted.extend(of_statements(&policy["PolicyDocument"]["Statement"]));
        }
    }
    // SAM adds what the destination of failed events needs.
    // https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-onfailure.html
    let on_failure = &properties["EventInvokeConfig"]["DestinationConfig"]["OnFailure"];
    assert_eq!(on_failure["Type"], "SQS");
    granted.insert(Permission {
        action: "sqs:SendMessage".to_owned(),
        resource: scalar(&on_failure["Destination"]),
        via: None,
    });
    granted
}

fn of_statements(statements: &Value) -> Vec<Permission> {
    listed(statements)
        .into_iter()
        .flat_map(of_statement)
        .collect()
}

fn of_statement(statement: &Value) -> Vec<Permission> {
    assert_eq!(statement["Effect"], "Allow", "{statement}");
    let services = services(&statement["Condition"]);
    let mut granted = Vec::new();
    for action in listed(&statement["Action"]).into_iter().map(scalar) {
        assert!(!action.contains('*'), "{action} is more than one action");
        for resource in listed(&statement["Resource"]).into_iter().map(scalar) {
            assert_ne!(resource, "*", "{action} on everything");
            granted.extend(services.iter().map(|via| Permission {
                action: action.clone(),
                resource: resource.clone(),
                via: via.clone(),
            }));
        }
    }
    granted
}

/// The services that a statement's condition lets through; `None` is any.
fn services(condition: &Value) -> Vec<Option<String>> {
    if condition.is_null() {
        return vec![None];
    }
    let services = &condition["StringEquals"]["kms:ViaService"];
    let known = serde_json::json!({ "StringEquals": { "kms:ViaService": services } });
    assert_eq!(*condition, known, "a condition that is not known here");
    let end = format!(".{REGION}.amazonaws.com");
    let hosts = listed(services).into_iter().map(scalar);
    hosts
        .map(|host| Some(host.strip_suffix(&end).expect(&host).to_owned()))
        .collect()
}

/// A list, of which a single member may stand for itself.
fn listed(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        single => vec![single],
    }
}

/// Whether an ARN is what a pattern means, in which `*` is any text
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>).
fn matches(pattern: &str, arn: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == arn,
        Some((before, after)) => arn.strip_prefix(before).is_some_and(|rest| {
            let ends = (0..=rest.len()).filter(|end| rest.is_char_boundary(*end));
            ends.into_iter().any(|end| matches(after, &rest[end..]))
        }),
    }
}
