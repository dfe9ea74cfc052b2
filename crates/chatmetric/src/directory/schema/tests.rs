//! Schema of the directory: migration step by step, a first start that was cut off, foreign files.

use super::*;
use crate::directory::Directory;
use crate::entropy::SeededEntropy;
use chatmetric_core::PhoneNumber;
use chatmetric_rpc::credential::AccessKeyId;
use std::sync::Arc;

fn key() -> MasterKey {
    MasterKey::from_bytes([3; 32])
}

fn open_directory(data_dir: &Path) -> Result<Directory, DirectoryError> {
    Directory::open(data_dir, key(), Arc::new(SeededEntropy::new(1)))
}

/// A directory as the program of schema 1 left it, made by hand.
fn directory_of_schema_1(data_dir: &Path) {
    let entropy = SeededEntropy::new(9);
    let connection =
        Connection::open(data_dir.join(crate::directory::DIRECTORY_FILE)).expect("opens");
    connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
        .expect("sets");
    connection.execute_batch(v1::SQL).expect("runs");
    let fingerprint = key()
        .seal(FINGERPRINT_CONTEXT, &[5; 16], &entropy)
        .expect("seals");
    let context = SealContext {
        kind: RecordKind::AccessKeySecret,
        tenant: "100",
        record: "LTAIold",
    };
    let secret = key()
        .seal(context, b"an old secret", &entropy)
        .expect("seals");
    let meta = "INSERT INTO meta (name, value) VALUES (?1, ?2)";
    connection
        .execute(meta, (META_KEY_ID, key().id().as_bytes().as_slice()))
        .expect("inserts");
    connection
        .execute(meta, (META_FINGERPRINT_KEY, fingerprint))
        .expect("inserts");
    connection
        .execute_batch(
            "INSERT INTO accounts VALUES (4, '100', 'old', 1, NULL);
             INSERT INTO spaces VALUES (8, 4, 'old-space', 1, 'Asia/Tokyo', 'auto', 10);
             INSERT INTO number_bindings VALUES (1, '1555', 8, 1000, NULL);",
        )
        .expect("inserts");
    connection
        .execute(
            "INSERT INTO access_keys VALUES ('LTAIold', 4, NULL, 'Active', ?1)",
            [secret],
        )
        .expect("inserts");
    connection
        .pragma_update(None, "application_id", APPLICATION_ID)
        .expect("sets");
    connection
        .pragma_update(None, "user_version", 1)
        .expect("sets");
}

#[test]
fn a_directory_of_schema_1_is_brought_forward() {
    let folder = tempfile::tempdir().expect("a folder");
    directory_of_schema_1(folder.path());
    // Opened twice: migrated, then as it is.
    for _ in 0..2 {
        let directory = open_directory(folder.path()).expect("opens");
        let snapshot = directory.snapshot();
        let id = AccessKeyId::parse("LTAIold").expect("an id");
        let key = snapshot.access_key(&id).expect("the key");
        assert_eq!(key.secret.expose(), b"an old secret");
        let number = PhoneNumber::parse("1555").expect("a number");
        let owner = snapshot.number_owner(&number).expect("an owner");
        assert_eq!((owner.key.0, owner.zone.name()), (8, "Asia/Tokyo"));
        let fingerprint = |key: chatmetric_core::FingerprintKey| key.fingerprint("c", &number, "m");
        let old = chatmetric_core::FingerprintKey::new([5; 16]);
        assert_eq!(fingerprint(directory.fingerprint_key()), fingerprint(old));
        assert!(
            !directory
                .is_setup_token("none")
                .expect("the table of schema 2 is there")
        );
    }
    let connection =
        Connection::open(folder.path().join(crate::directory::DIRECTORY_FILE)).expect("opens");
    let newest = i64::try_from(MIGRATIONS.len()).expect("a few");
    assert_eq!(schema_version(&connection).expect("reads"), newest);
}

/// A directory as the program of schema 2 left it, made by hand: identities with
/// everything that hangs on them.
fn directory_of_schema_2(data_dir: &Path) {
    directory_of_schema_1(data_dir);
    let path = data_dir.join(crate::directory::DIRECTORY_FILE);
    let connection = Connection::open(path).expect("opens");
    connection.execute_batch(v2::SQL).expect("runs");
    connection
        .execute_batch(
            r#"
            INSERT INTO users VALUES (7, 4, 'bob', 1), (9, 4, 'eve@example', 0);
            INSERT INTO groups VALUES (3, 4, 'g');
            INSERT INTO policies VALUES
                (5, 4, 'P', '{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'),
                (6, 4, 'Q', '{"Version":"1","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}');
            INSERT INTO roles VALUES
                (2, 4, 'good', '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::100:root"}}]}', 3600),
                (3, 4, 'odd', '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"*"}}]}', 900);
            INSERT INTO user_policies VALUES (7, 5);
            INSERT INTO group_policies VALUES (3, 6);
            INSERT INTO role_policies VALUES (2, 5), (2, 6);
            INSERT INTO group_users VALUES (3, 7), (3, 9);
            UPDATE access_keys SET user_key = 7;
            INSERT INTO setup_tokens VALUES (zeroblob(32), 1);
            "#,
        )
        .expect("inserts");
    connection
        .pragma_update(None, "user_version", 2)
        .expect("sets");
}

#[test]
fn a_directory_of_schema_2_is_brought_forward() {
    use crate::directory::{ApplyOptions, Document, Format, InlineOnly, PolicyHolder};
    use chatmetric_rpc::ram::Context;
    use chatmetric_rpc::ram::trust::TrustCaller;

    let folder = tempfile::tempdir().expect("a folder");
    directory_of_schema_2(folder.path());
    for _ in 0..2 {
        let directory = open_directory(folder.path()).expect("opens");
        let snapshot = directory.snapshot();
        let id = chatmetric_rpc::credential::AccountId::parse("100").expect("an id");
        let account = snapshot.account(&id).expect("there").key;
        let users: Vec<_> = snapshot
            .users(account)
            .map(|user| {
                (
                    user.id.as_str(),
                    user.name.as_str(),
                    user.console,
                    user.created_ms,
                )
            })
            .collect();
        assert_eq!(
            users,
            [
                ("200000000000000007", "bob", true, 0),
                ("200000000000000009", "eve@example", false, 0)
            ]
        );
        let group = snapshot.group_info(account, "g").expect("there");
        assert_eq!(group.id.as_str(), "300000000000000003");
        assert_eq!(snapshot.users_of_group(account, "g").len(), 2);
        let role = snapshot.role(account, "good").expect("there");
        assert_eq!(role.id.as_str(), "400000000000000002");
        assert_eq!(role.policies.len(), 2);
        let bob = snapshot.user(account, "bob").expect("there");
        let names: Vec<_> = bob
            .policies
            .iter()
            .map(|policy| policy.name.as_str())
            .collect();
        assert_eq!(names, ["P", "Q"]);
        let direct = snapshot.policies_of(account, &PolicyHolder::User("bob".to_owned()));
        assert_eq!(direct.len(), 1);
        let keys = snapshot.access_keys_of(account, Some("bob"));
        assert_eq!(
            (keys.len(), keys[0].created_ms, keys[0].last_used.clone()),
            (1, 0, None)
        );
        let versions = snapshot.policy_versions(account, "P");
        assert_eq!(versions.len(), 1);
        assert!(versions[0].version == 1 && versions[0].is_default);
        // A text of a time in which nobody judged it trusts nobody.
        let trusts = |role: &str| {
            let role = snapshot.role(account, role).expect("there");
            let caller = TrustCaller::User {
                account: &id,
                name: "bob",
            };
            let decision = role
                .trust
                .evaluate(caller, "sts:AssumeRole", &Context::new());
            decision.is_allowed()
        };
        assert!(trusts("good") && !trusts("odd"));
        // What it exports, it takes, but for the role that nobody can assume.
        let text = directory
            .export(true)
            .expect("exports")
            .to_toml()
            .expect("TOML");
        let odd = text
            .find("[[account.role]]\nname = \"odd\"")
            .expect("there");
        let sound = &text[..odd];
        let document = Document::parse(sound, Format::Toml, &InlineOnly).expect("sound");
        let options = ApplyOptions::default();
        let report = directory.apply(&document, options, chatmetric_core::EpochMs(5));
        assert!(report.expect("applies").changes.is_empty());
        assert!(Document::parse(&text, Format::Toml, &InlineOnly).is_err());
    }
}

/// A directory as the program of schema 3 left it after a first start.
fn directory_of_schema_3(data_dir: &Path) {
    directory_of_schema_2(data_dir);
    let path = data_dir.join(crate::directory::DIRECTORY_FILE);
    let connection = Connection::open(path).expect("opens");
    connection.execute_batch(v3::SQL).expect("runs");
    connection
        .execute_batch(
            "INSERT INTO audit_log (at_ms, account, actor, action, target)
                 VALUES (1, '100', 'first-start', 'first-start', 'account'),
                        (2, '200', 'apply', 'apply', 'account');",
        )
        .expect("inserts");
    connection
        .pragma_update(None, "user_version", 3)
        .expect("sets");
}

#[test]
fn a_directory_of_schema_3_is_brought_forward() {
    use crate::directory::{Actor, SignInError, TokenRule};
    use chatmetric_core::EpochMs;

    let folder = tempfile::tempdir().expect("a folder");
    directory_of_schema_3(folder.path());
    for _ in 0..2 {
        let directory = open_directory(folder.path()).expect("opens");
        // Whoever made the first start operates it; its token is too old by now.
        let operator = directory.operator_account().expect("reads");
        assert_eq!(operator.as_ref().map(|id| id.as_str()), Some("100"));
        assert_eq!(directory.setup_ends_ms(), 3_600_001);
        assert!(directory.console_sessions().expect("reads").is_empty());
        let bob = chatmetric_rpc::credential::AccountId::parse("100").expect("an id");
        let snapshot = directory.snapshot();
        let bob = snapshot.user(snapshot.account(&bob).expect("there").key, "bob");
        let bob = bob.expect("there").id.clone();
        assert_eq!(directory.console_password(&bob).expect("reads"), None);
        let unknown = directory.check_user_token("none", EpochMs(5));
        assert!(matches!(unknown, Err(SignInError::Token)));
        directory
            .add_user_token(
                &bob,
                "one",
                TokenRule::Any,
                EpochMs(5),
                &Actor::operator("test"),
            )
            .expect("the tables of schema 4 are there");
    }
    // Of a directory that is older than the audit log, nobody knows.
    let older = tempfile::tempdir().expect("a folder");
    directory_of_schema_2(older.path());
    let directory = open_directory(older.path()).expect("opens");
    assert_eq!(directory.operator_account().expect("reads"), None);
    assert_eq!(directory.setup_ends_ms(), 0);
}

/// A directory as the program of schema 4 left it.
fn directory_of_schema_4(data_dir: &Path) {
    directory_of_schema_3(data_dir);
    let path = data_dir.join(crate::directory::DIRECTORY_FILE);
    let connection = Connection::open(path).expect("opens");
    connection.execute_batch(v4::SQL).expect("runs");
    connection
        .pragma_update(None, "user_version", 4)
        .expect("sets");
}

#[test]
fn a_directory_of_schema_4_is_brought_forward() {
    use crate::directory::IdFamily;

    let folder = tempfile::tempdir().expect("a folder");
    directory_of_schema_4(folder.path());
    let number = PhoneNumber::parse("1555").expect("a number");
    for before in [None, Some(IdFamily::Meta)] {
        let directory = open_directory(folder.path()).expect("opens");
        let snapshot = directory.snapshot();
        let state = snapshot.number(&number);
        let account = state.owner.expect("an owner").account.key;
        // A number has no family until its next event.
        assert_eq!(state.family(account), before);
        let bound = directory.bind_families(account, &[(number, IdFamily::Meta)]);
        assert_eq!(bound.expect("bound"), [Some(IdFamily::Meta)]);
    }
}

#[test]
fn what_belongs_to_a_user_goes_with_the_user() {
    use crate::directory::{Actor, SignInError, StoredSession, TokenRule, UserChanges};
    use chatmetric_core::EpochMs;

    let folder = tempfile::tempdir().expect("a folder");
    directory_of_schema_2(folder.path());
    let directory = open_directory(folder.path()).expect("opens");
    let id = chatmetric_rpc::credential::AccountId::parse("100").expect("an id");
    let (actor, now) = (Actor::operator("test"), EpochMs(5));
    let made = directory.change_identities(&id, &actor, now, |change| {
        change.create_user(crate::directory::NewUser {
            name: "eve".to_owned(),
            ..Default::default()
        })?;
        let console = UserChanges {
            console: Some(true),
            ..UserChanges::default()
        };
        change.update_user("eve", console)
    });
    let eve = made.expect("made").id;
    directory
        .set_console_password(&eve, "$hash", None, now, &actor)
        .expect("set");
    directory
        .add_user_token(&eve, "one", TokenRule::Any, now, &actor)
        .expect("made");
    let session = StoredSession {
        hash: [7; 32],
        user: eve.clone(),
        created_ms: 5,
        used_ms: 5,
        address: "192.0.2.1".parse().expect("an address"),
        agent: "a browser".to_owned(),
    };
    let outdated = directory.add_console_session(&session, "$other", &[]);
    assert!(matches!(outdated, Err(SignInError::Outdated)));
    directory
        .add_console_session(&session, "$hash", &[])
        .expect("made");
    let again = directory.add_user_token(&eve, "two", TokenRule::FirstOnly, now, &actor);
    assert!(matches!(again, Err(SignInError::HasPassword)));
    assert_eq!(directory.console_sessions().expect("reads"), [session]);
    let password = directory.console_password(&eve).expect("reads");
    assert_eq!(password.expect("there").signed_in_ms, Some(5));
    let gone = directory.change_identities(&id, &actor, now, |change| change.delete_user("eve"));
    gone.expect("deleted");
    assert!(directory.console_sessions().expect("reads").is_empty());
    assert_eq!(directory.console_password(&eve).expect("reads"), None);
    assert!(directory.check_user_token("one", now).is_err());
}

#[test]
fn migrating_step_by_step_gives_the_schema_of_a_new_directory() {
    let schema_of = |path: &Path| -> Vec<(String, Option<String>)> {
        let connection = Connection::open(path).expect("opens");
        let mut statement = connection
            .prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")
            .expect("prepares");
        let rows = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("reads");
        rows.collect::<Result<_, _>>().expect("reads")
    };
    let folder = || tempfile::tempdir().expect("a folder");
    let (first, second, third, fourth, new) = (folder(), folder(), folder(), folder(), folder());
    directory_of_schema_1(first.path());
    directory_of_schema_2(second.path());
    directory_of_schema_3(third.path());
    directory_of_schema_4(fourth.path());
    let schemas = [first, second, third, fourth, new].map(|folder| {
        drop(open_directory(folder.path()).expect("opens"));
        schema_of(&folder.path().join(crate::directory::DIRECTORY_FILE))
    });
    let [first, second, third, fourth, new] = schemas;
    assert_eq!(first, new);
    assert_eq!(second, new);
    assert_eq!(third, new);
    assert_eq!(fourth, new);
}

/// Directories of users were made by these texts: another one would leave theirs behind.
#[test]
fn migrations_of_before_stay_as_they_are() {
    let made = MIGRATIONS.map(|sql| hex::encode(&Sha256::digest(sql)[..8]));
    let released = [
        "dc60a154876d77a2",
        "5c77b733a7940785",
        "d6f5437c46f6d2b4",
        "31a825042c9e2e48",
        "cb64cfa12a7f8361",
        "873c537315da9da9",
        "1ce08b44547516a1",
        "befbb1f4533d54da",
    ];
    assert_eq!(made, released, "what is new is another migration");
}

#[test]
fn a_first_start_that_was_cut_off_is_taken_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(crate::directory::DIRECTORY_FILE);
    // Made, and nothing in it; then with the header that WAL mode writes.
    std::fs::write(&path, "").expect("writes");
    drop(open_directory(folder.path()).expect("opens"));
    std::fs::remove_file(&path).expect("removes");
    let connection = Connection::open(&path).expect("opens");
    connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
        .expect("sets");
    drop(connection);
    assert!(std::fs::metadata(&path).expect("is there").len() > 0);
    drop(open_directory(folder.path()).expect("opens"));
}

#[test]
fn another_sqlite_file_is_not_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(crate::directory::DIRECTORY_FILE);
    let connection = Connection::open(&path).expect("opens");
    connection
        .execute_batch("CREATE TABLE meta (name TEXT, value BLOB)")
        .expect("runs");
    drop(connection);
    let before = std::fs::read(&path).expect("reads");
    let error = open_directory(folder.path()).expect_err("it is something else");
    assert!(
        matches!(error, DirectoryError::NotADirectory { .. }),
        "{error:?}"
    );
    assert_eq!(std::fs::read(&path).expect("reads"), before);
}

#[test]
fn odd_paths_are_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("50% of ü?#&");
    for _ in 0..2 {
        drop(open_directory(&data_dir).expect("opens"));
    }
}
