//! Writes policies, users, keys, groups and roles, and the new names of what has
//! one.
//!
//! As `write`: whole records with their relations. Invariant: a time of making,
//! attaching or joining is set once; the time of the last change only when a
//! field of the record itself is different.

use std::collections::BTreeSet;

use chatmetric_rpc::credential::{AccessKeyId, AccountId};

use super::write::{Writer, gone};
use crate::directory::diff::{Rename, Renamed};
use crate::directory::error::DirectoryError;
use crate::directory::state::Owner;
use crate::master_key::RecordKind;

/// A relation of a user, group or role, as it is stored.
struct Relation {
    table: &'static str,
    owner: &'static str,
    other: &'static str,
    /// Where the names of the other side are.
    others: &'static str,
    since: &'static str,
}

const USER_POLICIES: Relation = policies("user_policies", "user_key");
const GROUP_POLICIES: Relation = policies("group_policies", "group_key");
const ROLE_POLICIES: Relation = policies("role_policies", "role_key");
const GROUP_USERS: Relation = Relation {
    table: "group_users",
    owner: "group_key",
    other: "user_key",
    others: "users",
    since: "joined_ms",
};

const fn policies(table: &'static str, owner: &'static str) -> Relation {
    Relation {
        table,
        owner,
        other: "policy_key",
        others: "policies",
        since: "attached_ms",
    }
}

impl Writer<'_> {
    /// What is to have another name gives its own up, for one that no document
    /// and no API can give.
    pub(super) fn free_name(&self, rename: &Rename) -> Result<(), DirectoryError> {
        let sql = match rename.what {
            Renamed::User => "UPDATE users SET name = ':' || id WHERE id = ?1",
            Renamed::Group => "UPDATE groups SET name = ':' || id WHERE id = ?1",
        };
        self.run(sql, [rename.id.as_str()])
    }

    pub(super) fn take_name(&self, rename: &Rename) -> Result<(), DirectoryError> {
        let sql = match rename.what {
            Renamed::User => "UPDATE users SET name = ?2, updated_ms = ?3 WHERE id = ?1",
            Renamed::Group => "UPDATE groups SET name = ?2, updated_ms = ?3 WHERE id = ?1",
        };
        self.run(sql, (rename.id.as_str(), &rename.to, self.write.now.0))
    }

    pub(super) fn put_policy(&self, account: &AccountId, name: &str) -> Result<(), DirectoryError> {
        let policy = self.account(account)?.policies.get(name);
        let policy = policy.ok_or_else(|| gone(format!("policy {name}")))?;
        let account_key = self.account_key(account)?;
        let now = self.write.now.0;
        // Any change of the versions is one of the policy.
        self.run(
            "INSERT INTO policies (account_key, name, description, default_version, last_version,
                 created_ms, updated_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
             ON CONFLICT (account_key, name) DO UPDATE SET description = excluded.description,
                 default_version = excluded.default_version,
                 last_version = excluded.last_version, updated_ms = excluded.updated_ms",
            (
                account_key,
                name,
                &policy.description,
                policy.default_version,
                policy.last_version,
                now,
            ),
        )?;
        let sql = "SELECT policy_key FROM policies WHERE account_key = ?1 AND name = ?2";
        let key = self.number_of(sql, (account_key, name))?;
        let kept: Vec<_> = policy.versions.keys().map(u32::to_string).collect();
        self.run(
            &format!(
                "DELETE FROM policy_versions WHERE policy_key = ?1 AND version NOT IN ({})",
                kept.join(",")
            ),
            [key],
        )?;
        for (version, document) in &policy.versions {
            self.run(
                "INSERT INTO policy_versions (policy_key, version, document, created_ms)
                 VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (policy_key, version) DO UPDATE SET document = excluded.document
                     WHERE document IS NOT excluded.document",
                (key, version, document, now),
            )?;
        }
        Ok(())
    }

    /// Takes out what is not listed (any more) and adds what is new.
    fn put_relation(
        &self,
        relation: &Relation,
        key: i64,
        account_key: i64,
        names: &BTreeSet<String>,
    ) -> Result<(), DirectoryError> {
        let Relation {
            table,
            owner,
            other,
            others,
            since,
        } = relation;
        let names_json = serde_json::json!(names).to_string();
        self.run(
            &format!(
                "DELETE FROM {table} WHERE {owner} = ?1 AND {other} NOT IN
                     (SELECT {other} FROM {others} WHERE account_key = ?2
                          AND name IN (SELECT value FROM json_each(?3)))"
            ),
            (key, account_key, &names_json),
        )?;
        self.run(
            &format!(
                "INSERT INTO {table} ({owner}, {other}, {since})
                 SELECT ?1, {other}, ?4 FROM {others} WHERE account_key = ?2
                     AND name IN (SELECT value FROM json_each(?3))
                 ON CONFLICT ({owner}, {other}) DO NOTHING"
            ),
            (key, account_key, &names_json, self.write.now.0),
        )
    }

    pub(super) fn put_user(&self, account: &AccountId, name: &str) -> Result<(), DirectoryError> {
        let user = self.account(account)?.users.get(name);
        let user = user.ok_or_else(|| gone(format!("user {name}")))?;
        let account_key = self.account_key(account)?;
        self.run(
            "INSERT INTO users (account_key, name, id, console, display_name, mobile_phone, email,
                 comments, created_ms, updated_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)
             ON CONFLICT (account_key, name) DO UPDATE SET console = excluded.console,
                 display_name = excluded.display_name, mobile_phone = excluded.mobile_phone,
                 email = excluded.email, comments = excluded.comments,
                 updated_ms = excluded.updated_ms
             WHERE (users.console, users.display_name, users.mobile_phone, users.email,
                    users.comments)
                 IS NOT (excluded.console, excluded.display_name, excluded.mobile_phone,
                         excluded.email, excluded.comments)",
            (
                account_key,
                name,
                user.id.as_str(),
                user.console,
                &user.display_name,
                &user.mobile_phone,
                &user.email,
                &user.comments,
                self.write.now.0,
            ),
        )?;
        let key = self.user_key(account_key, name)?;
        if !user.console {
            // They must not come back when the user may sign in again.
            self.run("DELETE FROM console_sessions WHERE user_key = ?1", [key])?;
            self.run(
                "DELETE FROM console_setup_tokens WHERE user_key = ?1",
                [key],
            )?;
        }
        self.put_relation(&USER_POLICIES, key, account_key, &user.policies)
    }

    pub(super) fn put_key(&self, owner: &Owner, id: &AccessKeyId) -> Result<(), DirectoryError> {
        let keys = self.account(&owner.account)?.keys_of(owner.user.as_deref());
        let key = keys.and_then(|keys| keys.get(id));
        let key = key.ok_or_else(|| gone(format!("access key {id}")))?;
        let account_key = self.account_key(&owner.account)?;
        let user_key = owner
            .user
            .as_ref()
            .map(|name| self.user_key(account_key, name))
            .transpose()?;
        let sealed = self.seal(
            RecordKind::AccessKeySecret,
            &owner.account,
            id.as_str(),
            &key.secret,
        )?;
        self.run(
            "INSERT INTO access_keys (id, account_key, user_key, status, secret, created_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (id) DO UPDATE SET status = excluded.status, secret = excluded.secret",
            (
                id.as_str(),
                account_key,
                user_key,
                key.status.as_str(),
                sealed,
                self.write.now.0,
            ),
        )
    }

    pub(super) fn put_group(&self, account: &AccountId, name: &str) -> Result<(), DirectoryError> {
        let group = self.account(account)?.groups.get(name);
        let group = group.ok_or_else(|| gone(format!("group {name}")))?;
        let account_key = self.account_key(account)?;
        self.run(
            "INSERT INTO groups (account_key, name, id, comments, created_ms, updated_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?5)
             ON CONFLICT (account_key, name) DO UPDATE SET comments = excluded.comments,
                 updated_ms = excluded.updated_ms
             WHERE groups.comments IS NOT excluded.comments",
            (
                account_key,
                name,
                group.id.as_str(),
                &group.comments,
                self.write.now.0,
            ),
        )?;
        let sql = "SELECT group_key FROM groups WHERE account_key = ?1 AND name = ?2";
        let key = self.number_of(sql, (account_key, name))?;
        self.put_relation(&GROUP_USERS, key, account_key, &group.users)?;
        self.put_relation(&GROUP_POLICIES, key, account_key, &group.policies)
    }

    pub(super) fn put_role(&self, account: &AccountId, name: &str) -> Result<(), DirectoryError> {
        let role = self.account(account)?.roles.get(name);
        let role = role.ok_or_else(|| gone(format!("role {name}")))?;
        let account_key = self.account_key(account)?;
        self.run(
            "INSERT INTO roles (account_key, name, id, description, trust_policy,
                 max_session_seconds, created_ms, updated_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
             ON CONFLICT (account_key, name) DO UPDATE SET description = excluded.description,
                 trust_policy = excluded.trust_policy,
                 max_session_seconds = excluded.max_session_seconds,
                 updated_ms = excluded.updated_ms
             WHERE (roles.description, roles.trust_policy, roles.max_session_seconds)
                 IS NOT (excluded.description, excluded.trust_policy,
                         excluded.max_session_seconds)",
            (
                account_key,
                name,
                role.id.as_str(),
                &role.description,
                &role.trust_policy,
                role.max_session_seconds,
                self.write.now.0,
            ),
        )?;
        let sql = "SELECT role_key FROM roles WHERE account_key = ?1 AND name = ?2";
        let key = self.number_of(sql, (account_key, name))?;
        self.put_relation(&ROLE_POLICIES, key, account_key, &role.policies)
    }
}
