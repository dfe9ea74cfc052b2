//! Roles: made, changed, deleted.
//!
//! Invariant: a trust policy that is stored was parsed.

use chatmetric_rpc::ram::trust::TrustPolicy;
use std::collections::BTreeSet;

use super::change::{
    IdentityChange, exists, invalid, not_found, refuse_above, refuse_in_use, set, valid_text,
};
use super::error::{ChangeIdentitiesError, IdentityError, IdentityField, IdentityKind};
use super::id::IdFor;
use super::info::{RoleChanges, RoleInfo};
use super::text::check_name;
use crate::directory::audit::Described;
use crate::directory::limits::{
    ROLES_PER_ACCOUNT_MAX, SESSION_SECONDS_DEFAULT, SESSION_SECONDS_MAX, SESSION_SECONDS_MIN,
};
use crate::directory::state::RoleState;

fn valid_trust(document: &str) -> Result<(), IdentityError> {
    match TrustPolicy::parse(document) {
        Ok(_) => Ok(()),
        Err(error) => Err(invalid(IdentityField::TrustPolicy)(error.to_string())),
    }
}

fn valid_seconds(seconds: u32) -> Result<(), IdentityError> {
    if (SESSION_SECONDS_MIN..=SESSION_SECONDS_MAX).contains(&seconds) {
        return Ok(());
    }
    Err(invalid(IdentityField::MaxSessionSeconds)(format!(
        "it is {SESSION_SECONDS_MIN} to {SESSION_SECONDS_MAX}"
    )))
}

impl IdentityChange<'_> {
    /// Makes a role without any right. Without `max_session_seconds` its sessions
    /// last [`SESSION_SECONDS_DEFAULT`] at most.
    ///
    /// # Errors
    /// Invalid texts, a name that is taken, too many roles.
    pub fn create_role(
        &mut self,
        name: &str,
        description: &str,
        trust_policy: &str,
        max_session_seconds: Option<u32>,
    ) -> Result<RoleInfo, ChangeIdentitiesError> {
        check_name(name).map_err(invalid(IdentityField::Name))?;
        valid_text(IdentityField::Description, description)?;
        valid_trust(trust_policy)?;
        let max_session_seconds = max_session_seconds.unwrap_or(SESSION_SECONDS_DEFAULT);
        valid_seconds(max_session_seconds)?;
        let roles = &self.account()?.roles;
        if roles.contains_key(name) {
            return Err(exists(IdentityKind::Role, name).into());
        }
        refuse_above(IdentityKind::Role, roles.len(), ROLES_PER_ACCOUNT_MAX)?;
        let role = RoleState {
            id: self.ids.next(IdFor::Role)?,
            description: description.to_owned(),
            trust_policy: trust_policy.to_owned(),
            policies: BTreeSet::new(),
            max_session_seconds,
        };
        let info = RoleInfo::of(name, &role, self.born());
        let after = role.describe();
        self.account()?.roles.insert(name.to_owned(), role);
        self.record("CreateRole", format!("role/{name}"), None, Some(after));
        Ok(info)
    }

    /// Changes a role.
    ///
    /// # Errors
    /// No such role, invalid texts.
    pub fn update_role(
        &mut self,
        name: &str,
        changes: RoleChanges,
    ) -> Result<RoleInfo, ChangeIdentitiesError> {
        if let Some(trust_policy) = &changes.trust_policy {
            valid_trust(trust_policy)?;
        }
        if let Some(description) = &changes.description {
            valid_text(IdentityField::Description, description)?;
        }
        changes
            .max_session_seconds
            .iter()
            .try_for_each(|seconds| valid_seconds(*seconds))?;
        let role = self.role(name)?;
        let before = role.describe();
        set(&mut role.trust_policy, changes.trust_policy);
        set(&mut role.description, changes.description);
        set(&mut role.max_session_seconds, changes.max_session_seconds);
        let after = role.describe();
        let role = role.clone();
        let lived = self.touched(self.times.identity(&role.id), before != after);
        self.record(
            "UpdateRole",
            format!("role/{name}"),
            Some(before),
            Some(after),
        );
        Ok(RoleInfo::of(name, &role, lived))
    }

    /// Deletes a role that has no policies. Its sessions end with it.
    ///
    /// # Errors
    /// No such role, or one in use.
    pub fn delete_role(&mut self, name: &str) -> Result<(), ChangeIdentitiesError> {
        let role = self.role(name)?;
        let has_policies = !role.policies.is_empty();
        let by = IdentityKind::Attachment;
        refuse_in_use(IdentityKind::Role, name, by, has_policies)?;
        let before = role.describe();
        self.account()?.roles.remove(name);
        self.record("DeleteRole", format!("role/{name}"), Some(before), None);
        Ok(())
    }

    /// A role that must be there.
    pub(super) fn role(&mut self, name: &str) -> Result<&mut RoleState, ChangeIdentitiesError> {
        let role = self.account()?.roles.get_mut(name);
        Ok(role.ok_or_else(|| not_found(IdentityKind::Role, name))?)
    }
}
