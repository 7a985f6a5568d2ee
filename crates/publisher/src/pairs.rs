//! Two listings in key order, merged: every key with what both sides have of it.

use std::cmp::Ordering;
use std::collections::VecDeque;

use futures::future::join;
use futures::stream::{self, Stream, StreamExt};

use crate::list::Listed;

/// The next page of a side is asked for when fewer objects of it wait: half a page, so that both sides' next
/// pages are asked for at once though keys that are missing at the destination shift one against the other.
const LOW: usize = 500;

/// What both sides have of a key.
#[derive(Debug, Clone)]
pub enum Pair {
    /// An object and what has its key at the destination.
    Both(Listed, Listed),
    /// An object without a copy.
    Missing(Listed),
    /// Something at the destination whose key no object has.
    Extra(Listed),
}

/// What becomes of copies without a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extras {
    /// They are told, and the copies listed to their end.
    Told,
    /// They are left out, and the copies listed no further than the source.
    LeftOut,
}

/// Every key of both sides, in pages of any size; an error is the last of them. The copies have their source's keys.
/// Both are in key order and of each, about a page and a half is held.
pub fn pairs<E>(
    source: impl Stream<Item = Result<Vec<Listed>, E>> + Unpin,
    copies: impl Stream<Item = Result<Vec<Listed>, E>> + Unpin,
    extras: Extras,
) -> impl Stream<Item = Result<Vec<Pair>, E>> {
    let sides = (Side::new(source), Side::new(copies));
    stream::unfold(sides, move |(mut source, mut copies)| async move {
        loop {
            join(source.fill(), copies.fill()).await;
            let merged = merge(&mut source, &mut copies, extras);
            if !merged.is_empty() {
                return Some((Ok(merged), (source, copies)));
            }
            if let Some(error) = source.failure.take().or_else(|| copies.failure.take()) {
                source.end();
                copies.end();
                return Some((Err(error), (source, copies)));
            }
            if source.is_over() && (extras == Extras::LeftOut || copies.is_over()) {
                return None;
            }
        }
    })
}

/// One listing and what of it waits to be merged.
struct Side<S, E> {
    pages: S,
    waiting: VecDeque<Listed>,
    ended: bool,
    failure: Option<E>,
}

impl<S, E> Side<S, E>
where
    S: Stream<Item = Result<Vec<Listed>, E>> + Unpin,
{
    fn new(pages: S) -> Side<S, E> {
        Side {
            pages,
            waiting: VecDeque::new(),
            ended: false,
            failure: None,
        }
    }

    async fn fill(&mut self) {
        while !self.ended && self.waiting.len() < LOW {
            match self.pages.next().await {
                Some(Ok(page)) => self.waiting.extend(page),
                Some(Err(error)) => {
                    self.failure = Some(error);
                    self.ended = true;
                }
                None => self.ended = true,
            }
        }
    }
}

impl<S, E> Side<S, E> {
    /// Whether nothing more can come of it.
    fn is_over(&self) -> bool {
        self.ended && self.waiting.is_empty()
    }

    /// Whether it was listed to its end, and nothing of it waits.
    fn has_no_more(&self) -> bool {
        self.is_over() && self.failure.is_none()
    }

    fn end(&mut self) {
        self.ended = true;
        self.waiting.clear();
    }
}

/// Takes the keys of which both sides are known.
fn merge<S, T, E>(source: &mut Side<S, E>, copies: &mut Side<T, E>, extras: Extras) -> Vec<Pair> {
    let mut merged = Vec::with_capacity(source.waiting.len());
    loop {
        let order = match (source.waiting.front(), copies.waiting.front()) {
            (Some(object), Some(copy)) => object.object.key.cmp(&copy.object.key),
            (Some(_), None) if copies.has_no_more() => Ordering::Less,
            (None, Some(_)) if source.has_no_more() => Ordering::Greater,
            _ => return merged,
        };
        let object = order.is_le().then(|| source.waiting.pop_front()).flatten();
        let copy = order.is_ge().then(|| copies.waiting.pop_front()).flatten();
        match (object, copy) {
            (Some(object), Some(copy)) => merged.push(Pair::Both(object, copy)),
            (Some(object), None) => merged.push(Pair::Missing(object)),
            (None, Some(copy)) if extras == Extras::Told => merged.push(Pair::Extra(copy)),
            _ => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    use backup::object::ObjectRef;
    use futures::executor::block_on;
    use proptest::prelude::*;

    fn listed(key: &str) -> Listed {
        Listed {
            object: ObjectRef {
                bucket: "acme-data".to_owned(),
                key: key.to_owned(),
                size: 1,
                etag: None,
                last_modified: None,
            },
            is_archived: false,
            is_unchanged: false,
            is_missing: false,
        }
    }

    type Pages = Vec<Result<Vec<Listed>, &'static str>>;

    fn cut(keys: &BTreeSet<String>, size: usize) -> Pages {
        let listed: Vec<_> = keys.iter().map(|key| listed(key)).collect();
        listed.chunks(size).map(|page| Ok(page.to_vec())).collect()
    }

    /// Each key with whether the source and the copies have it, and the errors.
    fn merged(source: Pages, copies: Pages) -> (Vec<(String, bool, bool)>, Vec<&'static str>) {
        let merged = pairs(stream::iter(source), stream::iter(copies), Extras::Told);
        let (mut keys, mut errors) = (Vec::new(), Vec::new());
        for page in block_on(merged.collect::<Vec<_>>()) {
            match page {
                Ok(page) => keys.extend(page.into_iter().map(|pair| match pair {
                    Pair::Both(object, copy) => {
                        assert_eq!(object.object.key, copy.object.key);
                        (object.object.key, true, true)
                    }
                    Pair::Missing(object) => (object.object.key, true, false),
                    Pair::Extra(copy) => (copy.object.key, false, true),
                })),
                Err(error) => errors.push(error),
            }
        }
        (keys, errors)
    }

    fn keys() -> impl Strategy<Value = BTreeSet<String>> {
        prop::collection::btree_set("[a-c]{1,4}", 0..60)
    }

    proptest! {
        #[test]
        fn tells_every_key_of_both_sides_once_and_in_order(
            source in keys(),
            copies in keys(),
            source_page in 1_usize..20,
            copy_page in 1_usize..20,
        ) {
            let (found, errors) = merged(cut(&source, source_page), cut(&copies, copy_page));
            let mut expected = BTreeMap::<String, (bool, bool)>::new();
            for key in &source {
                expected.entry(key.clone()).or_default().0 = true;
            }
            for key in &copies {
                expected.entry(key.clone()).or_default().1 = true;
            }
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(key, (object, copy))| (key, object, copy))
                .collect();
            prop_assert_eq!(found, expected);
            prop_assert!(errors.is_empty());
        }

        #[test]
        fn a_listing_that_fails_calls_nothing_missing_or_extra_that_it_did_not_come_to(
            source in keys(),
            copies in keys(),
            size in 1_usize..20,
            good_pages in 0_usize..4,
            source_fails: bool,
        ) {
            let mut pages = [cut(&source, size), cut(&copies, size)];
            let failing = &mut pages[usize::from(!source_fails)];
            failing.truncate(good_pages);
            failing.push(Err("denied"));
            let [source_pages, copy_pages] = pages;
            let (found, errors) = merged(source_pages, copy_pages);
            let (all, _) = merged(cut(&source, size), cut(&copies, size));
            prop_assert_eq!(&found[..], &all[..found.len()]);
            prop_assert_eq!(errors, ["denied"]);
        }
    }
}
