//! What a transaction did to the rows of the directory, and the same done elsewhere.
//!
//! Temporary triggers, which are of this connection alone, note every row that comes, goes
//! or changes. Values are noted as SQLite's own literals, which give back exactly what is
//! stored, and are read by a parser of our own: nothing that comes from elsewhere is ever
//! executed. Where they are applied, neither triggers nor foreign keys act: what those did
//! on the node of the change is among the noted rows.
//!
//! Not here: order, sealing, numbers. Invariant: tables and columns are named by the schema
//! of this file alone; a change that does not fit to it fails whole.

use crate::directory::error::DirectoryError;
use rusqlite::config::DbConfig;
use rusqlite::types::Value;
use rusqlite::{Connection, Transaction, TransactionBehavior, params_from_iter};
use std::collections::HashMap;

/// Tables that are each node's own.
const OWN_TABLES: [&str; 3] = ["alerts", "retired_master_keys", "watch_memory"];
/// Names in `meta` that are each node's own begin so.
const OWN_META: &str = "cluster_%";

/// A row: table, what it was (its key) and what it is (all columns), as literals.
type Noted = (String, Option<Vec<String>>, Option<Vec<String>>);

/// How a table is addressed.
struct Table {
    name: String,
    /// What finds a row: its primary key, else all of it. Never the hidden `rowid`, which
    /// a copy does not keep.
    key: Vec<String>,
    columns: Vec<String>,
}

fn failed(source: rusqlite::Error) -> DirectoryError {
    DirectoryError::Database {
        operation: "share changes of",
        source,
    }
}

fn damaged(what: String) -> DirectoryError {
    DirectoryError::Damaged { what }
}

fn tables(connection: &Connection) -> Result<Vec<Table>, DirectoryError> {
    let mut statement = connection
        .prepare(
            "SELECT name FROM pragma_table_list
             WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
        )
        .map_err(failed)?;
    let named = statement.query_map([], |row| row.get(0));
    let named: Vec<String> = named.and_then(Iterator::collect).map_err(failed)?;
    let shared = named
        .into_iter()
        .filter(|name| !OWN_TABLES.contains(&name.as_str()));
    let table = |name: String| {
        let sql = "SELECT name, pk FROM pragma_table_info(?1) ORDER BY cid";
        let mut statement = connection.prepare(sql).map_err(failed)?;
        let rows = statement.query_map([&name], |row| Ok((row.get(0)?, row.get(1)?)));
        let rows: Vec<(String, i64)> = rows.and_then(Iterator::collect).map_err(failed)?;
        let mut key: Vec<_> = rows.iter().filter(|(_, place)| *place > 0).collect();
        key.sort_by_key(|(_, place)| *place);
        let key: Vec<_> = key.into_iter().map(|(name, _)| name.clone()).collect();
        let columns: Vec<_> = rows.into_iter().map(|(name, _)| name).collect();
        Ok(Table {
            key: if key.is_empty() { columns.clone() } else { key },
            columns,
            name,
        })
    };
    shared.map(table).collect()
}

/// Begins to note what happens on this connection.
pub(super) fn watch(connection: &Connection) -> Result<(), DirectoryError> {
    connection
        .execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS noted (
                 noted_id INTEGER PRIMARY KEY, name TEXT NOT NULL, was TEXT, is_now TEXT
             );
             PRAGMA recursive_triggers = ON;",
        )
        .map_err(failed)?;
    for table in tables(connection)? {
        let list = |row: &str, names: &[String]| {
            let quoted: Vec<_> = names
                .iter()
                .map(|name| format!("quote({row}.\"{name}\")"))
                .collect();
            format!("json_array({})", quoted.join(", "))
        };
        let (was, is_now) = (list("OLD", &table.key), list("NEW", &table.columns));
        let name = &table.name;
        let when = |row: &str| {
            if name == "meta" {
                format!("WHEN {row}.name NOT LIKE '{OWN_META}'")
            } else {
                String::new()
            }
        };
        let triggers = [
            ("INSERT", when("NEW"), "NULL", is_now.as_str()),
            ("UPDATE", when("NEW"), was.as_str(), is_now.as_str()),
            ("DELETE", when("OLD"), was.as_str(), "NULL"),
        ];
        for (event, when, was, is_now) in triggers {
            let sql = format!(
                "CREATE TEMP TRIGGER IF NOT EXISTS \"note_{event}_{name}\"
                 AFTER {event} ON main.\"{name}\" {when}
                 BEGIN INSERT INTO noted (name, was, is_now)
                       VALUES ('{name}', {was}, {is_now}); END;"
            );
            connection.execute_batch(&sql).map_err(failed)?;
        }
    }
    Ok(())
}

/// What was noted in this transaction; `None` for nothing.
pub(super) fn take_noted(connection: &Connection) -> Result<Option<Vec<u8>>, DirectoryError> {
    let noted = {
        let sql = "SELECT name, was, is_now FROM temp.noted ORDER BY noted_id";
        let mut statement = connection.prepare_cached(sql).map_err(failed)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        let rows: Vec<(String, Option<String>, Option<String>)> =
            rows.and_then(Iterator::collect).map_err(failed)?;
        rows
    };
    if noted.is_empty() {
        return Ok(None);
    }
    connection
        .execute("DELETE FROM temp.noted", [])
        .map_err(failed)?;
    let list = |text: Option<String>| {
        let parsed = text.map(|text| serde_json::from_str::<Vec<String>>(&text));
        parsed.transpose()
    };
    let noted: Result<Vec<Noted>, serde_json::Error> = noted
        .into_iter()
        .map(|(name, was, is_now)| Ok((name, list(was)?, list(is_now)?)))
        .collect();
    let noted = noted.map_err(|error| damaged(format!("a change: {error}")))?;
    let bytes = serde_json::to_vec(&noted);
    let bytes = bytes.map_err(|error| damaged(format!("a change: {error}")))?;
    Ok(Some(bytes))
}

/// Does to the rows what `change` says, and what `also` does, in one transaction.
pub(super) fn apply(
    connection: &Connection,
    change: &[u8],
    also: impl FnOnce(&Transaction<'_>) -> Result<(), DirectoryError>,
) -> Result<(), DirectoryError> {
    let noted: Vec<Noted> = serde_json::from_slice(change)
        .map_err(|error| damaged(format!("a change of the cluster: {error}")))?;
    let all = tables(connection)?;
    let all: HashMap<&str, &Table> = all.iter().map(|it| (it.name.as_str(), it)).collect();
    let acting = |on: bool| {
        let set = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, on);
        set.and_then(|_| connection.pragma_update(None, "foreign_keys", on))
            .map_err(failed)
    };
    acting(false)?;
    let done = apply_all(connection, &noted, &all, also);
    acting(true)?;
    done
}

fn apply_all(
    connection: &Connection,
    noted: &[Noted],
    all: &HashMap<&str, &Table>,
    also: impl FnOnce(&Transaction<'_>) -> Result<(), DirectoryError>,
) -> Result<(), DirectoryError> {
    let transaction =
        Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(failed)?;
    for (name, was, is_now) in noted {
        let table = all.get(name.as_str());
        let table = table.ok_or_else(|| damaged(format!("a change is of a table `{name}`")))?;
        apply_one(&transaction, table, was.as_deref(), is_now.as_deref())?;
    }
    // Ours are noted too; nobody else needs to hear of them.
    transaction
        .execute("DELETE FROM temp.noted", [])
        .map_err(failed)?;
    also(&transaction)?;
    transaction.commit().map_err(failed)
}

fn apply_one(
    transaction: &Transaction<'_>,
    table: &Table,
    was: Option<&[String]>,
    is_now: Option<&[String]>,
) -> Result<(), DirectoryError> {
    let name = &table.name;
    let columns: Vec<String> = table.columns.iter().map(|it| format!("\"{it}\"")).collect();
    let key: Vec<String> = table
        .key
        .iter()
        .map(|it| format!("\"{it}\" IS ?"))
        .collect();
    let key = key.join(" AND ");
    let (sql, literals) = match (was, is_now) {
        (None, Some(is_now)) => {
            let marks = vec!["?"; columns.len()].join(", ");
            let columns = columns.join(", ");
            let sql = format!("INSERT INTO main.\"{name}\" ({columns}) VALUES ({marks})");
            (sql, is_now.to_vec())
        }
        (Some(was), Some(is_now)) => {
            let columns: Vec<String> = columns.iter().map(|it| format!("{it} = ?")).collect();
            let columns = columns.join(", ");
            let sql = format!("UPDATE main.\"{name}\" SET {columns} WHERE {key}");
            (sql, [is_now, was].concat())
        }
        (Some(was), None) => (
            format!("DELETE FROM main.\"{name}\" WHERE {key}"),
            was.to_vec(),
        ),
        (None, None) => return Err(damaged(format!("a change of `{name}` is none"))),
    };
    let values: Option<Vec<Value>> = literals.iter().map(|it| value(it)).collect();
    let values = values.ok_or_else(|| damaged(format!("a change of `{name}` has no values")))?;
    let count = transaction
        .prepare_cached(&sql)
        .and_then(|mut statement| statement.execute(params_from_iter(values)))
        .map_err(failed)?;
    if count != 1 {
        let what = format!("a change of `{name}` is of a row that is not there");
        return Err(damaged(what));
    }
    Ok(())
}

/// What a literal of SQLite says.
fn value(literal: &str) -> Option<Value> {
    if literal == "NULL" {
        return Some(Value::Null);
    }
    if let Some(hex) = literal.strip_prefix("X'") {
        let hex = hex.strip_suffix('\'')?;
        return Some(Value::Blob(hex::decode(hex).ok()?));
    }
    if let Some(text) = literal.strip_prefix('\'') {
        let text = text.strip_suffix('\'')?;
        return Some(Value::Text(text.replace("''", "'")));
    }
    // No column holds anything else: all tables are strict.
    literal.parse().ok().map(Value::Integer)
}

#[cfg(test)]
mod literals {
    use super::*;

    #[test]
    fn literals_give_back_what_is_stored() {
        let connection = Connection::open_in_memory().expect("a database");
        for stored in [
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Text("O'Brien ''x''".to_owned()),
            Value::Text(String::new()),
            Value::Blob(vec![0, 39, 255]),
            Value::Blob(Vec::new()),
        ] {
            let literal: String = connection
                .query_one("SELECT quote(?1)", [&stored], |row| row.get(0))
                .expect("quoted");
            assert_eq!(value(&literal), Some(stored), "{literal}");
        }
        assert_eq!(value("1.5"), None);
        assert_eq!(value("'open"), None);
    }
}

/// All rows of the shared tables.
#[cfg(test)]
pub(super) fn dump(connection: &Connection) -> Vec<String> {
    let mut all = Vec::new();
    for table in tables(connection).expect("tables") {
        let columns: Vec<_> = table
            .columns
            .iter()
            .map(|it| format!("quote({it})"))
            .collect();
        let sql = format!(
            "SELECT {} FROM {} ORDER BY {}",
            columns.join(" || ' ' || "),
            table.name,
            table.key.join(", ")
        );
        let mut statement = connection.prepare(&sql).expect("prepared");
        let rows = statement.query_map([], |row| row.get::<_, String>(0));
        for row in rows.expect("rows") {
            all.push(format!("{} {}", table.name, row.expect("a row")));
        }
    }
    all
}
