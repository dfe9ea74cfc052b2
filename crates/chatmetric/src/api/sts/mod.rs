//! Sts 2015-04-01: who am I, and temporary credentials of a role.
//!
//! Reading order: this file (the table), `arn` (names of roles), `asked` (parameters), `token` (what a
//! security token holds), `session` (from a token to whoever calls), one file an
//! operation.
//!
//! Invariant: what a session may do is read from the directory on every call; a
//! token says only whose session it is.

mod arn;
mod asked;
pub(super) mod assume_role;
pub(super) mod get_caller_identity;
mod session;
mod token;

use crate::api::spec::OperationSpec;

pub(super) use arn::arn_of;
pub(super) use session::Keys;

/// The operations of STS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StsAction {
    /// Temporary credentials of a role.
    AssumeRole,
    /// Who the caller is.
    GetCallerIdentity,
}

impl StsAction {
    /// All of them.
    pub const ALL: &[Self] = &[Self::AssumeRole, Self::GetCallerIdentity];

    /// What it is.
    #[must_use]
    pub const fn spec(self) -> &'static OperationSpec {
        match self {
            Self::AssumeRole => &assume_role::SPEC,
            Self::GetCallerIdentity => &get_caller_identity::SPEC,
        }
    }
}
