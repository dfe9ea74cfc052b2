//! What a document says twice: ids that are unique in an installation, names
//! that are unique in an account, numbers, and the default space.
//!
//! Invariant: the first one counts as meant; every further one is a fault that
//! tells the line of the first.

use std::collections::HashMap;

use super::AccountPart;
use super::fault::{FaultList, Place};

/// What the text alone shows across accounts: ids that are unique in an
/// installation, and numbers.
pub(super) fn find(accounts: &[AccountPart], faults: &mut FaultList) {
    let mut seen = Doubles {
        first: HashMap::new(),
        faults: &mut *faults,
    };
    for account in accounts {
        seen.see("account", account.id.value.as_str(), &account.id.place);
        let user_keys = account.users.iter().flat_map(|user| &user.keys);
        for id in account
            .keys
            .iter()
            .chain(user_keys)
            .filter_map(|key| key.id.as_ref())
        {
            seen.see("access key", id.value.as_str(), &id.place);
        }
        for space in &account.spaces {
            seen.see("space", space.id.value.as_str(), &space.id.place);
            for number in space.numbers.iter().flatten() {
                seen.see("number", number.value.as_str(), &number.place);
            }
        }
        for webhook in &account.webhooks {
            seen.see("webhook", &webhook.id.value, &webhook.id.place);
        }
    }
    for account in accounts {
        let mut seen = Doubles {
            first: HashMap::new(),
            faults: &mut *faults,
        };
        account
            .policies
            .iter()
            .for_each(|p| seen.see("policy", &p.name.value, &p.name.place));
        account
            .users
            .iter()
            .for_each(|p| seen.see("user", &p.name.value, &p.name.place));
        account
            .groups
            .iter()
            .for_each(|p| seen.see("group", &p.name.value, &p.name.place));
        account
            .roles
            .iter()
            .for_each(|p| seen.see("role", &p.name.value, &p.name.place));
        for grant in &account.grants {
            let id = format!("{} for account {}", grant.code.value, grant.account.value);
            seen.see("ISV grant", &id, &grant.code.place);
        }
        let mut defaults = account
            .spaces
            .iter()
            .filter_map(|space| space.is_default.as_ref())
            .filter(|default| default.value);
        if let Some(first) = defaults.next() {
            for second in defaults {
                let message = format!(
                    "the account has another default space (line {}); it has exactly one",
                    first.place.line
                );
                faults.add(&second.place, message);
            }
        }
    }
}

/// Finds what is given twice.
struct Doubles<'a> {
    first: HashMap<(&'static str, String), usize>,
    faults: &'a mut FaultList,
}

impl Doubles<'_> {
    fn see(&mut self, what: &'static str, id: &str, place: &Place) {
        match self.first.get(&(what, id.to_owned())) {
            Some(line) => {
                self.faults.add(
                    place,
                    format!("{what} `{id}` is given twice (line {line} is the first)"),
                );
            }
            None => {
                self.first.insert((what, id.to_owned()), place.line);
            }
        }
    }
}
