//! Two listings in key order, side by side: which objects of the source have their copy at the destination.

use backup::object::{ObjectRef, written_after};
use futures::stream::{Stream, StreamExt};
use jiff::Timestamp;

use crate::list::Listed;
use crate::pairs::{Extras, Pair, pairs};

/// The source's objects, each marked as unchanged, missing or neither, in pages of any size; an error is the last of them.
/// The copies have their source's keys. Both are in key order and of each, about a page and a half is held.
pub fn compare<E>(
    source: impl Stream<Item = Result<Vec<Listed>, E>> + Unpin,
    copies: impl Stream<Item = Result<Vec<Listed>, E>> + Unpin,
) -> impl Stream<Item = Result<Vec<Listed>, E>> {
    pairs(source, copies, Extras::LeftOut)
        .map(|page| Ok(page?.into_iter().filter_map(marked).collect()))
}

fn marked(pair: Pair) -> Option<Listed> {
    match pair {
        Pair::Both(mut listed, copy) => {
            listed.is_unchanged = is_same(&listed.object, &copy.object);
            Some(listed)
        }
        Pair::Missing(mut listed) => {
            listed.is_missing = true;
            Some(listed)
        }
        Pair::Extra(_) => None,
    }
}

/// The copier's rule as far as a listing shows it: the same size, and written after the source's last change.
pub fn is_same(source: &ObjectRef, copy: &ObjectRef) -> bool {
    let secs = |object: &ObjectRef| object.last_modified.map(Timestamp::as_second);
    source.size == copy.size && written_after(secs(copy), secs(source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    use futures::executor::block_on;
    use futures::stream;
    use proptest::prelude::*;

    /// Key; unchanged, missing.
    type Marked = (String, (bool, bool));

    /// Key, size, second of the last change.
    type Entries = BTreeMap<String, (u64, Option<i64>)>;

    fn listed((key, (size, second)): (&String, &(u64, Option<i64>))) -> Listed {
        Listed {
            object: ObjectRef {
                bucket: "acme-data".to_owned(),
                key: key.clone(),
                size: *size,
                etag: None,
                last_modified: second.map(|second| Timestamp::from_second(second).unwrap()),
            },
            is_archived: false,
            is_unchanged: false,
            is_missing: false,
        }
    }

    /// The listing cut into pages of these sizes, over and over; a size of 0 is an empty page.
    fn cut(entries: &Entries, sizes: &[usize]) -> Vec<Result<Vec<Listed>, &'static str>> {
        let mut objects = entries.iter().map(listed).peekable();
        let mut pages = Vec::new();
        for size in sizes.iter().chain(&[1]).cycle() {
            if objects.peek().is_none() {
                break;
            }
            pages.push(Ok(objects.by_ref().take(*size).collect()));
        }
        pages
    }

    fn compared(
        source: Vec<Result<Vec<Listed>, &'static str>>,
        copies: Vec<Result<Vec<Listed>, &'static str>>,
    ) -> (Vec<Marked>, Vec<&'static str>) {
        let pages = compare(stream::iter(source), stream::iter(copies));
        let (mut objects, mut errors) = (Vec::new(), Vec::new());
        for page in block_on(pages.collect::<Vec<_>>()) {
            match page {
                Ok(page) => {
                    objects.extend(page.into_iter().map(|listed| {
                        (listed.object.key, (listed.is_unchanged, listed.is_missing))
                    }))
                }
                Err(error) => errors.push(error),
            }
        }
        (objects, errors)
    }

    fn entries() -> impl Strategy<Value = Entries> {
        let facts = (0_u64..3, prop::option::weighted(0.9, 0_i64..3));
        prop::collection::btree_map("[a-c]{1,4}", facts, 0..60)
    }

    proptest! {
        #[test]
        fn leaves_exactly_what_is_missing_or_differs_whatever_the_pages(
            source in entries(),
            copies in entries(),
            source_pages in prop::collection::vec(0_usize..20, 1..5),
            copy_pages in prop::collection::vec(0_usize..20, 1..5),
        ) {
            let (objects, errors) =
                compared(cut(&source, &source_pages), cut(&copies, &copy_pages));
            let expected: Vec<_> = source
                .iter()
                .map(|(key, (size, changed))| {
                    let is_unchanged = copies.get(key).is_some_and(|(copy_size, written)| {
                        copy_size == size
                            && matches!((written, changed), (Some(written), Some(changed)) if written > changed)
                    });
                    (key.clone(), (is_unchanged, !copies.contains_key(key)))
                })
                .collect();
            prop_assert_eq!(objects, expected);
            prop_assert!(errors.is_empty());
        }

        #[test]
        fn a_listing_that_fails_ends_in_its_error_after_what_could_be_compared(
            source in entries(),
            copies in entries(),
            size in 1_usize..20,
            good_pages in 0_usize..4,
            source_fails: bool,
        ) {
            let mut pages = [cut(&source, &[size]), cut(&copies, &[size])];
            let failing = &mut pages[usize::from(!source_fails)];
            failing.truncate(good_pages);
            failing.push(Err("denied"));
            let [source_pages, copy_pages] = pages;
            let (objects, errors) = compared(source_pages, copy_pages);
            let (all, _) = compared(cut(&source, &[]), cut(&copies, &[]));
            prop_assert_eq!(&objects[..], &all[..objects.len()]);
            if source_fails || objects.len() < all.len() {
                prop_assert_eq!(errors, ["denied"]);
            }
        }
    }
}
