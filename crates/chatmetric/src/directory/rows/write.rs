//! Writes changes, each into its rows, all in one transaction with their entries
//! of the audit log.
//!
//! A record that comes or changes is written whole, with its relations, from the
//! new state; what refers to a record that goes, goes by the foreign keys.

use chatmetric_core::{EpochMs, PhoneNumber};
use chatmetric_rpc::credential::AccountId;
use rusqlite::{ToSql, Transaction};

use super::{load, token_hash};
use crate::directory::audit::{self, NewEntry};
use crate::directory::diff::{Change, ChangeKind, Entity, NumberMove, SpaceOwner};
use crate::directory::error::DirectoryError;
use crate::directory::first_start::FirstStart;
use crate::directory::identity::Actor;
use crate::directory::model::CustSpaceId;
use crate::directory::schema::META_OPERATOR_ACCOUNT;
use crate::directory::shared::Database;
use crate::directory::snapshot::Snapshot;
use crate::directory::state::{AccountState, GrantId, Secret, State, WebhookSecrets};
use crate::entropy::Entropy;
use crate::master_key::{MasterKey, RecordKind, SealContext};

/// What writing needs beside the values.
pub(in crate::directory) struct Write<'a> {
    pub(in crate::directory) actor: &'a Actor,
    pub(in crate::directory) master_key: &'a MasterKey,
    pub(in crate::directory) entropy: &'a dyn Entropy,
    pub(in crate::directory) now: EpochMs,
}

pub(in crate::directory) fn write_changes(
    connection: &Database,
    write: &Write<'_>,
    new: &State,
    changes: &[Change],
    entries: Vec<NewEntry>,
) -> Result<Snapshot, DirectoryError> {
    write_all(connection, write, new, changes, entries, |_| Ok(()))
}

pub(in crate::directory) fn write_first_start(
    connection: &Database,
    write: &Write<'_>,
    new: &State,
    changes: &[Change],
    entries: Vec<NewEntry>,
    first: &FirstStart,
) -> Result<Snapshot, DirectoryError> {
    let token = Secret(first.setup_token.clone());
    let hash = token_hash(token.text());
    let now = write.now.0;
    let account = first.account.as_str().as_bytes();
    write_all(connection, write, new, changes, entries, |writer| {
        writer.run(
            "INSERT INTO meta (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (META_OPERATOR_ACCOUNT, account),
        )?;
        writer.run("DELETE FROM setup_tokens", ())?;
        writer.run(
            "INSERT INTO setup_tokens (hash, made_ms) VALUES (?1, ?2)",
            (hash, now),
        )
    })
}

fn write_all(
    connection: &Database,
    write: &Write<'_>,
    new: &State,
    changes: &[Change],
    entries: Vec<NewEntry>,
    also: impl FnOnce(&Writer<'_>) -> Result<(), DirectoryError>,
) -> Result<Snapshot, DirectoryError> {
    let transaction = connection.begin().map_err(DATABASE)?;
    // Removals come first: a space may go while a webhook still names it, and is given
    // another one a few rows later.
    transaction
        .execute_batch("PRAGMA defer_foreign_keys = ON")
        .map_err(DATABASE)?;
    let writer = Writer {
        transaction: &transaction,
        write,
        new,
    };
    let of = |kinds: &'static [ChangeKind]| {
        let changes = changes.iter().filter(|change| kinds.contains(&change.kind));
        changes.map(|change| &change.entity)
    };
    for entity in of(&[ChangeKind::Remove]) {
        writer.remove(entity)?;
    }
    // All names that change are free before the first is taken.
    for entity in of(&[ChangeKind::Update]) {
        if let Entity::Rename(rename) = entity {
            writer.free_name(rename)?;
        }
    }
    for entity in of(&[ChangeKind::Add, ChangeKind::Update]) {
        writer.put(entity)?;
    }
    also(&writer)?;
    audit::append(&transaction, write.actor, write.now, entries)?;
    // Read back before the commit: what cannot be read must not become durable.
    let loaded = load::load(&transaction, write.master_key)?;
    if loaded.state != *new {
        return Err(DirectoryError::Damaged {
            what: "what was written is not what is read back".to_owned(),
        });
    }
    let snapshot = loaded.into_snapshot()?;
    transaction.commit(DATABASE)?;
    Ok(snapshot)
}

const DATABASE: fn(rusqlite::Error) -> DirectoryError = |source| DirectoryError::Database {
    operation: "write",
    source,
};

/// Opens a binding now.
pub(super) fn open_binding(
    transaction: &Transaction<'_>,
    number: &PhoneNumber,
    space_key: i64,
    now: EpochMs,
) -> Result<(), DirectoryError> {
    transaction
        .prepare_cached(
            "INSERT INTO number_bindings (number, space_key, from_ms) VALUES (?1, ?2, ?3)",
        )
        .and_then(|mut statement| statement.execute((number.as_str(), space_key, now.0)))
        .map_err(DATABASE)?;
    Ok(())
}

pub(super) struct Writer<'a> {
    transaction: &'a Transaction<'a>,
    pub(super) write: &'a Write<'a>,
    new: &'a State,
}

impl Writer<'_> {
    pub(super) fn run(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<(), DirectoryError> {
        self.transaction
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(parameters))
            .map_err(DATABASE)?;
        Ok(())
    }

    /// The number of a record; it must be there.
    pub(super) fn number_of(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<i64, DirectoryError> {
        self.transaction
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(parameters, |row| row.get(0)))
            .map_err(DATABASE)
    }

    pub(super) fn account_key(&self, id: &AccountId) -> Result<i64, DirectoryError> {
        self.number_of(
            "SELECT account_key FROM accounts WHERE id = ?1",
            [id.as_str()],
        )
    }

    fn space_key(&self, id: &CustSpaceId) -> Result<i64, DirectoryError> {
        self.number_of("SELECT space_key FROM spaces WHERE id = ?1", [id.as_str()])
    }

    pub(super) fn user_key(&self, account_key: i64, name: &str) -> Result<i64, DirectoryError> {
        let sql = "SELECT user_key FROM users WHERE account_key = ?1 AND name = ?2";
        self.number_of(sql, (account_key, name))
    }

    pub(super) fn account(&self, id: &AccountId) -> Result<&AccountState, DirectoryError> {
        self.new
            .accounts
            .get(id)
            .ok_or_else(|| gone(format!("account {id}")))
    }

    pub(super) fn seal(
        &self,
        kind: RecordKind,
        tenant: &AccountId,
        record: &str,
        secret: &Secret,
    ) -> Result<Vec<u8>, DirectoryError> {
        let context = SealContext {
            kind,
            tenant: tenant.as_str(),
            record,
        };
        self.write
            .master_key
            .seal(context, secret.expose(), self.write.entropy)
            .map_err(|source| DirectoryError::Secret {
                what: format!("`{record}` of account {tenant}"),
                source,
            })
    }

    fn remove(&self, entity: &Entity) -> Result<(), DirectoryError> {
        let of_account = |table: &str, column: &str, account: &AccountId, name: &dyn ToSql| {
            let sql = format!("DELETE FROM {table} WHERE account_key = ?1 AND {column} = ?2");
            self.run(&sql, (self.account_key(account)?, name))
        };
        match entity {
            Entity::Account(id) => {
                // Webhooks refer to spaces without cascade: they go first.
                let key = self.account_key(id)?;
                self.run("DELETE FROM webhooks WHERE account_key = ?1", [key])?;
                self.run("DELETE FROM accounts WHERE account_key = ?1", [key])
            }
            // A new name is an update, so there is nothing to remove.
            Entity::Rename(_) => Ok(()),
            Entity::Policy(account, name) => of_account("policies", "name", account, name),
            Entity::User(account, name) => of_account("users", "name", account, name),
            Entity::Key(_, id) => self.run("DELETE FROM access_keys WHERE id = ?1", [id.as_str()]),
            Entity::Group(account, name) => of_account("groups", "name", account, name),
            Entity::Role(account, name) => of_account("roles", "name", account, name),
            Entity::Space(account, id) => of_account("spaces", "id", account, &id.as_str()),
            Entity::Number(number, _) => self.close_binding(number),
            Entity::Grant(account, id) => {
                let customer = self.account_key(&id.account)?;
                self.run(
                    "DELETE FROM isv_grants WHERE account_key = ?1 AND code = ?2 AND to_account = ?3",
                    (self.account_key(account)?, &id.code, customer),
                )
            }
            Entity::Webhook(account, id) => of_account("webhooks", "id", account, id),
        }
    }

    fn put(&self, entity: &Entity) -> Result<(), DirectoryError> {
        match entity {
            Entity::Account(id) => self.put_account(id),
            Entity::Rename(rename) => self.take_name(rename),
            Entity::Policy(account, name) => self.put_policy(account, name),
            Entity::User(account, name) => self.put_user(account, name),
            Entity::Key(owner, id) => self.put_key(owner, id),
            Entity::Group(account, name) => self.put_group(account, name),
            Entity::Role(account, name) => self.put_role(account, name),
            Entity::Space(account, id) => self.put_space(account, id),
            Entity::Number(number, moved) => self.put_number(number, moved),
            Entity::Grant(account, id) => self.put_grant(account, id),
            Entity::Webhook(account, id) => self.put_webhook(account, id),
        }
    }

    fn put_account(&self, id: &AccountId) -> Result<(), DirectoryError> {
        let account = self.account(id)?;
        self.run(
            "INSERT INTO accounts (id, name, subscribed, calls_per_second) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET name = excluded.name,
                 subscribed = excluded.subscribed, calls_per_second = excluded.calls_per_second",
            (
                id.as_str(),
                &account.name,
                account.subscribed,
                account.calls_per_second,
            ),
        )
    }

    fn put_space(&self, account: &AccountId, id: &CustSpaceId) -> Result<(), DirectoryError> {
        let space = self.account(account)?.spaces.get(id);
        let space = space.ok_or_else(|| gone(format!("space {id}")))?;
        let account_key = self.account_key(account)?;
        if space.is_default {
            // There is never a second default, not even within the transaction.
            self.run(
                "UPDATE spaces SET is_default = 0 WHERE account_key = ?1",
                [account_key],
            )?;
        }
        self.run(
            "INSERT INTO spaces
                 (account_key, id, is_default, time_zone, unknown_numbers, numbers_max)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (id) DO UPDATE SET is_default = excluded.is_default,
                 time_zone = excluded.time_zone, unknown_numbers = excluded.unknown_numbers,
                 numbers_max = excluded.numbers_max",
            (
                account_key,
                id.as_str(),
                space.is_default,
                &space.time_zone,
                space.unknown_numbers.as_str(),
                space.numbers_max,
            ),
        )
    }

    fn close_binding(&self, number: &PhoneNumber) -> Result<(), DirectoryError> {
        // A clock that went back must not give a binding a negative length.
        self.run(
            "UPDATE number_bindings SET to_ms = max(from_ms, ?2)
             WHERE number = ?1 AND to_ms IS NULL",
            (number.as_str(), self.write.now.0),
        )
    }

    fn put_number(&self, number: &PhoneNumber, moved: &NumberMove) -> Result<(), DirectoryError> {
        self.close_binding(number)?;
        let Some((_, to)): Option<&SpaceOwner> = moved.to.as_ref() else {
            return Ok(());
        };
        open_binding(
            self.transaction,
            number,
            self.space_key(to)?,
            self.write.now,
        )
    }

    fn put_grant(&self, account: &AccountId, id: &GrantId) -> Result<(), DirectoryError> {
        let grant = self.account(account)?.grants.get(id);
        let grant = grant.ok_or_else(|| gone(format!("ISV grant {}", id.code)))?;
        let names = (
            self.account_key(account)?,
            &id.code,
            self.account_key(&id.account)?,
        );
        self.run(
            "INSERT INTO isv_grants (account_key, code, to_account) VALUES (?1, ?2, ?3)
             ON CONFLICT (account_key, code, to_account) DO NOTHING",
            names,
        )?;
        let key = self.number_of(
            "SELECT grant_key FROM isv_grants
             WHERE account_key = ?1 AND code = ?2 AND to_account = ?3",
            names,
        )?;
        self.run("DELETE FROM isv_grant_users WHERE grant_key = ?1", [key])?;
        self.run("DELETE FROM isv_grant_spaces WHERE grant_key = ?1", [key])?;
        for name in &grant.users {
            let sql = "INSERT INTO isv_grant_users (grant_key, name) VALUES (?1, ?2)";
            self.run(sql, (key, name))?;
        }
        for space in &grant.spaces {
            let sql = "INSERT INTO isv_grant_spaces (grant_key, space_key) VALUES (?1, ?2)";
            self.run(sql, (key, self.space_key(space)?))?;
        }
        Ok(())
    }

    fn put_webhook(&self, account: &AccountId, id: &str) -> Result<(), DirectoryError> {
        let webhook = self.account(account)?.webhooks.get(id);
        let webhook = webhook.ok_or_else(|| gone(format!("webhook {id}")))?;
        let space_key = webhook
            .space
            .as_ref()
            .map(|space| self.space_key(space))
            .transpose()?;
        self.run(
            "INSERT INTO webhooks (id, account_key, space_key, kind) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET space_key = excluded.space_key, kind = excluded.kind",
            (
                id,
                self.account_key(account)?,
                space_key,
                webhook.secrets.kind(),
            ),
        )?;
        self.run("DELETE FROM webhook_secrets WHERE webhook_id = ?1", [id])?;
        let put = |kind, field: &str, place: usize, record: &str, secret: &Secret| {
            let sealed = self.seal(kind, account, record, secret)?;
            let place = i64::try_from(place).unwrap_or(i64::MAX);
            self.run(
                "INSERT INTO webhook_secrets (webhook_id, field, place, secret)
                 VALUES (?1, ?2, ?3, ?4)",
                (id, field, place, sealed),
            )
        };
        match &webhook.secrets {
            WebhookSecrets::Whatsapp {
                app_secrets,
                verify_token,
            } => {
                for (place, secret) in app_secrets.iter().enumerate() {
                    let record = format!("{id}/{place}");
                    put(
                        RecordKind::WebhookAppSecret,
                        "app_secret",
                        place,
                        &record,
                        secret,
                    )?;
                }
                verify_token.iter().try_for_each(|secret| {
                    put(
                        RecordKind::WebhookVerifyToken,
                        "verify_token",
                        0,
                        id,
                        secret,
                    )
                })
            }
            WebhookSecrets::Cams { token } | WebhookSecrets::Events { token } => {
                put(RecordKind::WebhookToken, "token", 0, id, token)
            }
        }
    }
}

pub(super) fn gone(what: String) -> DirectoryError {
    DirectoryError::Damaged {
        what: format!("{what} is to be written and not there"),
    }
}
