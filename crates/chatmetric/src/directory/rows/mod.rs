//! The directory's rows in SQLite: read into a state and a snapshot, written
//! change by change.
//!
//! Invariant: what is written is read back by the same module, so that the
//! snapshot after a change is what a restart would load.

mod families;
mod index;
mod load;
mod load_identities;
mod write;
mod write_identities;

use crate::directory::shared::Database;
use std::collections::HashMap;

use chatmetric_core::{EpochMs, FingerprintKey, PhoneNumber, SpaceKey};
use chatmetric_rpc::credential::AccessKeyId;
use rusqlite::Connection;
use sha2::{Digest, Sha256};

use super::audit;
use super::error::DirectoryError;
use super::identity::{Actor, LastUse, Times};
use super::model::{BindOutcome, Binding};
use super::schema;
use super::snapshot::Snapshot;
use super::state::State;
use crate::master_key::MasterKey;

pub(super) use families::{FamilySwitch, bind_families, switch_family};
pub(super) use load::webhook_secret_place;
pub(super) use write::{Write, write_changes, write_first_start};

pub(super) fn load_state(
    connection: &Connection,
    master_key: &MasterKey,
) -> Result<State, DirectoryError> {
    Ok(load::load(connection, master_key)?.state)
}

/// The state with its times: what changes one by one begin with.
pub(super) fn load_timed(
    connection: &Connection,
    master_key: &MasterKey,
) -> Result<(State, Times), DirectoryError> {
    let loaded = load::load(connection, master_key)?;
    Ok((loaded.state, loaded.times))
}

pub(super) fn load_snapshot(
    connection: &Connection,
    master_key: &MasterKey,
) -> Result<Snapshot, DirectoryError> {
    load::load(connection, master_key)?.into_snapshot()
}

pub(super) fn fingerprint_key(
    connection: &Connection,
    master_key: &MasterKey,
) -> Result<FingerprintKey, DirectoryError> {
    Ok(FingerprintKey::new(*schema::fingerprint_key(
        connection, master_key,
    )?))
}

/// The outcome of each number, and the bindings that were made.
pub(super) type Bound = (Vec<BindOutcome>, Vec<(PhoneNumber, Binding)>);

/// Binds numbers in one transaction. `before` is the snapshot of the last
/// change, which the caller's lock keeps current. Somebody who binds them is in the
/// audit log; what webhooks and files do by themselves is not.
pub(super) fn bind(
    connection: &Database,
    before: &Snapshot,
    space: SpaceKey,
    numbers: &[PhoneNumber],
    now: EpochMs,
    by: Option<&Actor>,
) -> Result<Bound, DirectoryError> {
    let owner = before
        .space_by_key(space)
        .ok_or(DirectoryError::UnknownSpace { key: space.0 })?;
    let numbers_max = usize::try_from(owner.numbers_max).unwrap_or(usize::MAX);
    let count = before.numbers_count(space);
    let mut fresh: HashMap<PhoneNumber, Binding> = HashMap::new();
    let mut made = Vec::new();
    let mut outcomes = Vec::with_capacity(numbers.len());
    for number in numbers {
        outcomes.push(match before.number_owner(number) {
            Some(current) if current.key == space => BindOutcome::AlreadyBound,
            Some(current) => BindOutcome::BoundElsewhere {
                account: current.account.key,
                space: current.key,
            },
            None if fresh.contains_key(number) => BindOutcome::AlreadyBound,
            None if count + made.len() >= numbers_max => BindOutcome::Full {
                numbers_max: owner.numbers_max,
            },
            None => {
                let binding = Binding {
                    space,
                    from: now,
                    to: None,
                };
                fresh.insert(*number, binding);
                made.push((*number, binding));
                BindOutcome::Bound
            }
        });
    }
    if !made.is_empty() {
        let database = DirectoryError::database("bind a number in");
        let transaction = connection.begin().map_err(database)?;
        for (number, _) in &made {
            write::open_binding(&transaction, number, i64::from(space.0), now)?;
        }
        if let Some(actor) = by {
            let numbers: Vec<_> = made.iter().map(|(number, _)| *number).collect();
            let (account, id) = (&owner.account.id, &owner.id);
            let entries = audit::bound_entries(account, id, &numbers);
            audit::append(&transaction, actor, now, entries)?;
        }
        transaction.commit(database)?;
    }
    Ok((outcomes, made))
}

/// Writes when keys were used last, in one transaction. Keys that are gone are
/// passed over.
pub(super) fn write_key_uses(
    connection: &Database,
    uses: &[(AccessKeyId, LastUse)],
) -> Result<(), DirectoryError> {
    let database = DirectoryError::database("note the last uses of keys in");
    let transaction = connection.begin().map_err(database)?;
    for (id, last) in uses {
        transaction
            .prepare_cached("UPDATE access_keys SET used_ms = ?2, used_product = ?3 WHERE id = ?1")
            .and_then(|mut statement| statement.execute((id.as_str(), last.at_ms, &last.product)))
            .map_err(database)?;
    }
    transaction.commit(database)
}

pub(super) fn is_setup_token(connection: &Connection, token: &str) -> Result<bool, DirectoryError> {
    // Only a hash is looked up, so the time it takes says nothing of the token.
    connection
        .prepare("SELECT 1 FROM setup_tokens WHERE hash = ?1")
        .and_then(|mut statement| statement.exists([token_hash(token)]))
        .map_err(DirectoryError::database("read"))
}

/// What is stored of a token.
pub(super) fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
