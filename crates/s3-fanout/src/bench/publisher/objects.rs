//! The objects of a case, put into the store without a request.

use anyhow::Result;
use bytes::Bytes;
use sandbox::s3::{Attributes, Content, Store};

use super::case::Case;
use crate::deployment::{DEST_BUCKET, SOURCE_BUCKET};

/// Fixed, so that every run lists the same sizes.
const SEED: u64 = 20_160_630;

/// The bytes that all objects share; they are not looked at, and cost a checksum per object.
const BLOCK: Bytes = Bytes::from_static(b"bytes of an object that is listed");

/// S3 keeps times in whole seconds, and a copy must be newer than its source.
const NEXT_SECOND: std::time::Duration = std::time::Duration::from_millis(1_001);

/// Puts all objects of a case, and their copies if they have been made.
pub async fn put(store: &Store, case: &Case) -> Result<()> {
    put_into(SOURCE_BUCKET, store, case)?;
    if case.is_copied {
        tokio::time::sleep(NEXT_SECOND).await;
        put_into(DEST_BUCKET, store, case)?;
    }
    Ok(())
}

fn put_into(bucket: &str, store: &Store, case: &Case) -> Result<()> {
    let mut random = fastrand::Rng::with_seed(SEED);
    let shared = Content::repeat(BLOCK, *case.sizes.end());
    for key in case.each_key() {
        let content = shared.slice(0..random.u64(case.sizes.clone()));
        store.put(bucket, &key, content, Attributes::default())?;
    }
    Ok(())
}
