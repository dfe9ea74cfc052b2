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
//!
//! ```
//! use chatmetric_rpc::ApiError;
//! use chatmetric_rpc::admission::{Admission, AdmissionSettings, CallTime};
//! use chatmetric_rpc::credential::{
//!     AccessKeyId, AccountId, KeyLookup, KeyRecord, KeyStatus, SecretKey,
//! };
//! use chatmetric_rpc::ram::{Permission, Rights, authorize};
//! use chatmetric_rpc::request::{Method, ParsedRequest, RawRequest};
//! use chatmetric_rpc::sign::{Algorithm, Call, Credentials, sign_v3};
//! use chatmetric_rpc::signature::{OperationTable, Verifier};
//!
//! struct OneKey;
//! impl KeyLookup for OneKey {
//!     type Principal = &'static str;
//!     fn find_key(&self, id: &AccessKeyId) -> Option<KeyRecord<&'static str>> {
//!         (id.as_str() == "LTAIexample").then(|| KeyRecord {
//!             secret: SecretKey::new("secret"),
//!             status: KeyStatus::Active,
//!             account: AccountId::parse("1000000000000001").expect("digits"),
//!             principal: "owner",
//!         })
//!     }
//! }
//! struct OneOperation;
//! impl OperationTable for OneOperation {
//!     type Operation = &'static str;
//!     fn resolve(&self, action: &str, _version: &str) -> Result<&'static str, ApiError> {
//!         if action == "Ping" { Ok("Ping") } else { Err(ApiError::ActionNotFound) }
//!     }
//! }
//!
//! // A client signs …
//! let credentials = Credentials {
//!     access_key_id: "LTAIexample".into(),
//!     secret: SecretKey::new("secret"),
//!     security_token: None,
//! };
//! let signed = sign_v3(Algorithm::HmacSha256, &credentials, &Call {
//!     method: Method::Get,
//!     host: "localhost:8080",
//!     action: "Ping",
//!     version: "2020-06-06",
//!     query: &[("Start", "1")],
//!     headers: &[],
//!     body: b"",
//!     content_type: None,
//!     form: &[],
//!     date: "2026-01-02T03:04:05Z",
//!     nonce: "never used before",
//! });
//! // … and a server answers.
//! let headers: Vec<(&str, &[u8])> =
//!     signed.headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
//! let raw = RawRequest {
//!     method: "GET",
//!     target: &signed.target,
//!     headers: &headers,
//!     body: b"",
//!     peer_ip: [127, 0, 0, 1].into(),
//!     tls: false,
//! };
//! let now_ms = 1_767_323_045_000;
//! let admission = Admission::new(AdmissionSettings::for_skew_ms(900_000));
//! let parsed = ParsedRequest::parse(raw, 4_194_304).map_err(|refusal| refusal.error)?;
//! let verified = Verifier::default().verify(parsed, &OneOperation, &OneKey, now_ms)?;
//! let admitted = admission.admit(verified, 50, CallTime { now_ms, monotonic_ns: 0 })?;
//! let permission = Permission { action: "example:Ping", resource: "*" };
//! let authorized = authorize(admitted, permission, Rights::Owner, now_ms)?;
//! let start = authorized.try_map(|request| request.params().required_i64("Start"))?;
//! assert_eq!(*start.get(), 1);
//! # Ok::<(), ApiError>(())
//! ```
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
pub mod explain;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod nonce;
pub mod params;
mod percent;
pub mod ram;
pub mod request;
pub mod response;
pub mod sign;
pub mod signature;
mod strict_json;
mod sync;
pub mod throttle;
mod timestamp;

pub use error::ApiError;
pub use percent::encode as percent_encode;
pub use timestamp::{format_utc_seconds, parse_utc_seconds};
