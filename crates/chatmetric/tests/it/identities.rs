//! Identities changed one by one, their ids, their limits, and the audit log.

use std::path::PathBuf;
use std::sync::Arc;

use chatmetric::directory::audit::{AUDIT_ENTRY_NUMBERS_MAX, AUDIT_PAGE_ENTRIES_MAX};
use chatmetric::directory::{
    Actor, ApplyOptions, AuditEntry, AuditFilter, ChangeIdentitiesError, Directory, DirectoryError,
    Document, Format, IdentityChange, IdentityError, IdentityField, IdentityId, IdentityKind,
    InlineOnly, KEY_USE_FLUSH_INTERVAL_MS, NewUser, PolicyHolder, Principal, RoleChanges, Snapshot,
    UserChanges, VersionRotation, limits,
};
use chatmetric::entropy::SeededEntropy;
use chatmetric::master_key::MasterKey;
use chatmetric_core::{AccountKey, EpochMs};
use chatmetric_rpc::credential::{AccessKeyId, AccountId, KeyStatus};
use chatmetric_rpc::ram::Context;
use chatmetric_rpc::ram::trust::TrustCaller;
use expect_test::{Expect, expect};

const NOW: EpochMs = EpochMs(1_700_000_000_000);
const LATER: EpochMs = EpochMs(1_700_000_060_000);
const ALLOW: &str =
    r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"cams:*","Resource":"*"}]}"#;
const DENY: &str =
    r#"{"Version":"1","Statement":[{"Effect":"Deny","Action":"cams:*","Resource":"*"}]}"#;
const TRUST: &str = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::1:root"]}}]}"#;
const TWO_ACCOUNTS: &str = r#"
[[account]]
id = "1"
name = "acme"
[[account.access_key]]
id = "LTAIowner"
secret = "canary-owner-secret"
[[account]]
id = "2"
name = "isv"
[[account.space]]
id = "isv-space"
"#;

/// A directory of two accounts in a folder of its own.
struct World {
    folder: tempfile::TempDir,
    directory: Directory,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let directory = open(&folder.path().join("data"));
        let world = Self { folder, directory };
        world.apply(TWO_ACCOUNTS);
        world
    }

    fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The same after the program was started again.
    fn reopened(self) -> Self {
        let Self { folder, directory } = self;
        drop(directory);
        let directory = open(&folder.path().join("data"));
        Self { folder, directory }
    }

    fn apply(&self, text: &str) -> Vec<String> {
        self.apply_with(text, ApplyOptions::default())
    }

    fn apply_with(&self, text: &str, options: ApplyOptions) -> Vec<String> {
        let document = Document::parse(text, Format::Toml, &InlineOnly);
        let document = document.unwrap_or_else(|faults| panic!("{faults}"));
        let report = self.directory.apply(&document, options, NOW);
        let report = report.expect("it applies");
        report.changes.iter().map(ToString::to_string).collect()
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut IdentityChange<'_>) -> Result<T, ChangeIdentitiesError>,
    ) -> T {
        self.try_change(change).expect("it is changed")
    }

    fn try_change<T>(
        &self,
        change: impl FnOnce(&mut IdentityChange<'_>) -> Result<T, ChangeIdentitiesError>,
    ) -> Result<T, ChangeIdentitiesError> {
        self.directory
            .change_identities(&account("1"), &alice(), NOW, change)
    }

    fn change_later<T>(
        &self,
        change: impl FnOnce(&mut IdentityChange<'_>) -> Result<T, ChangeIdentitiesError>,
    ) -> T {
        self.directory
            .change_identities(&account("1"), &alice(), LATER, change)
            .expect("it is changed")
    }

    /// Refused, and nothing at all was changed.
    fn refused<T: std::fmt::Debug>(
        &self,
        change: impl FnOnce(&mut IdentityChange<'_>) -> Result<T, ChangeIdentitiesError>,
    ) -> IdentityError {
        let before = (self.export(), self.log(AuditFilter::default()));
        let error = match self.try_change(change) {
            Err(ChangeIdentitiesError::Identity(error)) => error,
            other => panic!("expected a refusal, got {other:?}"),
        };
        assert_eq!((self.export(), self.log(AuditFilter::default())), before);
        error
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.directory.snapshot()
    }

    fn export(&self) -> String {
        let export = self.directory.export(true).expect("exports");
        export.to_toml().expect("as TOML").to_string()
    }

    /// The key of account 1.
    fn key(&self) -> AccountKey {
        self.snapshot().account(&account("1")).expect("there").key
    }

    fn log(&self, filter: AuditFilter) -> Vec<AuditEntry> {
        let limit = if filter.limit == 0 { 100 } else { filter.limit };
        self.directory
            .audit_log(&AuditFilter { limit, ..filter })
            .expect("reads")
    }

    fn check_log(&self, entries: usize, expected: &Expect) {
        let filter = AuditFilter {
            limit: entries,
            ..AuditFilter::default()
        };
        let lines: String = self.log(filter).iter().rev().map(line).collect();
        expected.assert_eq(&lines);
    }
}

fn open(data_dir: &std::path::Path) -> Directory {
    let key = MasterKey::generate(&SeededEntropy::new(1));
    Directory::open(data_dir, key, Arc::new(SeededEntropy::new(7))).expect("opens")
}

fn account(id: &str) -> AccountId {
    AccountId::parse(id).expect("an account id")
}

fn alice() -> Actor {
    Actor {
        account: Some(account("1")),
        name: "user/alice".to_owned(),
        source_ip: Some([192, 0, 2, 7].into()),
        request_id: Some("REQUEST-1".to_owned()),
        access_key_id: Some(AccessKeyId::parse("LTAIalice").expect("an id")),
    }
}

fn user(name: &str) -> NewUser {
    NewUser {
        name: name.to_owned(),
        ..NewUser::default()
    }
}

fn to_user(name: &str) -> PolicyHolder {
    PolicyHolder::User(name.to_owned())
}

fn to_group(name: &str) -> PolicyHolder {
    PolicyHolder::Group(name.to_owned())
}

fn to_role(name: &str) -> PolicyHolder {
    PolicyHolder::Role(name.to_owned())
}

/// An entry without ids that are drawn.
fn line(entry: &AuditEntry) -> String {
    let mut text = format!(
        "{} {} {}: {} -> {}\n",
        entry.actor.name,
        entry.action,
        entry.target,
        entry.before.as_deref().unwrap_or("-"),
        entry.after.as_deref().unwrap_or("-"),
    );
    while let Some(at) = text.find(r#""id":""#) {
        let end = at + r#""id":"""#.len() + IdentityId::DIGITS;
        text.replace_range(at..end, "ID");
    }
    text
}

#[test]
fn the_life_of_a_user_is_visible_at_once_and_logged() {
    let world = World::new();
    let key = world.key();
    let made = world.change(|c| {
        c.create_user(NewUser {
            name: "bob".to_owned(),
            display_name: "Bob".to_owned(),
            mobile_phone: "86-18600008888".to_owned(),
            email: "bob@example.com".to_owned(),
            comments: "of finance".to_owned(),
        })
    });
    assert_eq!((made.created_ms, made.updated_ms), (NOW.0, NOW.0));
    assert_eq!(world.snapshot().user_info(key, "bob"), Some(&made));
    world.change(|c| c.create_policy("Read", "reads", ALLOW));
    world.change(|c| c.attach_policy("Read", &to_user("bob")));
    world.change(|c| c.create_group("finance", "money"));
    world.change(|c| c.add_user_to_group("bob", "finance"));
    let (key_info, secret) = world.change(|c| c.create_access_key(Some("bob")));
    let stored = world
        .snapshot()
        .access_key(&key_info.id)
        .cloned()
        .expect("there");
    assert_eq!(stored.secret.expose(), secret.expose());
    let Principal::User(holder) = &stored.principal else {
        panic!("a user's key")
    };
    assert_eq!(
        (holder.id.clone(), holder.policies.len()),
        (made.id.clone(), 1)
    );

    let changed = world.change_later(|c| {
        c.update_user(
            "bob",
            UserChanges {
                email: Some(String::new()),
                console: Some(true),
                ..UserChanges::default()
            },
        )
    });
    assert_eq!((changed.created_ms, changed.updated_ms), (NOW.0, LATER.0));
    assert_eq!((changed.email.as_str(), changed.console), ("", true));
    assert_eq!(world.snapshot().user_info(key, "bob"), Some(&changed));
    // What is the same is not written, and is not a change.
    let entries = world.log(AuditFilter::default()).len();
    let same = world.change(|c| c.update_user("bob", UserChanges::default()));
    assert_eq!(same, changed);
    assert_eq!(world.log(AuditFilter::default()).len(), entries);

    world.change(|c| c.update_access_key(Some("bob"), &key_info.id, KeyStatus::Inactive));
    world.change(|c| c.delete_access_key(Some("bob"), &key_info.id));
    assert!(world.snapshot().access_key(&key_info.id).is_none());
    world.change(|c| c.remove_user_from_group("bob", "finance"));
    world.change(|c| c.detach_policy("Read", &to_user("bob")));
    world.change(|c| c.delete_user("bob"));
    assert!(world.snapshot().user_info(key, "bob").is_none());
    let lines: String = world
        .log(AuditFilter::default())
        .iter()
        .rev()
        .filter(|entry| entry.action != "apply")
        .map(|entry| line(entry).replace(key_info.id.as_str(), "LTAI…"))
        .collect();
    expect![[r#"
        user/alice CreateUser user/bob: - -> {"comments":"of finance","console":false,"display_name":"Bob","email":"bob@example.com",ID,"mobile_phone":"86-18600008888","policies":[]}
        user/alice CreatePolicy policy/Read: - -> {"default_version":1,"description":"reads","document":"{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"cams:*\",\"Resource\":\"*\"}]}","versions":[1]}
        user/alice AttachPolicyToUser user/bob: - -> {"policy":"Read"}
        user/alice CreateGroup group/finance: - -> {"comments":"money",ID,"policies":[],"users":[]}
        user/alice AddUserToGroup group/finance: - -> {"user":"bob"}
        user/alice CreateAccessKey access-key/LTAI…: - -> {"status":"Active","user":"bob"}
        user/alice UpdateUser user/bob: {"console":false,"email":"bob@example.com"} -> {"console":true,"email":""}
        user/alice UpdateAccessKey access-key/LTAI…: {"status":"Active"} -> {"status":"Inactive"}
        user/alice DeleteAccessKey access-key/LTAI…: {"status":"Inactive","user":"bob"} -> -
        user/alice RemoveUserFromGroup group/finance: {"user":"bob"} -> -
        user/alice DetachPolicyFromUser user/bob: {"policy":"Read"} -> -
        user/alice DeleteUser user/bob: {"comments":"of finance","console":true,"display_name":"Bob","email":"",ID,"mobile_phone":"86-18600008888","policies":[]} -> -
    "#]].assert_eq(&lines);
    let newest = world.log(AuditFilter::default()).swap_remove(0);
    assert_eq!(newest.actor, alice());
    assert_eq!((newest.at_ms, newest.account), (NOW.0, Some(account("1"))));
}

#[test]
fn the_life_of_policies_and_roles_is_visible_at_once_and_logged() {
    let world = World::new();
    let key = world.key();
    let role = world.change(|c| c.create_role("deployer", "deploys", TRUST, None));
    assert_eq!(role.max_session_seconds, 3_600);
    world.change(|c| c.create_policy("Read", "", ALLOW));
    world.change(|c| c.attach_policy("Read", &to_role("deployer")));
    let second = world
        .change_later(|c| c.create_policy_version("Read", DENY, false, VersionRotation::Refuse));
    assert_eq!((second.version, second.is_default), (2, false));
    let policies = |world: &World| {
        let snapshot = world.snapshot();
        let role = snapshot.role(key, "deployer").expect("there").clone();
        role.policies.first().map(|named| {
            let attached = [chatmetric_rpc::ram::AttachedPolicy {
                name: &named.name,
                policy: &named.policy,
            }];
            let permission = chatmetric_rpc::ram::Permission {
                action: "cams:Get",
                resource: "*",
            };
            chatmetric_rpc::ram::evaluate(permission, &Context::new(), &attached, None).is_allowed()
        })
    };
    assert_eq!(policies(&world), Some(true));
    world.change_later(|c| c.set_default_policy_version("Read", 2));
    assert_eq!(policies(&world), Some(false));
    let info = world
        .snapshot()
        .policy_info(key, "Read")
        .cloned()
        .expect("there");
    assert_eq!((info.default_version, info.attachment_count), (2, 1));
    assert_eq!((info.created_ms, info.updated_ms), (NOW.0, LATER.0));
    world.change(|c| c.delete_policy_version("Read", 1));
    let versions: Vec<_> = world
        .snapshot()
        .policy_versions(key, "Read")
        .iter()
        .map(|version| (version.version, version.is_default, version.created_ms))
        .collect();
    assert_eq!(versions, [(2, true, LATER.0)]);
    let changed = world.change_later(|c| {
        c.update_role(
            "deployer",
            RoleChanges {
                max_session_seconds: Some(7_200),
                ..RoleChanges::default()
            },
        )
    });
    assert_eq!(changed.id, role.id);
    assert_eq!((changed.created_ms, changed.updated_ms), (NOW.0, LATER.0));
    world.change(|c| c.detach_policy("Read", &to_role("deployer")));
    assert_eq!(policies(&world), None);
    world.change(|c| c.delete_policy("Read", false));
    world.change(|c| c.delete_role("deployer"));
    assert!(world.snapshot().role_by_id(&role.id).is_none());
    world.check_log(9, &expect![[r#"
        user/alice CreatePolicy policy/Read: - -> {"default_version":1,"description":"","document":"{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"cams:*\",\"Resource\":\"*\"}]}","versions":[1]}
        user/alice AttachPolicyToRole role/deployer: - -> {"policy":"Read"}
        user/alice CreatePolicyVersion policy/Read: {"new_document":null,"versions":[]} -> {"new_document":"{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"cams:*\",\"Resource\":\"*\"}]}","versions":[2]}
        user/alice SetDefaultPolicyVersion policy/Read: {"default_version":1,"document":"{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"cams:*\",\"Resource\":\"*\"}]}"} -> {"default_version":2,"document":"{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"cams:*\",\"Resource\":\"*\"}]}"}
        user/alice DeletePolicyVersion policy/Read: {"versions":[1]} -> {"versions":[]}
        user/alice UpdateRole role/deployer: {"max_session_seconds":3600} -> {"max_session_seconds":7200}
        user/alice DetachPolicyFromRole role/deployer: {"policy":"Read"} -> -
        user/alice DeletePolicy policy/Read: {"default_version":2,"description":"","document":"{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"cams:*\",\"Resource\":\"*\"}]}","versions":[2]} -> -
        user/alice DeleteRole role/deployer: {"description":"deploys",ID,"max_session_seconds":7200,"policies":[],"trust_policy":"{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":{\"RAM\":[\"acs:ram::1:root\"]}}]}"} -> -
    "#]]);
}

#[test]
fn lists_are_in_the_order_of_names_with_their_times() {
    let world = World::new();
    let key = world.key();
    world.change(|c| {
        for name in ["zoe", "adam", "mia"] {
            c.create_user(user(name))?;
        }
        c.create_group("g2", "")?;
        c.create_group("g1", "")?;
        c.create_policy("P2", "", ALLOW)?;
        c.create_policy("P1", "", ALLOW)?;
        c.create_role("r", "", TRUST, None)
    });
    world.change_later(|c| {
        c.add_user_to_group("zoe", "g2")?;
        c.add_user_to_group("zoe", "g1")?;
        c.add_user_to_group("adam", "g1")?;
        c.attach_policy("P2", &to_user("zoe"))?;
        c.attach_policy("P1", &to_user("zoe"))?;
        c.attach_policy("P1", &to_group("g1"))?;
        c.attach_policy("P1", &to_role("r"))
    });
    // A later change of the same group keeps the times of before.
    world.change(|c| c.add_user_to_group("mia", "g1"));
    let snapshot = world.snapshot();
    let names: Vec<_> = snapshot.users(key).map(|user| user.name.as_str()).collect();
    assert_eq!(names, ["adam", "mia", "zoe"]);
    let names: Vec<_> = snapshot
        .groups(key)
        .map(|group| group.name.as_str())
        .collect();
    assert_eq!(names, ["g1", "g2"]);
    let names: Vec<_> = snapshot
        .policies(key)
        .map(|policy| policy.name.as_str())
        .collect();
    assert_eq!(names, ["P1", "P2"]);
    assert_eq!(snapshot.roles(key).count(), 1);
    let groups: Vec<_> = snapshot
        .groups_of_user(key, "zoe")
        .into_iter()
        .map(|member| (member.who.name, member.since_ms))
        .collect();
    assert_eq!(
        groups,
        [("g1".to_owned(), LATER.0), ("g2".to_owned(), LATER.0)]
    );
    let users: Vec<_> = snapshot
        .users_of_group(key, "g1")
        .into_iter()
        .map(|member| (member.who.name, member.since_ms))
        .collect();
    let expected = [("adam", LATER.0), ("mia", NOW.0), ("zoe", LATER.0)];
    assert_eq!(
        users,
        expected.map(|(name, since)| (name.to_owned(), since))
    );
    let attached: Vec<_> = snapshot
        .policies_of(key, &to_user("zoe"))
        .into_iter()
        .map(|attached| (attached.policy.name, attached.attached_ms))
        .collect();
    assert_eq!(
        attached,
        [("P1".to_owned(), LATER.0), ("P2".to_owned(), LATER.0)]
    );
    let entities = snapshot.entities_of_policy(key, "P1").expect("there");
    assert_eq!(
        (
            entities.users.len(),
            entities.groups.len(),
            entities.roles.len()
        ),
        (1, 1, 1)
    );
    assert!(snapshot.entities_of_policy(key, "none").is_none());
    // The other account has none of it.
    let other = snapshot.account(&account("2")).expect("there").key;
    assert_eq!(snapshot.users(other).count(), 0);
    assert!(snapshot.user_info(other, "zoe").is_none());
    assert!(snapshot.policies_of(other, &to_user("zoe")).is_empty());
}

#[test]
fn a_renamed_user_keeps_id_keys_groups_policies_and_grants() {
    let world = World::new();
    let key = world.key();
    world.change(|c| {
        c.create_user(user("bob"))?;
        c.create_group("g", "")?;
        c.add_user_to_group("bob", "g")?;
        c.create_policy("P", "", ALLOW)?;
        c.attach_policy("P", &to_user("bob"))?;
        c.create_access_key(Some("bob"))
    });
    world.apply(
        "[[account]]\nid = \"2\"\n[[account.isv_grant]]\ncode = \"code\"\naccount = \"1\"\nusers = [\"bob\"]\nspaces = [\"isv-space\"]\n",
    );
    let before = world.snapshot();
    let id = before.user_info(key, "bob").expect("there").id.clone();
    let keys = before.access_keys_of(key, Some("bob"));
    let renamed = world.change_later(|c| {
        c.update_user(
            "bob",
            UserChanges {
                name: Some("robert".to_owned()),
                ..UserChanges::default()
            },
        )
    });
    assert_eq!(
        (renamed.id.clone(), renamed.updated_ms),
        (id.clone(), LATER.0)
    );
    // Also after the next start.
    let world = world.reopened();
    let snapshot = world.snapshot();
    assert_eq!(snapshot.user_info(key, "robert"), Some(&renamed));
    assert!(snapshot.user_info(key, "bob").is_none());
    assert_eq!(snapshot.access_keys_of(key, Some("robert")), keys);
    assert_eq!(snapshot.groups_of_user(key, "robert").len(), 1);
    assert_eq!(snapshot.policies_of(key, &to_user("robert")).len(), 1);
    let admits = |name: &str| {
        let snapshot = world.snapshot();
        let principal = Principal::User(Arc::clone(snapshot.user(key, name).expect("there")));
        snapshot
            .grants("code")
            .iter()
            .any(|grant| grant.admits(&account("1"), &principal))
    };
    assert!(admits("robert"));
    // Somebody new under the old name has nothing of it.
    let new = world.change(|c| c.create_user(user("bob")));
    assert_ne!(new.id, id);
    assert!(!admits("bob"));
    // Two names change places.
    world.change(|c| {
        let named = |name: &str| UserChanges {
            name: Some(name.to_owned()),
            ..UserChanges::default()
        };
        c.update_user("bob", named("third"))?;
        c.update_user("robert", named("bob"))?;
        c.update_user("third", named("robert"))
    });
    let snapshot = world.snapshot();
    assert_eq!(
        snapshot.user_info(key, "bob").map(|user| &user.id),
        Some(&id)
    );
    assert_eq!(
        snapshot.user_info(key, "robert").map(|user| &user.id),
        Some(&new.id)
    );
    assert!(admits("bob") && !admits("robert"));
    assert_eq!(snapshot.groups_of_user(key, "bob").len(), 1);
    // A group too.
    let group = snapshot.group_info(key, "g").expect("there").id.clone();
    world.change(|c| c.update_group("g", Some("h".to_owned()), Some("new".to_owned())));
    let snapshot = world.snapshot();
    assert_eq!(
        snapshot.group_info(key, "h").map(|group| &group.id),
        Some(&group)
    );
    assert_eq!(snapshot.users_of_group(key, "h").len(), 1);
    assert!(snapshot.group_info(key, "g").is_none());
}

#[test]
fn whoever_is_made_again_is_somebody_else() {
    let world = World::new();
    let key = world.key();
    let make = |c: &mut IdentityChange<'_>| {
        let user = c.create_user(user("bob"))?.id;
        let group = c.create_group("g", "")?.id;
        let role = c.create_role("r", "", TRUST, None)?.id;
        Ok([user, group, role])
    };
    let delete = |c: &mut IdentityChange<'_>| {
        c.delete_user("bob")?;
        c.delete_group("g")?;
        c.delete_role("r")
    };
    let mut given: Vec<IdentityId> = Vec::new();
    let mut world = world;
    for _ in 0..3 {
        let ids = world.change(make);
        for (id, first) in ids.iter().zip(["2", "3", "4"]) {
            assert!(id.as_str().starts_with(first), "{id}");
            assert_eq!(IdentityId::parse(id.as_str()), Some(id.clone()));
        }
        given.extend(ids);
        world.change(delete);
        // The randomness of these tests begins anew with each start, so that the
        // same ids are drawn again: they must not be given again.
        world = world.reopened();
    }
    let mut unique = given.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), given.len(), "{given:?}");
    // Deleted and made again in one change.
    let first = world.change(make);
    world.change(|c| c.create_policy("P", "", ALLOW));
    world.change(|c| c.attach_policy("P", &to_user("bob")));
    let again = world.change(|c| {
        c.detach_policy("P", &to_user("bob"))?;
        delete(c)?;
        make(c)
    });
    assert!(first.iter().all(|id| !again.contains(id)));
    let snapshot = world.snapshot();
    assert!(snapshot.role_by_id(&first[2]).is_none());
    let (owner, role) = snapshot.role_by_id(&again[2]).expect("there");
    assert_eq!((owner.id.as_str(), role.name.as_str()), ("1", "r"));
    assert!(snapshot.policies_of(key, &to_user("bob")).is_empty());
}

#[test]
fn a_deleted_user_leaves_no_grant_behind() {
    let world = World::new();
    let key = world.key();
    world.change(|c| c.create_user(user("bob")));
    world.apply(
        "[[account]]\nid = \"2\"\n[[account.isv_grant]]\ncode = \"code\"\naccount = \"1\"\nusers = [\"bob\"]\nspaces = [\"isv-space\"]\n",
    );
    world.change(|c| c.delete_user("bob"));
    world.change(|c| c.create_user(user("bob")));
    let snapshot = world.snapshot();
    let principal = Principal::User(Arc::clone(snapshot.user(key, "bob").expect("there")));
    assert!(
        snapshot
            .grants("code")
            .iter()
            .all(|grant| !grant.admits(&account("1"), &principal))
    );
}

#[test]
fn what_others_hang_on_is_not_deleted() {
    let world = World::new();
    world.change(|c| {
        c.create_user(user("keys"))?;
        c.create_access_key(Some("keys"))?;
        c.create_user(user("policies"))?;
        c.create_user(user("groups"))?;
        c.create_group("members", "")?;
        c.add_user_to_group("groups", "members")?;
        c.create_group("policies", "")?;
        c.create_role("policies", "", TRUST, None)?;
        for (name, holder) in [
            ("OfUser", to_user("policies")),
            ("OfGroup", to_group("policies")),
            ("OfRole", to_role("policies")),
        ] {
            c.create_policy(name, "", ALLOW)?;
            c.attach_policy(name, &holder)?;
        }
        c.create_policy("Versions", "", ALLOW)?;
        c.create_policy_version("Versions", DENY, true, VersionRotation::Refuse)
    });
    use IdentityKind as Kind;
    let check = |error: IdentityError, kind: Kind, name: &str, by: Kind| {
        let name = name.to_owned();
        assert_eq!(error, IdentityError::InUse { kind, name, by });
    };
    check(
        world.refused(|c| c.delete_user("keys")),
        Kind::User,
        "keys",
        Kind::AccessKey,
    );
    check(
        world.refused(|c| c.delete_user("policies")),
        Kind::User,
        "policies",
        Kind::Attachment,
    );
    check(
        world.refused(|c| c.delete_user("groups")),
        Kind::User,
        "groups",
        Kind::Membership,
    );
    check(
        world.refused(|c| c.delete_group("members")),
        Kind::Group,
        "members",
        Kind::Membership,
    );
    check(
        world.refused(|c| c.delete_group("policies")),
        Kind::Group,
        "policies",
        Kind::Attachment,
    );
    check(
        world.refused(|c| c.delete_role("policies")),
        Kind::Role,
        "policies",
        Kind::Attachment,
    );
    for (name, by) in [
        ("OfUser", Kind::User),
        ("OfGroup", Kind::Group),
        ("OfRole", Kind::Role),
    ] {
        let error = world.refused(|c| c.delete_policy(name, true));
        check(error, Kind::Policy, name, by);
    }
    let error = world.refused(|c| c.delete_policy("Versions", false));
    check(error, Kind::Policy, "Versions", Kind::PolicyVersion);
    let error = world.refused(|c| c.delete_policy_version("Versions", 2));
    check(error, Kind::PolicyVersion, "v2", Kind::Policy);
    world.change(|c| c.delete_policy("Versions", true));
}

#[test]
fn what_is_not_there_and_what_is_there_already_is_told() {
    use IdentityKind as Kind;
    let world = World::new();
    world.change(|c| {
        c.create_user(user("bob"))?;
        c.create_user(user("eve"))?;
        c.create_group("g", "")?;
        c.create_group("h", "")?;
        c.create_role("r", "", TRUST, None)?;
        c.create_policy("P", "", ALLOW)?;
        c.attach_policy("P", &to_user("bob"))?;
        c.add_user_to_group("bob", "g")
    });
    let missing = |error: IdentityError, kind: Kind, name: &str| {
        let name = name.to_owned();
        assert_eq!(error, IdentityError::NotFound { kind, name });
    };
    let changes = UserChanges::default;
    missing(
        world.refused(|c| c.update_user("no", changes())),
        Kind::User,
        "no",
    );
    missing(world.refused(|c| c.delete_user("no")), Kind::User, "no");
    missing(
        world.refused(|c| c.create_access_key(Some("no"))),
        Kind::User,
        "no",
    );
    missing(
        world.refused(|c| c.add_user_to_group("no", "g")),
        Kind::User,
        "no",
    );
    missing(
        world.refused(|c| c.add_user_to_group("bob", "no")),
        Kind::Group,
        "no",
    );
    missing(
        world.refused(|c| c.remove_user_from_group("eve", "g")),
        Kind::Membership,
        "g",
    );
    missing(
        world.refused(|c| c.remove_user_from_group("bob", "no")),
        Kind::Group,
        "no",
    );
    missing(
        world.refused(|c| c.update_group("no", None, None)),
        Kind::Group,
        "no",
    );
    missing(world.refused(|c| c.delete_group("no")), Kind::Group, "no");
    missing(
        world.refused(|c| c.update_role("no", RoleChanges::default())),
        Kind::Role,
        "no",
    );
    missing(world.refused(|c| c.delete_role("no")), Kind::Role, "no");
    missing(
        world.refused(|c| c.delete_policy("No", false)),
        Kind::Policy,
        "No",
    );
    missing(
        world.refused(|c| c.attach_policy("No", &to_user("bob"))),
        Kind::Policy,
        "No",
    );
    missing(
        world.refused(|c| c.attach_policy("P", &to_user("no"))),
        Kind::User,
        "no",
    );
    missing(
        world.refused(|c| c.attach_policy("P", &to_group("no"))),
        Kind::Group,
        "no",
    );
    missing(
        world.refused(|c| c.attach_policy("P", &to_role("no"))),
        Kind::Role,
        "no",
    );
    missing(
        world.refused(|c| c.detach_policy("P", &to_user("eve"))),
        Kind::Attachment,
        "P",
    );
    missing(
        world.refused(|c| c.set_default_policy_version("P", 9)),
        Kind::PolicyVersion,
        "v9",
    );
    missing(
        world.refused(|c| c.delete_policy_version("P", 9)),
        Kind::PolicyVersion,
        "v9",
    );
    let key = AccessKeyId::parse("LTAIowner").expect("an id");
    // The owner's key is not the user's.
    let error = world.refused(|c| c.delete_access_key(Some("bob"), &key));
    missing(error, Kind::AccessKey, "LTAIowner");
    let error = world.refused(|c| c.update_access_key(Some("bob"), &key, KeyStatus::Inactive));
    missing(error, Kind::AccessKey, "LTAIowner");
    let existing = |error: IdentityError, kind: Kind, name: &str| {
        let name = name.to_owned();
        assert_eq!(error, IdentityError::Exists { kind, name });
    };
    existing(
        world.refused(|c| c.create_user(user("bob"))),
        Kind::User,
        "bob",
    );
    let to_eve = UserChanges {
        name: Some("eve".to_owned()),
        ..UserChanges::default()
    };
    existing(
        world.refused(|c| c.update_user("bob", to_eve)),
        Kind::User,
        "eve",
    );
    existing(world.refused(|c| c.create_group("g", "")), Kind::Group, "g");
    let to_h = Some("h".to_owned());
    existing(
        world.refused(|c| c.update_group("g", to_h, None)),
        Kind::Group,
        "h",
    );
    existing(
        world.refused(|c| c.add_user_to_group("bob", "g")),
        Kind::Membership,
        "g",
    );
    existing(
        world.refused(|c| c.create_role("r", "", TRUST, None)),
        Kind::Role,
        "r",
    );
    existing(
        world.refused(|c| c.create_policy("P", "", ALLOW)),
        Kind::Policy,
        "P",
    );
    existing(
        world.refused(|c| c.attach_policy("P", &to_user("bob"))),
        Kind::Attachment,
        "P",
    );
    // An account that is not there is the caller's mistake, not a refusal.
    let error = world
        .directory
        .change_identities(&account("3"), &alice(), NOW, |c| c.create_user(user("bob")));
    assert!(matches!(
        error,
        Err(ChangeIdentitiesError::Directory(
            DirectoryError::UnknownAccount { .. }
        ))
    ));
}

#[test]
fn texts_are_judged_with_their_field_and_what_would_be_right() {
    let world = World::new();
    world.change(|c| {
        c.create_user(user("bob"))?;
        c.create_group("g", "")?;
        c.create_role("r", "", TRUST, None)?;
        c.create_policy("P", "", ALLOW)
    });
    let text = |length: usize| "x".repeat(length);
    let mut faults = String::new();
    let mut invalid = |error: IdentityError| match error {
        IdentityError::Invalid { .. } => faults.push_str(&format!("{error}\n")),
        other => panic!("expected an invalid field, got {other:?}"),
    };
    let with = |change: &dyn Fn(&mut NewUser)| {
        let mut new = user("new");
        change(&mut new);
        world.refused(|c| c.create_user(new))
    };
    for name in ["", "a b", "a@b", "ü", &text(65)] {
        invalid(with(&|new| new.name = name.to_owned()));
    }
    invalid(with(&|new| new.display_name = text(129)));
    invalid(with(&|new| new.display_name = "a\u{1b}[31m".to_owned()));
    for phone in ["abc", "-1", &"1".repeat(33)] {
        invalid(with(&|new| new.mobile_phone = phone.to_owned()));
    }
    for email in [
        "bob",
        "@b",
        "a@",
        "a@b@c",
        "a b@c",
        &format!("{}@b", text(127)),
    ] {
        invalid(with(&|new| new.email = email.to_owned()));
    }
    invalid(with(&|new| new.comments = text(129)));
    let rename = UserChanges {
        name: Some("a b".to_owned()),
        ..UserChanges::default()
    };
    invalid(world.refused(|c| c.update_user("bob", rename)));
    let comments = UserChanges {
        comments: Some(text(129)),
        ..UserChanges::default()
    };
    invalid(world.refused(|c| c.update_user("bob", comments)));
    invalid(world.refused(|c| c.create_group("a b", "")));
    invalid(world.refused(|c| c.create_group("new", &text(129))));
    invalid(world.refused(|c| c.update_group("g", Some("a/b".to_owned()), None)));
    for name in ["", "a_b", &text(129)] {
        invalid(world.refused(|c| c.create_policy(name, "", ALLOW)));
    }
    invalid(world.refused(|c| c.create_policy("New", &text(1_025), ALLOW)));
    let bad = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","NotResource":"*"}]}"#;
    invalid(world.refused(|c| c.create_policy("New", "", bad)));
    invalid(
        world.refused(|c| c.create_policy_version("P", "{}", true, VersionRotation::DeleteOldest)),
    );
    invalid(world.refused(|c| c.create_role("a b", "", TRUST, None)));
    invalid(world.refused(|c| c.create_role("new", &text(1_025), TRUST, None)));
    invalid(world.refused(|c| c.create_role("new", "", ALLOW, None)));
    invalid(world.refused(|c| c.create_role("new", "", TRUST, Some(899))));
    let changes = RoleChanges {
        max_session_seconds: Some(43_201),
        ..RoleChanges::default()
    };
    invalid(world.refused(|c| c.update_role("r", changes)));
    let changes = RoleChanges {
        trust_policy: Some(TRUST.replace("acs:ram::1:root", "*")),
        ..RoleChanges::default()
    };
    invalid(world.refused(|c| c.update_role("r", changes)));
    expect![[r#"
        name: it is 1 to 64 letters, digits, `.`, `-` or `_`
        name: it is 1 to 64 letters, digits, `.`, `-` or `_`
        name: it is 1 to 64 letters, digits, `.`, `-` or `_`
        name: it is 1 to 64 letters, digits, `.`, `-` or `_`
        name: it is 1 to 64 letters, digits, `.`, `-` or `_`
        display_name: it is at most 128 characters without control characters
        display_name: it is at most 128 characters without control characters
        mobile_phone: it is at most 32 digits and `-`, as in `86-18600008888`
        mobile_phone: it is at most 32 digits and `-`, as in `86-18600008888`
        mobile_phone: it is at most 32 digits and `-`, as in `86-18600008888`
        email: it is at most 128 bytes, as in `alice@example.com`
        email: it is at most 128 bytes, as in `alice@example.com`
        email: it is at most 128 bytes, as in `alice@example.com`
        email: it is at most 128 bytes, as in `alice@example.com`
        email: it is at most 128 bytes, as in `alice@example.com`
        email: it is at most 128 bytes, as in `alice@example.com`
        comments: it is at most 128 characters without control characters
        name: it is 1 to 64 letters, digits, `.`, `-` or `_`
        comments: it is at most 128 characters without control characters
        name: it is 1 to 64 letters, digits, `.`, `-` or `_`
        comments: it is at most 128 characters without control characters
        name: it is 1 to 64 letters, digits, `.`, `-` or `_`
        name: it is 1 to 128 letters, digits or `-`
        name: it is 1 to 128 letters, digits or `-`
        name: it is 1 to 128 letters, digits or `-`
        description: it is at most 1024 characters without control characters
        document: policy document, at `Statement[0].NotResource`: RAM has no NotResource; use Resource
        document: policy document, at `Version`: it is missing; it must be "1"
        name: it is 1 to 64 letters, digits, `.`, `-` or `_`
        description: it is at most 1024 characters without control characters
        trust_policy: trust policy, at `Statement[0].Resource`: the role that has the trust policy is its resource; leave it out
        max_session_seconds: it is 900 to 43200
        max_session_seconds: it is 900 to 43200
        trust_policy: trust policy, at `Statement[0].Principal.RAM`: nobody is trusted by a wildcard; name accounts, users and roles, as in `acs:ram::1000000000000001:root`
    "#]].assert_eq(&faults);
    // The longest ones are taken.
    world.change(|c| {
        c.create_user(NewUser {
            name: text(64),
            display_name: "é".repeat(128),
            mobile_phone: format!("+{}", "1".repeat(31)),
            email: format!("{}@b", text(126)),
            comments: "é".repeat(128),
        })?;
        c.create_group(&text(64), &"é".repeat(128))?;
        c.create_policy(&text(128), &"é".repeat(1_024), ALLOW)?;
        c.create_role(&text(64), &"é".repeat(1_024), TRUST, Some(43_200))?;
        c.create_role("shortest", "", TRUST, Some(900))
    });
    assert_eq!(
        IdentityField::MaxSessionSeconds.to_string(),
        "max_session_seconds"
    );
}

fn limit(error: IdentityError, kind: IdentityKind, limit: usize) {
    assert_eq!(error, IdentityError::Limit { kind, limit });
}

#[test]
fn every_limit_of_an_account_holds() {
    use IdentityKind as Kind;
    let world = World::new();
    world.change(|c| {
        for n in 0..limits::USERS_PER_ACCOUNT_MAX {
            c.create_user(user(&format!("u{n}")))?;
        }
        for n in 0..limits::GROUPS_PER_ACCOUNT_MAX {
            c.create_group(&format!("g{n}"), "")?;
        }
        for n in 0..limits::ROLES_PER_ACCOUNT_MAX {
            c.create_role(&format!("r{n}"), "", TRUST, None)?;
        }
        for n in 0..limits::POLICIES_PER_ACCOUNT_MAX {
            c.create_policy(&format!("p{n}"), "", ALLOW)?;
        }
        for n in 0..limits::GROUPS_PER_USER_MAX {
            c.add_user_to_group("u0", &format!("g{n}"))?;
        }
        for n in 0..limits::POLICIES_PER_HOLDER_MAX {
            let policy = format!("p{n}");
            for holder in [to_user("u0"), to_group("g0"), to_role("r0")] {
                c.attach_policy(&policy, &holder)?;
            }
        }
        for owner in [None, Some("u0")] {
            while c.create_access_key(owner).is_ok() {}
        }
        Ok(())
    });
    let snapshot = world.snapshot();
    let counts = [
        snapshot.users(world.key()).count(),
        snapshot.groups(world.key()).count(),
        snapshot.roles(world.key()).count(),
        snapshot.policies(world.key()).count(),
        snapshot.groups_of_user(world.key(), "u0").len(),
        snapshot.policies_of(world.key(), &to_user("u0")).len(),
        snapshot.access_keys_of(world.key(), None).len(),
        snapshot.access_keys_of(world.key(), Some("u0")).len(),
    ];
    assert_eq!(counts, [1_000, 100, 1_000, 1_500, 50, 20, 2, 2]);
    limit(
        world.refused(|c| c.create_user(user("more"))),
        Kind::User,
        1_000,
    );
    limit(
        world.refused(|c| c.create_group("more", "")),
        Kind::Group,
        100,
    );
    limit(
        world.refused(|c| c.create_role("more", "", TRUST, None)),
        Kind::Role,
        1_000,
    );
    limit(
        world.refused(|c| c.create_policy("more", "", ALLOW)),
        Kind::Policy,
        1_500,
    );
    limit(
        world.refused(|c| c.add_user_to_group("u0", "g99")),
        Kind::Membership,
        50,
    );
    for holder in [to_user("u0"), to_group("g0"), to_role("r0")] {
        limit(
            world.refused(|c| c.attach_policy("p99", &holder)),
            Kind::Attachment,
            20,
        );
    }
    limit(
        world.refused(|c| c.create_access_key(None)),
        Kind::AccessKey,
        2,
    );
    limit(
        world.refused(|c| c.create_access_key(Some("u0"))),
        Kind::AccessKey,
        2,
    );
    // One less, one more.
    world.change(|c| c.delete_user("u999"));
    world.change(|c| c.create_user(user("more")));
}

#[test]
fn a_policy_keeps_five_versions_and_never_gives_a_number_again() {
    let world = World::new();
    let key = world.key();
    let versions = |world: &World| -> Vec<(u32, bool)> {
        let snapshot = world.snapshot();
        let versions = snapshot.policy_versions(key, "P").iter();
        versions
            .map(|version| (version.version, version.is_default))
            .collect()
    };
    world.change(|c| {
        c.create_policy("P", "", ALLOW)?;
        for _ in 1..limits::VERSIONS_PER_POLICY_MAX {
            c.create_policy_version("P", DENY, false, VersionRotation::Refuse)?;
        }
        Ok(())
    });
    let refuse = |c: &mut IdentityChange<'_>| {
        c.create_policy_version("P", DENY, true, VersionRotation::Refuse)
    };
    limit(world.refused(refuse), IdentityKind::PolicyVersion, 5);
    // The oldest that is not in effect goes.
    let rotated =
        world.change(|c| c.create_policy_version("P", DENY, false, VersionRotation::DeleteOldest));
    assert_eq!(rotated.version, 6);
    let expected = [(1, true), (3, false), (4, false), (5, false), (6, false)];
    assert_eq!(versions(&world), expected);
    world.change(|c| c.delete_policy_version("P", 6));
    let world = world.reopened();
    let next = world.change(|c| c.create_policy_version("P", DENY, true, VersionRotation::Refuse));
    assert_eq!(next.version, 7);
    assert_eq!(
        versions(&world),
        [(1, false), (3, false), (4, false), (5, false), (7, true)]
    );
}

#[test]
fn a_document_does_not_undo_what_it_does_not_mention() {
    let world = World::new();
    let key = world.key();
    let document = format!(
        "[[account]]\nid = \"1\"\n[[account.policy]]\nname = \"P\"\ndocument = '{ALLOW}'\n[[account.user]]\nname = \"bob\"\npolicies = [\"P\"]\n[[account.group]]\nname = \"g\"\nusers = [\"bob\"]\n[[account.role]]\nname = \"r\"\ntrust_policy = '{TRUST}'\n"
    );
    world.apply(&document);
    world.change(|c| {
        let changes = UserChanges {
            display_name: Some("Bob".to_owned()),
            ..UserChanges::default()
        };
        c.update_user("bob", changes)?;
        c.update_group("g", None, Some("money".to_owned()))?;
        let changes = RoleChanges {
            description: Some("deploys".to_owned()),
            ..RoleChanges::default()
        };
        c.update_role("r", changes)?;
        c.create_user(user("eve"))?;
        c.add_user_to_group("eve", "g")?;
        c.create_policy_version("P", DENY, false, VersionRotation::Refuse)?;
        c.create_access_key(Some("bob"))
    });
    let before = world.export();
    assert_eq!(world.apply(&document), Vec::<String>::new());
    assert_eq!(world.export(), before);
    // What is exported is what there is, and makes it again elsewhere.
    let copy = World::new();
    copy.apply(&before);
    assert_eq!(copy.export(), before);
    assert_eq!(world.apply(&before), Vec::<String>::new());
    for word in [
        "display_name = \"Bob\"",
        "comments = \"money\"",
        "description = \"deploys\"",
    ] {
        assert!(before.contains(word), "{word} in {before}");
    }
    assert!(!before.contains("email"), "{before}");

    // Another document is a new version in effect; the oldest goes at the limit.
    for n in 3..=7 {
        let other = ALLOW.replace("cams:*", &format!("cams:Get{n}"));
        world.apply(&format!(
            "[[account]]\nid = \"1\"\n[[account.policy]]\nname = \"P\"\ndocument = '{other}'\n"
        ));
    }
    let snapshot = world.snapshot();
    let versions: Vec<_> = snapshot
        .policy_versions(key, "P")
        .iter()
        .map(|version| (version.version, version.is_default))
        .collect();
    assert_eq!(
        versions,
        [(3, false), (4, false), (5, false), (6, false), (7, true)]
    );
}

#[test]
fn a_document_gives_and_takes_the_new_fields() {
    let world = World::new();
    let document = format!(
        r#"
[[account]]
id = "1"
[[account.policy]]
name = "P"
description = "reads"
document = '{ALLOW}'
[[account.user]]
name = "bob"
display_name = "Bob"
mobile_phone = "86-1"
email = "bob@example.com"
comments = "of finance"
[[account.group]]
name = "g"
comments = "money"
[[account.role]]
name = "r"
description = "deploys"
trust_policy = '{TRUST}'
"#
    );
    world.apply(&document);
    let changes = world.apply(
        r#"
[[account]]
id = "1"
[[account.policy]]
name = "P"
description = ""
[[account.user]]
name = "bob"
email = ""
comments = "left"
[[account.group]]
name = "g"
comments = ""
[[account.role]]
name = "r"
description = "other"
"#,
    );
    expect![[r#"
        ~ policy P of account 1: description changed
        ~ user bob of account 1: email changed, comments changed
        ~ group g of account 1: comments changed
        ~ role r of account 1: description changed"#]]
    .assert_eq(&changes.join("\n"));
    let snapshot = world.snapshot();
    let bob = snapshot.user_info(world.key(), "bob").expect("there");
    assert_eq!((bob.display_name.as_str(), bob.email.as_str()), ("Bob", ""));
    // Faults have their places.
    let faults = Document::parse(
        "[[account]]\nid = \"1\"\n[[account.user]]\nname = \"bob\"\nemail = \"bob\"\n[[account.role]]\nname = \"r\"\ntrust_policy = '{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":{\"RAM\":\"*\"}}]}'\n",
        Format::Toml,
        &InlineOnly,
    )
    .expect_err("faults");
    expect![[r#"
        line 5, column 9: `account[0].user[0].email`: it is at most 128 bytes, as in `alice@example.com`
        line 8, column 16: `account[0].role[0].trust_policy`: trust policy, at `Statement[0].Principal.RAM`: nobody is trusted by a wildcard; name accounts, users and roles, as in `acs:ram::1000000000000001:root`"#]].assert_eq(&faults.to_string());
}

#[test]
fn pruning_takes_what_was_made_one_by_one_too() {
    let world = World::new();
    world.change(|c| {
        c.create_user(user("bob"))?;
        c.create_access_key(Some("bob"))?;
        c.create_group("g", "")?;
        c.add_user_to_group("bob", "g")
    });
    let options = ApplyOptions {
        prune: true,
        dry_run: false,
    };
    let changes = world.apply_with(TWO_ACCOUNTS, options);
    let changes: Vec<_> = changes
        .iter()
        .filter(|line| !line.contains("access key"))
        .collect();
    assert_eq!(
        changes,
        ["- group g of account 1", "- user bob of account 1"]
    );
    let removed = world.log(AuditFilter::default());
    let targets: Vec<_> = removed
        .iter()
        .filter(|entry| entry.actor.name == "apply" && entry.after.is_none())
        .map(|entry| entry.target.split('/').next().unwrap_or_default())
        .collect();
    assert_eq!(targets, ["user", "access-key", "group"]);
}

#[test]
fn a_refused_or_broken_change_changes_nothing() {
    let world = World::new();
    // Refused after something was done.
    let error = world.refused(|c| {
        c.create_user(user("bob"))?;
        c.create_group("g", "")?;
        c.delete_user("nobody")
    });
    assert!(matches!(error, IdentityError::NotFound { .. }));
    // A panic in the middle.
    let before = world.export();
    let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        world.try_change(|c| -> Result<(), ChangeIdentitiesError> {
            c.create_user(user("bob"))?;
            panic!("in the middle of a change")
        })
    }));
    assert!(broken.is_err());
    assert_eq!(world.export(), before);
    // And it goes on.
    world.change(|c| c.create_user(user("bob")));
    assert_eq!(
        world.log(AuditFilter {
            limit: 1,
            ..AuditFilter::default()
        })[0]
            .action,
        "CreateUser"
    );
}

#[test]
fn what_was_answered_is_there_after_a_crash() {
    let world = World::new();
    world.change(|c| c.create_user(user("bob")));
    let (key, _) = world.change(|c| c.create_access_key(Some("bob")));
    // The files as they are on disk while the program runs: what kill -9 leaves.
    let copy = tempfile::tempdir().expect("a folder");
    let target = copy.path().join("data");
    std::fs::create_dir(&target).expect("a folder");
    for entry in std::fs::read_dir(world.data_dir()).expect("lists") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        std::fs::copy(&path, target.join(name)).expect("copies");
    }
    let after = open(&target);
    assert!(after.snapshot().access_key(&key.id).is_some());
    let filter = AuditFilter {
        limit: 2,
        ..AuditFilter::default()
    };
    let log = after.audit_log(&filter).expect("reads");
    let actions: Vec<_> = log.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["CreateAccessKey", "CreateUser"]);
}

#[test]
fn changes_come_one_after_the_other() {
    const THREADS: usize = 8;
    const USERS: usize = 5;
    let world = World::new();
    let key = world.key();
    world.change(|c| c.create_policy("P", "", ALLOW));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let world = &world;
            scope.spawn(move || {
                for n in 0..USERS {
                    let name = format!("u{thread}-{n}");
                    world.change(|c| c.create_user(user(&name)));
                    world.change(|c| c.attach_policy("P", &to_user(&name)));
                    assert!(world.snapshot().user_info(world.key(), &name).is_some());
                    // Everybody wants the same name: one gets it each time.
                    let taken = format!("shared-{n}");
                    let _ = world.try_change(|c| c.create_user(user(&taken)));
                }
            });
        }
    });
    let snapshot = world.snapshot();
    assert_eq!(snapshot.users(key).count(), THREADS * USERS + USERS);
    let info = snapshot.policy_info(key, "P").expect("there");
    assert_eq!(info.attachment_count as usize, THREADS * USERS);
    let mut ids: Vec<_> = snapshot.users(key).map(|user| user.id.clone()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), THREADS * USERS + USERS);
    // An entry for each, in the order of their numbers.
    let log = world.log(AuditFilter::default());
    let made = log
        .iter()
        .filter(|entry| entry.action == "CreateUser")
        .count();
    assert_eq!(made, THREADS * USERS + USERS);
    assert!(log.windows(2).all(|pair| pair[0].id == pair[1].id + 1));
}

#[test]
fn no_secret_is_in_the_log() {
    let world = World::new();
    let full = include_str!("directory/full.toml");
    world.apply(full);
    world.apply(
        "[[account]]\nid = \"1000000000000001\"\n[[account.access_key]]\nid = \"LTAIownerkey0000000001\"\nsecret = \"canary-rotated-secret\"\n[[account.webhook]]\nid = \"acme-events\"\ntoken = \"canary-rotated-token\"\n",
    );
    let mut secrets = vec![b"canary".to_vec()];
    for owner in [None, Some("reader")] {
        let id = account("1000000000000001");
        let made = world
            .directory
            .change_identities(&id, &alice(), NOW, |c| c.create_access_key(owner));
        secrets.push(made.expect("made").1.expose().to_vec());
    }
    let options = ApplyOptions {
        prune: true,
        dry_run: false,
    };
    world.apply_with(TWO_ACCOUNTS, options);
    let log = world.log(AuditFilter::default());
    assert!(log.len() > 30, "{}", log.len());
    let text = format!("{log:?}");
    for secret in secrets {
        let secret = String::from_utf8(secret).expect("text");
        assert!(!text.contains(&secret), "{secret} is in the log");
    }
    // That they changed is told.
    let replaced: Vec<_> = log
        .iter()
        .filter(|entry| entry.after.as_deref() == Some(r#"{"secret":"replaced"}"#))
        .map(|entry| entry.target.as_str())
        .collect();
    assert_eq!(
        replaced,
        ["webhook/acme-events", "access-key/LTAIownerkey0000000001"]
    );
}

#[test]
fn documents_and_the_first_start_are_logged() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = open(&folder.path().join("data"));
    let keep = |_: &_| Ok::<(), std::io::Error>(());
    let first = directory
        .first_start(NOW, keep)
        .expect("made")
        .expect("new");
    let world = World { folder, directory };
    let id = first.account.as_str().to_owned();
    let shown = |text: String| {
        text.replace(&id, "ACCOUNT")
            .replace(first.access_key_id.as_str(), "KEY")
    };
    let lines: String = world
        .log(AuditFilter::default())
        .iter()
        .rev()
        .map(line)
        .collect();
    expect![[r#"
        first-start first-start account: - -> {"calls_per_second":null,"name":"default","subscribed":true}
        first-start first-start access-key/KEY: - -> {"status":"Active","user":null}
        first-start first-start space/ACCOUNT: - -> {"default":true,"numbers_max":1000,"time_zone":"UTC","unknown_numbers":"auto"}
    "#]].assert_eq(&shown(lines));
    world.apply(TWO_ACCOUNTS);
    let document = format!(
        "[[account]]\nid = \"1\"\ncalls_per_second = 7\n[[account.space]]\nid = \"1\"\ntime_zone = \"Asia/Tokyo\"\nnumbers = [\"15550001\", \"15550002\"]\n[[account.user]]\nname = \"bob\"\n[[account.policy]]\nname = \"P\"\ndocument = '{ALLOW}'\n"
    );
    world.apply(&document);
    world.check_log(6, &expect![[r#"
        apply apply space/isv-space: - -> {"default":true,"numbers_max":1000,"time_zone":"UTC","unknown_numbers":"auto"}
        apply apply account: {"calls_per_second":null} -> {"calls_per_second":7}
        apply apply policy/P: - -> {"default_version":1,"description":"","document":"{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"cams:*\",\"Resource\":\"*\"}]}","versions":[1]}
        apply apply user/bob: - -> {"comments":"","console":false,"display_name":"","email":"",ID,"mobile_phone":"","policies":[]}
        apply apply space/1: {"time_zone":"UTC"} -> {"time_zone":"Asia/Tokyo"}
        apply apply space/1: - -> {"numbers":["15550001","15550002"]}
    "#]]);
    // Numbers that are bound on first sight are no changes of the directory by
    // somebody.
    let entries = world.log(AuditFilter::default()).len();
    let space = world.snapshot().space("1").expect("there").key;
    let number = chatmetric_core::PhoneNumber::parse("15559999").expect("a number");
    world
        .directory
        .bind_number(space, number, NOW)
        .expect("binds");
    assert_eq!(world.log(AuditFilter::default()).len(), entries);
    // What changes nothing, and what only says what it would do, is not logged.
    assert!(world.apply(&document).is_empty());
    let options = ApplyOptions {
        prune: false,
        dry_run: true,
    };
    world.apply_with("[[account]]\nid = \"1\"\nname = \"other\"\n", options);
    assert_eq!(world.log(AuditFilter::default()).len(), entries);
}

#[test]
fn many_numbers_take_several_entries() {
    let world = World::new();
    let count = 2 * AUDIT_ENTRY_NUMBERS_MAX + 1;
    let numbers: Vec<_> = (0..count)
        .map(|n| format!("\"{}\"", 10_000_000 + n))
        .collect();
    world.apply(&format!(
        "[[account]]\nid = \"1\"\n[[account.space]]\nid = \"1\"\nnumbers = [{}]\n",
        numbers.join(",")
    ));
    let lengths: Vec<_> = world
        .log(AuditFilter {
            limit: 3,
            ..AuditFilter::default()
        })
        .iter()
        .map(|entry| {
            assert_eq!(entry.target, "space/1");
            let after: serde_json::Value =
                serde_json::from_str(entry.after.as_deref().expect("numbers")).expect("JSON");
            after["numbers"].as_array().map_or(0, Vec::len)
        })
        .collect();
    assert_eq!(
        lengths,
        [1, AUDIT_ENTRY_NUMBERS_MAX, AUDIT_ENTRY_NUMBERS_MAX]
    );
    // A move is in the log of both accounts.
    world.apply("[[account]]\nid = \"2\"\n[[account.space]]\nid = \"isv-space\"\nnumbers = [\"10000000\"]\n");
    let sides: Vec<_> = world
        .log(AuditFilter {
            limit: 2,
            ..AuditFilter::default()
        })
        .into_iter()
        .map(|entry| {
            (
                entry.account.map(|id| id.to_string()),
                entry.before.is_some(),
            )
        })
        .collect();
    assert_eq!(
        sides,
        [(Some("2".to_owned()), false), (Some("1".to_owned()), true)]
    );
}

#[test]
fn the_log_is_read_in_pages_by_account() {
    let world = World::new();
    world.change(|c| {
        for n in 0..150 {
            c.create_user(user(&format!("u{n}")))?;
        }
        Ok(())
    });
    let all = |account: Option<&str>| {
        let mut ids = Vec::new();
        let mut before_id = None;
        loop {
            let page = world.log(AuditFilter {
                account: account.map(self::account),
                before_id,
                limit: 60,
            });
            let Some(last) = page.last() else { break };
            before_id = Some(last.id);
            ids.extend(page.iter().map(|entry| entry.id));
        }
        ids
    };
    let every = all(None);
    assert!(every.windows(2).all(|pair| pair[0] > pair[1]));
    let (one, two) = (all(Some("1")), all(Some("2")));
    assert_eq!(one.len() + two.len(), every.len());
    // Account 1: itself, its key, its space, and the users.
    assert_eq!((one.len(), two.len()), (153, 2));
    assert_eq!(all(Some("3")), Vec::<i64>::new());
    // A page is never longer than the limit.
    let page = world.log(AuditFilter {
        limit: usize::MAX,
        ..AuditFilter::default()
    });
    assert_eq!(page.len(), AUDIT_PAGE_ENTRIES_MAX);
}

#[test]
fn the_log_cannot_be_altered_or_cut() {
    let world = World::new();
    let (folder, count) = {
        let count = world.log(AuditFilter::default()).len();
        (world.folder, count)
    };
    drop(world.directory);
    let file = folder.path().join("data/directory.sqlite");
    let connection = rusqlite::Connection::open(&file).expect("opens");
    for sql in [
        "UPDATE audit_log SET actor = 'nobody'",
        "DELETE FROM audit_log",
        "DELETE FROM audit_log WHERE entry_id = 1",
        "INSERT OR REPLACE INTO audit_log (entry_id, at_ms, actor, action, target)
             VALUES (1, 0, 'nobody', 'nothing', 'nowhere')",
    ] {
        let refused = connection.execute(sql, ());
        let text = format!("{refused:?}");
        assert!(text.contains("the audit log only grows"), "{sql}: {text}");
    }
    drop(connection);
    let directory = open(&folder.path().join("data"));
    let log = directory.audit_log(&AuditFilter {
        limit: 100,
        ..AuditFilter::default()
    });
    assert_eq!(log.expect("reads").len(), count);
    // It goes with the account that it tells of no more than with its users.
    let world = World { folder, directory };
    let options = ApplyOptions {
        prune: true,
        dry_run: false,
    };
    world.apply_with("[[account]]\nid = \"2\"\n", options);
    let of_one = AuditFilter {
        account: Some(account("1")),
        ..AuditFilter::default()
    };
    assert_eq!(world.log(of_one).len(), 6);
}

#[test]
fn an_entry_takes_what_the_manual_says() {
    let world = World::new();
    // What was written is in the file itself after a clean end.
    let world = world.reopened();
    let file = world.data_dir().join("directory.sqlite");
    let before = std::fs::metadata(&file).expect("there").len();
    const ENTRIES: u64 = 2_000;
    let (created, _) = world.change(|c| c.create_access_key(None));
    let toggle = |c: &mut IdentityChange<'_>| {
        for n in 0..ENTRIES {
            let status = if n % 2 == 0 {
                KeyStatus::Inactive
            } else {
                KeyStatus::Active
            };
            c.update_access_key(None, &created.id, status)?;
        }
        c.update_access_key(None, &created.id, KeyStatus::Inactive)
    };
    world.change(toggle);
    let world = world.reopened();
    let after = std::fs::metadata(world.data_dir().join("directory.sqlite"))
        .expect("there")
        .len();
    let each = (after - before) / ENTRIES;
    assert!((100..=400).contains(&each), "{each} bytes an entry");
}

#[test]
fn the_last_use_of_a_key_is_known_at_once_and_kept() {
    let world = World::new();
    let key = world.key();
    let id = AccessKeyId::parse("LTAIowner").expect("an id");
    let last = |world: &World| {
        let key = world
            .snapshot()
            .access_key_of(key, None, &id)
            .expect("there");
        key.last_used.map(|used| (used.at_ms, used.product))
    };
    let used = |ms: i64, product: &str| Some((ms, product.to_owned()));
    assert_eq!(last(&world), None);
    let held = world.snapshot();
    world.directory.note_key_use(&id, "cams", EpochMs(1_000));
    assert_eq!(last(&world), used(1_000, "cams"));
    // Also in a picture that was taken before, and in one after a change.
    assert!(held.access_keys_of(key, None)[0].last_used.is_some());
    world.change(|c| c.create_user(user("bob")));
    assert_eq!(last(&world), used(1_000, "cams"));
    // Not written yet: gone after a crash.
    let world = world.reopened();
    assert_eq!(last(&world), None);
    world.directory.note_key_use(&id, "cams", EpochMs(1_000));
    world
        .directory
        .keep_key_uses(EpochMs(1_000), false)
        .expect("writes");
    let world = world.reopened();
    assert_eq!(last(&world), used(1_000, "cams"));
    // Written at most once a minute …
    let keep = |world: &World, now: i64| {
        world
            .directory
            .keep_key_uses(EpochMs(now), false)
            .expect("writes");
    };
    world.directory.note_key_use(&id, "ram", EpochMs(2_000));
    keep(&world, 2_000);
    world.directory.note_key_use(&id, "sts", EpochMs(3_000));
    // … an earlier use does not count, and a key that is not there does no harm.
    world.directory.note_key_use(&id, "cams", EpochMs(2_500));
    let nobody = AccessKeyId::parse("LTAInobody").expect("an id");
    world
        .directory
        .note_key_use(&nobody, "cams", EpochMs(3_000));
    keep(&world, 2_000 + KEY_USE_FLUSH_INTERVAL_MS - 1);
    assert_eq!(last(&world), used(3_000, "sts"));
    let world = world.reopened();
    assert_eq!(last(&world), used(2_000, "ram"));
    world.directory.note_key_use(&id, "sts", EpochMs(3_000));
    keep(&world, 3_000);
    world.directory.note_key_use(&id, "sts", EpochMs(4_000));
    keep(&world, 3_000 + KEY_USE_FLUSH_INTERVAL_MS);
    world.directory.note_key_use(&id, "cams", EpochMs(5_000));
    // … and at the end.
    world
        .directory
        .keep_key_uses(EpochMs(5_000), true)
        .expect("writes");
    let world = world.reopened();
    assert_eq!(last(&world), used(5_000, "cams"));
}

#[test]
fn a_role_trusts_whom_its_policy_names() {
    let world = World::new();
    world.change(|c| c.create_role("r", "", TRUST, None));
    let trusts = |world: &World, id: &str| {
        let snapshot = world.snapshot();
        let role = snapshot.role(world.key(), "r").expect("there");
        let caller = TrustCaller::User {
            account: &account(id),
            name: "alice",
        };
        role.trust
            .evaluate(caller, "sts:AssumeRole", &Context::new())
            .is_allowed()
    };
    assert!(trusts(&world, "1") && !trusts(&world, "2"));
    let changes = RoleChanges {
        trust_policy: Some(TRUST.replace("::1:", "::2:")),
        ..RoleChanges::default()
    };
    world.change(|c| c.update_role("r", changes));
    assert!(!trusts(&world, "1") && trusts(&world, "2"));
}
