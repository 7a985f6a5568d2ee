//! What a request says of itself before its operation sees it, whichever way it comes in.

use http::{HeaderMap, Uri};

/// A request, as far as its admission looks at it.
pub(super) struct Asking<'a> {
    pub(super) operation: &'a str,
    pub(super) is_signed: bool,
    pub(super) bucket: Option<&'a str>,
    pub(super) key: Option<&'a str>,
    pub(super) headers: &'a HeaderMap,
    pub(super) uri: &'a Uri,
}
