//! Reads all rows: the state that documents are compared with, and the keys and
//! histories that the snapshot needs beside it.

use std::collections::{BTreeSet, HashMap};

use chatmetric_core::{AccountKey, EpochMs, PhoneNumber, SpaceKey};
use chatmetric_rpc::credential::AccountId;
use rusqlite::{Connection, Row};

use crate::directory::error::DirectoryError;
use crate::directory::family::IdFamily;
use crate::directory::identity::Times;
use crate::directory::model::{Binding, CustSpaceId, UnknownNumbers};
use crate::directory::state::{
    AccountState, GrantId, GrantState, Secret, SpaceState, State, WebhookSecrets, WebhookState,
};
use crate::master_key::{MasterKey, RecordKind, SealContext};

/// Which secret of a webhook, its place among several, and its bytes.
type SealedSecret = (String, i64, Vec<u8>);

/// Everything that is stored.
pub(super) struct Loaded {
    pub(super) state: State,
    pub(super) accounts: HashMap<AccountId, AccountKey>,
    pub(super) times: Times,
    pub(super) spaces: HashMap<CustSpaceId, SpaceKey>,
    pub(super) histories: HashMap<PhoneNumber, Vec<Binding>>,
    pub(super) families: HashMap<PhoneNumber, Vec<(AccountKey, IdFamily)>>,
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
            times: Times::default(),
            spaces: HashMap::new(),
            histories: HashMap::new(),
            families: HashMap::new(),
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
    loader.families()?;
    loader.grants()?;
    loader.webhooks()?;
    Ok(loader.loaded)
}

pub(super) struct Loader<'a> {
    connection: &'a Connection,
    master_key: &'a MasterKey,
    ids: HashMap<i64, AccountId>,
    pub(super) loaded: Loaded,
}

pub(super) fn damaged(what: impl Into<String>) -> DirectoryError {
    DirectoryError::Damaged { what: what.into() }
}

pub(super) fn key_u32(key: i64, what: &str) -> Result<u32, DirectoryError> {
    u32::try_from(key).map_err(|_| damaged(format!("the {what} key {key} is out of range")))
}

impl Loader<'_> {
    pub(super) fn rows<T>(
        &self,
        sql: &str,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, DirectoryError> {
        let database = DirectoryError::database("read");
        let mut statement = self.connection.prepare(sql).map_err(database)?;
        let rows = statement.query_map([], read).map_err(database)?;
        rows.collect::<rusqlite::Result<_>>().map_err(database)
    }

    pub(super) fn account(
        &mut self,
        key: i64,
    ) -> Result<(AccountId, &mut AccountState), DirectoryError> {
        let id = self.ids.get(&key).cloned();
        let id = id.ok_or_else(|| damaged(format!("there is no account with key {key}")))?;
        let account = self.loaded.state.accounts.get_mut(&id);
        account
            .map(|account| (id, account))
            .ok_or_else(|| damaged(format!("there is no account with key {key}")))
    }

    pub(super) fn open(
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

    /// Names by the number of their owner: `sql` gives (owner, name).
    fn names(&self, sql: &str) -> Result<HashMap<i64, BTreeSet<String>>, DirectoryError> {
        let mut names: HashMap<i64, BTreeSet<String>> = HashMap::new();
        for (owner, name) in self.rows(sql, |row| Ok((row.get(0)?, row.get(1)?)))? {
            names.entry(owner).or_default().insert(name);
        }
        Ok(names)
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
        let mut sealed: HashMap<String, Vec<SealedSecret>> = HashMap::new();
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
            let sealed = sealed.remove(&id).unwrap_or_default();
            let secrets = self.webhook_secrets(&tenant, &id, &kind, sealed)?;
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

    /// Opens the secrets of a webhook and checks that its kind has all it needs.
    fn webhook_secrets(
        &self,
        tenant: &AccountId,
        id: &str,
        kind: &str,
        sealed: Vec<SealedSecret>,
    ) -> Result<WebhookSecrets, DirectoryError> {
        let mut app_secrets = Vec::new();
        let mut verify_token = None;
        let mut token = None;
        for (field, place, bytes) in sealed {
            let (kind, record) = webhook_secret_place(id, &field, place)?;
            let secret = self.open(kind, tenant, &record, &bytes)?;
            match field.as_str() {
                "app_secret" => app_secrets.push(secret),
                "verify_token" => verify_token = Some(secret),
                _ => token = Some(secret),
            }
        }
        let no_token = || damaged(format!("webhook `{id}` has no token"));
        Ok(match kind {
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
        })
    }
}

/// What the secret of a webhook is sealed as: its kind and its record.
pub(in crate::directory) fn webhook_secret_place(
    id: &str,
    field: &str,
    place: i64,
) -> Result<(RecordKind, String), DirectoryError> {
    match field {
        "app_secret" => Ok((RecordKind::WebhookAppSecret, format!("{id}/{place}"))),
        "verify_token" => Ok((RecordKind::WebhookVerifyToken, id.to_owned())),
        "token" => Ok((RecordKind::WebhookToken, id.to_owned())),
        other => Err(damaged(format!("webhook `{id}` has a secret `{other}`"))),
    }
}
