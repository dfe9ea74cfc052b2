//! The Alibaba Cloud RPC protocol, server side: parameters, signatures, RAM policies, throttle,
//! errors and rendering. It knows nothing of metrics and does no I/O: time, the nonce store and
//! key lookup are passed in.
//!
//! Reading order, which is also the order of a call; each step's result is the only input of the next:
//! [`request::RawRequest`] → [`request::ParsedRequest`] → [`signature::VerifiedRequest`] →
//! [`admission::AdmittedRequest`] → [`ram::Authorized`] → a body from [`response`].
//!
//! Invariant: a [`signature::VerifiedRequest`] exists only if the signature over exactly the
//! method, action, version and parameters that it carries was verified; an
//! [`admission::AdmittedRequest`] only if its nonce was unused and a slot of the throttle was
//! charged; an [`ram::Authorized`] only if the caller owns the account or a policy allows the
//! action.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]
#![deny(clippy::as_conversions)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::as_conversions
    )
)]

pub mod admission;
pub mod credential;
pub mod error;
pub mod nonce;
pub mod params;
mod percent;
pub mod ram;
pub mod request;
pub mod response;
pub mod sign;
pub mod signature;
mod strict_json;
pub mod throttle;
mod timestamp;

pub use error::ApiError;
pub use timestamp::{format_utc_seconds, parse_utc_seconds};
