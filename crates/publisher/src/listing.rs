//! Many ranges of keys to one stream of what is found in them, a few ranges at a time.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::task::{Context, Poll};

use backup::aws::Cause;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{BoxStream, FuturesUnordered, Stream, StreamExt};
use tracing::{debug, warn};

use crate::compare::compare;
use crate::list::{Bucket, KeyRange, Listed, Page, pages};
use crate::split::Rest;
use crate::step::{RangeId, Step};

/// No page is asked for while more steps wait to be taken.
const ENOUGH_WAITING: usize = 2_000;

/// A range of more pages is long enough to be cut, if fewer ranges than allowed are being listed.
const LONG_PAGES: u64 = 8;

/// Where the copies of a source's objects are.
#[derive(Debug, Clone, Copy)]
pub struct Copies<'a> {
    /// The bucket.
    pub bucket: Bucket<'a>,
    /// What their keys begin with, before the source's.
    pub prefix: &'a str,
}

impl<'a> Copies<'a> {
    /// The pages of the copies of the keys with a prefix that come after a key, under their sources' keys.
    pub fn pages(self, prefix: String, after: String) -> impl Stream<Item = Page> + Send + 'a {
        let in_copies = |key: String| format!("{}{key}", self.prefix);
        let after = if after.is_empty() {
            after
        } else {
            in_copies(after)
        };
        let beginning = self.prefix.len();
        pages(self.bucket, in_copies(prefix), after).map(move |page| {
            let mut page = page?;
            for copy in &mut page {
                copy.object.key.drain(..beginning);
            }
            Ok(page)
        })
    }
}

/// The objects in ranges of a bucket's keys. A range that cannot be listed does not end the others. Of each range
/// in progress a page is held, or a page and a half of both sides, and about as much again in all.
pub struct Listing<'a> {
    source: Bucket<'a>,
    copies: Option<Copies<'a>>,
    ranges: Box<dyn Iterator<Item = KeyRange> + Send + 'a>,
    concurrency: usize,
    begun: usize,
    open: BTreeMap<RangeId, Open>,
    parked: Vec<(RangeId, BoxStream<'a, Page>)>,
    running: FuturesUnordered<BoxFuture<'a, Event<'a>>>,
    splitting: bool,
    waiting: VecDeque<Step>,
}

/// A range in progress.
struct Open {
    range: KeyRange,
    last: String,
    pages: u64,
    /// It is cut when it has had more pages.
    split_from: u64,
}

/// What a request came to.
enum Event<'a> {
    Page(RangeId, Option<Page>, BoxStream<'a, Page>),
    Points(RangeId, Result<Vec<String>, Cause>),
}

impl<'a> Listing<'a> {
    /// Lists ranges, so many at a time, and compares their objects with their copies where it is told of any. Only
    /// where it does not compare, a long range is cut when there are no others left: the pieces of a range are in
    /// key order each, not together.
    pub fn new(
        source: Bucket<'a>,
        copies: Option<Copies<'a>>,
        ranges: impl Iterator<Item = KeyRange> + Send + 'a,
        concurrency: usize,
    ) -> Listing<'a> {
        Listing {
            source,
            copies,
            ranges: Box::new(ranges.fuse()),
            concurrency,
            begun: 0,
            open: BTreeMap::new(),
            parked: Vec::new(),
            running: FuturesUnordered::new(),
            splitting: false,
            waiting: VecDeque::new(),
        }
    }

    /// Asks for as much as may be asked for now.
    fn ask(&mut self) {
        if self.waiting.len() >= ENOUGH_WAITING {
            return;
        }
        for (id, pages) in self.parked.drain(..) {
            self.running.push(next_page(id, pages));
        }
        while self.running.len() < self.concurrency
            && let Some(range) = self.ranges.next()
        {
            let id = self.begin(range.clone());
            self.waiting.push_back(Step::Opened(id, range));
        }
        if self.running.len() < self.concurrency && !self.splitting && self.copies.is_none() {
            self.look_for_points();
        }
    }

    fn begin(&mut self, range: KeyRange) -> RangeId {
        let id = self.begun;
        self.begun += 1;
        self.running.push(next_page(id, self.pages(&range)));
        let open = Open {
            last: range.after.clone(),
            range,
            pages: 0,
            split_from: LONG_PAGES,
        };
        self.open.insert(id, open);
        id
    }

    fn pages(&self, range: &KeyRange) -> BoxStream<'a, Page> {
        let KeyRange { prefix, after, .. } = range.clone();
        let source = pages(self.source, prefix.clone(), after.clone());
        let Some(copies) = self.copies else {
            return source.boxed();
        };
        let there = copies.pages(prefix, after);
        compare(source.boxed(), there.boxed()).boxed()
    }

    /// Looks where the range that has been listed for longest can be cut.
    fn look_for_points(&mut self) {
        let long = self
            .open
            .iter()
            .filter(|(_, open)| open.pages > open.split_from);
        let Some((&id, open)) = long.max_by_key(|(_, open)| open.pages) else {
            return;
        };
        self.splitting = true;
        let (source, range, last) = (self.source, open.range.clone(), open.last.clone());
        let pieces = self.concurrency - self.running.len() + 1;
        let points = async move {
            let rest = Rest {
                bucket: source,
                prefix: &range.prefix,
                last: &last,
                until: range.until.as_deref(),
            };
            Event::Points(id, rest.points(pieces).await)
        };
        self.running.push(points.boxed());
    }

    fn answered(&mut self, event: Event<'a>) {
        match event {
            Event::Page(id, Some(Ok(objects)), pages) => self.take_page(id, objects, pages),
            Event::Page(id, None, _) => self.end(id, Step::Ended(id)),
            Event::Page(id, Some(Err(error)), _) => self.end(id, Step::Failed(id, error)),
            Event::Points(id, points) => {
                self.splitting = false;
                match points {
                    Ok(points) => self.split(id, points),
                    // The range itself is listed all the same, and fails for the same reason if that stays.
                    Err(cause) => {
                        warn!(%cause, "could not look where to cut a long listing");
                        self.split(id, Vec::new());
                    }
                }
            }
        }
    }

    fn take_page(&mut self, id: RangeId, mut objects: Vec<Listed>, pages: BoxStream<'a, Page>) {
        let Some(open) = self.open.get_mut(&id) else {
            return;
        };
        let listed = objects.len();
        if let Some(until) = &open.range.until {
            objects.retain(|listed| listed.object.key <= *until);
        }
        if let Some(newest) = objects.last() {
            open.last.clone_from(&newest.object.key);
        }
        open.pages += 1;
        let is_cut = objects.len() < listed;
        let steps = objects.into_iter().map(|listed| Step::Object(id, listed));
        self.waiting.extend(steps);
        if is_cut {
            self.end(id, Step::Ended(id));
        } else {
            self.parked.push((id, pages));
        }
    }

    fn end(&mut self, id: RangeId, step: Step) {
        self.open.remove(&id);
        self.waiting.push_back(step);
    }

    /// Cuts a range at those of the points that its listing has not come to meanwhile.
    fn split(&mut self, id: RangeId, mut points: Vec<String>) {
        let Some(open) = self.open.get_mut(&id) else {
            return;
        };
        points.retain(|point| *point > open.last);
        if points.is_empty() {
            // It is looked at again when it is twice as long.
            open.split_from = open.pages * 2;
            return;
        }
        open.split_from = open.pages + LONG_PAGES;
        let until = points[0].clone();
        let end = open.range.until.replace(until.clone());
        let prefix = open.range.prefix.clone();
        debug!(prefix, pieces = points.len() + 1, "cut a long listing");
        let ends = points[1..].iter().cloned().map(Some).chain([end]);
        let rest: Vec<_> = points
            .iter()
            .cloned()
            .zip(ends)
            .map(|(after, until)| KeyRange {
                prefix: prefix.clone(),
                after,
                until,
            })
            .collect();
        let rest = rest
            .into_iter()
            .map(|range| (self.begin(range.clone()), range))
            .collect();
        self.waiting.push_back(Step::Split {
            range: id,
            until,
            rest,
        });
    }
}

impl Stream for Listing<'_> {
    type Item = Step;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Step>> {
        loop {
            self.ask();
            match self.running.poll_next_unpin(cx) {
                Poll::Ready(Some(event)) => self.answered(event),
                unready => {
                    if let Some(step) = self.waiting.pop_front() {
                        return Poll::Ready(Some(step));
                    }
                    // It may still look where to cut a range that has ended meanwhile.
                    if self.open.is_empty() {
                        return Poll::Ready(None);
                    }
                    return unready.map(|_| None);
                }
            }
        }
    }
}

fn next_page(id: RangeId, mut pages: BoxStream<'_, Page>) -> BoxFuture<'_, Event<'_>> {
    async move {
        let page = pages.next().await;
        Event::Page(id, page, pages)
    }
    .boxed()
}
