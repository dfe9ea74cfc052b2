//! Small makers of [`StoreError`]: what was tried, with the path.

use crate::api::StoreError;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

/// An operation on a file failed.
pub(crate) fn io(
    verb: &str,
    path: &Path,
    source: impl Error + Send + Sync + 'static,
) -> StoreError {
    StoreError::Io {
        operation: format!("{verb} `{}`", path.display()),
        source: Arc::new(source),
    }
}

/// An operation of the transactional part failed.
pub(crate) fn engine(verb: &str, source: fjall::Error) -> StoreError {
    StoreError::Io {
        operation: format!("{verb} the catalog"),
        source: Arc::new(source),
    }
}

/// Bytes are not what was written.
pub(crate) fn corrupt(path: &Path, offset: u64, detail: impl Into<String>) -> StoreError {
    StoreError::Corrupt {
        file: path.to_owned(),
        offset,
        detail: detail.into(),
    }
}

/// The text of an error with all its causes.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
