"""The articles' approach: list the day, then one CopyObject for each key, in a pool of 100 threads."""

import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

THREADS = 100

source, dest, prefix = sys.argv[1:]
# Without it, ninety threads wait for the ten connections of the default pool.
s3 = boto3.client("s3", config=Config(max_pool_connections=THREADS))


def copy(key):
    s3.copy_object(Bucket=dest, Key=key, CopySource={"Bucket": source, "Key": key})


def keys():
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=source, Prefix=prefix):
        for listed in page.get("Contents", []):
            yield listed["Key"]


with ThreadPoolExecutor(THREADS) as pool:
    # The results are asked for, so that an exception ends the program.
    for _ in pool.map(copy, keys()):
        pass
