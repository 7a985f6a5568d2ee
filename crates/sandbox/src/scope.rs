//! Reads who signed a request, and for which service, from its SigV4 credential scope.

use http::{HeaderMap, Uri, header::AUTHORIZATION};

/// The credential of a signed request: `ACCESS_KEY/date/region/SERVICE/aws4_request`
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) access_key: String,
    pub(crate) service: String,
}

impl Scope {
    /// The scope from the `Authorization` header or, for a presigned URL, from the query.
    /// The signature itself is not looked at.
    pub(crate) fn of(headers: &HeaderMap, uri: &Uri) -> Option<Self> {
        match headers.get(AUTHORIZATION) {
            Some(value) => Self::from_header(value.to_str().ok()?),
            None => Self::from_query(uri.query()?),
        }
    }

    fn from_header(value: &str) -> Option<Self> {
        let fields = value.trim_start().strip_prefix("AWS4-HMAC-SHA256")?;
        fields
            .split(',')
            .find_map(|field| field.trim().strip_prefix("Credential="))
            .and_then(Self::parse)
    }

    fn from_query(query: &str) -> Option<Self> {
        let value = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("X-Amz-Credential="))?;
        let value = percent_encoding::percent_decode_str(value)
            .decode_utf8()
            .ok()?;
        Self::parse(&value)
    }

    fn parse(credential: &str) -> Option<Self> {
        // From the right: an access key may itself hold a slash.
        let mut parts = credential.rsplitn(5, '/');
        let (terminator, service) = (parts.next()?, parts.next()?);
        let (_region, _date) = (parts.next()?, parts.next()?);
        let access_key = parts.next()?;
        (terminator == "aws4_request").then(|| Self {
            access_key: access_key.to_owned(),
            service: service.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(access_key: &str, service: &str) -> Option<Scope> {
        Some(Scope {
            access_key: access_key.to_owned(),
            service: service.to_owned(),
        })
    }

    fn of(authorization: Option<&'static str>, uri: &'static str) -> Option<Scope> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, http::HeaderValue::from_static(value));
        }
        Scope::of(&headers, &Uri::from_static(uri))
    }

    #[test]
    fn reads_the_service_from_the_authorization_header() {
        let header = "AWS4-HMAC-SHA256 Credential=AK/20261121/us-east-1/sns/aws4_request, \
                      SignedHeaders=host, Signature=00";
        assert_eq!(of(Some(header), "/"), scope("AK", "sns"));
        let tight = "AWS4-HMAC-SHA256 SignedHeaders=host,Credential=A/K/20261121/r/lambda/aws4_request,Signature=0";
        assert_eq!(of(Some(tight), "/"), scope("A/K", "lambda"));
    }

    #[test]
    fn reads_the_service_of_a_presigned_url() {
        let uri =
            "/b/k?X-Amz-Algorithm=x&X-Amz-Credential=AK%2F20261121%2Fus-east-1%2Fs3%2Faws4_request";
        assert_eq!(of(None, uri), scope("AK", "s3"));
    }

    #[test]
    fn has_no_scope_without_a_whole_credential() {
        assert_eq!(of(None, "/"), None);
        assert_eq!(of(Some("AWS AK:signature"), "/"), None);
        assert_eq!(of(Some("AWS4-HMAC-SHA256 Credential=AK/sns"), "/"), None);
        let other = "AWS4-HMAC-SHA256 Credential=AK/20261121/us-east-1/sns/other";
        assert_eq!(of(Some(other), "/"), None);
    }
}
