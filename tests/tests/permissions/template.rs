//! The template as CloudFormation reads it: with the values of its parameters, and its functions resolved.

use std::collections::BTreeMap;
use std::path::PathBuf;

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

pub const REGION: &str = "us-east-1";
pub const ACCOUNT: &str = sandbox::s3::ACCOUNT_ID;

/// The template with values for some of its parameters; the others have their defaults.
pub struct Template {
    root: Value,
    parameters: BTreeMap<String, String>,
}

impl Template {
    pub fn read(given: &[(&str, &str)]) -> Template {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        let text = std::fs::read_to_string(path).unwrap();
        let root = json(&Yaml::load_from_str(&text).unwrap()[0]);
        let mut parameters = BTreeMap::new();
        for (name, declared) in root["Parameters"].as_object().unwrap() {
            let given = given.iter().find(|(given, _)| given == name);
            let default = || scalar(&declared["Default"]);
            let value = given.map_or_else(default, |(_, value)| (*value).to_owned());
            parameters.insert(name.clone(), value);
        }
        Template { root, parameters }
    }

    /// The properties of a resource.
    pub fn properties(&self, id: &str) -> Value {
        let properties = &self.root["Resources"][id]["Properties"];
        self.resolve(properties).expect("a resource has properties")
    }

    /// The resources of a type that this deployment has.
    pub fn of_type(&self, kind: &str) -> Vec<String> {
        let resources = self.root["Resources"].as_object().unwrap().iter();
        let of_type = resources.filter(|(_, resource)| resource["Type"] == kind);
        of_type
            .filter(|(_, resource)| match resource["Condition"].as_str() {
                Some(condition) => self.holds(&json!({ "Condition": condition })),
                None => true,
            })
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// The variables of a function, those of all functions included.
    pub fn environment(&self, function: &str) -> Vec<(String, String)> {
        let of_all = &self.root["Globals"]["Function"]["Environment"]["Variables"];
        let own = &self.properties(function)["Environment"]["Variables"];
        let of_all = self.resolve(of_all).unwrap();
        let variables = [&of_all, own].map(|variables| variables.as_object().unwrap());
        variables
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), scalar(value)))
            .collect()
    }

    /// `None` is `AWS::NoValue`.
    fn resolve(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Array(items) => {
                Some(items.iter().filter_map(|item| self.resolve(item)).collect())
            }
            Value::Object(fields) => match single(fields) {
                Some(("Ref", name)) => self.reference(name.as_str()?),
                Some(("Fn::Sub", text)) => Some(self.substituted(text.as_str()?).into()),
                Some(("Fn::GetAtt", path)) => {
                    Some(self.attribute(path[0].as_str()?, path[1].as_str()?).into())
                }
                Some(("Fn::If", branches)) => {
                    let condition = json!({ "Condition": branches[0] });
                    self.resolve(&branches[if self.holds(&condition) { 1 } else { 2 }])
                }
                Some((name, _)) if name.starts_with("Fn::") => panic!("{name} is not known here"),
                _ => {
                    let fields = fields.iter();
                    let resolved = fields
                        .filter_map(|(name, value)| Some((name.clone(), self.resolve(value)?)));
                    Some(Value::Object(resolved.collect()))
                }
            },
            _ => Some(value.clone()),
        }
    }

    fn holds(&self, condition: &Value) -> bool {
        let (name, operands) = single(condition.as_object().unwrap()).unwrap();
        let all = || operands.as_array().unwrap();
        match name {
            "Condition" => self.holds(&self.root["Conditions"][operands.as_str().unwrap()]),
            "Fn::Not" => !self.holds(&operands[0]),
            "Fn::And" => all().iter().all(|operand| self.holds(operand)),
            "Fn::Or" => all().iter().any(|operand| self.holds(operand)),
            "Fn::Equals" => {
                let [left, right] = [0, 1].map(|n| scalar(&self.resolve(&operands[n]).unwrap()));
                left == right
            }
            other => panic!("{other} is no condition"),
        }
    }

    fn reference(&self, name: &str) -> Option<Value> {
        let value = match name {
            "AWS::NoValue" => return None,
            "AWS::Partition" => "aws",
            "AWS::URLSuffix" => "amazonaws.com",
            "AWS::Region" => REGION,
            "AWS::AccountId" => ACCOUNT,
            "AWS::StackName" => "stack",
            _ => match self.parameters.get(name) {
                Some(value) => value,
                None if self.root["Resources"][name]["Type"] == "AWS::SNS::Topic" => {
                    return Some(arn("sns", name).into());
                }
                // A resource's name, also of those that SAM makes.
                None => name,
            },
        };
        Some(value.into())
    }

    fn attribute(&self, id: &str, name: &str) -> String {
        let kind = self.root["Resources"][id]["Type"]
            .as_str()
            .unwrap_or_default();
        match (kind, name) {
            ("AWS::SQS::Queue", "Arn") => arn("sqs", id),
            ("AWS::Serverless::Function", "Arn") => arn("lambda", &format!("function:{id}")),
            _ => format!("{id}.{name}"),
        }
    }

    fn substituted(&self, text: &str) -> String {
        let Some((before, rest)) = text.split_once("${") else {
            return text.to_owned();
        };
        let (name, after) = rest.split_once('}').unwrap();
        let value = match name.split_once('.') {
            Some((id, attribute)) => self.attribute(id, attribute),
            None => scalar(&self.reference(name).unwrap()),
        };
        format!("{before}{value}{}", self.substituted(after))
    }
}

/// The text of a scalar, as a variable or a parameter has it.
pub fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        other => panic!("{other} is no scalar"),
    }
}

fn arn(service: &str, name: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{name}")
}

fn single(fields: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut fields = fields.iter();
    let (name, value) = fields.next()?;
    fields.next().is_none().then_some((name, value))
}

/// YAML with its tags in their long form: `!Sub text` is `{"Fn::Sub": text}`
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html>).
fn json(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Sequence(items) => items.iter().map(json).collect(),
        Yaml::Mapping(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, value)| (scalar(&json(name)), json(value)));
            Value::Object(fields.collect())
        }
        Yaml::Tagged(tag, node) => tagged(&tag.suffix, json(node)),
        Yaml::Value(Scalar::String(text)) => text.as_ref().into(),
        Yaml::Value(Scalar::Integer(number)) => (*number).into(),
        Yaml::Value(Scalar::Boolean(truth)) => (*truth).into(),
        Yaml::Value(Scalar::Null) => Value::Null,
        other => panic!("{other:?} is not known here"),
    }
}

fn tagged(tag: &str, value: Value) -> Value {
    match (tag, &value) {
        ("Ref" | "Condition", _) => json!({ tag: value }),
        ("GetAtt", Value::String(path)) => {
            let (id, attribute) = path.split_once('.').unwrap();
            json!({ "Fn::GetAtt": [id, attribute] })
        }
        _ => json!({ format!("Fn::{tag}"): value }),
    }
}
