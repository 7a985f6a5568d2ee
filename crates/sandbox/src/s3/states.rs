//! Every state an object ever had, for telling whether a copy was ever something that its source never was.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::attributes::{Attributes, Encryption};
use super::crc::Crc;
use super::object::Object;
use super::store::Store;

/// The objects a key has had, oldest first.
pub(super) type States = BTreeMap<String, Vec<Arc<Object>>>;

/// Keeps one more state of a key, if states are kept.
pub(super) fn keep(states: &mut Option<States>, key: &str, object: &Arc<Object>) {
    if let Some(states) = states {
        let of_key = states.entry(key.to_owned()).or_default();
        of_key.push(Arc::clone(object));
    }
}

impl Store {
    /// Keeps every state of every object from now on, those that are there now included.
    pub fn keep_states(&self) {
        let mut buckets = self.lock();
        self.keeps_states.store(true, Ordering::Relaxed);
        for bucket in buckets.values_mut() {
            let mut states = States::default();
            for (key, versions) in &bucket.keys {
                let objects = versions.iter().filter_map(|version| version.object.clone());
                states.insert(key.clone(), objects.collect());
            }
            bucket.states.get_or_insert(states);
        }
    }

    /// The states an object of `copies` ever had that the object of the same key in `sources` never had, in a line
    /// each: other bytes, content headers, metadata, tags or storage class.
    ///
    /// # Errors
    ///
    /// When states are not kept, a bucket is not there, or bytes cannot be read.
    pub fn wrong(&self, sources: &str, copies: &str) -> io::Result<Vec<String>> {
        let (sources, copies) = (self.states(sources)?, self.states(copies)?);
        let mut wrong = Vec::new();
        for (key, copies) in copies {
            let of_source = sources.get(&key).map(Vec::as_slice).unwrap_or_default();
            let of_source = of_source.iter().map(|object| State::of(object));
            let of_source = of_source.collect::<io::Result<Vec<_>>>()?;
            for copy in copies {
                let copy = State::of(&copy)?;
                if !of_source.contains(&copy) {
                    wrong.push(format!("{key} was {copy:?}, and its source {of_source:?}"));
                }
            }
        }
        Ok(wrong)
    }

    fn states(&self, bucket: &str) -> io::Result<States> {
        let buckets = self.lock();
        let states = buckets.get(bucket).and_then(|bucket| bucket.states.clone());
        states.ok_or_else(|| {
            let problem =
                format!("no states of a bucket {bucket} are kept: call keep_states first");
            io::Error::other(problem)
        })
    }
}

/// What a copy must have in common with its source.
#[derive(Debug, PartialEq)]
struct State {
    size_bytes: u64,
    crc64nvme: String,
    attributes: Attributes,
    tags: BTreeSet<(String, String)>,
}

impl State {
    fn of(object: &Object) -> io::Result<Self> {
        let mut attributes = object.attributes.clone();
        let tags = std::mem::take(&mut attributes.tags).into_iter().collect();
        // A copy has its own encryption, and names what S3 answers where the source names nothing.
        attributes.encryption = Encryption::default();
        attributes.restored_until = None;
        attributes.storage_class = Some(attributes.storage_class_listed());
        attributes.content_type = Some(attributes.content_type_answered());
        Ok(Self {
            size_bytes: object.content.len(),
            crc64nvme: Crc::Crc64Nvme.to_base64(object.content.crc(Crc::Crc64Nvme)?),
            attributes,
            tags,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::Content;

    fn store() -> Store {
        let store = Store::new("us-east-1").unwrap();
        store.create_bucket("source").unwrap();
        store.keep_states();
        store.create_bucket("backup").unwrap();
        store
    }

    fn put(store: &Store, bucket: &str, bytes: &'static str, attributes: &Attributes) {
        let content = Content::bytes(bytes.into());
        store.put(bucket, "k", content, attributes.clone()).unwrap();
    }

    fn tag(store: &Store, bucket: &str, tags: &[(&str, &str)]) {
        let tags = tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let change = |object: &mut Object| object.attributes.tags = tags.collect();
        let tagged = store.with_bucket(bucket, |bucket| bucket.update("k", None, change));
        tagged.unwrap();
    }

    #[test]
    fn a_copy_of_any_state_the_source_was_in_is_right() {
        let store = store();
        let plain = Attributes::default();
        put(&store, "source", "one", &plain);
        tag(&store, "source", &[("a", "1"), ("b", "2")]);
        put(&store, "source", "two", &plain);
        for bytes in ["two", "one"] {
            let named = Attributes {
                content_type: Some("binary/octet-stream".to_owned()),
                storage_class: Some("STANDARD".to_owned()),
                ..plain.clone()
            };
            put(&store, "backup", bytes, &named);
        }
        tag(&store, "backup", &[("b", "2"), ("a", "1")]);
        assert_eq!(
            store.wrong("source", "backup").unwrap(),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_copy_that_mixes_states_or_never_had_a_source_is_wrong_even_when_it_is_gone() {
        let store = store();
        let german = Attributes {
            content_language: Some("de".to_owned()),
            ..Attributes::default()
        };
        put(&store, "source", "one", &Attributes::default());
        put(&store, "source", "two", &german);
        put(&store, "backup", "one", &german);
        put(&store, "backup", "two", &german);
        tag(&store, "backup", &[("a", "1")]);
        put(&store, "backup", "One", &Attributes::default());
        put(&store, "backup", "one", &Attributes::default());
        let wrong = store.wrong("source", "backup").unwrap();
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        assert_eq!(store.wrong("backup", "source").unwrap().len(), 0);
        store.create_bucket("other").unwrap();
        assert_eq!(store.wrong("other", "source").unwrap().len(), 2);
    }

    #[test]
    fn what_was_there_before_states_are_kept_counts_and_without_them_there_is_no_answer() {
        let store = Store::new("us-east-1").unwrap();
        store.create_bucket("source").unwrap();
        put(&store, "source", "one", &Attributes::default());
        assert!(store.wrong("source", "source").is_err());
        store.keep_states();
        put(&store, "source", "two", &Attributes::default());
        store.create_bucket("backup").unwrap();
        put(&store, "backup", "one", &Attributes::default());
        assert_eq!(store.wrong("source", "backup").unwrap().len(), 0);
        assert!(store.wrong("source", "none").is_err());
    }
}
