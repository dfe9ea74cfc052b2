//! Users: made, changed, deleted.
//!
//! A user that is renamed keeps everything; grants of ISVs that name the user
//! follow, and forget a user that is deleted, so that a name never hands a grant
//! on to somebody else.

use serde_json::json;

use super::change::{
    IdentityChange, exists, invalid, not_found, refuse_above, refuse_in_use, set, valid_text, with,
};
use super::error::{ChangeIdentitiesError, IdentityError, IdentityField, IdentityKind};
use super::id::IdFor;
use super::info::{NewUser, UserChanges, UserInfo};
use super::text::check_name;
use crate::directory::audit::Described;
use crate::directory::limits::USERS_PER_ACCOUNT_MAX;
use crate::directory::state::UserState;

impl IdentityChange<'_> {
    /// Makes a user without any right.
    ///
    /// # Errors
    /// Invalid texts, a name that is taken, too many users.
    pub fn create_user(&mut self, new: NewUser) -> Result<UserInfo, ChangeIdentitiesError> {
        check_name(&new.name).map_err(invalid(IdentityField::Name))?;
        valid_text(IdentityField::DisplayName, &new.display_name)?;
        valid_text(IdentityField::MobilePhone, &new.mobile_phone)?;
        valid_text(IdentityField::Email, &new.email)?;
        valid_text(IdentityField::Comments, &new.comments)?;
        let users = &self.account()?.users;
        if users.contains_key(&new.name) {
            return Err(exists(IdentityKind::User, &new.name).into());
        }
        refuse_above(IdentityKind::User, users.len(), USERS_PER_ACCOUNT_MAX)?;
        let user = UserState {
            display_name: new.display_name,
            mobile_phone: new.mobile_phone,
            email: new.email,
            comments: new.comments,
            ..UserState::new(self.ids.next(IdFor::User)?)
        };
        let info = UserInfo::of(&new.name, &user, self.born());
        let described = user.describe();
        self.account()?.users.insert(new.name.clone(), user);
        let target = format!("user/{}", new.name);
        self.record("CreateUser", target, None, Some(described));
        Ok(info)
    }

    /// Changes a user.
    ///
    /// # Errors
    /// No such user, invalid texts, a new name that is taken.
    pub fn update_user(
        &mut self,
        name: &str,
        changes: UserChanges,
    ) -> Result<UserInfo, ChangeIdentitiesError> {
        let texts = [
            (IdentityField::DisplayName, &changes.display_name),
            (IdentityField::MobilePhone, &changes.mobile_phone),
            (IdentityField::Email, &changes.email),
            (IdentityField::Comments, &changes.comments),
        ];
        for (field, text) in texts {
            text.iter().try_for_each(|text| valid_text(field, text))?;
        }
        let account = self.account()?;
        let user = account.users.get(name);
        let user = user.ok_or_else(|| not_found(IdentityKind::User, name))?;
        let mut changed = user.clone();
        let before = with(user, "name", json!(name));
        let new_name = changes.name.filter(|new_name| new_name != name);
        if let Some(new_name) = &new_name {
            check_name(new_name).map_err(invalid(IdentityField::Name))?;
            if account.users.contains_key(new_name) {
                return Err(exists(IdentityKind::User, new_name).into());
            }
        }
        set(&mut changed.display_name, changes.display_name);
        set(&mut changed.mobile_phone, changes.mobile_phone);
        set(&mut changed.email, changes.email);
        set(&mut changed.comments, changes.comments);
        set(&mut changed.console, changes.console);
        let now_name = new_name.as_deref().unwrap_or(name).to_owned();
        let after = with(&changed, "name", json!(now_name));
        let lived = self.times.identity(&changed.id);
        let info = UserInfo::of(&now_name, &changed, self.touched(lived, before != after));
        let account = self.account()?;
        account.users.remove(name);
        account.users.insert(now_name.clone(), changed);
        if new_name.is_some() {
            self.rename_references(name, &now_name)?;
        }
        self.record(
            "UpdateUser",
            format!("user/{name}"),
            Some(before),
            Some(after),
        );
        Ok(info)
    }

    /// Groups of the account and grants to the account name the user.
    fn rename_references(&mut self, from: &str, to: &str) -> Result<(), ChangeIdentitiesError> {
        for group in self.account()?.groups.values_mut() {
            if group.users.remove(from) {
                group.users.insert(to.to_owned());
            }
        }
        for account in self.state.accounts.values_mut() {
            for (id, grant) in &mut account.grants {
                if id.account == *self.account_id && grant.users.remove(from) {
                    grant.users.insert(to.to_owned());
                }
            }
        }
        Ok(())
    }

    /// Deletes a user that has no keys, no policies and no groups.
    ///
    /// # Errors
    /// No such user, or one in use.
    pub fn delete_user(&mut self, name: &str) -> Result<(), ChangeIdentitiesError> {
        let account = self.account()?;
        let user = account.users.get(name);
        let user = user.ok_or_else(|| not_found(IdentityKind::User, name))?;
        let is_member = account
            .groups
            .values()
            .any(|group| group.users.contains(name));
        let in_use = |by, is_in_use| refuse_in_use(IdentityKind::User, name, by, is_in_use);
        in_use(IdentityKind::AccessKey, !user.keys.is_empty())?;
        in_use(IdentityKind::Attachment, !user.policies.is_empty())?;
        in_use(IdentityKind::Membership, is_member)?;
        let before = user.describe();
        account.users.remove(name);
        for account in self.state.accounts.values_mut() {
            for (id, grant) in &mut account.grants {
                if id.account == *self.account_id {
                    grant.users.remove(name);
                }
            }
        }
        self.record("DeleteUser", format!("user/{name}"), Some(before), None);
        Ok(())
    }

    /// A user that must be there.
    pub(super) fn user(&mut self, name: &str) -> Result<&mut UserState, ChangeIdentitiesError> {
        let user = self.account()?.users.get_mut(name);
        let missing = || -> IdentityError { not_found(IdentityKind::User, name) };
        Ok(user.ok_or_else(missing)?)
    }
}
