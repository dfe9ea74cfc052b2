//! Schema 3: ids and times of identities, versions of policies, the last use of
//! keys, and the audit log.
//!
//! Times of what was there before are 0: nobody kept them. What was there gets
//! ids made of its own number, which is not given out twice either.

pub(super) const SQL: &str = "
-- Every id that was ever given to a user, group or role.
CREATE TABLE identity_ids (
    id TEXT PRIMARY KEY CHECK (length(id) = 18)
) STRICT, WITHOUT ROWID;

ALTER TABLE users ADD COLUMN id TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN display_name TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN mobile_phone TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN email TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN comments TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN created_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN updated_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE groups ADD COLUMN id TEXT NOT NULL DEFAULT '';
ALTER TABLE groups ADD COLUMN comments TEXT NOT NULL DEFAULT '';
ALTER TABLE groups ADD COLUMN created_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE groups ADD COLUMN updated_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE roles ADD COLUMN id TEXT NOT NULL DEFAULT '';
ALTER TABLE roles ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE roles ADD COLUMN created_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE roles ADD COLUMN updated_ms INTEGER NOT NULL DEFAULT 0;
UPDATE users SET id = printf('2%017d', user_key);
UPDATE groups SET id = printf('3%017d', group_key);
UPDATE roles SET id = printf('4%017d', role_key);
INSERT INTO identity_ids SELECT id FROM users UNION ALL SELECT id FROM groups
    UNION ALL SELECT id FROM roles;
CREATE UNIQUE INDEX users_by_id ON users (id);
CREATE UNIQUE INDEX groups_by_id ON groups (id);
CREATE UNIQUE INDEX roles_by_id ON roles (id);
-- A second giving of an id ends the transaction.
CREATE TRIGGER user_ids AFTER INSERT ON users
    BEGIN INSERT INTO identity_ids VALUES (new.id); END;
CREATE TRIGGER group_ids AFTER INSERT ON groups
    BEGIN INSERT INTO identity_ids VALUES (new.id); END;
CREATE TRIGGER role_ids AFTER INSERT ON roles
    BEGIN INSERT INTO identity_ids VALUES (new.id); END;

CREATE TABLE policy_versions (
    policy_key INTEGER NOT NULL REFERENCES policies ON DELETE CASCADE,
    version    INTEGER NOT NULL CHECK (version > 0),
    document   TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (policy_key, version)
) STRICT;
INSERT INTO policy_versions SELECT policy_key, 1, document, 0 FROM policies;
ALTER TABLE policies DROP COLUMN document;
ALTER TABLE policies ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE policies ADD COLUMN default_version INTEGER NOT NULL DEFAULT 1;
-- The highest number that was given to a version, also when it is gone.
ALTER TABLE policies ADD COLUMN last_version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE policies ADD COLUMN created_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE policies ADD COLUMN updated_ms INTEGER NOT NULL DEFAULT 0;

ALTER TABLE user_policies ADD COLUMN attached_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE group_policies ADD COLUMN attached_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE role_policies ADD COLUMN attached_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE group_users ADD COLUMN joined_ms INTEGER NOT NULL DEFAULT 0;
CREATE INDEX user_policies_by_policy ON user_policies (policy_key);
CREATE INDEX group_policies_by_policy ON group_policies (policy_key);
CREATE INDEX role_policies_by_policy ON role_policies (policy_key);
CREATE INDEX group_users_by_user ON group_users (user_key);

ALTER TABLE access_keys ADD COLUMN created_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE access_keys ADD COLUMN used_ms INTEGER;
ALTER TABLE access_keys ADD COLUMN used_product TEXT;

-- Accounts as text: an entry outlives its account.
CREATE TABLE audit_log (
    entry_id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms         INTEGER NOT NULL,
    account       TEXT,
    actor_account TEXT,
    actor         TEXT NOT NULL,
    source_ip     TEXT,
    request_id    TEXT,
    access_key_id TEXT,
    action        TEXT NOT NULL,
    target        TEXT NOT NULL,
    before        TEXT,
    after         TEXT
) STRICT;
CREATE INDEX audit_log_by_account ON audit_log (account, entry_id);
CREATE TRIGGER audit_log_is_not_changed BEFORE UPDATE ON audit_log
    BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
CREATE TRIGGER audit_log_is_not_cut BEFORE DELETE ON audit_log
    BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
-- INSERT OR REPLACE takes rows out without the trigger above.
CREATE TRIGGER audit_log_is_not_replaced BEFORE INSERT ON audit_log
    WHEN EXISTS (SELECT 1 FROM audit_log WHERE entry_id = new.entry_id)
    BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
";
