//! Where the rest of a long listing can be cut, so that its pieces are listed side by side.

use backup::aws::Cause;

use crate::list::{Bucket, first_after};

/// Branches looked for at most; each costs a request.
const MOST_BRANCHES: usize = 32;

/// What is left of a listing.
#[derive(Debug, Clone, Copy)]
pub struct Rest<'a> {
    /// The bucket.
    pub bucket: Bucket<'a>,
    /// What all keys begin with.
    pub prefix: &'a str,
    /// The last key that was listed.
    pub last: &'a str,
    /// The key with which the listing is to end, if it ends before the prefix does.
    pub until: Option<&'a str>,
}

impl Rest<'_> {
    /// Keys that cut the rest into up to so many pieces, in key order; none where no key branches off. Each is a
    /// bound, and may be no object's key.
    ///
    /// Keys form a tree by their characters. The shallowest place at which keys branch off the last one is
    /// searched for, in as many requests as the logarithm of its length; then its branches are asked for one by
    /// one. That finds sub-prefixes as well as the digits of numbered keys.
    ///
    /// # Errors
    /// S3 refused to say what comes after a key.
    pub async fn points(&self, pieces: usize) -> Result<Vec<String>, Cause> {
        let Some((stem, mut bound)) = self.shallowest_branch().await? else {
            return Ok(Vec::new());
        };
        let mut points = Vec::new();
        while points.len() < MOST_BRANCHES
            && let Some(key) = self.first_after(&bound).await?
        {
            points.push(bound);
            match key
                .strip_prefix(&stem)
                .and_then(|rest| after_branch(&stem, rest))
            {
                Some(after) => bound = after,
                None => break,
            }
        }
        Ok(evenly(points, pieces.saturating_sub(1)))
    }

    /// The longest part of the last key from which no key branches off yet, and what comes after the last key's own
    /// branch. If keys come after a branch, then keys come after every deeper one, so the depths are searched
    /// by halves.
    async fn shallowest_branch(&self) -> Result<Option<(String, String)>, Cause> {
        let rest = self.last.strip_prefix(self.prefix).unwrap_or_default();
        let mut depths: Vec<(String, String)> = rest
            .char_indices()
            .filter_map(|(at, _)| {
                let stem = format!("{}{}", self.prefix, &rest[..at]);
                let bound = after_branch(&stem, &rest[at..])?;
                Some((stem, bound))
            })
            .collect();
        let (mut from, mut to) = (0, depths.len());
        while from < to {
            let middle = (from + to) / 2;
            match self.first_after(&depths[middle].1).await? {
                Some(_) => to = middle,
                None => from = middle + 1,
            }
        }
        Ok((from < depths.len()).then(|| depths.swap_remove(from)))
    }

    async fn first_after(&self, after: &str) -> Result<Option<String>, Cause> {
        let key = first_after(self.bucket, self.prefix, after).await?;
        Ok(key.filter(|key| self.until.is_none_or(|until| key.as_str() <= until)))
    }
}

/// The least text after all keys that begin with the stem and the rest's first character; none after the last
/// character there is.
fn after_branch(stem: &str, rest: &str) -> Option<String> {
    let branch = rest.chars().next()?;
    let following = (branch..=char::MAX).nth(1)?;
    Some(format!("{stem}{following}"))
}

/// As many of the points as are wanted, evenly spaced.
fn evenly(points: Vec<String>, wanted: usize) -> Vec<String> {
    let found = points.len();
    if found <= wanted {
        return points;
    }
    let keep = |place: usize| (place + 1) * wanted / found > place * wanted / found;
    let kept = points.into_iter().enumerate();
    kept.filter(|(place, _)| keep(*place))
        .map(|(_, point)| point)
        .collect()
}
