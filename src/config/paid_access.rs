//! Validation of paid access: `[stripe]` of both kinds of files, and `[[plans]]` of a tenant's.

mod plan;
mod stripe;

pub(super) use self::plan::plans;
pub(super) use self::stripe::{account, platform};
