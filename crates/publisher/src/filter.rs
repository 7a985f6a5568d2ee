//! Which of the listed objects are published: by key, size and date.

use backup::object::ObjectRef;
use globset::{Error as GlobError, GlobBuilder, GlobSet, GlobSetBuilder};
use jiff::Timestamp;
use serde::Serialize;

/// What an event says of the objects it wants; nothing wants all.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Wanted {
    /// Globs of which the key must match one, if there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Globs of which the key must match none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// The least size, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_size: Option<u64>,
    /// The greatest size, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u64>,
    /// The earliest last change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified_since: Option<Timestamp>,
    /// What the last change must be before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified_before: Option<Timestamp>,
}

/// Why nothing could be filtered so.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// A glob is none.
    #[error(
        "{glob:?} in `{field}` is not a glob ({}); globs are such as *.csv or */raw/*, where * also \
         matches /", .source.kind()
    )]
    Glob {
        /// The field.
        field: &'static str,
        /// The glob.
        glob: String,
        /// What is wrong with it.
        source: GlobError,
    },
    /// No object can be so.
    #[error("`{least}` is {from} and `{greatest}` is {to}: no object lies between them")]
    Empty {
        /// The field of the lower end.
        least: &'static str,
        /// The lower end.
        from: String,
        /// The field of the upper end.
        greatest: &'static str,
        /// The upper end.
        to: String,
    },
}

/// The same, ready to be asked about millions of objects.
#[derive(Debug, Clone)]
pub struct Filter {
    include: Option<GlobSet>,
    exclude: GlobSet,
    wanted: Wanted,
}

impl Filter {
    /// Reads the globs and looks whether anything can pass.
    ///
    /// # Errors
    /// A glob is none, or no object can pass.
    pub fn new(wanted: Wanted) -> Result<Filter, FilterError> {
        let Wanted {
            min_size, max_size, ..
        } = wanted;
        if let (Some(from), Some(to)) = (min_size, max_size)
            && from > to
        {
            return Err(empty("min_size", from, "max_size", to));
        }
        if let (Some(from), Some(to)) = (wanted.modified_since, wanted.modified_before)
            && from >= to
        {
            return Err(empty("modified_since", from, "modified_before", to));
        }
        let include = (!wanted.include.is_empty()).then(|| globs("include", &wanted.include));
        Ok(Filter {
            include: include.transpose()?,
            exclude: globs("exclude", &wanted.exclude)?,
            wanted,
        })
    }

    /// What it was made of.
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Whether the object is to be published. One whose date a listing does not show is, whatever dates are
    /// wanted.
    pub fn passes(&self, object: &ObjectRef) -> bool {
        let Wanted {
            min_size,
            max_size,
            modified_since,
            modified_before,
            ..
        } = self.wanted;
        let modified = object.last_modified;
        min_size.is_none_or(|least| object.size >= least)
            && max_size.is_none_or(|greatest| object.size <= greatest)
            && modified_since.is_none_or(|since| modified.is_none_or(|moment| moment >= since))
            && modified_before.is_none_or(|before| modified.is_none_or(|moment| moment < before))
            && self
                .include
                .as_ref()
                .is_none_or(|globs| globs.is_match(&object.key))
            && !self.exclude.is_match(&object.key)
    }
}

fn globs(field: &'static str, globs: &[String]) -> Result<GlobSet, FilterError> {
    let wrong = |glob: &str, source| FilterError::Glob {
        field,
        glob: glob.to_owned(),
        source,
    };
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        // A key is no path: a backslash in it is a character like any other, and * matches a slash.
        let built = GlobBuilder::new(glob).backslash_escape(false).build();
        set.add(built.map_err(|error| wrong(glob, error))?);
    }
    set.build().map_err(|error| wrong(&globs.join(" "), error))
}

fn empty(
    least: &'static str,
    from: impl ToString,
    greatest: &'static str,
    to: impl ToString,
) -> FilterError {
    FilterError::Empty {
        least,
        from: from.to_string(),
        greatest,
        to: to.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str, size: u64, modified: &str) -> ObjectRef {
        ObjectRef {
            bucket: "acme-data".to_owned(),
            key: key.to_owned(),
            size,
            etag: None,
            last_modified: modified.parse().ok(),
        }
    }

    fn by_key(include: &[&str], exclude: &[&str]) -> Filter {
        let owned = |globs: &[&str]| globs.iter().map(|glob| (*glob).to_owned()).collect();
        let wanted = Wanted {
            include: owned(include),
            exclude: owned(exclude),
            ..Wanted::default()
        };
        Filter::new(wanted).unwrap()
    }

    #[test]
    fn keys_pass_that_match_one_glob_to_include_and_none_to_exclude() {
        for (include, exclude, passing, failing) in [
            (&[][..], &[][..], &["a", "", "a/b//c\n"][..], &[][..]),
            (
                &["*.csv"],
                &[],
                &["a.csv", "2016-06-30/x/a.csv"],
                &["a.csv.gz", "A.CSV"],
            ),
            (
                &["*.csv", "*/raw/*"],
                &[],
                &["d/raw/x", "a.csv"],
                &["raw/x", "d/raw"],
            ),
            (
                &[],
                &["*.tmp", "*/_*"],
                &["d/a.bin"],
                &["a.tmp", "d/_SUCCESS"],
            ),
            (
                &["*.csv"],
                &["*/old/*"],
                &["d/a.csv"],
                &["d/old/a.csv", "d/a"],
            ),
            (
                &["2016-06-3[01]/*"],
                &[],
                &["2016-06-30/a"],
                &["2016-06-29/a"],
            ),
            (&["*.{csv,json}"], &[], &["a.json"], &["a.xml"]),
            (&["a\\*"], &[], &["a\\b"], &["a*"]),
        ] {
            let filter = by_key(include, exclude);
            for key in passing {
                assert!(filter.passes(&object(key, 1, "")), "{include:?} {key:?}");
            }
            for key in failing {
                assert!(!filter.passes(&object(key, 1, "")), "{include:?} {key:?}");
            }
        }
    }

    #[test]
    fn sizes_and_dates_pass_within_their_ends() {
        let filter = Filter::new(Wanted {
            min_size: Some(10),
            max_size: Some(20),
            modified_since: "2016-06-01T00:00:00Z".parse().ok(),
            modified_before: "2016-07-01T00:00:00Z".parse().ok(),
            ..Wanted::default()
        })
        .unwrap();
        for (size, modified, passes) in [
            (10, "2016-06-01T00:00:00Z", true),
            (20, "2016-06-30T23:59:59Z", true),
            (20, "no date shown", true),
            (9, "2016-06-15T00:00:00Z", false),
            (21, "2016-06-15T00:00:00Z", false),
            (15, "2016-05-31T23:59:59Z", false),
            (15, "2016-07-01T00:00:00Z", false),
        ] {
            assert_eq!(
                filter.passes(&object("k", size, modified)),
                passes,
                "{size} {modified}"
            );
        }
    }

    #[test]
    fn says_which_glob_is_none_and_which_ends_leave_nothing() {
        let wrong = |wanted| Filter::new(wanted).unwrap_err().to_string();
        let glob = Wanted {
            exclude: vec!["*.csv".to_owned(), "a[".to_owned()],
            ..Wanted::default()
        };
        let text = wrong(glob);
        assert!(
            text.starts_with("\"a[\" in `exclude` is not a glob (unclosed character class"),
            "{text}"
        );
        let sizes = Wanted {
            min_size: Some(2),
            max_size: Some(1),
            ..Wanted::default()
        };
        assert_eq!(
            wrong(sizes),
            "`min_size` is 2 and `max_size` is 1: no object lies between them"
        );
        let moment = "2016-06-01T00:00:00Z".parse().ok();
        let dates = Wanted {
            modified_since: moment,
            modified_before: moment,
            ..Wanted::default()
        };
        assert!(wrong(dates).starts_with("`modified_since` is 2016-06-01T00:00:00Z"));
    }
}
