"""The publisher with boto3, as `s3-fanout bench cold-start` compares it: a day's keys, listed and published."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import boto3
from botocore.config import Config

SOURCE_BUCKET = os.environ["SOURCE_BUCKET"]
TOPIC_ARN = os.environ["TOPIC_ARN"]
BATCH_ENTRIES = 10
PUBLISH_CONCURRENCY = 16

# As AWS advises, clients are made once, outside the handler.
config = Config(
    retries={"mode": "standard", "max_attempts": 8},
    connect_timeout=5,
    read_timeout=30,
    max_pool_connections=PUBLISH_CONCURRENCY,
)
s3 = boto3.client("s3", config=config)
sns = boto3.client("sns", config=config)
threads = ThreadPoolExecutor(PUBLISH_CONCURRENCY)


def handler(event, context):
    run = context.aws_request_id
    batches = batched(objects(f"{event['date']}/"))
    published = sum(threads.map(lambda batch: publish(run, batch), batches))
    return {"run": run, "published": published, "complete": True}


def objects(prefix):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=SOURCE_BUCKET, Prefix=prefix)
    for page in pages:
        yield from page.get("Contents", ())


def batched(items):
    items = iter(items)
    while batch := list(islice(items, BATCH_ENTRIES)):
        yield batch


def publish(run, batch):
    entries = [{"Id": str(n), "Message": message(run, listed)} for n, listed in enumerate(batch)]
    answer = sns.publish_batch(TopicArn=TOPIC_ARN, PublishBatchRequestEntries=entries)
    if failed := answer.get("Failed"):
        raise RuntimeError(f"SNS did not accept {failed}")
    return len(answer["Successful"])


def message(run, listed):
    return json.dumps(
        {
            "v": 1,
            "run": run,
            "bucket": SOURCE_BUCKET,
            "key": listed["Key"],
            "size": listed["Size"],
            "etag": listed["ETag"],
            "last_modified": listed["LastModified"].isoformat().replace("+00:00", "Z"),
        }
    )
