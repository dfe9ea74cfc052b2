//! Reads all rows: the state that documents are compared with, and the keys and
//! histories that the snapshot needs beside it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chatmetric_core::{AccountKey, EpochMs, PhoneNumber, SpaceKey, Zone};
use chatmetric_rpc::credential::{AccessKeyId, AccountId, KeyStatus};
use chatmetric_rpc::ram::Policy;
use rusqlite::{Connection, Row};

use crate::directory::diff::key_status;
use crate::directory::error::DirectoryError;
use crate::directory::model::{
    AccessKey, Account, Binding, CustSpaceId, GrantUsers, IsvGrant, NamedPolicy, Principal, Role,
    Space, UnknownNumbers, User, Webhook, WebhookKind,
};
use crate::directory::snapshot::{Bindings, Records, Snapshot};
use crate::directory::state::{
    AccountState, GrantId, GrantState, GroupState, KeyState, RoleState, Secret, SpaceState, State,
    UserState, WebhookSecrets, WebhookState,
};
use crate::master_key::{MasterKey, RecordKind, SealContext};

/// Everything that is stored.
pub(super) struct Loaded {
    pub(super) state: State,
    accounts: HashMap<AccountId, AccountKey>,
    users: HashMap<(AccountId, String), u64>,
    spaces: HashMap<CustSpaceId, SpaceKey>,
    histories: HashMap<PhoneNumber, Vec<Binding>>,
}

pub(super) fn load(
    connection: &Connection,
    master_key: &MasterKey,
) -> Result<Loaded, DirectoryError> {
    let mut loader = Loader {
        connection,
        master_key,
        ids: HashMap::new(),
        loaded: Loaded {
            state: State::default(),
            accounts: HashMap::new(),
            users: HashMap::new(),
            spaces: HashMap::new(),
            histories: HashMap::new(),
        },
    };
    loader.accounts()?;
    loader.policies()?;
    loader.users()?;
    loader.keys()?;
    loader.groups()?;
    loader.roles()?;
    loader.spaces()?;
    loader.bindings()?;
    loader.grants()?;
    loader.webhooks()?;
    Ok(loader.loaded)
}

struct Loader<'a> {
    connection: &'a Connection,
    master_key: &'a MasterKey,
    ids: HashMap<i64, AccountId>,
    loaded: Loaded,
}

fn damaged(what: impl Into<String>) -> DirectoryError {
    DirectoryError::Damaged { what: what.into() }
}

fn key_u32(key: i64, what: &str) -> Result<u32, DirectoryError> {
    u32::try_from(key).map_err(|_| damaged(format!("the {what} key {key} is out of range")))
}

impl Loader<'_> {
    fn rows<T>(
        &self,
        sql: &str,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, DirectoryError> {
        let database = DirectoryError::database("read");
        let mut statement = self.connection.prepare(sql).map_err(database)?;
        let rows = statement.query_map([], read).map_err(database)?;
        rows.collect::<rusqlite::Result<_>>().map_err(database)
    }

    fn account(&mut self, key: i64) -> Result<(AccountId, &mut AccountState), DirectoryError> {
        let id = self.ids.get(&key).cloned();
        let id = id.ok_or_else(|| damaged(format!("there is no account with key {key}")))?;
        let account = self.loaded.state.accounts.get_mut(&id);
        account
            .map(|account| (id, account))
            .ok_or_else(|| damaged(format!("there is no account with key {key}")))
    }

    fn open(
        &self,
        kind: RecordKind,
        tenant: &AccountId,
        record: &str,
        sealed: &[u8],
    ) -> Result<Secret, DirectoryError> {
        let context = SealContext {
            kind,
            tenant: tenant.as_str(),
            record,
        };
        let opened =
            self.master_key
                .open(context, sealed)
                .map_err(|source| DirectoryError::Secret {
                    what: format!("`{record}` of account {tenant}"),
                    source,
                })?;
        Ok(Secret::new(opened.as_slice()))
    }

    fn accounts(&mut self) -> Result<(), DirectoryError> {
        let rows = self.rows(
            "SELECT account_key, id, name, subscribed, calls_per_second FROM accounts",
            |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, String>(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            },
        )?;
        for (key, id, name, subscribed, calls_per_second) in rows {
            let id = AccountId::parse(&id)
                .map_err(|_| damaged(format!("`{id}` is not an account id")))?;
            let account = AccountState {
                subscribed,
                calls_per_second,
                ..AccountState::named(name)
            };
            self.ids.insert(key, id.clone());
            self.loaded
                .accounts
                .insert(id.clone(), AccountKey(key_u32(key, "account")?));
            self.loaded.state.accounts.insert(id, account);
        }
        Ok(())
    }

    fn policies(&mut self) -> Result<(), DirectoryError> {
        let rows = self.rows("SELECT account_key, name, document FROM policies", |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        for (account, name, document) in rows {
            self.account(account)?.1.policies.insert(name, document);
        }
        Ok(())
    }

    /// Names by the number of their owner: `sql` gives (owner, name).
    fn names(&self, sql: &str) -> Result<HashMap<i64, BTreeSet<String>>, DirectoryError> {
        let mut names: HashMap<i64, BTreeSet<String>> = HashMap::new();
        for (owner, name) in self.rows(sql, |row| Ok((row.get(0)?, row.get(1)?)))? {
            names.entry(owner).or_default().insert(name);
        }
        Ok(names)
    }

    fn users(&mut self) -> Result<(), DirectoryError> {
        let mut policies = self
            .names("SELECT user_key, name FROM user_policies JOIN policies USING (policy_key)")?;
        let rows = self.rows(
            "SELECT user_key, account_key, name, console FROM users",
            |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get(1)?,
                    row.get::<_, String>(2)?,
                    row.get(3)?,
                ))
            },
        )?;
        for (key, account, name, console) in rows {
            let policies = policies.remove(&key).unwrap_or_default();
            let (id, account) = self.account(account)?;
            let user = UserState {
                console,
                policies,
                keys: BTreeMap::new(),
            };
            account.users.insert(name.clone(), user);
            let number = u64::try_from(key)
                .map_err(|_| damaged(format!("the user key {key} is negative")))?;
            self.loaded.users.insert((id, name), number);
        }
        Ok(())
    }

    fn keys(&mut self) -> Result<(), DirectoryError> {
        let rows = self.rows(
            "SELECT k.id, k.account_key, u.name, k.status, k.secret
             FROM access_keys AS k LEFT JOIN users AS u USING (user_key)",
            |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get(1)?,
                    row.get::<_, Option<String>>(2)?,
                    row.get::<_, String>(3)?,
                    row.get::<_, Vec<u8>>(4)?,
                ))
            },
        )?;
        for (id, account, user, status, sealed) in rows {
            let tenant = self.account(account)?.0;
            let secret = self.open(RecordKind::AccessKeySecret, &tenant, &id, &sealed)?;
            let status = [KeyStatus::Active, KeyStatus::Inactive]
                .into_iter()
                .find(|known| key_status(*known) == status)
                .ok_or_else(|| damaged(format!("access key `{id}` has status `{status}`")))?;
            let id = AccessKeyId::parse(&id)
                .map_err(|_| damaged(format!("`{id}` is not an access key id")))?;
            let account = self.account(account)?.1;
            let keys = match user {
                None => Some(&mut account.keys),
                Some(name) => account.users.get_mut(&name).map(|user| &mut user.keys),
            };
            let keys = keys.ok_or_else(|| damaged(format!("access key `{id}` has no owner")))?;
            keys.insert(id, KeyState { secret, status });
        }
        Ok(())
    }

    fn groups(&mut self) -> Result<(), DirectoryError> {
        let mut users =
            self.names("SELECT group_key, name FROM group_users JOIN users USING (user_key)")?;
        let mut policies = self
            .names("SELECT group_key, name FROM group_policies JOIN policies USING (policy_key)")?;
        let rows = self.rows("SELECT group_key, account_key, name FROM groups", |row| {
            Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?))
        })?;
        for (key, account, name) in rows {
            let group = GroupState {
                users: users.remove(&key).unwrap_or_default(),
                policies: policies.remove(&key).unwrap_or_default(),
            };
            self.account(account)?.1.groups.insert(name, group);
        }
        Ok(())
    }

    fn roles(&mut self) -> Result<(), DirectoryError> {
        let mut policies = self
            .names("SELECT role_key, name FROM role_policies JOIN policies USING (policy_key)")?;
        let rows = self.rows(
            "SELECT role_key, account_key, name, trust_policy, max_session_seconds FROM roles",
            |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            },
        )?;
        for (key, account, name, trust_policy, max_session_seconds) in rows {
            let policies = policies.remove(&key).unwrap_or_default();
            let role = RoleState {
                trust_policy,
                policies,
                max_session_seconds,
            };
            self.account(account)?.1.roles.insert(name, role);
        }
        Ok(())
    }

    fn spaces(&mut self) -> Result<(), DirectoryError> {
        let rows = self.rows(
            "SELECT space_key, account_key, id, is_default, time_zone, unknown_numbers, numbers_max
             FROM spaces",
            |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get(1)?,
                    row.get::<_, String>(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get::<_, String>(5)?,
                    row.get(6)?,
                ))
            },
        )?;
        for (key, account, id, is_default, time_zone, unknown_numbers, numbers_max) in rows {
            let id = CustSpaceId::parse(&id)
                .map_err(|_| damaged(format!("`{id}` is not a CustSpaceId")))?;
            let unknown_numbers = UnknownNumbers::parse(&unknown_numbers)
                .ok_or_else(|| damaged(format!("space `{id}` treats unknown numbers oddly")))?;
            let space = SpaceState {
                is_default,
                time_zone,
                unknown_numbers,
                numbers_max,
                numbers: BTreeSet::new(),
            };
            self.loaded
                .spaces
                .insert(id.clone(), SpaceKey(key_u32(key, "space")?));
            self.account(account)?.1.spaces.insert(id, space);
        }
        Ok(())
    }

    fn bindings(&mut self) -> Result<(), DirectoryError> {
        let rows = self.rows(
            "SELECT number, space_key, from_ms, to_ms, account_key, id
             FROM number_bindings JOIN spaces USING (space_key) ORDER BY binding_key",
            |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, i64>(1)?,
                    row.get(2)?,
                    row.get::<_, Option<i64>>(3)?,
                    row.get(4)?,
                    row.get::<_, String>(5)?,
                ))
            },
        )?;
        for (number, space, from, to, account, space_id) in rows {
            let number = PhoneNumber::parse(&number)
                .map_err(|_| damaged(format!("`{number}` is not a phone number")))?;
            let space = SpaceKey(key_u32(space, "space")?);
            if to.is_none()
                && let Some(state) = self.account(account)?.1.spaces.get_mut(space_id.as_str())
            {
                state.numbers.insert(number);
            }
            let binding = Binding {
                space,
                from: EpochMs(from),
                to: to.map(EpochMs),
            };
            self.loaded
                .histories
                .entry(number)
                .or_default()
                .push(binding);
        }
        Ok(())
    }

    fn grants(&mut self) -> Result<(), DirectoryError> {
        let mut users = self.names("SELECT grant_key, name FROM isv_grant_users")?;
        let mut spaces =
            self.names("SELECT grant_key, id FROM isv_grant_spaces JOIN spaces USING (space_key)")?;
        let rows = self.rows(
            "SELECT grant_key, account_key, code, to_account FROM isv_grants",
            |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )?;
        for (key, account, code, customer) in rows {
            let customer = self.account(customer)?.0;
            let spaces = spaces.remove(&key).unwrap_or_default();
            let spaces = spaces.iter().map(|id| {
                CustSpaceId::parse(id).map_err(|_| damaged(format!("`{id}` is not a CustSpaceId")))
            });
            let grant = GrantState {
                users: users.remove(&key).unwrap_or_default(),
                spaces: spaces.collect::<Result<_, _>>()?,
            };
            let id = GrantId {
                code,
                account: customer,
            };
            self.account(account)?.1.grants.insert(id, grant);
        }
        Ok(())
    }

    fn webhooks(&mut self) -> Result<(), DirectoryError> {
        let mut sealed: HashMap<String, Vec<(String, i64, Vec<u8>)>> = HashMap::new();
        for (webhook, secret) in self.rows(
            "SELECT webhook_id, field, place, secret FROM webhook_secrets
             ORDER BY webhook_id, field, place",
            |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?))),
        )? {
            sealed.entry(webhook).or_default().push(secret);
        }
        let rows = self.rows(
            "SELECT w.id, w.account_key, s.id, w.kind
             FROM webhooks AS w LEFT JOIN spaces AS s USING (space_key)",
            |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get(1)?,
                    row.get::<_, Option<String>>(2)?,
                    row.get::<_, String>(3)?,
                ))
            },
        )?;
        for (id, account, space, kind) in rows {
            let tenant = self.account(account)?.0;
            let mut app_secrets = Vec::new();
            let mut verify_token = None;
            let mut token = None;
            for (field, place, bytes) in sealed.remove(&id).unwrap_or_default() {
                match field.as_str() {
                    "app_secret" => {
                        let record = format!("{id}/{place}");
                        let kind = RecordKind::WebhookAppSecret;
                        app_secrets.push(self.open(kind, &tenant, &record, &bytes)?);
                    }
                    "verify_token" => {
                        let kind = RecordKind::WebhookVerifyToken;
                        verify_token = Some(self.open(kind, &tenant, &id, &bytes)?);
                    }
                    "token" => {
                        token = Some(self.open(RecordKind::WebhookToken, &tenant, &id, &bytes)?);
                    }
                    other => return Err(damaged(format!("webhook `{id}` has a secret `{other}`"))),
                }
            }
            let no_token = || damaged(format!("webhook `{id}` has no token"));
            let secrets = match kind.as_str() {
                "whatsapp" if !app_secrets.is_empty() => WebhookSecrets::Whatsapp {
                    app_secrets,
                    verify_token,
                },
                "cams" => WebhookSecrets::Cams {
                    token: token.ok_or_else(no_token)?,
                },
                "events" => WebhookSecrets::Events {
                    token: token.ok_or_else(no_token)?,
                },
                other => {
                    return Err(damaged(format!(
                        "webhook `{id}` of kind `{other}` is not whole"
                    )));
                }
            };
            let space = space.map(|space| {
                CustSpaceId::parse(&space)
                    .map_err(|_| damaged(format!("`{space}` is not a CustSpaceId")))
            });
            let webhook = WebhookState {
                space: space.transpose()?,
                secrets,
            };
            self.account(account)?.1.webhooks.insert(id, webhook);
        }
        Ok(())
    }
}

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
            self.identities(&mut records, &account, state)?;
            self.add_spaces(&mut records, &account, state)?;
            add_webhooks(&mut records, &account, state)?;
        }
        for (id, state) in &self.state.accounts {
            add_grants(&mut records, id, state)?;
        }
        Ok(Snapshot::new(records, Bindings::new(self.histories)))
    }

    fn identities(
        &self,
        records: &mut Records,
        account: &Arc<Account>,
        state: &AccountState,
    ) -> Result<(), DirectoryError> {
        let mut policies: BTreeMap<&str, NamedPolicy> = BTreeMap::new();
        for (name, document) in &state.policies {
            let policy = Policy::parse(document).map_err(|error| {
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
            let number = self.users.get(&(account.id.clone(), name.clone())).copied();
            let number = number.ok_or_else(|| damaged(format!("user `{name}` has no number")))?;
            let own = user.policies.iter().map(String::as_str);
            let groups = state
                .groups
                .values()
                .filter(|group| group.users.contains(name));
            let shared = groups.flat_map(|group| group.policies.iter().map(String::as_str));
            let user_record = Arc::new(User {
                id: number,
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
            records
                .users
                .insert((account.key, name.clone()), user_record);
        }
        for (name, role) in &state.roles {
            let record = Arc::new(Role {
                name: name.clone(),
                trust_policy: role.trust_policy.clone(),
                policies: find(&role.policies.iter().map(String::as_str).collect()),
                max_session_seconds: role.max_session_seconds,
            });
            records.roles.insert((account.key, name.clone()), record);
        }
        Ok(())
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
