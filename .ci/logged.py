"""What the deployed functions have logged: the outcomes of copies, the publisher's runs, and metrics."""

import collections
import json

from check import expect
from day import client
from deployed import STACK, outputs


def lines(role):
    """What a function wrote; Lambda's own lines are no JSON."""
    group = outputs()[f"{role}LogGroupName"]
    pages = client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    texts = [event["message"] for page in pages for event in page["events"]]
    return [json.loads(text) for text in texts if text.startswith("{")]


def outcomes():
    """How many copies ended in which way."""
    return collections.Counter(line["outcome"] for line in lines("Copier") if "outcome" in line)


def failed_copies():
    """The type of error of every attempt to copy that failed."""
    return [line["error_type"] for line in lines("Copier") if line.get("outcome") == "failed"]


def runs(name):
    """How many invocations of the publisher have published all of the run of that name."""
    published = [line for line in lines("Publisher") if line.get("message") == "published"]
    return sum(line["span"]["run"] == name for line in published)


def measured(role):
    """The sums of a function's metrics by namespace and name, as CloudWatch reads them out of the log."""
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    sums = collections.Counter()
    for line in lines(role):
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            expect("dimensions of the metrics", directive["Dimensions"], [["Stack"]])
            expect("stack of the metrics", line["Stack"], STACK)
            for name in (metric["Name"] for metric in directive["Metrics"]):
                values = line[name] if isinstance(line[name], list) else [line[name]]
                sums[f"{directive['Namespace']} {name}"] += sum(values)
    return sums
