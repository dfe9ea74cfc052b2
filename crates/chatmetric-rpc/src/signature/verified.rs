//! The result of verification.
//!
//! Invariant: its fields are set in one place, the verifier; there is no other constructor and no
//! setter.

use std::fmt;
use std::net::IpAddr;

use crate::credential::{AccessKeyId, AccountId};
use crate::nonce::NonceHash;
use crate::params::Params;
use crate::request::{Dialect, Method};
use crate::response::ResponseFormat;

/// A request whose signature was verified. Only [`super::Verifier::verify`] makes one; every value in it
/// is covered by the signature, except where a getter says otherwise.
pub struct VerifiedRequest<P, O> {
    pub(super) principal: P,
    pub(super) account: AccountId,
    pub(super) access_key_id: AccessKeyId,
    pub(super) operation: O,
    pub(super) action: String,
    pub(super) version: String,
    pub(super) method: Method,
    pub(super) params: Params,
    pub(super) dialect: Dialect,
    pub(super) format: ResponseFormat,
    pub(super) host: Option<String>,
    pub(super) peer_ip: IpAddr,
    pub(super) tls: bool,
    pub(super) user_agent: Option<String>,
    pub(super) nonce_hash: NonceHash,
    pub(super) valid_until_ms: i64,
}

impl<P, O> VerifiedRequest<P, O> {
    /// Who holds the key, as the directory described it.
    #[must_use]
    pub fn principal(&self) -> &P {
        &self.principal
    }

    /// The account of the key.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The key.
    #[must_use]
    pub fn access_key_id(&self) -> &AccessKeyId {
        &self.access_key_id
    }

    /// The operation that the table resolved.
    #[must_use]
    pub fn operation(&self) -> &O {
        &self.operation
    }

    /// The action.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// The parameters, without any that the signature did not cover.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Which signature it was.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// How the caller reads the answer.
    #[must_use]
    pub fn format(&self) -> ResponseFormat {
        self.format
    }

    /// The raw Host header; unsigned in V1.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// The caller's address.
    #[must_use]
    pub fn peer_ip(&self) -> IpAddr {
        self.peer_ip
    }

    /// Whether the caller came over TLS.
    #[must_use]
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// The User-Agent, if it was signed: Python's SDK does, most do not.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    pub(crate) fn nonce_hash(&self) -> NonceHash {
        self.nonce_hash
    }

    pub(crate) fn valid_until_ms(&self) -> i64 {
        self.valid_until_ms
    }
}

/// Parameters are left out: they may hold personal data and tokens.
impl<P: fmt::Debug, O: fmt::Debug> fmt::Debug for VerifiedRequest<P, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedRequest")
            .field("account", &self.account)
            .field("access_key_id", &self.access_key_id)
            .field("principal", &self.principal)
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}
