"""The objects of a day: put into the source bucket, waited for in the destination bucket, and compared as a whole."""

import collections
import functools
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import boto3
from botocore.config import Config
from check import expect, wait_for

SOURCE, DEST = "acme-data", "acme-backup"
MIB = 1024 * 1024
# What the copier is told, so that most of the objects are copied in parts.
PART_SIZE_MIB, THRESHOLD_MIB = 5, 20
# Far more than a busy machine takes.
PATIENCE_SECS = 300
TYPE = "application/x-check"

# Every object is a piece of it, so that no two are the same and no part of one is another part of it.
BYTES = random.Random(0).randbytes(96 * MIB)
Piece = collections.namedtuple("Piece", "begin end tags")
# What a URL, a query and an XML document each treat specially.
ODD_NAMES = ["two words", "a+b", "100%", "%2F and %20", "naïve-日本語-🦀", "a&b=c?d#e<f>\"g'", "double//slash"]
# With tags; they are small, as ministack loses the tags of an upload.
TAGGED = 3


@functools.cache
def client(service):
    """A client of AWS_ENDPOINT_URL's service."""
    # ministack takes the right full-object checksum of an upload for wrong, so the sources have none.
    checksums = {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}
    return boto3.client(service, config=Config(read_timeout=PATIENCE_SECS, **checksums))


def pieces(day, count):
    """Objects by their keys, 10-80 MiB each, the same in every run."""
    chance = random.Random(count)
    objects = {}
    for number in range(count):
        name = ODD_NAMES[number] if number < len(ODD_NAMES) else f"hour={number % 24:02}/{number:03}"
        tagged = number < TAGGED
        size = chance.randrange(10 * MIB, (THRESHOLD_MIB if tagged else 80) * MIB)
        begin = chance.randrange(len(BYTES) - size)
        tags = {"kind": "nightly backup", "number": str(number)} if tagged else {}
        objects[f"{day}/{name}.bin"] = Piece(begin, begin + size, tags)
    return objects


def metadata(piece):
    return {"begins-at": str(piece.begin)}


def for_each(objects, action):
    client("s3")
    with ThreadPoolExecutor(4) as threads:
        # As a list, for else an error is raised by nobody.
        return list(threads.map(lambda item: action(*item), objects.items()))


def put(objects):
    for_each(
        objects,
        lambda key, piece: client("s3").put_object(
            Bucket=SOURCE,
            Key=key,
            Body=BYTES[piece.begin : piece.end],
            ContentType=TYPE,
            Metadata=metadata(piece),
            Tagging=urlencode(piece.tags),
        ),
    )


def listed(bucket, day):
    """When each object of a day was last changed, by its key."""
    pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{day}/")
    return {entry["Key"]: entry["LastModified"] for page in pages for entry in page.get("Contents", [])}


def arrive(day, objects):
    if not wait_for(lambda: listed(DEST, day).keys() == objects.keys(), PATIENCE_SECS):
        missing = sorted(objects.keys() - listed(DEST, day).keys())
        sys.exit(f"FAILED: {len(missing)} of {len(objects)} not copied in {PATIENCE_SECS} s: {missing[:3]}")


def compare(objects):
    """Reads every copy as a whole; returns in how many parts each was copied."""

    def compare_one(key, piece):
        copy = client("s3").get_object(Bucket=DEST, Key=key)
        expect(f"bytes of the copy of {key}", copy["Body"].read(), BYTES[piece.begin : piece.end])
        expect(f"content type of the copy of {key}", copy["ContentType"], TYPE)
        expect(f"metadata of the copy of {key}", copy["Metadata"], metadata(piece))
        tags = client("s3").get_object_tagging(Bucket=DEST, Key=key)["TagSet"]
        expect(f"tags of the copy of {key}", {tag["Key"]: tag["Value"] for tag in tags}, piece.tags)
        _, dash, parts = copy["ETag"].strip('"').partition("-")
        expect(f"copy of {key} in parts", bool(dash), piece.end - piece.begin >= THRESHOLD_MIB * MIB)
        return int(parts) if dash else 1

    return for_each(objects, compare_one)
