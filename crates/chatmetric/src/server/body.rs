//! The body of a request: read within its limit and the shared budget of memory.
//!
//! Not here: what a body means. Invariant: no body takes more memory than its limit
//! and than the budget has left.

use crate::server::App;
use crate::server::limits::{BODY_TIMEOUT, DISCARD_BYTES_MAX, DISCARD_TIMEOUT, Reserved};
use bytes::{Bytes, BytesMut};
use chatmetric_rpc::ApiError;
use http::header::{CONTENT_LENGTH, EXPECT};
use http::request::Parts;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

/// A body with its part of the budget.
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    _reserved: Vec<Reserved>,
}

/// Why there is no body.
pub(crate) enum BodyFault {
    TooLarge,
    NoMemory,
    TooSlow,
    Broken,
    Api(ApiError),
}

impl BodyFault {
    pub(super) fn into_api_error(self, app: &App) -> ApiError {
        let malformed = |reason: &'static str| ApiError::MalformedRequest {
            reason: reason.into(),
        };
        match self {
            Self::TooLarge => ApiError::RequestTooLarge {
                limit_bytes: u64::try_from(app.settings.limits.body_bytes_max).unwrap_or(u64::MAX),
            },
            Self::NoMemory => ApiError::ServiceUnavailable,
            Self::TooSlow => malformed("The body did not arrive in time."),
            Self::Broken => malformed("The body ended early or is not well-formed."),
            Self::Api(error) => error,
        }
    }
}

/// What the head says of the length of its body.
pub(crate) fn announced_bytes(parts: &Parts) -> Option<usize> {
    let value = parts.headers.get(CONTENT_LENGTH)?.to_str().ok()?;
    // More than memory has is too much, and not unknown.
    let bytes = value.parse::<u64>().ok()?;
    Some(usize::try_from(bytes).unwrap_or(usize::MAX))
}

/// Reads the body, never more than `limit` bytes, within the shared budget. Of a
/// refused one, the rest is thrown away, so that the client reads our answer.
pub(crate) async fn read_body(
    app: &App,
    parts: &Parts,
    mut body: Incoming,
    limit: usize,
) -> Result<Body, BodyFault> {
    let too_large = announced_bytes(parts).is_some_and(|bytes| bytes > limit);
    if too_large {
        // Who waits for `100 Continue` sends nothing when none comes.
        if !parts.headers.contains_key(EXPECT) {
            discard(&mut body).await;
        }
        return Err(BodyFault::TooLarge);
    }
    let read = tokio::time::timeout(BODY_TIMEOUT, collect(app, &mut body, limit)).await;
    let fault = match read {
        Ok(Ok(body)) => return Ok(body),
        Ok(Err(fault)) => fault,
        Err(_) => BodyFault::TooSlow,
    };
    if matches!(fault, BodyFault::TooLarge | BodyFault::NoMemory) {
        discard(&mut body).await;
    }
    Err(fault)
}

async fn collect(app: &App, body: &mut Incoming, limit: usize) -> Result<Body, BodyFault> {
    let mut bytes = Bytes::new();
    let mut more = BytesMut::new();
    let mut reserved = Vec::new();
    let mut reserved_bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| BodyFault::Broken)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let length = bytes.len() + more.len() + data.len();
        if length > limit {
            return Err(BodyFault::TooLarge);
        }
        if length > reserved_bytes {
            // Doubling keeps the number of reservations small.
            let more = length.max(2 * reserved_bytes).min(limit) - reserved_bytes;
            reserved.push(app.bodies.try_reserve(more).ok_or(BodyFault::NoMemory)?);
            reserved_bytes += more;
        }
        if bytes.is_empty() && more.is_empty() {
            // Most bodies come in one piece, which is not copied.
            bytes = data;
        } else {
            more.extend_from_slice(&std::mem::take(&mut bytes));
            more.extend_from_slice(&data);
        }
    }
    if !more.is_empty() {
        bytes = more.freeze();
    }
    Ok(Body {
        bytes,
        _reserved: reserved,
    })
}

/// Throws the rest of a body away, as far as it is short and comes soon.
pub(crate) async fn discard(body: &mut Incoming) {
    let read = async {
        let mut discarded = 0;
        while let Some(Ok(frame)) = body.frame().await {
            discarded += frame.data_ref().map_or(0, Bytes::len);
            if discarded > DISCARD_BYTES_MAX {
                break;
            }
        }
    };
    // Whether it ended or not, the answer comes now.
    drop(tokio::time::timeout(DISCARD_TIMEOUT, read).await);
}
