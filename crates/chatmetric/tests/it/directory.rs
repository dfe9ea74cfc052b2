//! The directory through its public face, on real files.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chatmetric::directory::{
    ApplyError, ApplyOptions, ApplyReport, BindOutcome, Directory, DirectoryError, Document,
    Format, GatheredSecrets, GrantUsers, InlineOnly, Principal, SystemSecrets, UnknownNumbers,
    WebhookKind,
};
use chatmetric::entropy::{SeededEntropy, SystemEntropy};
use chatmetric::master_key::{MasterKey, MasterKeyError, key_path_beside};
use chatmetric_core::{EpochMs, PhoneNumber};
use chatmetric_rpc::credential::{AccessKeyId, AccountId, KeyLookup, KeyStatus};
use expect_test::{Expect, expect};
use proptest::prelude::*;

const NOW: EpochMs = EpochMs(1_700_000_000_000);
const FULL: &str = include_str!("directory/full.toml");

/// An installation in a temporary folder.
struct Installation {
    folder: tempfile::TempDir,
}

impl Installation {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn open(&self) -> Directory {
        self.open_with(key(1)).expect("opens")
    }

    fn open_with(&self, key: MasterKey) -> Result<Directory, DirectoryError> {
        Directory::open(&self.data_dir(), key, Arc::new(SeededEntropy::new(7)))
    }
}

fn key(seed: u64) -> MasterKey {
    MasterKey::generate(&SeededEntropy::new(seed))
}

fn parse(text: &str) -> Document {
    Document::parse(text, Format::Toml, &InlineOnly).unwrap_or_else(|faults| panic!("{faults}"))
}

fn apply(directory: &Directory, text: &str) -> ApplyReport {
    apply_with(directory, text, ApplyOptions::default()).expect("applies")
}

fn apply_with(
    directory: &Directory,
    text: &str,
    options: ApplyOptions,
) -> Result<ApplyReport, ApplyError> {
    directory.apply(&parse(text), options, NOW)
}

const PRUNE: ApplyOptions = ApplyOptions {
    prune: true,
    dry_run: false,
};

fn lines(report: &ApplyReport) -> String {
    report
        .changes
        .iter()
        .map(|change| format!("{change}\n"))
        .collect()
}

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("a number")
}

fn account_id(text: &str) -> AccountId {
    AccountId::parse(text).expect("an account id")
}

fn key_id(text: &str) -> AccessKeyId {
    AccessKeyId::parse(text).expect("a key id")
}

fn export(directory: &Directory) -> String {
    directory
        .export(true)
        .expect("exports")
        .to_toml()
        .expect("as TOML")
        .to_string()
}

fn check_faults(text: &str, expected: &Expect) {
    let faults = Document::parse(text, Format::Toml, &InlineOnly).expect_err("has faults");
    expected.assert_eq(&faults.to_string());
}

fn check_apply_faults(directory: &Directory, text: &str, options: ApplyOptions, expected: &Expect) {
    let before = export(directory);
    match apply_with(directory, text, options) {
        Err(ApplyError::Faults(faults)) => expected.assert_eq(&faults.to_string()),
        other => panic!("expected faults, got {other:?}"),
    }
    assert_eq!(export(directory), before, "nothing may be changed");
}

/// Every file below a folder with its content.
fn bytes_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("lists") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(bytes_below(&path));
        } else {
            files.insert(path.clone(), std::fs::read(path).expect("reads"));
        }
    }
    files
}

#[test]
fn the_manuals_document_is_understood() {
    let installation = Installation::new();
    let directory = installation.open();
    let report = apply(&directory, FULL);
    expect![[r#"
        + account 1000000000000001 acme
        + account 2000000000000002 customer
        + policy EnableRoi of account 1000000000000001
        + policy MetricsRead of account 1000000000000001
        + user reader of account 1000000000000001
        + access key LTAIownerkey0000000001 of account 1000000000000001
        + access key LTAIreader0000000000001 of user reader of account 1000000000000001
        + group finance of account 1000000000000001
        + role metrics-role of account 1000000000000001
        + space 293483938849493 of account 1000000000000001
        + space cams-second of account 1000000000000001
        + space 2000000000000002 of account 2000000000000002
        + number 15550100101 of space 293483938849493
        + ISV grant skdi3kksloslikdkkdk of account 1000000000000001 for account 2000000000000002
        + cams webhook acme-cams of account 1000000000000001
        + events webhook acme-events of account 1000000000000001
        + whatsapp webhook acme-wa of account 1000000000000001
    "#]]
    .assert_eq(&lines(&report));
    assert!(report.generated.is_empty());

    let snapshot = directory.snapshot();
    let acme = Arc::clone(
        snapshot
            .account(&account_id("1000000000000001"))
            .expect("acme"),
    );
    assert_eq!((acme.name.as_str(), acme.subscribed), ("acme", true));
    assert_eq!(acme.calls_per_second, Some(50));

    let owner = snapshot
        .find_key(&key_id("LTAIownerkey0000000001"))
        .expect("the owner's key");
    assert_eq!(owner.secret.expose(), b"canary-owner-secret");
    assert!(matches!(owner.principal, Principal::Owner));
    let reader = snapshot
        .find_key(&key_id("LTAIreader0000000000001"))
        .expect("the reader's key");
    assert_eq!(reader.status, KeyStatus::Inactive);
    let Principal::User(user) = reader.principal else {
        panic!("a user")
    };
    assert_eq!((user.name.as_str(), user.console), ("reader", true));
    let names: Vec<_> = user
        .policies
        .iter()
        .map(|policy| policy.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["EnableRoi", "MetricsRead"],
        "the user's own and the group's, once"
    );

    let space = snapshot.default_space(acme.key).expect("a default space");
    assert_eq!(space.id.as_str(), "293483938849493");
    assert_eq!(space.zone.name(), "Asia/Singapore");
    assert_eq!(space.unknown_numbers, UnknownNumbers::Hold);
    assert_eq!(space.numbers_max, 3);
    assert_eq!(
        snapshot.number_owner(&number("15550100101")).map(|s| s.key),
        Some(space.key)
    );
    assert!(snapshot.was_bound(space.key, &number("15550100101")));
    assert!(!snapshot.was_bound(space.key, &number("15550100102")));

    // Nothing was said of unknown numbers, and the account is an ISV.
    let second = snapshot.space("cams-second").expect("a second space");
    assert_eq!(second.unknown_numbers, UnknownNumbers::Hold);
    assert!(!second.is_default);

    let customer = account_id("2000000000000002");
    let [grant] = snapshot.grants("skdi3kksloslikdkkdk") else {
        panic!("one grant")
    };
    assert_eq!(grant.users, GrantUsers::Everyone);
    assert!(grant.spaces.contains(&space.key));
    assert!(grant.admits(&customer, &Principal::Owner));
    assert!(!grant.admits(&acme.id, &Principal::Owner));
    assert!(snapshot.is_own_code("skdi3kksloslikdkkdk", acme.key));

    let made = snapshot
        .account(&customer)
        .and_then(|account| snapshot.default_space(account.key));
    let made = made.expect("the made space");
    assert_eq!(
        (made.id.as_str(), made.zone.name()),
        ("2000000000000002", "UTC")
    );

    let webhook = snapshot.webhook("acme-wa").expect("a webhook");
    let WebhookKind::Whatsapp {
        app_secrets,
        verify_token,
    } = &webhook.kind
    else {
        panic!("of WhatsApp")
    };
    let secrets: Vec<_> = app_secrets.iter().map(|secret| secret.expose()).collect();
    assert_eq!(secrets, [b"canary-app-secret-1", b"canary-app-secret-2"]);
    assert_eq!(
        verify_token.as_ref().map(|t| t.expose()),
        Some(&b"canary-verify-token"[..])
    );
    assert_eq!(webhook.space.as_ref().map(|s| s.key), Some(space.key));
    assert!(
        snapshot
            .webhook("acme-events")
            .expect("a webhook")
            .space
            .is_none()
    );
}

#[test]
fn nothing_secret_is_in_debug_output_or_changes() {
    let installation = Installation::new();
    let directory = installation.open();
    let document = parse(FULL);
    let report = directory
        .apply(&document, ApplyOptions::default(), NOW)
        .expect("applies");
    let shown = format!(
        "{document:?} {report:?} {:?} {:?} {directory:?}",
        directory.snapshot(),
        directory.export(true).expect("exports"),
    );
    assert!(!shown.contains("canary"), "a secret is shown: {shown}");
}

#[test]
fn secrets_are_not_on_disk_in_the_clear() {
    let installation = Installation::new();
    let key_path = installation.folder.path().join("data.key");
    let loaded =
        MasterKey::for_data_dir(&installation.data_dir(), None, &SystemEntropy).expect("a key");
    assert!(loaded.created && loaded.path == key_path);
    let directory = installation.open_with(loaded.key).expect("opens");
    apply(&directory, FULL);
    let look = || {
        let files = bytes_below(installation.folder.path());
        assert!(
            files
                .values()
                .any(|bytes| contains(bytes, b"LTAIreader0000000000001"))
        );
        for (path, bytes) in files {
            assert!(
                !contains(&bytes, b"canary"),
                "a secret is in {}",
                path.display()
            );
        }
    };
    look();
    let wal = installation.data_dir().join("directory.sqlite-wal");
    assert!(
        std::fs::metadata(&wal).expect("a WAL").len() > 0,
        "the WAL was looked at too"
    );
    let changed = FULL.replace("canary-owner-secret", "canary-newer-secret");
    expect!["~ access key LTAIownerkey0000000001 of account 1000000000000001: secret changed\n"]
        .assert_eq(&lines(&apply(&directory, &changed)));
    look();
    drop(directory);
    look();
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn files_are_for_their_owner_only() {
    let installation = Installation::new();
    let directory = installation.open();
    apply(&directory, FULL);
    let mode = |path: &Path| {
        std::fs::metadata(path)
            .expect("is there")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(&installation.data_dir()), 0o700);
    for path in bytes_below(&installation.data_dir()).keys() {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
    let copy = installation.folder.path().join("copy.sqlite");
    directory.backup_to(&copy).expect("copies");
    assert_eq!(mode(&copy), 0o600);
    assert!(
        directory.backup_to(&copy).is_err(),
        "a backup never overwrites"
    );
}

#[test]
fn a_backup_is_the_same_directory() {
    let installation = Installation::new();
    let directory = installation.open();
    apply(&directory, FULL);
    let restored = Installation::new();
    std::fs::create_dir(restored.data_dir()).expect("makes a folder");
    directory
        .backup_to(&restored.data_dir().join("directory.sqlite"))
        .expect("copies");
    let copy = restored.open();
    assert_eq!(export(&copy), export(&directory));
    let ids = |directory: &Directory| {
        let snapshot = directory.snapshot();
        let print = directory
            .fingerprint_key()
            .fingerprint("whatsapp", &number("1"), "wamid");
        (
            snapshot.space("293483938849493").map(|space| space.key),
            print,
        )
    };
    assert_eq!(ids(&copy), ids(&directory));
}

#[test]
fn a_document_is_applied_once() {
    let installation = Installation::new();
    let directory = installation.open();
    apply(&directory, FULL);
    let again = apply(&directory, FULL);
    assert_eq!((lines(&again).as_str(), again.generated.len()), ("", 0));
    assert!(again.notes.is_empty(), "{:?}", again.notes);
    let pruned = apply_with(&directory, FULL, PRUNE).expect("applies");
    assert_eq!(lines(&pruned), "");
}

#[test]
fn exports_go_round() {
    let installation = Installation::new();
    let directory = installation.open();
    apply(&directory, FULL);
    let toml = export(&directory);
    let json = directory
        .export(true)
        .expect("exports")
        .to_json()
        .expect("as JSON")
        .to_string();
    for (text, format) in [(&toml, Format::Toml), (&json, Format::Json)] {
        let document = Document::parse(text, format, &InlineOnly).expect("reads its own export");
        let report = directory.apply(&document, PRUNE, NOW).expect("applies");
        assert_eq!(lines(&report), "", "{format:?} on the same directory");
        let other = Installation::new();
        let copy = other.open_with(key(2)).expect("opens");
        copy.apply(&document, ApplyOptions::default(), NOW)
            .expect("applies");
        assert_eq!(export(&copy), toml, "{format:?} on an empty one");
    }
    let without = directory
        .export(false)
        .expect("exports")
        .to_toml()
        .expect("as TOML");
    assert!(!without.contains("canary") && without.contains("LTAIreader0000000000001"));
    assert_eq!(
        lines(&apply(&directory, &without)),
        "",
        "it keeps the secrets that are there"
    );
}

#[test]
fn all_faults_are_told_at_once_with_their_places() {
    check_faults(
        include_str!("directory/faulty.toml"),
        &expect![[r#"
            line 1, column 1: `unknwon`: unknown key; known here are account
            line 2, column 1: `account[0]`: `id` is missing
            line 5, column 6: `account[1].id`: an account id is 1 to 32 decimal digits
            line 8, column 8: `account[2].name`: an account name is 1 to 128 characters without control characters
            line 9, column 14: `account[2].subscribed`: must be true or false, not a string
            line 10, column 20: `account[2].calls_per_second`: must be 1 to 100000, not 0
            line 11, column 1: `account[2].nmae`: unknown key; known here are id, name, subscribed, calls_per_second, access_key, space, policy, user, group, role, isv_grant, webhook
            line 13, column 6: `account[2].access_key[0].id`: an AccessKey id is 1 to 128 letters, digits, '.', '_' or '-'
            line 14, column 10: `account[2].access_key[0].status`: `active` is not one of Active, Inactive
            line 16, column 6: `account[2].access_key[1].id`: ids that begin with `STS.` belong to temporary credentials
            line 19, column 10: `account[2].access_key[2].secret`: a secret is 1 to 512 bytes without control characters
            line 20, column 1: `account[2].access_key[3]`: give one of `secret`, `secret_env` and `secret_file`
            line 23, column 14: `account[2].access_key[3].secret_env`: secrets from the environment are not available here
            line 25, column 1: `account[2].access_key[5]`: at most one key of an owner may be without `id`: it stands for the key that is made when the owner has none
            line 27, column 6: `account[2].space[0].id`: a CustSpaceId is 1 to 64 letters, digits, `.`, `_` or `-`
            line 31, column 13: `account[2].space[1].time_zone`: `Mars/Olympus` is not an IANA time zone (an example of one is `Asia/Singapore`)
            line 32, column 20: `account[2].space[1].numbers[1]`: number `15` is given twice (line 32 is the first)
            line 32, column 26: `account[2].space[1].numbers[2]`: a phone number needs at least one digit
            line 32, column 39: `account[2].space[1].numbers[3]`: a phone number has at most 20 digits
            line 32, column 64: `account[2].space[1].numbers[4]`: must be a string, not an integer
            line 33, column 19: `account[2].space[1].unknown_numbers`: `drop` is not one of auto, hold
            line 34, column 15: `account[2].space[1].numbers_max`: must be 0 to 100000, not -1
            line 37, column 11: `account[2].space[2].default`: the account has another default space (line 30); it has exactly one
            line 38, column 12: `account[2].space[2].numbers[0]`: number `15` is given twice (line 32 is the first)
            line 40, column 6: `account[2].space[3].id`: space `s1` is given twice (line 29 is the first)
            line 43, column 12: `account[2].policy[0].document`: policy document, at `Statement[0].NotResource`: RAM has no NotResource; use Resource
            line 46, column 12: `account[2].policy[1].document`: policy document, at `$`: it is not valid JSON: EOF while parsing an object at line 1 column 1
            line 48, column 8: `account[2].user[0].name`: a user name is 1 to 128 letters, digits, `.`, `_`, `-` or `@`
            line 51, column 18: `account[2].user[1].policies[1]`: `P` is in the list twice
            line 53, column 6: `account[2].user[1].access_key[0].id`: access key `k1` is given twice (line 18 is the first)
            line 55, column 8: `account[2].user[2].name`: user `u` is given twice (line 50 is the first)
            line 58, column 9: `account[2].group[0].users`: must be a list of strings, not a string
            line 61, column 16: `account[2].role[0].trust_policy`: trust policy, at `Statement[0].Principal`: it is missing
            line 62, column 23: `account[2].role[0].max_session_seconds`: must be 900 to 43200, not 10
            line 65, column 11: `account[2].isv_grant[0].account`: an account id is 1 to 32 decimal digits
            line 67, column 6: `account[2].webhook[0].id`: a webhook id is 1 to 128 letters, digits, `.`, `_`, `-` or `@`
            line 71, column 8: `account[2].webhook[1].kind`: `telegram` is not one of whatsapp, cams, events
            line 72, column 15: `account[2].webhook[1].app_secrets`: must have one or two secrets, not 3
            line 73, column 9: `account[2].webhook[1].token`: a token is 8 to 512 letters, digits, `-`, `.`, `_` or `~`
            line 75, column 6: `account[2].webhook[2].id`: webhook `w` is given twice (line 70 is the first)
            line 77, column 15: `account[2].webhook[2].app_secrets`: must have one or two secrets, not 0"#]],
    );
}

#[test]
fn broken_toml_is_told_with_its_place() {
    check_faults(
        "[[account]]\nid = \"1\nname = 3 4\n",
        &expect![[r#"
        line 2, column 8: invalid basic string, expected `"`
        line 3, column 8: string values must be quoted, expected literal string"#]],
    );
}

#[test]
fn json_faults_have_the_same_places() {
    let text = r#"{
  "account": [
    {"id": "1", "nme": "x", "space": [{"id": "s p", "numbers": ["1", "+"]}],
     "access_key": [{"id": "k", "id": "k2"}], "calls_per_second": 1.5}
  ]
}"#;
    let faults = Document::parse(text, Format::Json, &InlineOnly).expect_err("has faults");
    expect!["line 4, column 33: duplicate key `id`"].assert_eq(&faults.to_string());
    let text = text.replace(r#", "id": "k2""#, "");
    let faults = Document::parse(&text, Format::Json, &InlineOnly).expect_err("has faults");
    expect![[r#"
        line 3, column 17: `account[0].nme`: unknown key; known here are id, name, subscribed, calls_per_second, access_key, space, policy, user, group, role, isv_grant, webhook
        line 3, column 46: `account[0].space[0].id`: a CustSpaceId is 1 to 64 letters, digits, `.`, `_` or `-`
        line 3, column 70: `account[0].space[0].numbers[1]`: a phone number needs at least one digit
        line 4, column 55: `account[0].calls_per_second`: must be an integer, not a number that is no 64-bit integer"#]].assert_eq(&faults.to_string());
    let faults = Document::parse("{\"account\": [}", Format::Json, &InlineOnly).expect_err("bad");
    expect!["line 1, column 14: expected value"].assert_eq(&faults.to_string());
}

#[test]
fn every_limit_holds() {
    let fault = |text: &str| {
        let faults = Document::parse(text, Format::Toml, &InlineOnly).expect_err("too much");
        faults.list().first().expect("a fault").message.clone()
    };
    let account = "[[account]]\nid = \"5\"\n";
    let keys = |count: usize| -> String {
        let keys = (0..count).map(|n| format!("[[account.access_key]]\nid = \"k{n}\"\n"));
        format!("{account}{}", keys.collect::<String>())
    };
    parse(&keys(20));
    assert_eq!(fault(&keys(21)), "there are 21 of them, the limit is 20");

    let numbers = |count: usize| {
        let numbers: Vec<_> = (0..count).map(|n| format!("\"{n}\"")).collect();
        format!(
            "{account}[[account.space]]\nid = \"s\"\nnumbers = [{}]\n",
            numbers.join(",")
        )
    };
    parse(&numbers(100_000));
    assert_eq!(
        fault(&numbers(100_001)),
        "has 100001 entries, the limit is 100000"
    );

    let name = |length: usize| format!("{account}name = \"{}\"\n", "n".repeat(length));
    parse(&name(128));
    assert!(fault(&name(129)).starts_with("an account name is 1 to 128"));
    let user = |length| {
        format!(
            "{account}[[account.user]]\nname = \"{}\"\n",
            "u".repeat(length)
        )
    };
    parse(&user(128));
    assert!(fault(&user(129)).starts_with("a user name is 1 to 128"));
    let secret = |length: usize| {
        format!(
            "{account}[[account.access_key]]\nid = \"k\"\nsecret = \"{}\"\n",
            "s".repeat(length)
        )
    };
    parse(&secret(512));
    assert!(fault(&secret(513)).starts_with("a secret is 1 to 512 bytes"));

    let accounts: String = (0..10_001)
        .map(|n| format!("[[account]]\nid = \"{n}\"\n"))
        .collect();
    assert_eq!(
        fault(&accounts),
        "there are 10001 of them, the limit is 10000"
    );
    let long = format!("# {}", " ".repeat(16 * 1024 * 1024));
    assert!(fault(&long).starts_with("the document is longer than"));
    // Deep nesting is a fault in both formats, and no overflow of the stack.
    assert!(!fault(&format!("account = {}", "[".repeat(50_000))).is_empty());
    let deep = format!(
        "{{\"account\": [{{\"id\": {}1{}}}]}}",
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    assert!(Document::parse(&deep, Format::Json, &InlineOnly).is_err());

    let many: String = (0..150).map(|n| format!("wrong{n} = 1\n")).collect();
    let faults = Document::parse(&many, Format::Toml, &InlineOnly).expect_err("150 faults");
    assert_eq!(faults.list().len(), 100);
    assert!(faults.to_string().ends_with("\nand 50 more"));

    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("big"), "x".repeat(5_000)).expect("writes");
    let text = format!("{account}[[account.access_key]]\nid = \"k\"\nsecret_file = \"big\"\n");
    let system = SystemSecrets {
        base: folder.path().to_owned(),
    };
    let faults = Document::parse(&text, Format::Toml, &system).expect_err("too long");
    assert!(
        faults.to_string().ends_with("is longer than 4096 bytes"),
        "{faults}"
    );
}

#[test]
fn references_must_lead_somewhere() {
    let installation = Installation::new();
    let directory = installation.open();
    apply(&directory, FULL);
    let text = r#"
[[account]]
id = "3000000000000003"
[[account.access_key]]
id = "LTAIownerkey0000000001"
secret = "x"
[[account.space]]
id = "293483938849493"
[[account.space]]
id = "own"
[[account.space]]
id = "other"
[[account.user]]
name = "u"
policies = ["Nothing"]
[[account.user.access_key]]
id = "LTAIreader0000000000001"
[[account.group]]
name = "g"
users = ["reader"]
[[account.role]]
name = "r"
[[account.policy]]
name = "p"
[[account.isv_grant]]
code = "skdi3kksloslikdkkdk"
account = "9"
spaces = ["293483938849493"]
[[account.isv_grant]]
code = "fresh"
account = "1000000000000001"
users = ["reader", "nobody"]
[[account.webhook]]
id = "acme-wa"
[[account.webhook]]
id = "w1"
[[account.webhook]]
id = "w2"
kind = "whatsapp"
token = "12345678"
[[account.webhook]]
id = "w3"
kind = "events"
space = "293483938849493"
token = "12345678"
verify_token = "v"
[[account.webhook]]
id = "import"
kind = "cams"
token = "12345678"
"#;
    check_apply_faults(
        &directory,
        text,
        ApplyOptions::default(),
        &expect![[r#"
            line 3, column 6: `account[0].id`: the account has 2 spaces and none is its default: give one `default = true`
            line 5, column 6: `account[0].access_key[0].id`: access key `LTAIownerkey0000000001` belongs to account 1000000000000001
            line 8, column 6: `account[0].space[0].id`: space `293483938849493` belongs to another account
            line 15, column 13: `account[0].user[0].policies[0]`: there is no policy `Nothing` in the account
            line 17, column 6: `account[0].user[0].access_key[0].id`: access key `LTAIreader0000000000001` belongs to user reader of account 1000000000000001
            line 20, column 10: `account[0].group[0].users[0]`: there is no user `reader` in the account
            line 22, column 8: `account[0].role[0].name`: a new role needs a `trust_policy`
            line 24, column 8: `account[0].policy[0].name`: a new policy needs a `document`
            line 26, column 8: `account[0].isv_grant[0].code`: the code `skdi3kksloslikdkkdk` belongs to another account
            line 27, column 11: `account[0].isv_grant[0].account`: there is no account `9`
            line 28, column 11: `account[0].isv_grant[0].spaces[0]`: `293483938849493` is not a space of account 3000000000000003
            line 32, column 20: `account[0].isv_grant[1].users[1]`: there is no user `nobody` in account 1000000000000001
            line 34, column 6: `account[0].webhook[0].id`: webhook `acme-wa` belongs to another account
            line 36, column 6: `account[0].webhook[1].id`: a new webhook needs a `kind`: whatsapp, cams or events
            line 38, column 6: `account[0].webhook[2].id`: a new whatsapp webhook needs `app_secrets`
            line 40, column 9: `account[0].webhook[2].token`: webhooks of kind whatsapp have no `token`
            line 44, column 9: `account[0].webhook[3].space`: `293483938849493` is not a space of account 3000000000000003
            line 46, column 16: `account[0].webhook[3].verify_token`: webhooks of kind events have no `verify_token`
            line 48, column 6: `account[0].webhook[4].id`: no webhook may be called `import`"#]],
    );
}

#[test]
fn a_partial_document_touches_what_it_names() {
    let installation = Installation::new();
    let directory = installation.open();
    apply(&directory, FULL);
    let report = apply(
        &directory,
        r#"
[[account]]
id = "1000000000000001"
subscribed = false
[[account.space]]
id = "293483938849493"
time_zone = "asia/kathmandu"
numbers = ["+1 555 010 0199"]
[[account.user]]
name = "reader"
policies = []
[[account.user.access_key]]
id = "LTAIreader0000000000001"
status = "Active"
[[account.webhook]]
id = "acme-wa"
app_secrets = ["canary-app-secret-2"]
"#,
    );
    expect![[r#"
        ~ account 1000000000000001 acme: subscribed true -> false
        ~ access key LTAIreader0000000000001 of user reader of account 1000000000000001: status Inactive -> Active
        ~ space 293483938849493 of account 1000000000000001: time_zone Asia/Singapore -> Asia/Kathmandu
        + number 15550100199 of space 293483938849493
        ~ whatsapp webhook acme-wa of account 1000000000000001: app_secrets changed
    "#]].assert_eq(&lines(&report));
    expect![[r#"
        user reader of account 1000000000000001 keeps policy MetricsRead, which the document leaves out (`--prune` removes it)
        space 293483938849493 keeps number 15550100101, which the document leaves out (`--prune` removes it)"#]].assert_eq(&report.notes.join("\n"));
    let account = directory
        .snapshot()
        .account(&account_id("1000000000000001"))
        .cloned();
    assert_eq!(
        account.map(|a| (a.name.clone(), a.calls_per_second)),
        Some(("acme".into(), Some(50)))
    );
}

#[test]
fn a_dry_run_says_it_and_does_nothing() {
    let installation = Installation::new();
    let directory = installation.open();
    let before = bytes_below(&installation.data_dir());
    let text = "[[account]]\nid = \"1\"\n[[account.access_key]]\n";
    let options = ApplyOptions {
        dry_run: true,
        prune: false,
    };
    let report = apply_with(&directory, text, options).expect("says it");
    expect![[r#"
        + account 1
        + access key (a new id) of account 1
        + space 1 of account 1
    "#]]
    .assert_eq(&lines(&report));
    assert!(report.generated.is_empty() && directory.snapshot().is_empty());
    assert_eq!(bytes_below(&installation.data_dir()), before);
}

#[test]
fn pruning_unsets_what_the_document_leaves_out() {
    let installation = Installation::new();
    let directory = installation.open();
    let with = r#"
[[account]]
id = "1"
calls_per_second = 70
[[account.space]]
id = "s"
[[account.webhook]]
id = "hook"
kind = "whatsapp"
space = "s"
app_secrets = ["one"]
verify_token = "two"
"#;
    apply(&directory, with);
    let without = "[[account]]\nid = \"1\"\n[[account.space]]\nid = \"s\"\n[[account.webhook]]\nid = \"hook\"\n";
    assert_eq!(lines(&apply(&directory, without)), "");
    // A document without secrets says nothing of them.
    let report = apply_with(&directory, without, PRUNE).expect("applies");
    expect![[r#"
        ~ account 1: calls_per_second 70 -> default
        ~ whatsapp webhook hook of account 1: space s -> none
    "#]]
    .assert_eq(&lines(&report));
    apply(&directory, with);
    let bare = format!("{without}app_secrets = [\"one\"]\n");
    let report = apply_with(&directory, &bare, PRUNE).expect("applies");
    expect![[r#"
        ~ account 1: calls_per_second 70 -> default
        ~ whatsapp webhook hook of account 1: space s -> none, verify_token changed
    "#]]
    .assert_eq(&lines(&report));
}

#[test]
fn pruning_leaves_what_the_document_lists() {
    let installation = Installation::new();
    let directory = installation.open();
    apply(&directory, FULL);
    let old_space = directory
        .snapshot()
        .space("293483938849493")
        .expect("a space")
        .key;
    let text = r#"
[[account]]
id = "1000000000000001"
[[account.access_key]]
[[account.user]]
name = "reader"
[[account.group]]
name = "finance"
users = []
"#;
    let report = apply_with(&directory, text, PRUNE).expect("applies");
    expect![[r#"
        - whatsapp webhook acme-wa of account 1000000000000001
        - events webhook acme-events of account 1000000000000001
        - cams webhook acme-cams of account 1000000000000001
        - ISV grant skdi3kksloslikdkkdk of account 1000000000000001 for account 2000000000000002
        - number 15550100101 of space 293483938849493
        - space 2000000000000002 of account 2000000000000002
        - space cams-second of account 1000000000000001
        - space 293483938849493 of account 1000000000000001
        - role metrics-role of account 1000000000000001
        - access key LTAIreader0000000000001 of user reader of account 1000000000000001
        - policy MetricsRead of account 1000000000000001
        - policy EnableRoi of account 1000000000000001
        - account 2000000000000002 customer
        ~ account 1000000000000001 acme: calls_per_second 50 -> default
        ~ user reader of account 1000000000000001: policies -MetricsRead
        ~ group finance of account 1000000000000001: users -reader, policies -EnableRoi -MetricsRead
        + space 1000000000000001 of account 1000000000000001
    "#]]
    .assert_eq(&lines(&report));
    assert_eq!(
        lines(&apply_with(&directory, text, PRUNE).expect("applies")),
        ""
    );

    // What was removed and comes again is something new.
    apply(&directory, FULL);
    let snapshot = directory.snapshot();
    let space = snapshot.space("293483938849493").expect("a space").key;
    assert!(
        space.0 > old_space.0,
        "the key of a removed space is not given out again"
    );
    assert_eq!(snapshot.number_history(&number("15550100101")).len(), 1);
    assert!(!snapshot.was_bound(old_space, &number("15550100101")));
    drop(directory);
    let reopened = installation.open();
    assert_eq!(
        reopened
            .snapshot()
            .space("293483938849493")
            .expect("a space")
            .key,
        space
    );
}

#[test]
fn pruning_everything_or_a_space_in_use_is_refused() {
    let installation = Installation::new();
    let directory = installation.open();
    apply(&directory, FULL);
    check_apply_faults(
        &directory,
        "",
        PRUNE,
        &expect![
            "line 1, column 1: pruning with a document that lists no account would remove everything"
        ],
    );
    let text = "[[account]]\nid = \"1000000000000001\"\n[[account.webhook]]\nid = \"acme-wa\"\nspace = \"293483938849493\"\n";
    check_apply_faults(
        &directory,
        text,
        PRUNE,
        &expect![
            "line 5, column 9: `account[0].webhook[0].space`: `293483938849493` is not a space of account 1000000000000001"
        ],
    );
    // A webhook that moves lets its space go in the same document.
    let moved = text.replace("293483938849493", "new") + "[[account.space]]\nid = \"new\"\n";
    let report = apply_with(&directory, &moved, PRUNE).expect("applies");
    let shown = lines(&report);
    assert!(shown.contains("space 293483938849493 -> new"), "{shown}");
    assert!(shown.contains("- space 293483938849493 of"), "{shown}");
}

#[test]
fn an_account_has_exactly_one_default_space() {
    let installation = Installation::new();
    let directory = installation.open();
    let default = |directory: &Directory| {
        let snapshot = directory.snapshot();
        let account = snapshot.account(&account_id("5")).expect("an account");
        snapshot
            .default_space(account.key)
            .expect("a default space")
            .id
            .to_string()
    };
    let account = "[[account]]\nid = \"5\"\n";
    let space = |id: &str, more: &str| format!("[[account.space]]\nid = \"{id}\"\n{more}\n");

    let two = format!("{account}{}{}", space("a", ""), space("b", ""));
    check_apply_faults(
        &directory,
        &two,
        ApplyOptions::default(),
        &expect![
            "line 2, column 6: `account[0].id`: the account has 2 spaces and none is its default: give one `default = true`"
        ],
    );
    apply(&directory, account);
    assert_eq!(default(&directory), "5", "none declared: one is made");
    apply(&directory, &format!("{account}{}", space("a", "")));
    assert_eq!(default(&directory), "a", "a single declared one is it");
    apply(&directory, &format!("{account}{}", space("b", "")));
    assert_eq!(default(&directory), "a", "a second one changes nothing");
    apply(
        &directory,
        &format!("{account}{}", space("b", "default = true")),
    );
    assert_eq!(default(&directory), "b");
    let none = format!("{account}{}", space("b", "default = false"));
    check_apply_faults(
        &directory,
        &none,
        ApplyOptions::default(),
        &expect![
            "line 2, column 6: `account[0].id`: the account has 3 spaces and none is its default: give one `default = true`"
        ],
    );
    let both = format!(
        "{account}{}{}",
        space("a", "default = true"),
        space("b", "default = true")
    );
    check_faults(
        &both,
        &expect![
            "line 8, column 11: `account[0].space[1].default`: the account has another default space (line 5); it has exactly one"
        ],
    );
}

#[test]
fn a_made_space_that_has_a_number_stays_the_default() {
    let installation = Installation::new();
    let directory = installation.open();
    apply(&directory, "[[account]]\nid = \"5\"\n");
    let made = directory.snapshot().space("5").expect("made").key;
    directory
        .bind_number(made, number("1"), NOW)
        .expect("binds");
    apply(
        &directory,
        "[[account]]\nid = \"5\"\n[[account.space]]\nid = \"a\"\n",
    );
    assert!(
        directory
            .snapshot()
            .space("5")
            .expect("is there")
            .is_default
    );
}

#[test]
fn generated_keys_are_told_once() {
    let installation = Installation::new();
    let directory = installation.open();
    let text = r#"
[[account]]
id = "5"
[[account.access_key]]
[[account.user]]
name = "u"
[[account.user.access_key]]
id = "chosen"
[[account.user.access_key]]
"#;
    let report = apply(&directory, text);
    let [owner, user] = report.generated.as_slice() else {
        panic!("two keys")
    };
    assert!(owner.id_generated && owner.user.is_none());
    assert!(owner.id.as_str().starts_with("LTAI") && owner.id.as_str().len() == 24);
    assert_eq!((user.id.as_str(), user.id_generated), ("chosen", false));
    let snapshot = directory.snapshot();
    for key in [owner, user] {
        let secret = key.secret.as_ref().expect("a secret").expose().to_vec();
        assert!(secret.len() == 30 && secret.iter().all(u8::is_ascii_alphanumeric));
        assert_eq!(
            snapshot
                .access_key(&key.id)
                .expect("is there")
                .secret
                .expose(),
            secret
        );
    }
    let again = apply(&directory, text);
    assert_eq!((lines(&again).as_str(), again.generated.len()), ("", 0));
    assert_eq!(
        lines(&apply_with(&directory, text, PRUNE).expect("applies")),
        ""
    );
}

#[test]
fn secrets_come_from_the_environment_and_from_files() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("secret.txt"), "from-a-file\n").expect("writes");
    let text = r#"
[[account]]
id = "5"
[[account.access_key]]
id = "a"
secret_env = "CARGO_PKG_NAME"
[[account.access_key]]
id = "b"
secret_file = "secret.txt"
"#;
    let refused = Document::parse(text, Format::Toml, &InlineOnly).expect_err("no look-ups");
    expect![[r#"
        line 6, column 14: `account[0].access_key[0].secret_env`: secrets from the environment are not available here
        line 9, column 15: `account[0].access_key[1].secret_file`: secrets from files are not available here"#]].assert_eq(&refused.to_string());
    let system = SystemSecrets {
        base: folder.path().to_owned(),
    };
    let gathered = GatheredSecrets::gather(text, Format::Toml, &system).expect("finds them");
    let sent = serde_json::to_string(&gathered).expect("is sent");
    let received: GatheredSecrets = serde_json::from_str(&sent).expect("arrives");
    assert!(!format!("{received:?}").contains("from-a-file"));
    let installation = Installation::new();
    let directory = installation.open();
    let document = Document::parse(text, Format::Toml, &received).expect("reads");
    directory
        .apply(&document, ApplyOptions::default(), NOW)
        .expect("applies");
    let secret = |id| {
        let snapshot = directory.snapshot();
        let key = snapshot
            .access_key(&key_id(id))
            .expect("is there")
            .secret
            .clone();
        String::from_utf8_lossy(key.expose()).into_owned()
    };
    assert_eq!(
        (secret("a"), secret("b")),
        ("chatmetric".to_owned(), "from-a-file".to_owned())
    );

    let wrong = text
        .replace("CARGO_PKG_NAME", "CHATMETRIC_NOT_SET")
        .replace("secret.txt", "no");
    let faults = GatheredSecrets::gather(&wrong, Format::Toml, &SystemSecrets::default());
    let faults = faults.expect_err("both are missing");
    expect![[r#"
        line 6, column 14: `account[0].access_key[0].secret_env`: the environment variable `CHATMETRIC_NOT_SET` is not set
        line 9, column 15: `account[0].access_key[1].secret_file`: cannot read the secret file `no`: No such file or directory (os error 2)"#]].assert_eq(&faults.to_string());
}

#[test]
fn a_number_moves_and_keeps_its_history() {
    let installation = Installation::new();
    let directory = installation.open();
    let document = |a: &str, b: &str| {
        format!(
            "[[account]]\nid = \"5\"\n[[account.space]]\nid = \"a\"\nnumbers = [{a}]\n\
             [[account]]\nid = \"6\"\n[[account.space]]\nid = \"b\"\nnumbers = [{b}]\n"
        )
    };
    let at = |text: &str, now| {
        directory
            .apply(&parse(text), ApplyOptions::default(), EpochMs(now))
            .expect("applies")
    };
    at(&document("\"+1 5\"", ""), 1_000);
    let moved = at(&document("", "\"15\""), 2_000);
    expect!["~ number 15: space a -> b\n"].assert_eq(&lines(&moved));
    // A clock that went back gives an empty stretch, never a negative one.
    at(&document("\"15\"", ""), 1_500);
    let check = |directory: &Directory| {
        let snapshot = directory.snapshot();
        let space = |id| snapshot.space(id).expect("a space").key;
        let history: Vec<_> = snapshot
            .number_history(&number("15"))
            .iter()
            .map(|binding| (binding.space, binding.from.0, binding.to.map(|to| to.0)))
            .collect();
        let (a, b) = (space("a"), space("b"));
        assert_eq!(
            history,
            [
                (a, 1_000, Some(2_000)),
                (b, 2_000, Some(2_000)),
                (a, 1_500, None)
            ]
        );
        assert!(snapshot.was_bound(b, &number("15")));
        assert_eq!(
            snapshot.number_owner(&number("15")).map(|space| space.key),
            Some(a)
        );
        assert_eq!(
            (snapshot.numbers_count(a), snapshot.numbers_count(b)),
            (1, 0)
        );
    };
    check(&directory);
    drop(directory);
    check(&installation.open());
}

#[test]
fn unknown_numbers_are_bound_up_to_the_limit() {
    let installation = Installation::new();
    let directory = installation.open();
    apply(&directory, FULL);
    let snapshot = directory.snapshot();
    let space = snapshot.space("293483938849493").expect("a space").key;
    let made = snapshot.space("2000000000000002").expect("a space");
    let bind = |to, text| directory.bind_number(to, number(text), NOW).expect("binds");
    assert_eq!(bind(space, "15550100101"), BindOutcome::AlreadyBound);
    let elsewhere = snapshot
        .space("293483938849493")
        .expect("a space")
        .account
        .key;
    assert_eq!(
        bind(made.key, "15550100101"),
        BindOutcome::BoundElsewhere {
            account: elsewhere,
            space
        }
    );
    let several = ["2", "15550100101", "2", "3", "4"].map(number);
    let outcomes = directory.bind_numbers(space, &several, NOW).expect("binds");
    use BindOutcome::{AlreadyBound, Bound, Full};
    assert_eq!(
        outcomes,
        [
            Bound,
            AlreadyBound,
            AlreadyBound,
            Bound,
            Full { numbers_max: 3 }
        ]
    );
    let numbers: Vec<_> = directory
        .snapshot()
        .numbers_of(space)
        .map(|n| n.to_string())
        .collect();
    assert_eq!(numbers, ["15550100101", "2", "3"]);
    let removed = chatmetric_core::SpaceKey(9_999);
    let error = directory
        .bind_number(removed, number("7"), NOW)
        .expect_err("no such space");
    assert!(matches!(error, DirectoryError::UnknownSpace { key: 9_999 }));
    drop(directory);
    let reopened = installation.open();
    assert_eq!(
        reopened.snapshot().numbers_count(space),
        3,
        "they were durable"
    );
}

#[test]
fn numbers_are_bound_by_many_at_once() {
    let installation = Installation::new();
    let directory = installation.open();
    let text = "[[account]]\nid = \"5\"\n[[account.space]]\nid = \"a\"\ndefault = true\n\
                numbers_max = 30\n[[account.space]]\nid = \"b\"\nnumbers_max = 30\n";
    apply(&directory, text);
    let snapshot = directory.snapshot();
    let spaces = ["a", "b"].map(|id| snapshot.space(id).expect("a space").key);
    let bound: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|worker: usize| {
                let directory = &directory;
                scope.spawn(move || {
                    let space = spaces[worker % 2];
                    let numbers = (0..40).map(|n| number(&format!("1555{n}")));
                    numbers
                        .filter(|n| {
                            let outcome = directory.bind_number(space, *n, NOW).expect("binds");
                            assert!(
                                !matches!(outcome, BindOutcome::Bound)
                                    || directory.snapshot().was_bound(space, n),
                                "what is bound is visible at once"
                            );
                            outcome == BindOutcome::Bound
                        })
                        .count()
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("runs"))
            .sum()
    });
    let counts = |directory: &Directory| spaces.map(|s| directory.snapshot().numbers_count(s));
    assert_eq!(bound, 40, "each number is bound exactly once");
    assert_eq!(counts(&directory).iter().sum::<usize>(), 40);
    assert!(counts(&directory).iter().all(|count| *count <= 30));
    let before = counts(&directory);
    drop(directory);
    assert_eq!(counts(&installation.open()), before);
}

#[test]
fn a_wrong_master_key_changes_nothing() {
    let installation = Installation::new();
    let directory = installation.open();
    apply(&directory, FULL);
    // With the WAL as a crash leaves it, and after a clean stop.
    let crashed = Installation::new();
    std::fs::create_dir(crashed.data_dir()).expect("makes a folder");
    for (path, bytes) in bytes_below(&installation.data_dir()) {
        let name = path.file_name().expect("a name");
        std::fs::write(crashed.data_dir().join(name), bytes).expect("copies");
    }
    assert!(crashed.data_dir().join("directory.sqlite-wal").exists());
    let wanted = export(&directory);
    drop(directory);
    for (installation, kind) in [(&installation, "stopped"), (&crashed, "crashed")] {
        let before = bytes_below(&installation.data_dir());
        let error = installation.open_with(key(2)).expect_err("the wrong key");
        assert!(
            matches!(error, DirectoryError::WrongMasterKey { .. }),
            "{kind}: {error:?}"
        );
        assert!(error.to_string().starts_with("wrong master key"), "{error}");
        assert!(
            bytes_below(&installation.data_dir()) == before,
            "{kind}: bytes were changed"
        );
        assert_eq!(
            export(&installation.open()),
            wanted,
            "{kind}: the right key still opens it"
        );
    }
}

#[test]
fn another_opener_and_foreign_files_are_refused() {
    let installation = Installation::new();
    let directory = installation.open();
    apply(&directory, FULL);
    let error = installation.open_with(key(1)).expect_err("it is open");
    assert!(matches!(error, DirectoryError::InUse { .. }), "{error:?}");
    drop(directory);

    let path = installation.data_dir().join("directory.sqlite");
    let newer = rusqlite::Connection::open(&path).expect("opens");
    newer.pragma_update(None, "user_version", 99).expect("sets");
    drop(newer);
    let error = installation.open_with(key(1)).expect_err("a newer schema");
    assert!(
        matches!(error, DirectoryError::NewerSchema { found: 99, .. }),
        "{error:?}"
    );

    for content in [
        &b"not a database, but long enough to be looked at as one......"[..],
        b"x",
    ] {
        std::fs::write(&path, content).expect("writes");
        let error = installation.open_with(key(1)).expect_err("no directory");
        assert!(
            matches!(error, DirectoryError::NotADirectory { .. }),
            "{error:?}"
        );
        assert_eq!(
            std::fs::read(&path).expect("reads"),
            content,
            "it was left alone"
        );
    }
}

#[test]
fn a_damaged_secret_is_an_error_and_not_another_secret() {
    let installation = Installation::new();
    let directory = installation.open();
    apply(&directory, FULL);
    drop(directory);
    let path = installation.data_dir().join("directory.sqlite");
    let raw = rusqlite::Connection::open(&path).expect("opens");
    // The owner's sealed secret under the reader's key: same tenant, same kind.
    raw.execute(
        "UPDATE access_keys SET secret = (SELECT secret FROM access_keys WHERE user_key IS NULL)
         WHERE id = 'LTAIreader0000000000001'",
        [],
    )
    .expect("swaps");
    drop(raw);
    let error = installation.open_with(key(1)).expect_err("a moved secret");
    let DirectoryError::Secret { what, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(what.contains("LTAIreader0000000000001"), "{what}");
}

#[test]
fn the_first_start_makes_one_account() {
    let installation = Installation::new();
    let directory = installation.open();
    let refused = directory.first_start(NOW, |_| Err("the disk is full"));
    assert!(
        refused.is_err() && directory.snapshot().is_empty(),
        "not kept, not made"
    );
    let mut kept = None;
    let first = directory
        .first_start(NOW, |first| {
            kept = Some(first.clone());
            Ok::<(), std::convert::Infallible>(())
        })
        .expect("starts")
        .expect("is the first");
    assert_eq!(kept.map(|kept| kept.account), Some(first.account.clone()));
    assert!(first.account.as_str().len() == 16 && first.account_name == "default");
    assert_eq!(first.access_key_id.as_str().len(), 24);
    assert_eq!(first.access_key_secret.expose().len(), 30);
    let token = std::str::from_utf8(first.setup_token.expose()).expect("text");
    assert!(directory.is_setup_token(token).expect("looks"));
    assert!(!directory.is_setup_token("x").expect("looks"));
    let snapshot = directory.snapshot();
    let key = snapshot.find_key(&first.access_key_id).expect("the key");
    assert_eq!(key.secret.expose(), first.access_key_secret.expose());
    let account = snapshot.account(&first.account).expect("the account");
    assert!(snapshot.default_space(account.key).is_some());
    for bytes in bytes_below(installation.folder.path()).values() {
        assert!(!contains(bytes, first.access_key_secret.expose()));
        assert!(!contains(bytes, token.as_bytes()));
    }
    let never = |_: &_| -> Result<(), &str> { Err("it must not be asked again") };
    assert!(
        directory
            .first_start(NOW, never)
            .expect("is fine")
            .is_none()
    );
    assert!(!format!("{first:?}").contains(token));
}

#[test]
fn the_master_key_file_is_guarded() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let load =
        |configured: Option<&Path>| MasterKey::for_data_dir(&data_dir, configured, &SystemEntropy);
    let absent = folder.path().join("none.key");
    assert!(matches!(
        load(Some(&absent)),
        Err(MasterKeyError::Read { .. })
    ));
    let made = load(None).expect("makes one");
    let mode = std::fs::metadata(&made.path)
        .expect("is there")
        .permissions()
        .mode();
    assert_eq!((made.created, mode & 0o777), (true, 0o600));
    let again = load(None).expect("finds it");
    assert!(!again.created && again.key.id() == made.key.id());
    assert!(matches!(
        made.key.write_new(&made.path),
        Err(MasterKeyError::Create { .. })
    ));

    for mode in [0o640, 0o604, 0o620, 0o700] {
        std::fs::set_permissions(&made.path, PermissionsExt::from_mode(mode)).expect("sets");
        let error = load(None).expect_err("others can read it");
        assert!(
            matches!(error, MasterKeyError::Mode { .. }),
            "{mode:o}: {error}"
        );
    }
    std::fs::set_permissions(&made.path, PermissionsExt::from_mode(0o400)).expect("sets");
    assert!(load(None).is_ok(), "stricter is fine");

    std::fs::create_dir(&data_dir).expect("makes");
    std::fs::write(data_dir.join("directory.sqlite"), "data").expect("writes");
    std::fs::remove_file(&made.path).expect("removes");
    assert!(matches!(load(None), Err(MasterKeyError::Missing { .. })));
    for text in ["", "AAAA", "not base64!", &"A".repeat(5_000)] {
        let _ = std::fs::remove_file(&made.path);
        std::fs::write(&made.path, text).expect("writes");
        std::fs::set_permissions(&made.path, PermissionsExt::from_mode(0o600)).expect("sets");
        assert!(
            matches!(load(None), Err(MasterKeyError::Format { .. })),
            "{text}"
        );
    }
}

#[test]
fn the_key_file_is_beside_the_directory() {
    let beside = |text: &str| key_path_beside(Path::new(text)).expect("a name");
    assert_eq!(
        beside("./chatmetric-data"),
        Path::new("./chatmetric-data.key")
    );
    assert_eq!(beside("/var/lib/cm/"), Path::new("/var/lib/cm.key"));
    assert!(key_path_beside(Path::new("/")).is_err());
    let here = std::env::current_dir().expect("a folder");
    let mut wanted = here.clone().into_os_string();
    wanted.push(".key");
    assert_eq!(beside("."), PathBuf::from(wanted));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    /// Any document: applied twice it changes nothing the second time, and its
    /// export makes the same directory elsewhere.
    #[test]
    fn applying_is_idempotent(steps in prop::collection::vec(some_document(), 1..4)) {
        let installation = Installation::new();
        let directory = installation.open();
        for text in &steps {
            let document = parse(text);
            let Ok(first) = directory.apply(&document, ApplyOptions::default(), NOW) else {
                continue;
            };
            let again = directory.apply(&document, ApplyOptions::default(), NOW);
            let again = again.expect("what was applied can be applied");
            prop_assert_eq!(lines(&again), "", "after {}\n{}", text, lines(&first));
        }
        let text = export(&directory);
        let pruned = directory.apply(&parse(&text), PRUNE, NOW);
        if !directory.snapshot().is_empty() {
            prop_assert_eq!(lines(&pruned.expect("applies")), "");
        }
        let other = Installation::new();
        let copy = other.open();
        apply(&copy, &text);
        prop_assert_eq!(export(&copy), text.clone());
        drop(directory);
        prop_assert_eq!(export(&installation.open()), text);
    }
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(24)
}

/// A document over few names, so that documents meet each other's things.
fn some_document() -> impl Strategy<Value = String> {
    let space = (
        0..3_u8,
        any::<Option<bool>>(),
        prop::collection::btree_set(0..6_u8, 0..3),
    );
    let user = (0..2_u8, any::<bool>(), prop::option::of(0..3_u8));
    let account = (
        0..2_u8,
        prop::option::of("[a-z]{1,4}"),
        prop::collection::vec(space, 0..3),
        prop::collection::vec(user, 0..2),
        any::<bool>(),
    );
    prop::collection::vec(account, 0..3).prop_map(|accounts| {
        let mut seen = std::collections::BTreeSet::new();
        let mut text = String::new();
        for (id, name, spaces, users, policy) in accounts {
            if !seen.insert(format!("account {id}")) {
                continue;
            }
            text += &format!("[[account]]\nid = \"10{id}\"\n");
            if let Some(name) = name {
                text += &format!("name = \"{name}\"\n");
            }
            let mut defaults = 0;
            for (space, default, numbers) in spaces {
                if !seen.insert(format!("space {space}")) {
                    continue;
                }
                text += &format!("[[account.space]]\nid = \"s{space}\"\n");
                if default == Some(true) && defaults == 0 {
                    defaults += 1;
                    text += "default = true\n";
                }
                let numbers = numbers.into_iter().filter(|n| seen.insert(format!("number {n}")));
                let numbers: Vec<_> = numbers.map(|n| format!("\"+1 {n}\"")).collect();
                text += &format!("numbers = [{}]\n", numbers.join(", "));
            }
            if policy {
                text += "[[account.policy]]\nname = \"P\"\ndocument = '{\"Version\":\"1\",\
                         \"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\"}]}'\n";
            }
            for (user, console, key) in users {
                if !seen.insert(format!("user {id} {user}")) {
                    continue;
                }
                text += &format!("[[account.user]]\nname = \"u{user}\"\nconsole = {console}\n");
                if policy {
                    text += "policies = [\"P\"]\n";
                }
                if let Some(key) = key.filter(|key| seen.insert(format!("key {key}"))) {
                    text += &format!("[[account.user.access_key]]\nid = \"k{key}\"\nsecret = \"s\"\n");
                }
            }
        }
        text
    })
}

/// The document that the guide shows must do what it says, and show everything.
#[test]
fn the_example_document_applies_and_has_every_key() {
    let example = include_str!("../../../../directory.example.toml");
    let installation = Installation::new();
    let directory = installation.open();
    assert!(!apply(&directory, example).changes.is_empty());
    assert_eq!(lines(&apply(&directory, example)), "");
    let words = |text: &str| -> std::collections::BTreeSet<String> {
        let keys = text.lines().filter_map(|line| line.split_once(" = "));
        let tables = text.lines().filter(|line| line.starts_with("[["));
        keys.map(|(key, _)| key.trim().to_owned())
            .chain(tables.map(|line| line.split(']').next().unwrap_or_default().to_owned()))
            .collect()
    };
    // The export names every key that a directory can hold.
    let missing: Vec<String> = words(&export(&directory))
        .difference(&words(example))
        .cloned()
        .collect();
    assert!(missing.is_empty(), "not in the example: {missing:?}");
}
