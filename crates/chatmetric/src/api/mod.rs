//! The RPC operations: everything that reaches `/`.
//!
//! Reading order: `action` (the one table of operations), `call` (the order of
//! checks, from raw bytes to an authorized request), `call_key`, `rights` (who may), `nonce_log`, `tenancy` (which space), one
//! file an operation with its `spec`, `wire` (names and bodies), `ram` and `sts`
//! (products of their own), `diagnosis` (what administrators learn of a denial).
//!
//! Invariant: an operation sees only what was verified, admitted and authorized;
//! the types of `chatmetric-rpc` allow nothing else.

pub mod action;
mod address_limit;
mod call;
mod call_key;
mod diagnosis;
mod durable;
mod enable_whatsapp_roi_metric;
mod get_chatapp_phone_number_metric;
pub(crate) mod metadata;
mod nonce_log;
pub mod ram;
mod rights;
pub mod spec;
pub mod sts;
pub mod tenancy;
pub mod wire;

pub(crate) use address_limit::AddressLimit;
pub(crate) use call::{Call, Outcome, handle};
pub(crate) use call_key::CallKey;
pub(crate) use nonce_log::NonceLog;
