//! Readers of the environment whose errors name the variable.

use std::collections::HashMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Environment variables, read once.
#[derive(Debug, Clone, Default)]
pub struct Environment(HashMap<String, String>);

/// What is wrong with a variable.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EnvError {
    /// It must be set and is not.
    #[error("the environment variable {name} is not set; it must hold {accepted}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// What it takes.
        accepted: String,
    },
    /// It is set to something else than it takes.
    #[error("the environment variable {name} is {given:?}; it must hold {accepted}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// Its value.
        given: String,
        /// What it takes.
        accepted: String,
    },
}

impl Environment {
    /// The environment of this process. A variable that is not UTF-8 counts as unset.
    pub fn process() -> Environment {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Environment(std::env::vars_os().filter_map(text).collect())
    }

    /// The variable's value; one that is empty counts as unset, so that a template can pass an empty
    /// parameter straight through.
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The value of a variable that must be set.
    ///
    /// # Errors
    /// The variable is unset or empty.
    pub fn required(&self, name: &'static str, accepted: &str) -> Result<String, EnvError> {
        self.optional(name)
            .map(str::to_owned)
            .ok_or_else(|| EnvError::Missing {
                name,
                accepted: accepted.to_owned(),
            })
    }

    /// The variable's parsed value, or the default's.
    ///
    /// # Errors
    /// The value does not parse; the error says what is accepted, and the parser's reason.
    pub fn parsed<T>(
        &self,
        name: &'static str,
        default: &str,
        accepted: &str,
    ) -> Result<T, EnvError>
    where
        T: FromStr<Err: Display>,
    {
        let given = self.optional(name).unwrap_or(default);
        given.parse().map_err(|error| EnvError::Invalid {
            name,
            given: given.to_owned(),
            accepted: format!("{accepted} ({error})"),
        })
    }

    /// A whole number within a range, or the default.
    ///
    /// # Errors
    /// The value is not a number, or out of range.
    pub fn number(
        &self,
        name: &'static str,
        default: u64,
        accepted: RangeInclusive<u64>,
    ) -> Result<u64, EnvError> {
        let Some(given) = self.optional(name) else {
            return Ok(default);
        };
        given
            .parse()
            .ok()
            .filter(|number| accepted.contains(number))
            .ok_or_else(|| EnvError::Invalid {
                name,
                given: given.to_owned(),
                accepted: format!(
                    "a whole number from {} to {}",
                    accepted.start(),
                    accepted.end()
                ),
            })
    }

    /// Whether `REQUEST_PAYER` says that the copier's account, not the bucket's owner, pays for requests.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/RequesterPaysBuckets.html>
    ///
    /// # Errors
    /// The value is not `requester`.
    pub fn requester_pays(&self) -> Result<bool, EnvError> {
        match self.optional("REQUEST_PAYER") {
            None => Ok(false),
            Some("requester") => Ok(true),
            Some(given) => Err(EnvError::Invalid {
                name: "REQUEST_PAYER",
                given: given.to_owned(),
                accepted: "requester, or nothing where the bucket's owner pays".to_owned(),
            }),
        }
    }

    /// A 12-digit AWS account id, if set: the owner a bucket is expected to have.
    ///
    /// # Errors
    /// The value is not 12 digits.
    pub fn account_id(&self, name: &'static str) -> Result<Option<String>, EnvError> {
        let Some(given) = self.optional(name) else {
            return Ok(None);
        };
        if given.len() == 12 && given.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Some(given.to_owned()));
        }
        Err(EnvError::Invalid {
            name,
            given: given.to_owned(),
            accepted: "the 12 digits of an AWS account id".to_owned(),
        })
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Environment {
        Environment(
            variables
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unset_or_empty_variable_is_missing() {
        for environment in [
            Environment::from([]),
            Environment::from([("SOURCE_BUCKET", "")]),
        ] {
            let error = environment
                .required("SOURCE_BUCKET", "the name of the source bucket")
                .unwrap_err();
            assert_eq!(
                error.to_string(),
                "the environment variable SOURCE_BUCKET is not set; it must hold the name of the source bucket"
            );
        }
    }

    #[test]
    fn a_number_out_of_range_names_the_variable_the_value_and_the_range() {
        for given in ["0", "65", "-1", "8.5", "eight"] {
            let environment = Environment::from([("LIST_CONCURRENCY", given)]);
            let error = environment
                .number("LIST_CONCURRENCY", 8, 1..=64)
                .unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "the environment variable LIST_CONCURRENCY is {given:?}; \
                     it must hold a whole number from 1 to 64"
                )
            );
        }
        let environment = Environment::from([("LIST_CONCURRENCY", "64")]);
        assert_eq!(environment.number("LIST_CONCURRENCY", 8, 1..=64), Ok(64));
        assert_eq!(environment.number("OTHER", 8, 1..=64), Ok(8));
    }

    #[test]
    fn an_account_id_has_12_digits() {
        let environment = Environment::from([("GOOD", "012345678901"), ("BAD", "acme")]);
        assert_eq!(
            environment.account_id("GOOD").unwrap().unwrap(),
            "012345678901"
        );
        assert_eq!(environment.account_id("UNSET"), Ok(None));
        assert_eq!(
            environment.account_id("BAD").unwrap_err().to_string(),
            "the environment variable BAD is \"acme\"; it must hold the 12 digits of an AWS account id"
        );
    }
}
