//! Every key of both buckets, and how its copy compares.

use backup::day::{Day, PrefixFormat};
use backup::object::ObjectRef;
use copier::policy::Preserve;
use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use publisher::compare::is_same;
use publisher::config::LIST_CONCURRENCY;
use publisher::filter::Filter;
use publisher::list::{Bucket, KeyRange, ListError, Listed, pages};
use publisher::listing::Copies;
use publisher::pairs::{Extras, Pair, pairs};
use publisher::scope::Scope;

use super::look::{Aspect, look};

/// Objects looked at at the same time.
const LOOKS_IN_FLIGHT: usize = 64;

/// What is compared.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Whether every object and its copy are looked at, not only those that a listing leaves open.
    pub deep: bool,
    /// What the copies have of their sources.
    pub preserve: Preserve,
    /// Whether the copies have their sources' storage classes.
    pub storage_class: bool,
}

/// Where the objects and their copies are.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a> {
    /// What is backed up.
    pub source: Bucket<'a>,
    /// What it is backed up to.
    pub copies: Copies<'a>,
}

/// A key of either side.
#[derive(Debug)]
pub struct Compared {
    /// The day it was listed for.
    pub day: Option<Day>,
    /// The object.
    pub source: Option<Listed>,
    /// What has its key at the destination.
    pub copy: Option<ObjectRef>,
    /// How they compare.
    pub verdict: Verdict,
}

/// How an object and its copy compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// They are the same.
    Same(Proof),
    /// The object has no copy.
    Missing,
    /// The copy is another than it should be, in these ways.
    Different(Vec<Aspect>),
    /// The copy has no object.
    Extra,
    /// One of them could not be looked at, for this reason.
    Unknown(String),
}

/// What shows that a copy is its source's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The listing: the same size, and written after the source's last change.
    Listing,
    /// A look at both, whose checksums are the same.
    Checksum,
    /// A look at both, where no checksums could be compared: written after the source's last change.
    Time,
}

/// What to list, each day apart: there may be millions.
pub fn ranges<'a>(
    scope: &'a Scope,
    format: &'a PrefixFormat,
) -> impl Iterator<Item = (Option<Day>, KeyRange)> + 'a {
    let days = scope.days.into_iter().flat_map(backup::day::Days::iter);
    let days = days.map(|day| (Some(day), KeyRange::of(format.prefix(day))));
    scope
        .ranges
        .iter()
        .cloned()
        .map(|range| (None, range))
        .chain(days)
}

impl<'a> Sides<'a> {
    /// Every wanted key of the ranges, in no order; an error is the last. Of each range in progress about three
    /// pages are held.
    pub fn compared(
        self,
        ranges: impl Iterator<Item = (Option<Day>, KeyRange)> + 'a,
        filter: &'a Filter,
        options: Options,
    ) -> impl Stream<Item = Result<Compared, ListError>> + 'a {
        let pairs = stream::iter(ranges)
            .map(move |(day, range)| self.pairs(day, range, filter))
            .flatten_unordered(LIST_CONCURRENCY);
        let judged = pairs.map(move |pair| async move {
            let (day, pair) = pair?;
            Ok(self.judge(day, pair, options).await)
        });
        judged.buffer_unordered(LOOKS_IN_FLIGHT)
    }

    fn pairs(
        self,
        day: Option<Day>,
        range: KeyRange,
        filter: &'a Filter,
    ) -> BoxStream<'a, Result<(Option<Day>, Pair), ListError>> {
        let KeyRange {
            prefix,
            after,
            until,
        } = range;
        let source = pages(self.source, prefix.clone(), after.clone()).boxed();
        let copies = self.copies.pages(prefix, after).boxed();
        pairs(source, copies, Extras::Told)
            .map_ok(|page| stream::iter(page.into_iter().map(Ok)))
            .try_flatten()
            .try_take_while(move |pair| {
                let is_within = until
                    .as_ref()
                    .is_none_or(|until| key(pair) <= until.as_str());
                async move { Ok(is_within) }
            })
            .try_filter_map(move |pair| async move {
                Ok(is_wanted(filter, &pair).then_some((day, pair)))
            })
            .boxed()
    }

    async fn judge(self, day: Option<Day>, pair: Pair, options: Options) -> Compared {
        let (source, copy, verdict) = match pair {
            Pair::Missing(source) => (Some(source), None, Verdict::Missing),
            Pair::Extra(copy) => (None, Some(copy.object), Verdict::Extra),
            Pair::Both(source, copy) => {
                let verdict = self.compare(&source.object, &copy.object, options).await;
                (Some(source), Some(copy.object), verdict)
            }
        };
        Compared {
            day,
            source,
            copy,
            verdict,
        }
    }

    /// What the listing decides is decided by it. Its times say too little of a copy that was not written after its
    /// source's last change: the copier would leave it as it is, were the checksums the same.
    async fn compare(self, source: &ObjectRef, copy: &ObjectRef, options: Options) -> Verdict {
        if source.size != copy.size {
            return Verdict::Different(vec![Aspect::new("size", "size", source.size, copy.size)]);
        }
        if !options.deep && is_same(source, copy) {
            return Verdict::Same(Proof::Listing);
        }
        look(self, &source.key, options).await
    }
}

fn listed(pair: &Pair) -> &Listed {
    match pair {
        Pair::Both(listed, _) | Pair::Missing(listed) | Pair::Extra(listed) => listed,
    }
}

fn key(pair: &Pair) -> &str {
    &listed(pair).object.key
}

fn is_wanted(filter: &Filter, pair: &Pair) -> bool {
    filter.passes(&listed(pair).object)
}
