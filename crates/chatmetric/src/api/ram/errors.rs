//! The errors that operations of RAM declare, from the same words with which
//! they are answered.

use crate::api::spec::ErrorSpec;
use chatmetric_rpc::error::{AlreadyExists, DeleteConflict, LimitExceeded, NotExist};

/// What every operation of RAM declares.
pub(super) const NO_PERMISSION: ErrorSpec = ErrorSpec {
    http_status: 403,
    code: "NoPermission",
    message: "You are not authorized to do this action.",
};
pub(super) const MALFORMED: ErrorSpec = ErrorSpec {
    http_status: 400,
    code: "MalformedPolicyDocument",
    message: "Where the document is not valid, and why.",
};

pub(super) const fn not_exist(what: NotExist) -> ErrorSpec {
    ErrorSpec {
        http_status: 404,
        code: what.code(),
        message: what.message(),
    }
}

pub(super) const fn exists(what: AlreadyExists) -> ErrorSpec {
    ErrorSpec {
        http_status: 409,
        code: what.code(),
        message: what.message(),
    }
}

pub(super) const fn conflict(what: DeleteConflict) -> ErrorSpec {
    ErrorSpec {
        http_status: 409,
        code: what.code(),
        message: what.message(),
    }
}

pub(super) const fn limit(what: LimitExceeded) -> ErrorSpec {
    ErrorSpec {
        http_status: 409,
        code: what.code(),
        message: what.message(),
    }
}
