//! Turns what was loaded into a snapshot: zones and policies are parsed, secrets
//! are opened already, references become pointers.
//!
//! Invariant: a snapshot is only made of a whole directory; a dangling reference
//! or a value that does not parse is damage, told with its record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chatmetric_core::Zone;
use chatmetric_rpc::credential::{AccessKeyId, AccountId};
use chatmetric_rpc::ram::Policy;
use chatmetric_rpc::ram::trust::TrustPolicy;

use super::load::{Loaded, damaged};
use crate::directory::error::DirectoryError;
use crate::directory::identity::{Identities, KeyUses};
use crate::directory::model::{
    AccessKey, Account, CustSpaceId, GrantUsers, IsvGrant, NamedPolicy, Principal, Role, Space,
    User, Webhook, WebhookKind,
};
use crate::directory::snapshot::{Bindings, Records, Snapshot};
use crate::directory::state::{AccountState, KeyState, WebhookSecrets};

impl Loaded {
    /// Parses and indexes everything once, for the readers.
    pub(super) fn into_snapshot(self) -> Result<Snapshot, DirectoryError> {
        let mut records = Records::default();
        for (id, state) in &self.state.accounts {
            let key = self.accounts.get(id).copied();
            let key = key.ok_or_else(|| damaged(format!("account {id} has no key")))?;
            let account = Arc::new(Account {
                key,
                id: id.clone(),
                name: state.name.clone(),
                subscribed: state.subscribed,
                calls_per_second: state.calls_per_second,
            });
            records.accounts_by_key.insert(key, Arc::clone(&account));
            records.accounts.insert(id.clone(), Arc::clone(&account));
            identities(&mut records, &account, state)?;
            let all = Identities::of(id, state, &self.times);
            records.identities.insert(key, all);
            self.add_spaces(&mut records, &account, state)?;
            add_webhooks(&mut records, &account, state)?;
        }
        for (id, state) in &self.state.accounts {
            add_grants(&mut records, id, state)?;
        }
        let key_uses = KeyUses::new(self.times.uses);
        Ok(Snapshot::new(
            records,
            Bindings::new(self.histories, self.families),
            key_uses,
        ))
    }

    fn add_spaces(
        &self,
        records: &mut Records,
        account: &Arc<Account>,
        state: &AccountState,
    ) -> Result<(), DirectoryError> {
        for (id, space) in &state.spaces {
            let key = self.spaces.get(id).copied();
            let key = key.ok_or_else(|| damaged(format!("space `{id}` has no key")))?;
            let zone = Zone::parse(&space.time_zone)
                .map_err(|error| damaged(format!("space `{id}`: {error}")))?;
            let space = Arc::new(Space {
                key,
                id: id.clone(),
                account: Arc::clone(account),
                is_default: space.is_default,
                zone,
                unknown_numbers: space.unknown_numbers,
                numbers_max: space.numbers_max,
            });
            if space.is_default {
                records
                    .default_spaces
                    .insert(account.key, Arc::clone(&space));
            }
            records.spaces_by_key.insert(key, Arc::clone(&space));
            records.spaces.insert(id.clone(), space);
        }
        Ok(())
    }
}

fn identities(
    records: &mut Records,
    account: &Arc<Account>,
    state: &AccountState,
) -> Result<(), DirectoryError> {
    let mut policies: BTreeMap<&str, NamedPolicy> = BTreeMap::new();
    for (name, policy) in &state.policies {
        let policy = Policy::parse(policy.document()).map_err(|error| {
            damaged(format!(
                "policy `{name}` of account {}: {error}",
                account.id
            ))
        })?;
        let named = NamedPolicy {
            name: name.clone(),
            policy: Arc::new(policy),
        };
        records
            .policies
            .insert((account.key, name.clone()), named.clone());
        policies.insert(name, named);
    }
    let find = |names: &BTreeSet<&str>| -> Vec<NamedPolicy> {
        names
            .iter()
            .filter_map(|name| policies.get(name).cloned())
            .collect()
    };
    for (id, key) in &state.keys {
        let key = key_record(id, key, account, Principal::Owner);
        records.keys.insert(id.clone(), key);
    }
    for (name, user) in &state.users {
        let own = user.policies.iter().map(String::as_str);
        let groups = state
            .groups
            .values()
            .filter(|group| group.users.contains(name));
        let shared = groups.flat_map(|group| group.policies.iter().map(String::as_str));
        let user_record = Arc::new(User {
            id: user.id.clone(),
            name: name.clone(),
            console: user.console,
            policies: find(&own.chain(shared).collect()),
        });
        for (id, key) in &user.keys {
            let principal = Principal::User(Arc::clone(&user_record));
            records
                .keys
                .insert(id.clone(), key_record(id, key, account, principal));
        }
        let by_id = (Arc::clone(account), Arc::clone(&user_record));
        records.users_by_id.insert(user.id.clone(), by_id);
        records
            .users
            .insert((account.key, name.clone()), user_record);
    }
    for (name, role) in &state.roles {
        let record = Arc::new(Role {
            id: role.id.clone(),
            name: name.clone(),
            trust_policy: role.trust_policy.clone(),
            trust: Arc::new(trust_of(account, name, &role.trust_policy)),
            policies: find(&role.policies.iter().map(String::as_str).collect()),
            max_session_seconds: role.max_session_seconds,
        });
        let by_id = (Arc::clone(account), Arc::clone(&record));
        records.roles_by_id.insert(role.id.clone(), by_id);
        records.roles.insert((account.key, name.clone()), record);
    }
    Ok(())
}

/// Texts that were stored before trust policies were judged may not be valid:
/// such a role is kept and trusts nobody.
fn trust_of(account: &Account, role: &str, text: &str) -> TrustPolicy {
    TrustPolicy::parse(text).unwrap_or_else(|error| {
        tracing::warn!(account = %account.id, role, %error, "nobody can assume a role");
        TrustPolicy::nobody()
    })
}

fn key_record(
    id: &AccessKeyId,
    key: &KeyState,
    account: &Arc<Account>,
    principal: Principal,
) -> AccessKey {
    AccessKey {
        id: id.clone(),
        secret: key.secret.0.clone(),
        status: key.status,
        account: Arc::clone(account),
        principal,
    }
}

fn space_of(records: &Records, id: &CustSpaceId) -> Result<Arc<Space>, DirectoryError> {
    let space = records.spaces.get(id).cloned();
    space.ok_or_else(|| damaged(format!("there is no space `{id}`")))
}

fn add_webhooks(
    records: &mut Records,
    account: &Arc<Account>,
    state: &AccountState,
) -> Result<(), DirectoryError> {
    for (id, webhook) in &state.webhooks {
        let space = webhook
            .space
            .as_ref()
            .map(|space| space_of(records, space))
            .transpose()?;
        let kind = match &webhook.secrets {
            WebhookSecrets::Whatsapp {
                app_secrets,
                verify_token,
            } => WebhookKind::Whatsapp {
                app_secrets: app_secrets.iter().map(|secret| secret.0.clone()).collect(),
                verify_token: verify_token.as_ref().map(|secret| secret.0.clone()),
            },
            WebhookSecrets::Cams { token } => WebhookKind::Cams {
                token: token.0.clone(),
            },
            WebhookSecrets::Events { token } => WebhookKind::Events {
                token: token.0.clone(),
            },
        };
        let webhook = Webhook {
            id: id.clone(),
            account: Arc::clone(account),
            space,
            kind,
        };
        records.webhooks.insert(id.clone(), Arc::new(webhook));
    }
    Ok(())
}

fn add_grants(
    records: &mut Records,
    isv: &AccountId,
    state: &AccountState,
) -> Result<(), DirectoryError> {
    let isv = records.accounts.get(isv).cloned();
    let isv = isv.ok_or_else(|| damaged("a grant has no account"))?;
    for (id, grant) in &state.grants {
        let users = if grant.users.contains("*") {
            GrantUsers::Everyone
        } else {
            GrantUsers::Named(grant.users.clone())
        };
        let spaces = grant
            .spaces
            .iter()
            .map(|space| Ok(space_of(records, space)?.key));
        let grant = IsvGrant {
            code: id.code.clone(),
            isv: Arc::clone(&isv),
            account: id.account.clone(),
            users,
            spaces: spaces.collect::<Result<_, DirectoryError>>()?,
        };
        records
            .grants
            .entry(id.code.clone())
            .or_default()
            .push(Arc::new(grant));
    }
    Ok(())
}
