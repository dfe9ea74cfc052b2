//! Merges the identities of a document: policies, users, groups and roles.
//!
//! The rules are those of `merge`. Invariant: what is there keeps its id, and
//! what a document does not say about it stays, whoever wrote that.

use chatmetric_rpc::credential::AccountId;

use super::document::{GroupPart, PolicyPart, RolePart, UserPart};
use super::error::DirectoryError;
use super::identity::IdFor;
use super::limits::SESSION_SECONDS_DEFAULT;
use super::merge::Merge;
use super::state::{AccountState, GroupState, Owner, PolicyState, RoleState, UserState};
use std::collections::BTreeSet;

impl Merge<'_, '_> {
    pub(super) fn policy(&mut self, account: &mut AccountState, part: &PolicyPart) {
        let name = &part.name;
        let description = part.description.clone();
        match (account.policies.get_mut(&name.value), &part.document) {
            (None, None) => self
                .faults
                .add(&name.place, "a new policy needs a `document`"),
            (None, Some(document)) => {
                let policy = PolicyState::new(description.unwrap_or_default(), document.clone());
                account.policies.insert(name.value.clone(), policy);
            }
            (Some(policy), document) => {
                if let Some(document) = document
                    && policy.document() != document
                {
                    policy.make_room();
                    policy.add_version(document.clone(), true);
                }
                replace(&mut policy.description, description);
            }
        }
    }

    pub(super) fn user(
        &mut self,
        account: &mut AccountState,
        id: &AccountId,
        part: &UserPart,
    ) -> Result<(), DirectoryError> {
        let name = &part.name.value;
        if !account.users.contains_key(name) {
            let user = UserState::new(self.ids.next(IdFor::User)?);
            account.users.insert(name.clone(), user);
        }
        let Some(user) = account.users.get_mut(name) else {
            return Ok(());
        };
        user.console = part.console.unwrap_or(user.console);
        replace(&mut user.display_name, part.display_name.clone());
        replace(&mut user.mobile_phone, part.mobile_phone.clone());
        replace(&mut user.email, part.email.clone());
        replace(&mut user.comments, part.comments.clone());
        let owner = Owner {
            account: id.clone(),
            user: Some(name.clone()),
        };
        let whose = owner.to_string();
        self.relation(&mut user.policies, &part.policies, &whose, "policy");
        self.keys(&mut user.keys, &part.keys, &owner);
        Ok(())
    }

    pub(super) fn group(
        &mut self,
        account: &mut AccountState,
        id: &AccountId,
        part: &GroupPart,
    ) -> Result<(), DirectoryError> {
        let name = &part.name.value;
        if !account.groups.contains_key(name) {
            let group = GroupState::new(self.ids.next(IdFor::Group)?);
            account.groups.insert(name.clone(), group);
        }
        let Some(group) = account.groups.get_mut(name) else {
            return Ok(());
        };
        replace(&mut group.comments, part.comments.clone());
        let whose = format!("group {name} of account {id}");
        self.relation(&mut group.users, &part.users, &whose, "user");
        self.relation(&mut group.policies, &part.policies, &whose, "policy");
        Ok(())
    }

    pub(super) fn role(
        &mut self,
        account: &mut AccountState,
        id: &AccountId,
        part: &RolePart,
    ) -> Result<(), DirectoryError> {
        let name = &part.name.value;
        if !account.roles.contains_key(name) {
            let Some(trust_policy) = part.trust_policy.clone() else {
                self.faults
                    .add(&part.name.place, "a new role needs a `trust_policy`");
                return Ok(());
            };
            let role = RoleState {
                id: self.ids.next(IdFor::Role)?,
                description: String::new(),
                trust_policy,
                policies: BTreeSet::new(),
                max_session_seconds: SESSION_SECONDS_DEFAULT,
            };
            account.roles.insert(name.clone(), role);
        }
        let Some(role) = account.roles.get_mut(name) else {
            return Ok(());
        };
        replace(&mut role.trust_policy, part.trust_policy.clone());
        replace(&mut role.description, part.description.clone());
        role.max_session_seconds = part.max_session_seconds.unwrap_or(role.max_session_seconds);
        let whose = format!("role {name} of account {id}");
        self.relation(&mut role.policies, &part.policies, &whose, "policy");
        Ok(())
    }
}

/// A field that is absent stays.
fn replace(field: &mut String, given: Option<String>) {
    if let Some(given) = given {
        *field = given;
    }
}
