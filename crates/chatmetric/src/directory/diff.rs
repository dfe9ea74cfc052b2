//! The difference of two states: what is written, and what people read.
//!
//! One change a record, in an order in which they can be written: what goes
//! first, then what comes. Invariant: no line ever holds a secret, only that
//! one changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chatmetric_core::PhoneNumber;
use chatmetric_rpc::credential::{AccessKeyId, AccountId, KeyStatus};

use super::diff_renames;
use super::generate::GeneratedKey;
use super::identity::IdentityId;
use super::model::CustSpaceId;
use super::state::{
    AccountState, GrantId, GrantState, GroupState, KeyState, Owner, PolicyState, RoleState,
    SpaceState, State, UserState, WebhookSecrets, WebhookState,
};

/// What happens to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It goes (`-`).
    Remove,
    /// It comes (`+`).
    Add,
    /// It becomes different (`~`).
    Update,
}

impl ChangeKind {
    /// The sign in front of a line.
    #[must_use]
    pub const fn sign(self) -> char {
        match self {
            Self::Remove => '-',
            Self::Add => '+',
            Self::Update => '~',
        }
    }
}

/// One change of the directory. `Display` is its line, as in
/// `~ space 293483938849493 of account 1: time_zone UTC -> Asia/Singapore`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What happens.
    pub kind: ChangeKind,
    /// What it is about and what becomes different, for people; never a secret.
    pub text: String,
    pub(super) entity: Entity,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.sign(), self.text)
    }
}

impl Change {
    /// On a dry run the id that was drawn is not the one that will be given.
    pub(super) fn hide_made_ids(&mut self, generated: &[GeneratedKey]) {
        let Entity::Key(_, id) = &self.entity else {
            return;
        };
        if generated
            .iter()
            .any(|key| key.id_generated && key.id == *id)
        {
            self.text = self.text.replacen(id.as_str(), "(a new id)", 1);
        }
    }
}

/// Which record. The order is the one in which records can come: each after
/// what it refers to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Entity {
    Account(AccountId),
    /// Before everything that goes by the new name.
    Rename(Rename),
    Policy(AccountId, String),
    User(AccountId, String),
    Key(Owner, AccessKeyId),
    Group(AccountId, String),
    Role(AccountId, String),
    Space(AccountId, CustSpaceId),
    Number(PhoneNumber, NumberMove),
    Grant(AccountId, GrantId),
    Webhook(AccountId, String),
}

/// A user or a group that has another name and is the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rename {
    pub(super) what: Renamed,
    pub(super) id: IdentityId,
    pub(super) to: String,
}

/// What can have another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Renamed {
    User,
    Group,
}

/// A space with its account: a CustSpaceId that changes its account is another space.
pub(super) type SpaceOwner = (AccountId, CustSpaceId);

/// From which space to which.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NumberMove {
    pub(super) from: Option<SpaceOwner>,
    pub(super) to: Option<SpaceOwner>,
}

pub(super) fn diff(old: &State, new: &State) -> Vec<Change> {
    let mut diff = Diff {
        changes: Vec::new(),
    };
    let followed = diff_renames::follow(old, new, &mut diff);
    let old = followed.as_ref().unwrap_or(old);
    diff.map(
        &old.accounts,
        &new.accounts,
        |id| Entity::Account(id.clone()),
        |id, account| match account.name.as_str() {
            name if name == id.as_str() => format!("account {id}"),
            name => format!("account {id} {name}"),
        },
        account_fields,
    );
    let none = AccountState::named(String::new());
    let ids: BTreeSet<_> = old.accounts.keys().chain(new.accounts.keys()).collect();
    for id in ids {
        let before = old.accounts.get(id).unwrap_or(&none);
        let after = new.accounts.get(id).unwrap_or(&none);
        diff.account(id, before, after);
    }
    diff.numbers(old, new);
    let mut changes = diff.changes;
    // Removals backwards, then the rest: an id can change its owner in one go.
    changes.sort_by(|a, b| match (a.kind, b.kind) {
        (ChangeKind::Remove, ChangeKind::Remove) => b.entity.cmp(&a.entity),
        (ChangeKind::Remove, _) => std::cmp::Ordering::Less,
        (_, ChangeKind::Remove) => std::cmp::Ordering::Greater,
        _ => a.entity.cmp(&b.entity),
    });
    changes
}

pub(super) struct Diff {
    changes: Vec<Change>,
}

/// What is different in a record: `field from -> to`.
type FieldChanges = Vec<String>;

impl Diff {
    fn map<K: Ord, V: PartialEq>(
        &mut self,
        old: &BTreeMap<K, V>,
        new: &BTreeMap<K, V>,
        entity: impl Fn(&K) -> Entity,
        label: impl Fn(&K, &V) -> String,
        fields: impl Fn(&V, &V) -> FieldChanges,
    ) {
        for (key, before) in old.iter().filter(|(key, _)| !new.contains_key(key)) {
            self.push(ChangeKind::Remove, entity(key), label(key, before));
        }
        for (key, after) in new {
            let label = label(key, after);
            match old.get(key) {
                None => self.push(ChangeKind::Add, entity(key), label),
                Some(before) => {
                    let fields = fields(before, after);
                    if !fields.is_empty() {
                        let text = format!("{label}: {}", fields.join(", "));
                        self.push(ChangeKind::Update, entity(key), text);
                    }
                }
            }
        }
    }

    pub(super) fn push(&mut self, kind: ChangeKind, entity: Entity, text: String) {
        self.changes.push(Change { kind, text, entity });
    }

    fn account(&mut self, id: &AccountId, old: &AccountState, new: &AccountState) {
        self.keys(
            &Owner {
                account: id.clone(),
                user: None,
            },
            &old.keys,
            &new.keys,
        );
        self.identities(id, old, new);
        self.map(
            &old.spaces,
            &new.spaces,
            |space| Entity::Space(id.clone(), space.clone()),
            |space, _| format!("space {space} of account {id}"),
            space_fields,
        );
        self.map(
            &old.grants,
            &new.grants,
            |grant| Entity::Grant(id.clone(), grant.clone()),
            |grant, _| {
                format!(
                    "ISV grant {} of account {id} for account {}",
                    grant.code, grant.account
                )
            },
            grant_fields,
        );
        self.map(
            &old.webhooks,
            &new.webhooks,
            |hook| Entity::Webhook(id.clone(), hook.clone()),
            |hook, state| format!("{} webhook {hook} of account {id}", state.secrets.kind()),
            webhook_fields,
        );
    }

    /// Policies, users with their keys, groups and roles.
    fn identities(&mut self, id: &AccountId, old: &AccountState, new: &AccountState) {
        let of = |what: &'static str| move |name: &String| format!("{what} {name} of account {id}");
        self.map(
            &old.policies,
            &new.policies,
            |name| Entity::Policy(id.clone(), name.clone()),
            |name, _| of("policy")(name),
            policy_fields,
        );
        self.map(
            &old.users,
            &new.users,
            |name| Entity::User(id.clone(), name.clone()),
            |name, _| of("user")(name),
            user_fields,
        );
        let names: BTreeSet<_> = old.users.keys().chain(new.users.keys()).collect();
        for name in names {
            let none = BTreeMap::new();
            let owner = Owner {
                account: id.clone(),
                user: Some(name.clone()),
            };
            let before = old.keys_of(Some(name)).unwrap_or(&none);
            self.keys(&owner, before, new.keys_of(Some(name)).unwrap_or(&none));
        }
        self.map(
            &old.groups,
            &new.groups,
            |name| Entity::Group(id.clone(), name.clone()),
            |name, _| of("group")(name),
            group_fields,
        );
        self.map(
            &old.roles,
            &new.roles,
            |name| Entity::Role(id.clone(), name.clone()),
            |name, _| of("role")(name),
            role_fields,
        );
    }

    fn keys(
        &mut self,
        owner: &Owner,
        old: &BTreeMap<AccessKeyId, KeyState>,
        new: &BTreeMap<AccessKeyId, KeyState>,
    ) {
        self.map(
            old,
            new,
            |key| Entity::Key(owner.clone(), key.clone()),
            |key, _| format!("access key {key} of {owner}"),
            key_fields,
        );
    }

    fn numbers(&mut self, old: &State, new: &State) {
        let (old, new) = (owners_of(old), owners_of(new));
        let numbers: BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
        for number in numbers {
            let from = old.get(&number).cloned();
            let to = new.get(&number).cloned();
            let (kind, text) = match (&from, &to) {
                (from, to) if from == to => continue,
                (Some((_, from)), Some((_, to))) => (
                    ChangeKind::Update,
                    format!("number {number}: space {from} -> {to}"),
                ),
                (Some((_, from)), None) => (
                    ChangeKind::Remove,
                    format!("number {number} of space {from}"),
                ),
                (None, to) => {
                    let to = to
                        .as_ref()
                        .map(|(_, to)| to.to_string())
                        .unwrap_or_default();
                    (ChangeKind::Add, format!("number {number} of space {to}"))
                }
            };
            self.push(kind, Entity::Number(number, NumberMove { from, to }), text);
        }
    }
}

fn owners_of(state: &State) -> BTreeMap<PhoneNumber, SpaceOwner> {
    let mut owners = BTreeMap::new();
    for (account_id, account) in &state.accounts {
        for (space_id, space) in &account.spaces {
            let owner = (account_id.clone(), space_id.clone());
            owners.extend(space.numbers.iter().map(|number| (*number, owner.clone())));
        }
    }
    owners
}

/// `name from -> to`, unless both are the same.
fn changed<T: PartialEq>(name: &str, a: &T, b: &T, show: impl Fn(&T) -> String) -> Option<String> {
    (a != b).then(|| format!("{name} {} -> {}", show(a), show(b)))
}

fn set_changes<T: Ord + fmt::Display>(
    name: &str,
    a: &BTreeSet<T>,
    b: &BTreeSet<T>,
) -> Option<String> {
    let added = b.difference(a).map(|value| format!("+{value}"));
    let removed = a.difference(b).map(|value| format!("-{value}"));
    let all: Vec<_> = added.chain(removed).collect();
    (!all.is_empty()).then(|| format!("{name} {}", all.join(" ")))
}

fn account_fields(a: &AccountState, b: &AccountState) -> FieldChanges {
    let rate = |rate: &Option<u32>| rate.map_or("default".to_owned(), |rate| rate.to_string());
    [
        changed("name", &a.name, &b.name, Clone::clone),
        changed(
            "subscribed",
            &a.subscribed,
            &b.subscribed,
            ToString::to_string,
        ),
        changed(
            "calls_per_second",
            &a.calls_per_second,
            &b.calls_per_second,
            rate,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn key_fields(a: &KeyState, b: &KeyState) -> FieldChanges {
    let status = |status: &KeyStatus| status.as_str().to_owned();
    [
        changed("status", &a.status, &b.status, status),
        (a.secret != b.secret).then(|| "secret changed".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Free text changed; the audit log has both texts.
fn text_changed(name: &str, a: &str, b: &str) -> Option<String> {
    (a != b).then(|| format!("{name} changed"))
}

fn policy_fields(a: &PolicyState, b: &PolicyState) -> FieldChanges {
    let version = |version: &u32| format!("v{version}");
    let versions = |policy: &PolicyState| policy.versions.keys().copied().collect::<BTreeSet<_>>();
    [
        text_changed("document", a.document(), b.document()),
        text_changed("description", &a.description, &b.description),
        changed("default", &a.default_version, &b.default_version, version),
        set_changes("versions", &versions(a), &versions(b)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn user_fields(a: &UserState, b: &UserState) -> FieldChanges {
    [
        text_changed("display_name", &a.display_name, &b.display_name),
        text_changed("mobile_phone", &a.mobile_phone, &b.mobile_phone),
        text_changed("email", &a.email, &b.email),
        text_changed("comments", &a.comments, &b.comments),
        changed("console", &a.console, &b.console, ToString::to_string),
        set_changes("policies", &a.policies, &b.policies),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn group_fields(a: &GroupState, b: &GroupState) -> FieldChanges {
    [
        text_changed("comments", &a.comments, &b.comments),
        set_changes("users", &a.users, &b.users),
        set_changes("policies", &a.policies, &b.policies),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn role_fields(a: &RoleState, b: &RoleState) -> FieldChanges {
    let seconds = |seconds: &u32| seconds.to_string();
    [
        text_changed("trust_policy", &a.trust_policy, &b.trust_policy),
        text_changed("description", &a.description, &b.description),
        set_changes("policies", &a.policies, &b.policies),
        changed(
            "max_session_seconds",
            &a.max_session_seconds,
            &b.max_session_seconds,
            seconds,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn space_fields(a: &SpaceState, b: &SpaceState) -> FieldChanges {
    [
        changed("default", &a.is_default, &b.is_default, ToString::to_string),
        changed("time_zone", &a.time_zone, &b.time_zone, Clone::clone),
        changed(
            "unknown_numbers",
            &a.unknown_numbers,
            &b.unknown_numbers,
            |policy| policy.as_str().to_owned(),
        ),
        changed(
            "numbers_max",
            &a.numbers_max,
            &b.numbers_max,
            ToString::to_string,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn grant_fields(a: &GrantState, b: &GrantState) -> FieldChanges {
    [
        set_changes("users", &a.users, &b.users),
        set_changes("spaces", &a.spaces, &b.spaces),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn webhook_fields(a: &WebhookState, b: &WebhookState) -> FieldChanges {
    let space = |space: &Option<CustSpaceId>| {
        space
            .as_ref()
            .map_or("none".to_owned(), ToString::to_string)
    };
    let (kind_a, kind_b) = (a.secrets.kind(), b.secrets.kind());
    let mut fields: FieldChanges = [
        changed("space", &a.space, &b.space, space),
        changed("kind", &kind_a, &kind_b, |kind| (*kind).to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut secret = |differs: bool, name: &str| {
        if differs {
            fields.push(format!("{name} changed"));
        }
    };
    match (&a.secrets, &b.secrets) {
        (
            WebhookSecrets::Whatsapp {
                app_secrets: app_a,
                verify_token: verify_a,
            },
            WebhookSecrets::Whatsapp {
                app_secrets: app_b,
                verify_token: verify_b,
            },
        ) => {
            secret(app_a != app_b, "app_secrets");
            secret(verify_a != verify_b, "verify_token");
        }
        (WebhookSecrets::Cams { token: a }, WebhookSecrets::Cams { token: b })
        | (WebhookSecrets::Events { token: a }, WebhookSecrets::Events { token: b }) => {
            secret(a != b, "token");
        }
        (
            WebhookSecrets::Whatsapp { .. }
            | WebhookSecrets::Cams { .. }
            | WebhookSecrets::Events { .. },
            _,
        ) => secret(true, "secrets"),
    }
    fields
}
