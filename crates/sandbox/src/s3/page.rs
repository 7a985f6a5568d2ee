//! One page of a listing in UTF-8 binary order, with keys rolled up into common prefixes.

use s3s::{S3Result, s3_error};

use super::limits::PAGE_MAX;

/// What a listing asks for; the caller's entries already start after its marker.
#[derive(Debug)]
pub(super) struct Query<'a> {
    pub(super) prefix: &'a str,
    pub(super) delimiter: Option<&'a str>,
    /// A common prefix the page before ended with.
    pub(super) skipped_prefix: Option<&'a str>,
    pub(super) max: usize,
}

/// A page, and where it ended.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) items: Vec<(String, T)>,
    pub(super) common_prefixes: Vec<String>,
    /// The last key or common prefix, if more follow.
    pub(super) next: Option<String>,
    /// Whether the page ended with a common prefix.
    pub(super) ended_with_prefix: bool,
}

impl<T> Page<T> {
    pub(super) fn is_truncated(&self) -> bool {
        self.next.is_some()
    }

    fn count(&self) -> usize {
        self.items.len() + self.common_prefixes.len()
    }

    fn last(&self) -> Option<String> {
        match self.ended_with_prefix {
            true => self.common_prefixes.last().cloned(),
            false => self.items.last().map(|(key, _)| key.clone()),
        }
    }
}

/// Reads one page from entries in key order.
pub(super) fn page<'a, T>(
    entries: impl Iterator<Item = (&'a str, T)>,
    query: &Query<'_>,
) -> Page<T> {
    let mut page = Page {
        items: Vec::new(),
        common_prefixes: Vec::new(),
        next: None,
        ended_with_prefix: false,
    };
    if query.max == 0 {
        return page;
    }
    for (key, item) in entries {
        let Some(rest) = key.strip_prefix(query.prefix) else {
            if key > query.prefix {
                break;
            }
            continue;
        };
        let common = common_prefix(key, rest, query.delimiter);
        let is_listed = common.is_some()
            && (common == query.skipped_prefix
                || common == page.common_prefixes.last().map(String::as_str));
        if is_listed {
            continue;
        }
        if page.count() == query.max {
            page.next = page.last();
            break;
        }
        page.ended_with_prefix = common.is_some();
        match common {
            Some(common) => page.common_prefixes.push(common.to_owned()),
            None => page.items.push((key.to_owned(), item)),
        }
    }
    page
}

fn common_prefix<'k>(key: &'k str, rest: &str, delimiter: Option<&str>) -> Option<&'k str> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let end = key.len() - rest.len() + rest.find(delimiter)? + delimiter.len();
    Some(&key[..end])
}

/// The size of a page as asked, at most 1,000.
///
/// # Errors
///
/// InvalidArgument for a negative number.
pub(super) fn page_size(asked: Option<i32>, name: &str) -> S3Result<i32> {
    match asked.unwrap_or(PAGE_MAX) {
        asked if asked < 0 => Err(s3_error!(
            InvalidArgument,
            "Argument {name} must be an integer between 0 and 2147483647"
        )),
        asked => Ok(asked.min(PAGE_MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 6] = ["a", "b/1", "b/2", "b/c/3", "c", "é"];

    fn listed(
        prefix: &str,
        delimiter: Option<&str>,
        skipped_prefix: Option<&str>,
        max: usize,
    ) -> (Vec<String>, Vec<String>, Option<String>) {
        let query = Query {
            prefix,
            delimiter,
            skipped_prefix,
            max,
        };
        let page = page(KEYS.into_iter().map(|key| (key, ())), &query);
        let next = page.next.clone();
        (
            page.items.into_iter().map(|(key, ())| key).collect(),
            page.common_prefixes,
            next,
        )
    }

    #[test]
    fn keys_below_a_delimiter_roll_up_once() {
        let (keys, prefixes, next) = listed("", Some("/"), None, 1000);
        assert_eq!(
            (keys, prefixes, next),
            (
                vec!["a".into(), "c".into(), "é".into()],
                vec!["b/".into()],
                None
            )
        );
        let (keys, prefixes, _) = listed("b/", Some("/"), None, 1000);
        assert_eq!(
            (keys, prefixes),
            (vec!["b/1".into(), "b/2".into()], vec!["b/c/".into()])
        );
    }

    #[test]
    fn a_full_page_ends_with_its_last_key_or_common_prefix() {
        assert_eq!(listed("", Some("/"), None, 2).2.as_deref(), Some("b/"));
        assert_eq!(listed("", None, None, 6).2, None);
        assert_eq!(listed("", None, None, 0).2, None);
        assert_eq!(
            listed("", Some("/"), Some("b/"), 1000).1,
            Vec::<String>::new()
        );
    }
}
