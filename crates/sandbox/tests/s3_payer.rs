//! Requester Pays buckets over HTTP, whose requester is the sandbox's one account.
#![allow(clippy::unwrap_used)]

mod s3_support;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    CompletedMultipartUpload, Delete, ObjectIdentifier, Payer, RequestCharged, RequestPayer,
    RequestPaymentConfiguration, Tag, Tagging,
};
use s3_support::{BUCKET, S3, completed, refusal, refused, s3};

const OTHER: &str = "other-bucket";

async fn set_payer(s3: &S3, bucket: &str, payer: Payer) {
    let configuration = RequestPaymentConfiguration::builder().payer(payer);
    let put = s3.client.put_bucket_request_payment().bucket(bucket);
    put.request_payment_configuration(configuration.build().unwrap())
        .send()
        .await
        .unwrap();
}

async fn payer(s3: &S3) -> Option<Payer> {
    let get = s3.client.get_bucket_request_payment().bucket(BUCKET);
    get.send().await.unwrap().payer
}

#[tokio::test]
async fn the_owner_pays_until_the_bucket_says_otherwise() {
    let s3 = s3().await;
    assert_eq!(payer(&s3).await, Some(Payer::BucketOwner));
    let put = || s3.client.put_object().bucket(BUCKET).key("k");
    let willing = put()
        .request_payer(RequestPayer::Requester)
        .send()
        .await
        .unwrap();
    assert_eq!(willing.request_charged(), None);

    set_payer(&s3, BUCKET, Payer::Requester).await;
    assert_eq!(payer(&s3).await, Some(Payer::Requester));
    assert_eq!(refusal(put().send().await), refused(403, "AccessDenied"));
    let other = put().request_payer("owner".into()).send().await;
    assert_eq!(refusal(other), refused(403, "AccessDenied"));
    let head = || s3.client.head_bucket().bucket(BUCKET);
    assert_eq!(refusal(head().send().await), refused(403, ""));
    // The operation has no parameter for it.
    let paid = head().customize().mutate_request(|request| {
        request
            .headers_mut()
            .insert("x-amz-request-payer", "requester");
    });
    paid.send().await.unwrap();

    set_payer(&s3, BUCKET, Payer::BucketOwner).await;
    assert_eq!(put().send().await.unwrap().request_charged(), None);
}

/// Sends a request without the header, which must be refused, and with it, which must say who is charged.
macro_rules! charged {
    ($request:expr) => {{
        let request = $request;
        let refused_status = request.clone().send().await.unwrap_err();
        assert_eq!(
            refused_status
                .raw_response()
                .map(|answer| answer.status().as_u16()),
            Some(403),
            "{}",
            stringify!($request)
        );
        let paid = request.request_payer(RequestPayer::Requester).send().await;
        let paid = paid.unwrap_or_else(|error| panic!("{}: {error:?}", stringify!($request)));
        assert_eq!(
            paid.request_charged(),
            Some(&RequestCharged::Requester),
            "{}",
            stringify!($request)
        );
        paid
    }};
}

#[tokio::test]
async fn every_request_to_an_object_says_that_its_requester_pays() {
    let s3 = s3().await;
    set_payer(&s3, BUCKET, Payer::Requester).await;
    let (client, key) = (&s3.client, "k");
    // A body is sent once: what has one is asked with the header alone.
    let body = || ByteStream::from_static(b"hello");
    let put = client.put_object().bucket(BUCKET).key(key).body(body());
    let put = put
        .request_payer(RequestPayer::Requester)
        .send()
        .await
        .unwrap();
    assert_eq!(put.request_charged(), Some(&RequestCharged::Requester));
    charged!(client.head_object().bucket(BUCKET).key(key));
    charged!(client.get_object().bucket(BUCKET).key(key));
    charged!(client.list_objects().bucket(BUCKET));
    charged!(client.list_objects_v2().bucket(BUCKET));
    charged!(client.list_object_versions().bucket(BUCKET));

    let created = charged!(client.create_multipart_upload().bucket(BUCKET).key("m"));
    let id = created.upload_id().unwrap();
    let part = client.upload_part().bucket(BUCKET).key("m").upload_id(id);
    let part = part.part_number(1).body(body());
    let part = part
        .request_payer(RequestPayer::Requester)
        .send()
        .await
        .unwrap();
    assert_eq!(part.request_charged(), Some(&RequestCharged::Requester));
    charged!(client.list_parts().bucket(BUCKET).key("m").upload_id(id));
    charged!(client.list_multipart_uploads().bucket(BUCKET));
    let parts = CompletedMultipartUpload::builder().parts(completed(1, part.e_tag().unwrap()));
    let complete = client.complete_multipart_upload().bucket(BUCKET).key("m");
    charged!(complete.upload_id(id).multipart_upload(parts.build()));
    let created = charged!(client.create_multipart_upload().bucket(BUCKET).key("m"));
    let abort = client.abort_multipart_upload().bucket(BUCKET).key("m");
    charged!(abort.upload_id(created.upload_id().unwrap()));

    let annotation = client.put_object_annotation().bucket(BUCKET).key(key);
    let annotation = annotation.annotation_name("a").annotation_payload(body());
    let annotation = annotation
        .request_payer(RequestPayer::Requester)
        .send()
        .await;
    assert_eq!(
        annotation.unwrap().request_charged(),
        Some(&RequestCharged::Requester)
    );
    let get = client.get_object_annotation().bucket(BUCKET).key(key);
    charged!(get.annotation_name("a"));
    charged!(client.list_object_annotations().bucket(BUCKET).key(key));
    let delete = client.delete_object_annotation().bucket(BUCKET).key(key);
    charged!(delete.annotation_name("a"));

    let identifier = ObjectIdentifier::builder().key("m").build().unwrap();
    let several = Delete::builder().objects(identifier).build().unwrap();
    charged!(client.delete_objects().bucket(BUCKET).delete(several));
    charged!(client.delete_object().bucket(BUCKET).key(key));
}

#[tokio::test]
async fn tags_are_read_and_written_only_by_a_requester_that_pays() {
    let s3 = s3().await;
    s3.put("k", "x").await;
    set_payer(&s3, BUCKET, Payer::Requester).await;
    let tag = Tag::builder().key("t").value("1").build().unwrap();
    let tags = Tagging::builder().tag_set(tag).build().unwrap();
    let put = || {
        let put = s3.client.put_object_tagging().bucket(BUCKET).key("k");
        put.tagging(tags.clone())
    };
    let get = || s3.client.get_object_tagging().bucket(BUCKET).key("k");
    assert_eq!(refusal(put().send().await), refused(403, "AccessDenied"));
    assert_eq!(refusal(get().send().await), refused(403, "AccessDenied"));
    put()
        .request_payer(RequestPayer::Requester)
        .send()
        .await
        .unwrap();
    let got = get()
        .request_payer(RequestPayer::Requester)
        .send()
        .await
        .unwrap();
    assert_eq!(got.tag_set().len(), 1);
}

#[tokio::test]
async fn a_copy_says_it_for_its_source_and_its_destination() {
    let s3 = s3().await;
    s3.store.create_bucket(OTHER).unwrap();
    s3.put("k", "x").await;
    set_payer(&s3, BUCKET, Payer::Requester).await;
    let from = format!("{BUCKET}/k");
    let copy = s3
        .client
        .copy_object()
        .bucket(OTHER)
        .key("k")
        .copy_source(&from);
    charged!(copy);
    let create = s3.client.create_multipart_upload().bucket(OTHER).key("m");
    let created = create.send().await.unwrap();
    let part = s3
        .client
        .upload_part_copy()
        .bucket(OTHER)
        .key("m")
        .part_number(1);
    let part = part
        .upload_id(created.upload_id().unwrap())
        .copy_source(&from);
    charged!(part);

    let back = s3.client.copy_object().bucket(BUCKET).key("back");
    charged!(back.copy_source(format!("{OTHER}/k")));
    set_payer(&s3, BUCKET, Payer::BucketOwner).await;
    let copy = s3
        .client
        .copy_object()
        .bucket(OTHER)
        .key("k")
        .copy_source(from);
    assert_eq!(copy.send().await.unwrap().request_charged(), None);
}
