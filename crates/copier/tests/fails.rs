//! The copier over an SDK client whose answers are made up: what S3 seldom answers.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::operation::upload_part_copy::UploadPartCopyOutput;
use aws_smithy_mocks::{Rule, mock};
use copier::error::CopyError;
use support::{MIB, abort, copier, create, error, heads, part};

/// Parts that all succeed but the one of the number, which S3 answers with an error.
fn parts_but(number: i32, status: u16, code: &'static str) -> (Rule, Rule) {
    let failing = mock!(Client::upload_part_copy)
        .match_requests(move |part| part.part_number() == Some(number))
        .then_http_response(move || error(status, code));
    (failing, mock!(Client::upload_part_copy).then_output(part))
}

#[tokio::test]
async fn a_failing_part_stops_the_copy_and_aborts_the_upload_once() {
    let ((source, destination), create, abort) = (heads(), create(), abort());
    let (failing, parts) = parts_but(6, 403, "AccessDenied");
    let copier = copier(&[&source, &destination, &create, &failing, &parts, &abort]);
    let failure = copier.copy("k").await.unwrap_err();
    assert_eq!(failure.error_type(), "AccessDenied");
    assert_eq!(
        failure.to_string(),
        "UploadPartCopy of s3://source/k was denied; it needs s3:GetObject on the source, \
         s3:PutObject on the destination, and the KMS keys of both"
    );
    assert_eq!(failing.num_calls(), 1);
    assert!(
        parts.num_calls() < 12,
        "{} parts were copied after all",
        parts.num_calls()
    );
    assert_eq!(abort.num_calls(), 1);
}

#[tokio::test]
async fn a_failed_abort_does_not_hide_why_the_copy_failed() {
    let ((source, destination), create) = (heads(), create());
    let (failing, parts) = parts_but(1, 412, "PreconditionFailed");
    let abort =
        mock!(Client::abort_multipart_upload).then_http_response(|| error(403, "AccessDenied"));
    let copier = copier(&[&source, &destination, &create, &failing, &parts, &abort]);
    let failure = copier.copy("k").await.unwrap_err();
    assert!(
        matches!(failure, CopyError::SourceChanged { .. }),
        "{failure:?}"
    );
    assert_eq!(
        abort.num_calls(),
        3,
        "one for each time the copy was made again"
    );
}

#[tokio::test]
async fn an_answer_without_an_etag_is_no_copied_part() {
    let ((source, destination), create, abort) = (heads(), create(), abort());
    let parts =
        mock!(Client::upload_part_copy).then_output(|| UploadPartCopyOutput::builder().build());
    let copier = copier(&[&source, &destination, &create, &parts, &abort]);
    let failure = copier.copy("k").await.unwrap_err();
    assert_eq!(failure.error_type(), "Unavailable");
    assert_eq!(
        backup::aws::chain(&failure),
        "UploadPartCopy of s3://source/k failed at every attempt: the answer has no ETag of the part"
    );
    assert_eq!(abort.num_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn every_read_is_pinned_and_completion_is_conditional_ordered_and_checked() {
    let ((source, destination), create) = (heads(), create());
    // The first part has to be copied again, so it is the last to end.
    let first = mock!(Client::upload_part_copy)
        .match_requests(|part| part.part_number() == Some(1))
        .sequence()
        .http_status(500, None)
        .output(part)
        .build();
    let parts = mock!(Client::upload_part_copy)
        .match_requests(|part| {
            let first = (part.part_number().unwrap() - 1) as u64 * 64 * MIB;
            part.copy_source() == Some("source/a%20b%2B%25")
                && part.copy_source_if_match() == Some("\"source-etag\"")
                && part.copy_source_range()
                    == Some(&format!("bytes={first}-{}", first + 64 * MIB - 1))
        })
        .then_output(part);
    let complete = mock!(Client::complete_multipart_upload)
        .match_requests(|complete| {
            let parts = complete.multipart_upload().unwrap().parts();
            complete.if_none_match() == Some("*")
                && complete.if_match().is_none()
                && complete.mpu_object_size() == Some((20 * 64 * MIB) as i64)
                && complete.checksum_crc64_nvme() == Some("c291cmNlY3Jj")
                && parts
                    .iter()
                    .map(|part| part.part_number().unwrap())
                    .eq(1..=20)
        })
        .then_output(|| {
            CompleteMultipartUploadOutput::builder()
                .e_tag("\"copy-20\"")
                .checksum_crc64_nvme("c291cmNlY3Jj")
                .build()
        });
    let copier = copier(&[&source, &destination, &create, &first, &parts, &complete]);
    let outcome = copier.copy("a b+%").await.unwrap();
    assert_eq!(outcome.verified_by(), "CRC64NVME");
    assert_eq!(
        (first.num_calls(), parts.num_calls(), complete.num_calls()),
        (2, 19, 1)
    );
}

#[tokio::test]
async fn a_copy_with_another_checksum_than_its_source_is_an_error() {
    let ((source, destination), create, abort) = (heads(), create(), abort());
    let parts = mock!(Client::upload_part_copy).then_output(part);
    let complete = mock!(Client::complete_multipart_upload).then_output(|| {
        CompleteMultipartUploadOutput::builder()
            .e_tag("\"copy-20\"")
            .checksum_crc64_nvme("b3RoZXI=")
            .build()
    });
    let copier = copier(&[&source, &destination, &create, &parts, &complete, &abort]);
    let failure = copier.copy("k").await.unwrap_err();
    assert_eq!(failure.error_type(), "ChecksumMismatch");
    assert_eq!(
        backup::aws::chain(&failure),
        "the copy at s3://backup/k has another checksum than its source: \
         the source's CRC64NVME is c291cmNlY3Jj, the copy's CRC64NVME is b3RoZXI="
    );
}

#[tokio::test]
async fn what_s3_refuses_at_completion_has_a_type_of_its_own() {
    for (status, code, expected) in [
        (400, "BadDigest", "ChecksumMismatch"),
        (412, "PreconditionFailed", "DestinationChanged"),
        (409, "ConditionalRequestConflict", "DestinationChanged"),
        (404, "NoSuchKey", "DestinationChanged"),
        (404, "NoSuchUpload", "DestinationChanged"),
        (400, "InvalidPart", "Refused"),
    ] {
        let ((source, destination), create, abort) = (heads(), create(), abort());
        let parts = mock!(Client::upload_part_copy).then_output(part);
        let complete = mock!(Client::complete_multipart_upload)
            .then_http_response(move || error(status, code));
        let copier = copier(&[&source, &destination, &create, &parts, &complete, &abort]);
        let failure = copier.copy("k").await.unwrap_err();
        assert_eq!(failure.error_type(), expected, "{code}");
        let uploads = if expected == "DestinationChanged" {
            3
        } else {
            1
        };
        assert_eq!(
            (create.num_calls(), abort.num_calls()),
            (uploads, uploads),
            "{code}"
        );
    }
}

#[tokio::test]
async fn a_copy_refused_for_a_condition_says_which_side_was_changed() {
    for (changing, expected) in [(false, "DestinationChanged"), (true, "SourceChanged")] {
        for (status, code) in [(412, "PreconditionFailed"), (404, "NoSuchKey")] {
            let looks = AtomicUsize::new(0);
            let (_, destination) = heads();
            let source = mock!(Client::head_object)
                .match_requests(|head| head.bucket() == Some("source"))
                .then_compute_output(move |_| {
                    let look = looks.fetch_add(1, Ordering::Relaxed);
                    let etag = if changing { look } else { 0 };
                    HeadObjectOutput::builder()
                        .content_length(10)
                        .e_tag(format!("\"{etag}\""))
                        .build()
                });
            let copy = mock!(Client::copy_object).then_http_response(move || error(status, code));
            let copier = copier(&[&source, &destination, &copy]);
            let failure = copier.copy("k").await.unwrap_err();
            assert_eq!(failure.error_type(), expected, "{code}");
            assert_eq!(copy.num_calls(), 3, "{code}");
        }
    }
}

#[tokio::test]
async fn a_forbidden_head_says_what_was_denied() {
    let (_, destination) = heads();
    let source = mock!(Client::head_object)
        .match_requests(|head| head.bucket() == Some("source"))
        .then_http_response(|| error(403, ""));
    let failure = copier(&[&source, &destination])
        .copy("k\n")
        .await
        .unwrap_err();
    assert_eq!(
        backup::aws::chain(&failure),
        "HeadObject of s3://source/k\\n was denied; it needs s3:GetObject (s3:GetObjectVersion for a version) \
         on the object, and s3:ListBucket on its bucket: no error code (status 403)"
    );
}

#[tokio::test]
async fn tags_that_may_not_be_read_are_an_error_that_names_the_permission_and_the_way_without() {
    let (_, destination) = heads();
    let source = mock!(Client::head_object)
        .match_requests(|head| head.bucket() == Some("source"))
        .then_output(|| {
            HeadObjectOutput::builder()
                .content_length((20 * 64 * MIB) as i64)
                .e_tag("\"source-etag\"")
                .tag_count(2)
                .build()
        });
    let tagging =
        mock!(Client::get_object_tagging).then_http_response(|| error(403, "AccessDenied"));
    let create = create();
    let failure = copier(&[&source, &destination, &tagging, &create])
        .copy("k")
        .await
        .unwrap_err();
    assert_eq!(failure.error_type(), "AccessDenied");
    assert_eq!(
        backup::aws::chain(&failure),
        "GetObjectTagging of s3://source/k was denied; it needs s3:GetObjectTagging \
         (s3:GetObjectVersionTagging for a version), or PRESERVE without tags: \
         AccessDenied: made up (status 403)"
    );
    assert_eq!(create.num_calls(), 0, "no half-made copy");
}
