//! Least privilege: each function's role may do what the function does with all its features on, and nothing else.

#![allow(clippy::unwrap_used)]

mod grants;
mod stack;
mod template;

use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, ServerSideEncryption};
use sandbox::s3::{Attributes, Encryption, Kms};
use sandbox::timing::Latency;
use serde_json::json;
use tests::{DEST, MIB, SOURCE, World, everything};

use stack::{COPIER, Needed, PUBLISHER, Stack};
use template::Template;

const SOURCE_KEY: &str = "arn:aws:kms:us-east-1:000000000000:key/source";
const DESTINATION_KEY: &str = "arn:aws:kms:us-east-1:000000000000:key/destination";

/// Every parameter that adds to the policies, and small sizes for small objects.
const PARAMETERS: [(&str, &str); 13] = [
    ("SourceBucket", SOURCE),
    ("SourceKmsKeyArn", SOURCE_KEY),
    ("DestinationBucket", DEST),
    ("DestinationPrefix", "copies/"),
    ("DestinationKmsKeyArn", DESTINATION_KEY),
    (
        "KmsKeyArn",
        "arn:aws:kms:us-east-1:000000000000:key/messages",
    ),
    ("Preserve", "metadata,tags,annotations"),
    ("PartSizeMib", "5"),
    ("MultipartThresholdMib", "12"),
    ("ResumeThresholdGib", "0"),
    ("PublishConcurrency", "1"),
    ("DeadlineMarginSecs", "1"),
    ("RequestPayer", "requester"),
];

const DAY: &str = "2016-06-30/";

fn encrypted() -> Attributes {
    Attributes {
        encryption: Encryption::Kms(Kms {
            key_id: Some(SOURCE_KEY.to_owned()),
            bucket_key_enabled: false,
        }),
        ..everything()
    }
}

/// Puts two objects, one to copy at once and one to copy in parts, with everything that S3 keeps with an object.
async fn put(world: &World, name: &str) {
    for (size, bytes) in [("small", 10), ("large", 12 * MIB)] {
        let key = format!("{DAY}{name}-{size}");
        world.put(&key, bytes, encrypted());
        let put = world.s3.put_object_annotation().bucket(SOURCE).key(key);
        put.annotation_name("note")
            .annotation_payload(ByteStream::from_static(b"text"))
            .request_payer(aws_sdk_s3::types::RequestPayer::Requester)
            .send()
            .await
            .unwrap();
    }
}

/// An upload to the copy of a key, as the copier creates it, with the first of two parts.
async fn leave_open(world: &World, key: &str) {
    let to = format!("copies/{key}");
    let create = world.s3.create_multipart_upload().bucket(DEST).key(&to);
    let upload = create
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .checksum_type(ChecksumType::FullObject)
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .ssekms_key_id(DESTINATION_KEY)
        .send()
        .await
        .unwrap();
    let part = world.s3.upload_part_copy().bucket(DEST).key(&to);
    part.upload_id(upload.upload_id.unwrap())
        .part_number(1)
        .copy_source(format!("{SOURCE}/{key}"))
        .copy_source_range(format!("bytes=0-{}", 6 * MIB - 1))
        .request_payer(aws_sdk_s3::types::RequestPayer::Requester)
        .send()
        .await
        .unwrap();
}

/// Copies of every kind, from a bucket with or without versions, and a back-fill that compares.
async fn back_up(needed: &Needed, overwrite: &str, keeps_versions: bool) {
    let parameters = [&PARAMETERS[..], &[("Overwrite", overwrite)]].concat();
    let stack = Stack::deploy(&Template::read(&parameters), needed).await;
    let world = &stack.world;
    world.charge_readers().await;
    if keeps_versions {
        world.keep_versions(SOURCE).await;
    }
    put(world, "new").await;
    stack.publish(json!({ "date": "2016-06-30" })).await;
    for name in ["new-small", "new-large"] {
        let copy = world.head(DEST, &format!("copies/{DAY}{name}")).await;
        let copy = copy.unwrap_or_else(|| panic!("{overwrite}: {name} was not copied"));
        assert_eq!(copy.ssekms_key_id(), Some(DESTINATION_KEY));
    }
    // What is there already, and what is not what its source is.
    stack.copy(&format!("{DAY}new-large")).await;
    put(world, "new").await;
    let range = json!({ "from": "2016-06-30", "to": "2016-06-30", "only": "changed" });
    stack.publish(range).await;

    put(world, "open").await;
    let open = format!("{DAY}open-large");
    // S3 keeps whole seconds: an upload of the second in which its source changed is none to go on with.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    leave_open(world, &open).await;
    stack.copy(&open).await;
    let log = world.log().join("\n");
    assert!(log.contains("going on with an upload left open"), "{log}");
}

/// What cannot be done, of the copier's work and of the publisher's.
async fn fail(needed: &Needed) {
    let stack = Stack::deploy(&Template::read(&PARAMETERS), needed).await;
    let (world, key) = (&stack.world, |name| format!("{DAY}{name}"));
    stack.copy(&key("missing")).await;
    let archived = Attributes {
        storage_class: Some("GLACIER".to_owned()),
        ..encrypted()
    };
    world.put(&key("archived"), 10, archived);
    stack.copy(&key("archived")).await;
    let customers = Attributes {
        encryption: Encryption::Customer,
        ..Attributes::default()
    };
    world.put(&key("customers"), 10, customers);
    stack.copy(&key("customers")).await;
    stack.publish(json!({ "date": "today" })).await;
    let failures = |function| world.sandbox.lambda().failures(function).unwrap().len();
    assert_eq!((failures(COPIER), failures(PUBLISHER)), (3, 1));
}

/// A run that the publisher has to go on with.
async fn go_on(needed: &Needed) {
    let stack = Stack::deploy(&Template::read(&PARAMETERS), needed).await;
    let world = &stack.world;
    for number in 0..200 {
        world.put(&format!("{DAY}{number}"), 1, Attributes::default());
    }
    let latency = Latency::default().except("PublishBatch", Duration::from_millis(100));
    world.sandbox.timing().set(latency);
    let day = json!({ "date": "2016-06-30", "continue": true });
    stack.publish(day).await;
    let stats = world.sandbox.lambda().stats(PUBLISHER).unwrap();
    assert!(stats.invocations >= 2 && stats.errors == 0, "{stats:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_may_do_what_its_function_needs_and_nothing_else() {
    let needed = Needed::default();
    back_up(&needed, "if-changed", false).await;
    back_up(&needed, "always", true).await;
    back_up(&needed, "never", true).await;
    fail(&needed).await;
    go_on(&needed).await;

    let template = Template::read(&PARAMETERS);
    let needed = needed.lock().unwrap();
    let mut wrong = Vec::new();
    for function in [PUBLISHER, COPIER] {
        let granted = grants::of_role(&template, function);
        for need in &needed[function] {
            if !granted.iter().any(|grant| grant.allows(need)) {
                wrong.push(format!("{function} needs {need} and may not"));
            }
        }
        for grant in &granted {
            if !needed[function].iter().any(|need| grant.allows(need)) {
                wrong.push(format!("{function} may do {grant} and does not"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(needed.len(), 2, "no other function asked for anything");
}

#[test]
fn every_function_of_the_template_is_looked_at() {
    let mut functions = Template::read(&PARAMETERS).of_type("AWS::Serverless::Function");
    functions.sort();
    assert_eq!(functions, [COPIER, PUBLISHER]);
}
