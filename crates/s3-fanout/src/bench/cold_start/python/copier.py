"""The copier with boto3, as `s3-fanout bench cold-start` compares it: an object copied in parts, checked by S3."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

SOURCE_BUCKET = os.environ["SOURCE_BUCKET"]
DEST_BUCKET = os.environ["DEST_BUCKET"]
DEST_PREFIX = os.environ.get("DEST_PREFIX", "")
PART_BYTES = 64 << 20
MULTIPART_THRESHOLD_BYTES = 256 << 20
PARTS_IN_FLIGHT = 16
# What a copy in parts loses unless it is said again.
ATTRIBUTES = [
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Metadata",
    "StorageClass",
]

# As AWS advises, the client is made once, outside the handler.
config = Config(
    retries={"mode": "standard", "max_attempts": 8},
    connect_timeout=5,
    read_timeout=60,
    max_pool_connections=PARTS_IN_FLIGHT,
)
s3 = boto3.client("s3", config=config)
threads = ThreadPoolExecutor(PARTS_IN_FLIGHT)


def handler(event, context):
    for record in event["Records"]:
        message = json.loads(record["Sns"]["Message"])
        if message["v"] != 1 or message["bucket"] != SOURCE_BUCKET:
            raise ValueError(f"not a message for this copier: {message}")
        copy(message["key"])


def copy(key):
    to = {"Bucket": DEST_BUCKET, "Key": DEST_PREFIX + key}
    source, there = threads.map(head, [SOURCE_BUCKET, DEST_BUCKET], [key, to["Key"]])
    if source is None:
        raise FileNotFoundError(f"s3://{SOURCE_BUCKET}/{key}")
    if there and is_same(source, there):
        return
    # What is at the destination must still be what was seen there.
    to_be = {"IfMatch": there["ETag"]} if there else {"IfNoneMatch": "*"}
    read = {
        "CopySource": {"Bucket": SOURCE_BUCKET, "Key": key},
        "CopySourceIfMatch": source["ETag"],
    }
    if source["ContentLength"] < MULTIPART_THRESHOLD_BYTES:
        s3.copy_object(**to, **to_be, **read)
    else:
        copy_in_parts(source, read, to, to_be)


def head(bucket, key):
    try:
        return s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise


def is_same(source, there):
    same = ["ContentLength", "ChecksumCRC64NVME", "ContentType", "Metadata"]
    return all(source.get(name) == there.get(name) for name in same)


def copy_in_parts(source, read, to, to_be):
    attributes = {name: source[name] for name in ATTRIBUTES if source.get(name)}
    if source.get("TagCount"):
        tags = s3.get_object_tagging(**read["CopySource"])["TagSet"]
        attributes["Tagging"] = urlencode([(tag["Key"], tag["Value"]) for tag in tags])
    checksum = {"ChecksumType": "FULL_OBJECT"}
    created = s3.create_multipart_upload(
        **to, **attributes, **checksum, ChecksumAlgorithm="CRC64NVME"
    )
    upload = {**to, "UploadId": created["UploadId"]}
    try:
        parts = list(
            threads.map(
                lambda part: copy_part(read, upload, *part),
                enumerate(ranges(source["ContentLength"]), 1),
            )
        )
        if expected := source.get("ChecksumCRC64NVME"):
            checksum["ChecksumCRC64NVME"] = expected
        s3.complete_multipart_upload(
            **upload,
            **to_be,
            **checksum,
            MpuObjectSize=source["ContentLength"],
            MultipartUpload={"Parts": parts},
        )
    except BaseException:
        s3.abort_multipart_upload(**upload)
        raise


def ranges(size):
    count = -(-size // PART_BYTES)
    each = -(-size // count)
    for first in range(0, size, each):
        yield f"bytes={first}-{min(first + each, size) - 1}"


def copy_part(read, upload, number, part):
    answer = s3.upload_part_copy(**upload, **read, PartNumber=number, CopySourceRange=part)
    result = answer["CopyPartResult"]
    copied = {"PartNumber": number, "ETag": result["ETag"]}
    if checksum := result.get("ChecksumCRC64NVME"):
        copied["ChecksumCRC64NVME"] = checksum
    return copied
