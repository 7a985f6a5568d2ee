"""What the deployed stack has to be made of: functions, queues, subscription, schedule and destination bucket."""

import functools
import json
import os
import sys

from botocore.exceptions import ClientError
from check import expect
from day import DEST, PART_SIZE_MIB, SOURCE, THRESHOLD_MIB, client

STACK = "nightly"
PARAMETERS = {
    "Architecture": "x86_64",
    "SourceBucket": SOURCE,
    "DestinationBucket": DEST,
    "CreateDestinationBucket": "true",
    "PartSizeMib": PART_SIZE_MIB,
    "MultipartThresholdMib": THRESHOLD_MIB,
    # A busy ministack answers late, and what failed for that would not be tried again: see NOT_DONE.
    "AnswerTimeoutSecs": 240,
    # Switched on when it is to fire.
    "ScheduleExpression": "rate(1 minute)",
    "ScheduleState": "DISABLED",
}
PLACEHOLDER = "<aws.scheduler.scheduled-time>"


@functools.cache
def outputs():
    [stack] = client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    expect("the stack's state", stack["StackStatus"], "CREATE_COMPLETE")
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def holds(what, found, expected):
    """Expects some of a mapping's entries, whatever else it has."""
    expect(what, {name: found.get(name) for name in expected}, expected)


def has_functions():
    both = {"STACK_NAME": STACK, "SOURCE_BUCKET": SOURCE, "DEST_BUCKET": DEST}
    both["AWS_ENDPOINT_URL"] = os.environ["AWS_ENDPOINT_URL"]
    # The pace of the publisher is that of the copier's reserved concurrency.
    has_function("Publisher", {**both, "TOPIC_ARN": outputs()["TopicArn"], "MAX_COPIES_IN_FLIGHT": "100"})
    sizes = {"PART_SIZE_MIB": str(PART_SIZE_MIB), "MULTIPART_THRESHOLD_MIB": str(THRESHOLD_MIB)}
    has_function("Copier", {**both, **sizes})


def has_function(role, variables):
    name, group = outputs()[f"{role}FunctionName"], outputs()[f"{role}LogGroupName"]
    found = client("lambda").get_function_configuration(FunctionName=name)
    holds(name, found, {"Runtime": "provided.al2023", "Architectures": ["x86_64"], "Timeout": 900})
    holds(f"environment of {name}", found["Environment"]["Variables"], variables)
    expect(f"logging of {name}", found["LoggingConfig"], {"LogFormat": "Text", "LogGroup": group})
    [log] = client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    expect(f"retention of {group} in days", log["retentionInDays"], 90)
    found = client("lambda").get_function_event_invoke_config(FunctionName=name, Qualifier="$LATEST")
    queue = {"OnFailure": {"Destination": queue_arn(f"{role}FailureQueueUrl")}}
    wanted = {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 21600, "DestinationConfig": queue}
    holds(f"asynchronous invocation of {name}", found, wanted)


def queue_arn(output):
    attributes = client("sqs").get_queue_attributes(QueueUrl=outputs()[output], AttributeNames=["All"])["Attributes"]
    holds(output, attributes, {"MessageRetentionPeriod": "1209600", "SqsManagedSseEnabled": "true"})
    return attributes["QueueArn"]


def has_subscription():
    topic = outputs()["TopicArn"]
    [found] = client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    expect("protocol of the subscription", found["Protocol"], "lambda")
    expect("endpoint of the subscription", found["Endpoint"].split(":")[-1], outputs()["CopierFunctionName"])
    answer = client("sns").get_subscription_attributes(SubscriptionArn=found["SubscriptionArn"])
    redrive = json.loads(answer["Attributes"].get("RedrivePolicy", "null"))
    expect("redrive policy", redrive, {"deadLetterTargetArn": queue_arn("SubscriptionFailureQueueUrl")})


def has_destination():
    s3 = client("s3")
    expect("versioning", s3.get_bucket_versioning(Bucket=DEST).get("Status"), "Enabled")
    block = s3.get_public_access_block(Bucket=DEST)["PublicAccessBlockConfiguration"]
    expect("public access", set(block.values()), {True})
    statements = json.loads(s3.get_bucket_policy(Bucket=DEST)["Policy"])["Statement"]
    expect("policy of the destination bucket", [statement["Sid"] for statement in statements], ["TlsOnly"])


def has_schedule():
    found = client("scheduler").get_schedule(Name=f"{STACK}-daily")
    wanted = {"ScheduleExpression": "rate(1 minute)", "ScheduleExpressionTimezone": "UTC", "State": "DISABLED"}
    holds("schedule", found, wanted)
    target = found["Target"]
    expect("target of the schedule", target["Arn"].split(":")[-1], outputs()["PublisherFunctionName"])
    expect("input of the schedule", json.loads(target["Input"]), {"scheduled_time": PLACEHOLDER})
    retries = {"MaximumRetryAttempts": 20, "MaximumEventAgeInSeconds": 21600}
    expect("retries of the schedule", target["RetryPolicy"], retries)
    expect("queue of the schedule", target["DeadLetterConfig"], {"Arn": queue_arn("PublisherFailureQueueUrl")})


def lacks_what_ministack_ignores():
    """So that NOT_DONE stays true: who brings a newer ministack is told what can be checked then."""
    found = client("lambda").get_function_concurrency(FunctionName=outputs()["CopierFunctionName"])
    expect("reserved concurrency of the copier", found.get("ReservedConcurrentExecutions"), None)
    try:
        client("s3").get_bucket_lifecycle_configuration(Bucket=DEST)
        sys.exit("FAILED: ministack makes the lifecycle rule now, which NOT_DONE denies")
    except ClientError as error:
        expect("lifecycle of the bucket", error.response["Error"]["Code"], "NoSuchLifecycleConfiguration")


CHECKS = (has_functions, has_subscription, has_destination, has_schedule, lacks_what_ministack_ignores)
