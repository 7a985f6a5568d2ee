"""The stack that CloudFormation would make of template.yaml: SAM's transform, conditions and references resolved.

By the engine of ministack (the version of second-opinions.txt), which also refuses wrong parameters as AWS does.
"""

import copy
import logging
import pathlib
import re

from ministack.core.responses import set_request_account_id, set_request_region
from ministack.services.cloudformation import engine
from samtranslator.translator.transform import transform

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEMPLATE = engine._parse_template((ROOT / "template.yaml").read_text())
README = (ROOT / "README.md").read_text()

# As in the README's policies.
ACCOUNT, REGION, NAME = "111111111111", "eu-west-1", "s3-fanout"
set_request_account_id(ACCOUNT)
set_request_region(REGION)
# The transform has metrics of its own, and complains that nobody publishes them.
logging.getLogger("samtranslator.metrics.metrics").setLevel(logging.ERROR)

# The two parameters without a default, and a value for every optional one that switches something on.
REQUIRED = {"SourceBucket": "acme-data", "DestinationBucket": "acme-backup"}
OPTIONAL = {
    "AlarmEmail": "operations@example.com",
    "CreateDestinationBucket": "true",
    "DestinationBucketOwner": "222222222222",
    "DestinationKmsKeyArn": "arn:aws:kms:eu-west-1:222222222222:key/destination",
    "DestinationPrefix": "backup/",
    "EndpointUrl": "https://s3.example.com",
    "KmsKeyArn": "arn:aws:kms:eu-west-1:111111111111:key/messages",
    "MaxCopiesInFlight": "50",
    "RequestPayer": "requester",
    "SourceBucketOwner": "222222222222",
    "SourceKmsKeyArn": "arn:aws:kms:eu-west-1:222222222222:key/source",
    "SourceRegion": "eu-central-1",
    "Tracing": "Active",
}
SAME_BUCKET = {"SourceBucket": "acme-data", "DestinationBucket": "acme-data", "DestinationPrefix": "backup/"}


class Stack:
    """The stack of a set of parameters; a ValueError, where CloudFormation would refuse these."""

    def __init__(self, **given):
        values = {**REQUIRED, **given}
        parameters = engine._resolve_parameters(TEMPLATE, [{"Key": k, "Value": v} for k, v in values.items()])
        conditions = engine._evaluate_conditions(TEMPLATE, parameters)
        engine._evaluate_rules(TEMPLATE, parameters, conditions)
        plain = {name: parameter["Value"] for name, parameter in parameters.items()}
        template = transform(uploaded(TEMPLATE), plain, NoManagedPolicies())
        made = {
            name: resource
            for name, resource in template["Resources"].items()
            if conditions.get(resource.get("Condition"), True)
        }
        identities = {name: identity(name, resource["Type"], plain) for name, resource in made.items()}

        def resolve(value):
            return engine._resolve_refs(value, identities, parameters, conditions, {}, NAME, NAME)

        self.resources = {name: resolve(resource) for name, resource in made.items()}
        self.outputs = {name: resolve(output["Value"]) for name, output in template["Outputs"].items()}

    def of_type(self, kind):
        """Resources of a type, by name."""
        return {name: one["Properties"] for name, one in self.resources.items() if one["Type"] == kind}

    def policy_of(self, kind, list_name, target):
        """The policy document that a topic or a queue is given."""
        documents = [one["PolicyDocument"] for one in self.of_type(kind).values() if target in one[list_name]]
        assert len(documents) == 1, f"{target} has {len(documents)} policies, and the last one made would be its only"
        return documents[0]


class NoManagedPolicies:
    """The transform asks for AWS's managed policies; none is named in the template."""

    def load(self):
        return {}


def uploaded(template):
    """The template as SAM leaves it when it has uploaded the functions."""
    template = copy.deepcopy(template)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    return template


def identity(name, kind, parameters):
    """What Ref and GetAtt yield for a resource."""
    unique = f"{NAME}-{name}-EXAMPLE"
    arn = {
        "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{unique}",
        "AWS::SNS::Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{unique}",
        "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{unique}",
        "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{unique}",
        "AWS::S3::Bucket": f"arn:aws:s3:::{parameters['DestinationBucket']}",
        "AWS::CloudWatch::Alarm": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{unique}",
        "AWS::CloudWatch::CompositeAlarm": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{unique}",
    }.get(kind)
    physical = {
        "AWS::SNS::Topic": arn,
        "AWS::SQS::Queue": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{unique}",
        "AWS::S3::Bucket": parameters["DestinationBucket"],
    }.get(kind, unique)
    names = {"AWS::SNS::Topic": "TopicName", "AWS::SQS::Queue": "QueueName"}
    attributes = {"Arn": arn} if arn else {}
    if kind in names:
        attributes[names[kind]] = unique
    return {"PhysicalResourceId": physical, "Attributes": attributes}


def run_checks(module):
    """Runs every function of a module that begins with check_, and names each."""
    checks = {name: one for name, one in module.items() if re.match("check_", name)}
    assert checks, "there is nothing to check"
    for name, check in checks.items():
        check()
        print("ok:", name.removeprefix("check_").replace("_", " "))
