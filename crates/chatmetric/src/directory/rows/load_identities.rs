//! Reads policies, users, keys, groups and roles with their times.
//!
//! As `load`: a value that this program does not write is damage.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chatmetric_rpc::credential::{AccessKeyId, KeyStatus};

use super::load::{Loader, damaged};
use crate::directory::error::DirectoryError;
use crate::directory::identity::{IdentityId, LastUse, Lived};
use crate::directory::state::{GroupState, KeyState, PolicyState, RoleState, UserState};
use crate::master_key::RecordKind;

/// Names of a relation and since when, by the number of their owner.
type Related = HashMap<i64, Vec<(String, i64)>>;

fn identity_id(text: &str, what: &str) -> Result<IdentityId, DirectoryError> {
    IdentityId::parse(text).ok_or_else(|| damaged(format!("{what} has the id `{text}`")))
}

impl Loader<'_> {
    pub(super) fn policies(&mut self) -> Result<(), DirectoryError> {
        let mut documents: HashMap<i64, Vec<(u32, String, i64)>> = HashMap::new();
        for (key, version) in self.rows(
            "SELECT policy_key, version, document, created_ms FROM policy_versions",
            |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?))),
        )? {
            documents.entry(key).or_default().push(version);
        }
        let rows = self.rows(
            "SELECT policy_key, account_key, name, description, default_version, last_version,
                 created_ms, updated_ms FROM policies",
            |row| {
                let lived = Lived {
                    created_ms: row.get(6)?,
                    updated_ms: row.get(7)?,
                };
                let state = PolicyState {
                    description: row.get(3)?,
                    default_version: row.get(4)?,
                    last_version: row.get(5)?,
                    versions: BTreeMap::new(),
                };
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get::<_, String>(2)?,
                    state,
                    lived,
                ))
            },
        )?;
        for (key, account, name, mut policy, lived) in rows {
            let id = self.account(account)?.0;
            for (version, document, created_ms) in documents.remove(&key).unwrap_or_default() {
                policy.versions.insert(version, document);
                let key = (id.clone(), name.clone(), version);
                self.loaded.times.versions.insert(key, created_ms);
            }
            if !policy.versions.contains_key(&policy.default_version) {
                return Err(damaged(format!("policy `{name}` has no default version")));
            }
            let key = (id, name.clone());
            self.loaded.times.policies.insert(key, lived);
            self.account(account)?.1.policies.insert(name, policy);
        }
        Ok(())
    }

    /// `sql` gives (owner, name, since).
    fn related(&self, sql: &str) -> Result<Related, DirectoryError> {
        let mut related = Related::new();
        for (owner, name, since) in
            self.rows(sql, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        {
            related.entry(owner).or_default().push((name, since));
        }
        Ok(related)
    }

    /// The policies of what has this key and id, noting when they were attached.
    fn attached(&mut self, related: &mut Related, key: i64, id: &IdentityId) -> BTreeSet<String> {
        let policies = related.remove(&key).unwrap_or_default();
        for (name, since) in &policies {
            let key = (id.clone(), name.clone());
            self.loaded.times.attached.insert(key, *since);
        }
        policies.into_iter().map(|(name, _)| name).collect()
    }

    pub(super) fn users(&mut self) -> Result<(), DirectoryError> {
        let mut policies = self.related(
            "SELECT user_key, name, attached_ms FROM user_policies
             JOIN policies USING (policy_key)",
        )?;
        let rows = self.rows(
            "SELECT user_key, account_key, name, id, display_name, mobile_phone, email, comments,
                 console, created_ms, updated_ms FROM users",
            |row| {
                let texts: [String; 6] = [
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                    row.get(6)?,
                    row.get(7)?,
                ];
                let lived = Lived {
                    created_ms: row.get(9)?,
                    updated_ms: row.get(10)?,
                };
                Ok((row.get(0)?, row.get(1)?, texts, row.get(8)?, lived))
            },
        )?;
        for (key, account, texts, console, lived) in rows {
            let [name, id, display_name, mobile_phone, email, comments] = texts;
            let id = identity_id(&id, &format!("user `{name}`"))?;
            let policies = self.attached(&mut policies, key, &id);
            self.loaded.times.identities.insert(id.clone(), lived);
            let user = UserState {
                id,
                display_name,
                mobile_phone,
                email,
                comments,
                console,
                policies,
                keys: BTreeMap::new(),
            };
            self.account(account)?.1.users.insert(name, user);
        }
        Ok(())
    }

    pub(super) fn keys(&mut self) -> Result<(), DirectoryError> {
        let rows = self.rows(
            "SELECT k.id, k.account_key, u.name, k.status, k.secret, k.created_ms, k.used_ms,
                 k.used_product
             FROM access_keys AS k LEFT JOIN users AS u USING (user_key)",
            |row| {
                let used = (row.get(6)?, row.get(7)?);
                Ok((
                    row.get::<_, String>(0)?,
                    row.get(1)?,
                    row.get::<_, Option<String>>(2)?,
                    row.get::<_, String>(3)?,
                    row.get::<_, Vec<u8>>(4)?,
                    row.get(5)?,
                    used,
                ))
            },
        )?;
        for (id, account, user, status, sealed, created_ms, used) in rows {
            let tenant = self.account(account)?.0;
            let secret = self.open(RecordKind::AccessKeySecret, &tenant, &id, &sealed)?;
            let status = KeyStatus::parse(&status)
                .ok_or_else(|| damaged(format!("access key `{id}` has status `{status}`")))?;
            let id = AccessKeyId::parse(&id)
                .map_err(|_| damaged(format!("`{id}` is not an access key id")))?;
            self.loaded.times.keys.insert(id.clone(), created_ms);
            if let (Some(at_ms), Some(product)) = used {
                let last = LastUse { at_ms, product };
                self.loaded.times.uses.insert(id.clone(), last);
            }
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

    pub(super) fn groups(&mut self) -> Result<(), DirectoryError> {
        let mut users = self.related(
            "SELECT group_key, name, joined_ms FROM group_users JOIN users USING (user_key)",
        )?;
        let mut policies = self.related(
            "SELECT group_key, name, attached_ms FROM group_policies
             JOIN policies USING (policy_key)",
        )?;
        let rows = self.rows(
            "SELECT group_key, account_key, name, id, comments, created_ms, updated_ms FROM groups",
            |row| {
                let lived = Lived {
                    created_ms: row.get(5)?,
                    updated_ms: row.get(6)?,
                };
                let texts: [String; 3] = [row.get(2)?, row.get(3)?, row.get(4)?];
                Ok((row.get::<_, i64>(0)?, row.get(1)?, texts, lived))
            },
        )?;
        for (key, account, [name, id, comments], lived) in rows {
            let id = identity_id(&id, &format!("group `{name}`"))?;
            let members = users.remove(&key).unwrap_or_default();
            for (user, since) in &members {
                let key = (id.clone(), user.clone());
                self.loaded.times.joined.insert(key, *since);
            }
            let policies = self.attached(&mut policies, key, &id);
            self.loaded.times.identities.insert(id.clone(), lived);
            let group = GroupState {
                id,
                comments,
                users: members.into_iter().map(|(name, _)| name).collect(),
                policies,
            };
            self.account(account)?.1.groups.insert(name, group);
        }
        Ok(())
    }

    pub(super) fn roles(&mut self) -> Result<(), DirectoryError> {
        let mut policies = self.related(
            "SELECT role_key, name, attached_ms FROM role_policies
             JOIN policies USING (policy_key)",
        )?;
        let rows = self.rows(
            "SELECT role_key, account_key, name, id, description, trust_policy,
                 max_session_seconds, created_ms, updated_ms FROM roles",
            |row| {
                let lived = Lived {
                    created_ms: row.get(7)?,
                    updated_ms: row.get(8)?,
                };
                let texts: [String; 4] = [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?];
                Ok((row.get(0)?, row.get(1)?, texts, row.get(6)?, lived))
            },
        )?;
        for (key, account, texts, max_session_seconds, lived) in rows {
            let [name, id, description, trust_policy] = texts;
            let id = identity_id(&id, &format!("role `{name}`"))?;
            let policies = self.attached(&mut policies, key, &id);
            self.loaded.times.identities.insert(id.clone(), lived);
            let role = RoleState {
                id,
                description,
                trust_policy,
                policies,
                max_session_seconds,
            };
            self.account(account)?.1.roles.insert(name, role);
        }
        Ok(())
    }
}
