//! Judges what a document refers to against the state that it was merged into.
//!
//! Only the references that the document itself makes: what was stored before
//! was judged then, and what loses its target goes with it.

use super::document::{AccountPart, At, FaultList, GrantPart};
use super::state::{AccountState, State};

/// Every reference of the document must lead somewhere in the result.
pub(super) fn check(state: &State, part: &AccountPart, faults: &mut FaultList) {
    References { faults }.references(state, part);
}

struct References<'a> {
    faults: &'a mut FaultList,
}

impl References<'_> {
    fn references(&mut self, state: &State, part: &AccountPart) {
        let Some(account) = state.accounts.get(&part.id.value) else {
            return;
        };
        let policies = part.users.iter().map(|user| &user.policies);
        let policies = policies.chain(part.groups.iter().map(|group| &group.policies));
        let policies = policies.chain(part.roles.iter().map(|role| &role.policies));
        for name in policies.flatten().flatten() {
            if !account.policies.contains_key(&name.value) {
                self.unknown(name, "policy");
            }
        }
        for name in part
            .groups
            .iter()
            .filter_map(|group| group.users.as_ref())
            .flatten()
        {
            if !account.users.contains_key(&name.value) {
                self.unknown(name, "user");
            }
        }
        for grant in &part.grants {
            self.grant_references(state, part, account, grant);
        }
        for webhook in &part.webhooks {
            let stored = account.webhooks.get(&webhook.id.value);
            let space = stored.and_then(|webhook| webhook.space.as_ref());
            if space.is_some_and(|space| !account.spaces.contains_key(space)) {
                let place = webhook
                    .space
                    .as_ref()
                    .map_or(&webhook.id.place, |at| &at.place);
                let shown = space.map(ToString::to_string).unwrap_or_default();
                let message = format!("`{shown}` is not a space of account {}", part.id.value);
                self.faults.add(place, message);
            }
        }
    }

    fn grant_references(
        &mut self,
        state: &State,
        part: &AccountPart,
        isv: &AccountState,
        grant: &GrantPart,
    ) {
        let other = state.accounts.iter().find(|(id, account)| {
            **id != part.id.value
                && account
                    .grants
                    .keys()
                    .any(|other| other.code == grant.code.value)
        });
        if other.is_some() {
            let message = format!("the code `{}` belongs to another account", grant.code.value);
            self.faults.add(&grant.code.place, message);
        }
        for space in grant.spaces.iter().flatten() {
            if !isv.spaces.contains_key(&space.value) {
                let message = format!(
                    "`{}` is not a space of account {}",
                    space.value, part.id.value
                );
                self.faults.add(&space.place, message);
            }
        }
        let Some(customer) = state.accounts.get(&grant.account.value) else {
            let message = format!("there is no account `{}`", grant.account.value);
            self.faults.add(&grant.account.place, message);
            return;
        };
        for user in grant
            .users
            .iter()
            .flatten()
            .filter(|user| user.value != "*")
        {
            if !customer.users.contains_key(&user.value) {
                let message = format!(
                    "there is no user `{}` in account {}",
                    user.value, grant.account.value
                );
                self.faults.add(&user.place, message);
            }
        }
    }

    fn unknown(&mut self, name: &At<String>, what: &str) {
        let message = format!("there is no {what} `{}` in the account", name.value);
        self.faults.add(&name.place, message);
    }
}
