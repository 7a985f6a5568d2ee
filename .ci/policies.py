"""Who may do what, by the policies of a stack's roles and of the resources they use.

Evaluated by ministack's IAM: identity and resource policies with their conditions, within an account and across two,
and KMS keys, whose own policy must always allow.
"""

import json
import re

from ministack.core import iam_evaluator as iam
from stack import ACCOUNT, README, REGION

OTHER_ACCOUNT, THIRD_ACCOUNT = "222222222222", "333333333333"
EVERYTHING = [{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}]
# The key policy that KMS gives a new key: the account's own IAM policies decide.
DEFAULT_KEY_POLICY = {
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ]
}


def pasted():
    """The policies that the README gives to paste, by their ids."""
    documents = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", README, re.DOTALL)]
    return {document["Id"]: document for document in documents if "Statement" in document}


def call(principal, action, arn, tls, context):
    """A call by a principal: its ARN, its type and its account."""
    principal_arn, principal_type, account = principal
    return iam.EvalContext(
        principal_arn=principal_arn,
        principal_type=principal_type,
        principal_account=account,
        action=action,
        resource_arn=arn,
        region=REGION,
        source_ip="198.51.100.1",
        secure_transport=tls,
        service_context={key.replace("_", ":", 1).lower(): value for key, value in context.items()},
    )


class Role:
    """A principal with identity policies."""

    def __init__(self, arn, documents):
        self.arn, self.account, self.documents = arn, arn.split(":")[4], documents

    def statements(self):
        for document in self.documents:
            yield from document["Statement"]

    def may(self, action, arn, policy=None, owner=None, tls=True, **context):
        """Whether a call is allowed; policy and owner are the resource's, context the condition keys (_ for :)."""
        request = call((self.arn, "AssumedRole", self.account), action, arn, tls, context)
        own = iam.evaluate(request, [iam.parse_policy_document(document) for document in self.documents])
        is_key = action.startswith("kms:")
        return iam.combine_resource_policy(own, request, policy, owner, required=is_key).decision == "Allow"


def role(stack, name):
    """A role of the stack, with all that is attached to it."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/s3-fanout-{name}-EXAMPLE"
    documents = [one["PolicyDocument"] for one in stack.resources[name]["Properties"]["Policies"]]
    for attached in stack.of_type("AWS::IAM::Policy").values():
        if arn.endswith("/" + attached["Roles"][0]):
            documents.append(attached["PolicyDocument"])
    return Role(arn, documents)


def service_may(service, action, arn, policy, tls=True, **context):
    """Whether a resource's policy lets in one of AWS's services, which has no role."""
    request = call((service, "AWSService", ""), action, arn, tls, context)
    return iam.evaluate_resource_policy(policy, request, service=service).decision == "Allow"
