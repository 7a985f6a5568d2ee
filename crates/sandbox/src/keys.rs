//! The access keys that are known: the account's, and one for every function, as Lambda gives each the credentials of
//! its role. They share their secret.

use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Result, s3_error};

/// The access keys of one sandbox.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    account: String,
    secret: SecretKey,
}

impl Keys {
    pub(crate) fn new(account: &str, secret: &str) -> Self {
        Self {
            account: account.to_owned(),
            secret: SecretKey::from(secret),
        }
    }

    /// The access key of a function.
    pub(crate) fn of_function(&self, name: &str) -> String {
        format!("{}.{name}", self.account)
    }

    /// The function whose access key this is.
    pub(crate) fn function_of<'a>(&self, key: &'a str) -> Option<&'a str> {
        key.strip_prefix(&self.account)?.strip_prefix('.')
    }

    pub(crate) fn knows(&self, key: &str) -> bool {
        key == self.account || self.function_of(key).is_some()
    }
}

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        match self.knows(access_key) {
            true => Ok(self.secret.clone()),
            false => Err(s3_error!(
                InvalidAccessKeyId,
                "The AWS Access Key Id you provided does not exist in our records."
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_whose_a_key_is() {
        let keys = Keys::new("sandbox", "secret");
        let copier = keys.of_function("copier");
        assert_eq!(keys.function_of(&copier), Some("copier"));
        assert_eq!(keys.function_of("sandbox"), None);
        for (key, known) in [
            (copier.as_str(), true),
            ("sandbox", true),
            ("sandboxcopier", false),
            ("copier", false),
        ] {
            assert_eq!(keys.knows(key), known, "{key}");
        }
    }
}
