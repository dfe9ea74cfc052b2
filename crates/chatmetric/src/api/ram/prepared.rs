//! A call to RAM that was read and not yet judged: what rights it needs, and what
//! it will do.
//!
//! Invariant: resources and work are made together from the same parsed names, so
//! nothing is done to what was not checked; the work is taken out by an authorized
//! call only (`run`).

use super::body::Fields;
use super::refusal::About;
use super::view::View;
use crate::directory::{ChangeIdentitiesError, IdentityChange};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::credential::AccountId;
use std::borrow::Cow;

/// A thing of the caller's account, as rights are checked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource(Cow<'static, str>);

impl Resource {
    /// Whatever is in the account.
    pub(super) const EVERYTHING: Self = Self(Cow::Borrowed("*"));
    /// All users, for lists and for what does not exist yet.
    pub(super) const USERS: Self = Self(Cow::Borrowed("user/*"));
    /// All groups.
    pub(super) const GROUPS: Self = Self(Cow::Borrowed("group/*"));
    /// All roles.
    pub(super) const ROLES: Self = Self(Cow::Borrowed("role/*"));
    /// All policies.
    pub(super) const POLICIES: Self = Self(Cow::Borrowed("policy/*"));

    /// One thing.
    pub(super) fn named(kind: &str, name: &str) -> Self {
        Self(Cow::Owned(format!("{kind}/{name}")))
    }

    /// The account itself.
    pub(super) fn account() -> Self {
        Self(Cow::Borrowed("root"))
    }

    /// As policies write it.
    fn arn(&self, account: &AccountId) -> String {
        format!("acs:ram:*:{}:{}", account.as_str(), self.0)
    }
}

type ReadWork = dyn FnOnce(&View<'_>) -> Result<Fields, ApiError> + Send;
type ChangeWork =
    dyn FnOnce(&mut IdentityChange<'_>) -> Result<Fields, ChangeIdentitiesError> + Send;

/// What a call will do.
pub(super) enum Work {
    /// It reads the snapshot.
    Read(Box<ReadWork>),
    /// It changes the identities of the caller's account.
    Change(About, Box<ChangeWork>),
}

/// A call that was read.
pub(crate) struct Prepared {
    /// All that the caller must have the right for.
    resources: (Resource, Option<Resource>),
    work: Work,
}

impl Prepared {
    /// A call that reads.
    pub(super) fn read(
        resource: Resource,
        work: impl FnOnce(&View<'_>) -> Result<Fields, ApiError> + Send + 'static,
    ) -> Self {
        Self {
            resources: (resource, None),
            work: Work::Read(Box::new(work)),
        }
    }

    /// A call that changes something; `about` tells which words a refusal has.
    pub(super) fn change(
        resource: Resource,
        about: About,
        work: impl FnOnce(&mut IdentityChange<'_>) -> Result<Fields, ChangeIdentitiesError>
        + Send
        + 'static,
    ) -> Self {
        Self {
            resources: (resource, None),
            work: Work::Change(about, Box::new(work)),
        }
    }

    /// The same call, which needs the right for this too.
    pub(super) fn and(self, resource: Resource) -> Self {
        Self {
            resources: (self.resources.0, Some(resource)),
            work: self.work,
        }
    }

    /// All that rights are checked for, as policies write it.
    pub(crate) fn arns(&self, account: &AccountId) -> (String, Option<String>) {
        let (first, second) = &self.resources;
        (
            first.arn(account),
            second.as_ref().map(|resource| resource.arn(account)),
        )
    }

    /// What is done once the caller has the rights.
    pub(super) fn into_work(self) -> Work {
        self.work
    }
}
