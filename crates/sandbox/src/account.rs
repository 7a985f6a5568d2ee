//! The one account that everything belongs to.

/// Its id.
pub const ACCOUNT_ID: &str = "000000000000";
