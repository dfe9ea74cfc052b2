//! The rows of the families of ids that accounts count of numbers.

use chatmetric_core::{AccountKey, EpochMs, PhoneNumber};
use rusqlite::Connection;

use super::load::{Loader, damaged, key_u32};
use crate::directory::audit;
use crate::directory::error::DirectoryError;
use crate::directory::family::IdFamily;
use crate::directory::identity::Actor;
use crate::directory::model::Account;
use crate::directory::shared::Database;

/// A number that counts another family from now on.
pub(in crate::directory) struct FamilySwitch<'a> {
    pub(in crate::directory) account: &'a Account,
    pub(in crate::directory) number: &'a PhoneNumber,
    pub(in crate::directory) before: Option<IdFamily>,
    pub(in crate::directory) after: IdFamily,
}

const DATABASE: fn(rusqlite::Error) -> DirectoryError = |source| DirectoryError::Database {
    operation: "keep the family of a number in",
    source,
};

/// Writes the families of numbers that have none, in one transaction.
pub(in crate::directory) fn bind_families(
    connection: &Database,
    account: AccountKey,
    made: &[(PhoneNumber, IdFamily)],
) -> Result<(), DirectoryError> {
    let transaction = connection.begin().map_err(DATABASE)?;
    for (number, family) in made {
        put(&transaction, account, number, *family)?;
    }
    // Durable before an event counts: else the other feed could be first after a crash.
    transaction.commit(DATABASE)
}

/// Writes another family over the one that a number has, with its entry in the audit
/// log.
pub(in crate::directory) fn switch_family(
    connection: &Database,
    switch: &FamilySwitch<'_>,
    actor: &Actor,
    now: EpochMs,
) -> Result<(), DirectoryError> {
    let transaction = connection.begin().map_err(DATABASE)?;
    put(
        &transaction,
        switch.account.key,
        switch.number,
        switch.after,
    )?;
    let entry = audit::family_entry(
        &switch.account.id,
        switch.number,
        switch.before,
        switch.after,
    );
    audit::append(&transaction, actor, now, vec![entry])?;
    transaction.commit(DATABASE)
}

fn put(
    connection: &Connection,
    account: AccountKey,
    number: &PhoneNumber,
    family: IdFamily,
) -> Result<(), DirectoryError> {
    connection
        .prepare_cached(
            "INSERT INTO number_families (number, account_key, family) VALUES (?1, ?2, ?3)
             ON CONFLICT (number, account_key) DO UPDATE SET family = excluded.family",
        )
        .and_then(|mut statement| {
            statement.execute((number.as_str(), i64::from(account.0), family.as_str()))
        })
        .map_err(DATABASE)?;
    Ok(())
}

impl Loader<'_> {
    pub(super) fn families(&mut self) -> Result<(), DirectoryError> {
        let rows = self.rows(
            "SELECT number, account_key, family FROM number_families",
            |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get(1)?,
                    row.get::<_, String>(2)?,
                ))
            },
        )?;
        for (number, account, family) in rows {
            let number = PhoneNumber::parse(&number)
                .map_err(|_| damaged(format!("`{number}` is not a phone number")))?;
            let family = IdFamily::parse(&family)
                .ok_or_else(|| damaged(format!("number {number} has the family `{family}`")))?;
            let account = AccountKey(key_u32(account, "account")?);
            let families = self.loaded.families.entry(number).or_default();
            families.push((account, family));
        }
        Ok(())
    }
}
