//! Groups: made, changed, deleted, joined and left.

use serde_json::{Map, json};

use super::change::{
    IdentityChange, exists, invalid, not_found, refuse_above, refuse_in_use, set, valid_text, with,
};
use super::error::{ChangeIdentitiesError, IdentityField, IdentityKind};
use super::id::IdFor;
use super::info::GroupInfo;
use super::text::check_name;
use crate::directory::audit::Described;
use crate::directory::limits::{GROUPS_PER_ACCOUNT_MAX, GROUPS_PER_USER_MAX};
use crate::directory::state::GroupState;

impl IdentityChange<'_> {
    /// Makes a group without users and policies.
    ///
    /// # Errors
    /// Invalid texts, a name that is taken, too many groups.
    pub fn create_group(
        &mut self,
        name: &str,
        comments: &str,
    ) -> Result<GroupInfo, ChangeIdentitiesError> {
        check_name(name).map_err(invalid(IdentityField::Name))?;
        valid_text(IdentityField::Comments, comments)?;
        let groups = &self.account()?.groups;
        if groups.contains_key(name) {
            return Err(exists(IdentityKind::Group, name).into());
        }
        refuse_above(IdentityKind::Group, groups.len(), GROUPS_PER_ACCOUNT_MAX)?;
        let group = GroupState {
            comments: comments.to_owned(),
            ..GroupState::new(self.ids.next(IdFor::Group)?)
        };
        let info = GroupInfo::of(name, &group, self.born());
        let described = group.describe();
        self.account()?.groups.insert(name.to_owned(), group);
        self.record(
            "CreateGroup",
            format!("group/{name}"),
            None,
            Some(described),
        );
        Ok(info)
    }

    /// Gives a group another name or other comments; `None` stays.
    ///
    /// # Errors
    /// No such group, invalid texts, a new name that is taken.
    pub fn update_group(
        &mut self,
        name: &str,
        new_name: Option<String>,
        comments: Option<String>,
    ) -> Result<GroupInfo, ChangeIdentitiesError> {
        if let Some(comments) = &comments {
            valid_text(IdentityField::Comments, comments)?;
        }
        let account = self.account()?;
        let group = account.groups.get(name);
        let group = group.ok_or_else(|| not_found(IdentityKind::Group, name))?;
        let before = with(group, "name", json!(name));
        let mut changed = group.clone();
        let new_name = new_name.filter(|new_name| new_name != name);
        if let Some(new_name) = &new_name {
            check_name(new_name).map_err(invalid(IdentityField::Name))?;
            if account.groups.contains_key(new_name) {
                return Err(exists(IdentityKind::Group, new_name).into());
            }
        }
        set(&mut changed.comments, comments);
        let now_name = new_name.as_deref().unwrap_or(name).to_owned();
        let after = with(&changed, "name", json!(now_name));
        let lived = self.times.identity(&changed.id);
        let info = GroupInfo::of(&now_name, &changed, self.touched(lived, before != after));
        let account = self.account()?;
        account.groups.remove(name);
        account.groups.insert(now_name, changed);
        let target = format!("group/{name}");
        self.record("UpdateGroup", target, Some(before), Some(after));
        Ok(info)
    }

    /// Deletes a group that has no users and no policies.
    ///
    /// # Errors
    /// No such group, or one in use.
    pub fn delete_group(&mut self, name: &str) -> Result<(), ChangeIdentitiesError> {
        let group = self.group(name)?;
        let in_use = |by, is_in_use| refuse_in_use(IdentityKind::Group, name, by, is_in_use);
        in_use(IdentityKind::Membership, !group.users.is_empty())?;
        in_use(IdentityKind::Attachment, !group.policies.is_empty())?;
        let before = group.describe();
        self.account()?.groups.remove(name);
        self.record("DeleteGroup", format!("group/{name}"), Some(before), None);
        Ok(())
    }

    /// Puts a user into a group.
    ///
    /// # Errors
    /// No such user or group, a user who is in it, or in too many.
    pub fn add_user_to_group(
        &mut self,
        user: &str,
        group: &str,
    ) -> Result<(), ChangeIdentitiesError> {
        self.user(user)?;
        if self.group(group)?.users.contains(user) {
            return Err(exists(IdentityKind::Membership, group).into());
        }
        let groups = self.account()?.groups.values();
        let count = groups.filter(|group| group.users.contains(user)).count();
        refuse_above(IdentityKind::Membership, count, GROUPS_PER_USER_MAX)?;
        self.group(group)?.users.insert(user.to_owned());
        let after = Map::from_iter([("user".to_owned(), json!(user))]);
        self.record(
            "AddUserToGroup",
            format!("group/{group}"),
            None,
            Some(after),
        );
        Ok(())
    }

    /// Takes a user out of a group.
    ///
    /// # Errors
    /// No such user or group, or a user who is not in it.
    pub fn remove_user_from_group(
        &mut self,
        user: &str,
        group: &str,
    ) -> Result<(), ChangeIdentitiesError> {
        self.user(user)?;
        if !self.group(group)?.users.remove(user) {
            return Err(not_found(IdentityKind::Membership, group).into());
        }
        let before = Map::from_iter([("user".to_owned(), json!(user))]);
        let target = format!("group/{group}");
        self.record("RemoveUserFromGroup", target, Some(before), None);
        Ok(())
    }

    /// A group that must be there.
    pub(super) fn group(&mut self, name: &str) -> Result<&mut GroupState, ChangeIdentitiesError> {
        let group = self.account()?.groups.get_mut(name);
        Ok(group.ok_or_else(|| not_found(IdentityKind::Group, name))?)
    }
}
