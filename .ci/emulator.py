"""ministack, an AWS that others wrote, on this machine; and what it does not do of what the stack relies on."""

import collections
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from check import free_port, listens, wait_for

PROGRAM = pathlib.Path(os.environ["SECOND_OPINIONS"]) / "ministack"
# Those the stack is made of, and those `sam deploy` itself asks.
SERVICES = "cloudformation,cloudwatch,events,iam,kms,lambda,logs,monitoring,s3,scheduler,sns,sqs,sts"

# Of version 1.5.33, so that nobody takes the check for a proof of it.
NOT_DONE = [
    "SNS -> Lambda: a message is delivered once, at once. A copier that fails or is throttled is not invoked again, and"
    " neither its failure queue nor the subscription's gets the message. (An asynchronous invocation without SNS is"
    " retried twice and ends in the failure queue, which is checked.)",
    "Reserved concurrency: CloudFormation does not set the copier's, so all copiers run at once.",
    "EventBridge Scheduler: its context attributes stay as they are, so the check writes the time into the schedule's"
    " input in the place of <aws.scheduler.scheduled-time>; a failed firing is neither retried nor put into the queue.",
    "The destination bucket's lifecycle rule is dropped, and its policy that asks for TLS does not refuse plain HTTP.",
    "No metric is read out of the logs, so no alarm of the template has anything to watch.",
    "No policy of a role is enforced: a permission that lacks in the template does not show.",
    "A multipart upload loses its tags, so the tagged objects are below the multipart threshold.",
    "A function's AWS_ENDPOINT_URL is always ministack's own, whatever the template says.",
]

# Alarms with metric math, too. A stack that has one of them is refused as a whole.
UNKNOWN_TYPES = {"AWS::CloudWatch::CompositeAlarm", "AWS::Logs::QueryDefinition"}
# What may be left out because of them; the functions and all they need must be deployed as they are.
WATCHING_TYPES = UNKNOWN_TYPES | {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"}


def without_unknown(template):
    """Returns the template without the resources that are unknown to ministack or refer to one that is, and these."""
    kept, left_out = dict(template["Resources"]), {}

    def is_unknown(resource):
        math = resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]
        # As a Ref, a GetAtt or a DependsOn, or in a Sub; a description may speak of it.
        names = re.findall(r'(?:"|\$\{)([A-Za-z0-9]+)[".}]', json.dumps(resource))
        return resource["Type"] in UNKNOWN_TYPES or math or not left_out.keys().isdisjoint(names)

    while unknown := {name: resource for name, resource in kept.items() if is_unknown(resource)}:
        left_out |= unknown
        kept = {name: resource for name, resource in kept.items() if name not in unknown}
    return {**template, "Resources": kept}, {name: resource["Type"] for name, resource in left_out.items()}


@contextlib.contextmanager
def ministack():
    """Serves on a free port of 127.0.0.1, in a folder of its own, until the end; yields the URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder, "log")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "TMPDIR": folder,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "AWS_ENDPOINT_URL": url,
            "SERVICES": SERVICES,
            # Else it listens on a fixed port, too, and sweeps the containers of this machine's Docker.
            "IOT_MTLS_ENABLED": "0",
            "DOCKER_HOST": "unix:///nonexistent",
        }
        with open(log, "w") as output:
            server = subprocess.Popen([PROGRAM], env=environment, stdout=output, stderr=output)
        try:
            if not wait_for(lambda: listens(port) or server.poll() is not None, 120) or server.poll() is not None:
                sys.exit("ministack did not come up")
            yield url
        except BaseException:
            with open(log, errors="replace") as lines:
                print("ministack's last lines:\n" + "".join(collections.deque(lines, 40)))
            raise
        finally:
            # The functions it runs end with the connection to it.
            server.kill()
            server.wait()
