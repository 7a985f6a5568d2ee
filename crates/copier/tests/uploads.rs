//! Uploads over an SDK client whose answers are made up: who else's are left alone, and how fast parts go.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::{Arc, Mutex};

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadOutput;
use aws_sdk_s3::operation::list_multipart_uploads::ListMultipartUploadsOutput;
use aws_sdk_s3::operation::list_parts::ListPartsOutput;
use aws_sdk_s3::operation::upload_part_copy::UploadPartCopyOutput;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{Initiator, MultipartUpload, Part};
use aws_smithy_mocks::{Rule, mock};
use copier::copy::Action;
use support::{MIB, abort, copier, create, error, heads, part};

fn complete() -> Rule {
    mock!(Client::complete_multipart_upload).then_output(|| {
        CompleteMultipartUploadOutput::builder()
            .e_tag("\"copy-20\"")
            .checksum_crc64_nvme("c291cmNlY3Jj")
            .build()
    })
}

fn upload(id: &str, key: &str, initiator: Option<&str>) -> MultipartUpload {
    let initiator = initiator.map(|id| Initiator::builder().id(id).build());
    MultipartUpload::builder()
        .upload_id(id)
        .key(key)
        .set_initiator(initiator)
        .initiated(DateTime::from_secs(1_467_300_000))
        .build()
}

/// How many parts a copy finds that the upload just created, `upload-1`, and another are open for.
async fn found(ours: Option<&'static str>, other: MultipartUpload) -> u32 {
    let ((source, destination), create, abort) = (heads(), create(), abort());
    let uploads = mock!(Client::list_multipart_uploads).then_output(move || {
        ListMultipartUploadsOutput::builder()
            .uploads(other.clone())
            .uploads(upload("upload-1", "k", ours))
            .build()
    });
    let listed = mock!(Client::list_parts).then_output(|| {
        let part = Part::builder().part_number(1).size((64 * MIB) as i64);
        ListPartsOutput::builder()
            .parts(part.e_tag("\"p\"").build())
            .build()
    });
    let (parts, complete) = (
        mock!(Client::upload_part_copy).then_output(part),
        complete(),
    );
    let rules = [
        &source,
        &destination,
        &create,
        &uploads,
        &listed,
        &parts,
        &complete,
        &abort,
    ];
    let mut copier = copier(&rules);
    copier.config.resume_threshold_bytes = 0;
    copier.config.preserve.metadata = false;
    // Found or not, the made-up destination stays empty: a copy that went on is then made anew.
    let result = copier.copy("k").await;
    match result {
        Ok(outcome) => {
            let Action::CopiedInParts { found, .. } = outcome.action else {
                panic!("{outcome:?}");
            };
            assert_eq!(listed.num_calls(), 0);
            found
        }
        Err(failure) => {
            assert_eq!(failure.error_type(), "DestinationChanged", "{failure:?}");
            u32::try_from(listed.num_calls()).unwrap()
        }
    }
}

#[tokio::test]
async fn goes_on_with_an_upload_of_its_own_and_with_nobody_elses() {
    let (we, they) = (Some("arn:us"), Some("arn:them"));
    assert!(found(we, upload("upload-2", "k", we)).await > 0);
    assert_eq!(found(we, upload("upload-2", "k", they)).await, 0);
    assert_eq!(found(we, upload("upload-2", "k", None)).await, 0);
    assert_eq!(
        found(None, upload("upload-2", "k", None)).await,
        0,
        "of nobody known"
    );
    assert_eq!(
        found(we, upload("upload-2", "k2", we)).await,
        0,
        "to another key"
    );
}

#[tokio::test]
async fn an_upload_that_got_no_part_is_not_left_open() {
    for (copied, aborts) in [(0, 1), (5, 0)] {
        let ((source, destination), create, abort) = (heads(), create(), abort());
        let uploads = mock!(Client::list_multipart_uploads)
            .then_output(|| ListMultipartUploadsOutput::builder().build());
        let good = mock!(Client::upload_part_copy)
            .match_requests(move |part| part.part_number() <= Some(copied))
            .then_output(part);
        // An answer of success without the part's ETag is a failure that passes.
        let bad =
            mock!(Client::upload_part_copy).then_output(|| UploadPartCopyOutput::builder().build());
        let mut copier = copier(&[
            &source,
            &destination,
            &create,
            &uploads,
            &good,
            &bad,
            &abort,
        ]);
        copier.config.resume_threshold_bytes = 0;
        let failure = copier.copy("k").await.unwrap_err();
        assert_eq!(failure.error_type(), "Unavailable");
        assert_eq!(abort.num_calls(), aborts, "after {copied} parts");
    }
}

#[tokio::test(start_paused = true)]
async fn fewer_parts_are_in_flight_after_s3_asked_to_slow_down() {
    let ((source, destination), create, complete) = (heads(), create(), complete());
    let happened = Arc::new(Mutex::new(Vec::new()));
    let (starts, ends) = (Arc::clone(&happened), Arc::clone(&happened));
    let parts = mock!(Client::upload_part_copy)
        .match_requests(move |part| {
            let number = part.part_number().unwrap();
            starts.lock().unwrap().push(format!("{number} starts"));
            true
        })
        .sequence()
        .http_response(|| error(503, "SlowDown"))
        .times(4)
        .output(move || {
            ends.lock().unwrap().push("one ends".to_owned());
            part()
        })
        .repeatedly()
        .build();
    let copier = copier(&[&source, &destination, &create, &parts, &complete]);
    copier.copy("k").await.unwrap();
    let happened = happened.lock().unwrap().join(", ");
    // All four that are configured start and are told to slow down, which halves the window once; with one
    // success it is three wide, and full.
    assert!(
        happened
            .starts_with("1 starts, 2 starts, 3 starts, 4 starts, one ends, one ends, 5 starts, "),
        "{happened}"
    );
}
