//! `admin rotate-master-key`: what opens before opens after, the old key opens nothing,
//! and a rotation that was cut off is finished.

use crate::process::{DIRECTORY, Ran, Served, agent, call, data_dir, post, run, run_with_input};
use chatmetric::directory::Directory;
use chatmetric::entropy::{Entropy, SeededEntropy};
use chatmetric::master_key::MasterKey;
use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::SecretKey;
use chatmetric_rpc::sign::Credentials;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// A body that is signed and cannot be read, with a recipient in it.
const UNREADABLE: &str = r#"{"object":"whatsapp_business_account","entry":"16505551234"}"#;

struct Rotated {
    _folder: tempfile::TempDir,
    data_dir: String,
    key: PathBuf,
}

fn owner() -> Credentials {
    Credentials {
        access_key_id: "LTAIowner".to_owned(),
        secret: SecretKey::new(b"owner-secret"),
        security_token: None,
    }
}

fn key_path(data_dir: &str) -> PathBuf {
    PathBuf::from(format!("{data_dir}.key"))
}

/// An instance with something sealed in the quarantine.
fn with_sealed_body() -> Rotated {
    let (folder, data_dir) = data_dir();
    let served = Served::start(&data_dir);
    assert_eq!(
        post(&agent(), &served.url, "acme-wa", UNREADABLE),
        Some(200)
    );
    let (status, _) = served.stop();
    assert!(status.success());
    Rotated {
        _folder: folder,
        key: key_path(&data_dir),
        data_dir,
    }
}

impl Rotated {
    fn run(&self, arguments: &[&str]) -> Ran {
        let with = ["--data-dir", &self.data_dir];
        run(&[arguments, &with].concat())
    }

    fn rotate(&self) -> Ran {
        self.run(&["admin", "rotate-master-key"])
    }

    /// How many sealed bodies open and name the recipient.
    fn found(&self) -> u64 {
        let erase = ["erase", "--recipient", "-", "--dry-run", "--data-dir"];
        let ran = run_with_input(&[&erase[..], &[&self.data_dir]].concat(), b"16505551234");
        assert_eq!(ran.code, 0, "{ran:?}");
        let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
        json["found"].as_u64().expect("a count")
    }

    /// Everything that is sealed opens: the key of a caller, the secret of a webhook, the
    /// installation's own key, what is in quarantine.
    fn all_opens(&self) {
        let served = Served::start(&self.data_dir);
        let (status, body) = call(&served.url, &owner(), "GetCallerIdentity", &[]);
        assert_eq!(status, 200, "{body}");
        assert_eq!(
            post(&agent(), &served.url, "acme-wa", UNREADABLE),
            Some(200)
        );
        assert!(served.stop().0.success());
        assert!(self.found() >= 2);
    }

    fn retired(&self) -> Vec<PathBuf> {
        let folder = self.key.parent().expect("a folder");
        let all = std::fs::read_dir(folder).expect("read");
        all.map(|entry| entry.expect("an entry").path())
            .filter(|path| path.to_string_lossy().contains(".key.retired-"))
            .collect()
    }
}

#[test]
fn everything_opens_under_the_new_key_and_nothing_under_the_old() {
    let made = with_sealed_body();
    let before = std::fs::read(&made.key).expect("read");
    assert_eq!(made.found(), 1);
    let ran = made.rotate();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("2 secrets are sealed again"), "{ran:?}");
    assert!(!ran.stderr.contains("owner-secret") && ran.stdout.is_empty());
    let after = std::fs::read(&made.key).expect("read");
    assert_ne!(before, after);
    let mode = std::fs::metadata(&made.key)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let retired = made.retired();
    assert_eq!(retired.len(), 1);
    assert_eq!(std::fs::read(&retired[0]).expect("read"), before);
    assert!(!pending(&made.key).exists());
    assert_eq!(made.found(), 1);
    made.all_opens();
    // Twice more: what the first key sealed still opens.
    for _ in 0..2 {
        assert_eq!(made.rotate().code, 0);
    }
    made.all_opens();
    let old = retired[0].display().to_string();
    let refused = made.run(&["verify", "--master-key-file", &old]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused.stderr.contains("nothing was changed"),
        "{refused:?}"
    );
}

fn pending(key: &Path) -> PathBuf {
    PathBuf::from(format!("{}.new", key.display()))
}

#[test]
fn a_rotation_that_was_cut_off_is_finished_by_the_same_command() {
    // Cut off before the transaction: the new key waits in its file.
    let made = with_sealed_body();
    let before = MasterKey::load(&made.key).expect("a key");
    let entropy = SeededEntropy::new(7);
    let new = MasterKey::generate(&entropy);
    new.write_new(&pending(&made.key)).expect("written");
    assert_eq!(made.found(), 1);
    assert_eq!(made.rotate().code, 0);
    assert_eq!(MasterKey::load(&made.key).expect("a key").id(), new.id());
    made.all_opens();

    // Cut off after it: the old key is in its place and opens nothing.
    let made = with_sealed_body();
    let old = MasterKey::load(&made.key).expect("a key");
    assert_ne!(before.id(), old.id());
    new.write_new(&pending(&made.key)).expect("written");
    let data_dir = Path::new(&made.data_dir);
    let rotated = Directory::rotate_master_key(data_dir, &old, &new, &entropy, EpochMs(1));
    assert_eq!(rotated.expect("rotated").secrets, 2);
    let refused = made.run(&["verify"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    let hint = "run `chatmetric admin rotate-master-key` again";
    assert!(refused.stderr.contains(hint), "{refused:?}");
    let ran = made.rotate();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(MasterKey::load(&made.key).expect("a key").id(), new.id());
    made.all_opens();
}

#[test]
fn a_key_of_the_operators_own_is_taken_and_files_stay() {
    let made = with_sealed_body();
    let before = std::fs::read(&made.key).expect("read");
    let own = made.key.with_file_name("own.key").display().to_string();
    let ran = made.run(&["admin", "rotate-master-key", "--new-key-file", &own]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(std::fs::read(&made.key).expect("read"), before);
    assert!(made.retired().is_empty());
    let verified = made.run(&["verify", "--master-key-file", &own]);
    assert_eq!(verified.code, 0, "{verified:?}");
    assert_eq!(made.run(&["verify"]).code, 2);
    // The key that seals already is no new one.
    let with = ["--master-key-file", &own];
    let same = ["admin", "rotate-master-key", "--new-key-file", &own];
    let refused = made.run(&[&same[..], &with].concat());
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("seals already"), "{refused:?}");
}

#[test]
fn what_cannot_be_rotated_is_left_as_it_is() {
    let made = with_sealed_body();
    let served = Served::start(&made.data_dir);
    let refused = made.rotate();
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("stop the other one"), "{refused:?}");
    assert!(served.stop().0.success());
    // Another installation's key.
    let other = made.key.with_file_name("other.key");
    let key = MasterKey::generate(&SeededEntropy::new(3) as &dyn Entropy);
    key.write_new(&other).expect("written");
    let other = other.display().to_string();
    let refused = made.run(&["admin", "rotate-master-key", "--master-key-file", &other]);
    assert_eq!(refused.code, 2, "{refused:?}");
    // A file that holds no key.
    let own = made.key.with_file_name("none.key");
    std::fs::write(&own, "no key").expect("written");
    std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o600)).expect("set");
    let own = own.display().to_string();
    let refused = made.run(&["admin", "rotate-master-key", "--new-key-file", &own]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert_eq!(made.found(), 1);
    let again = run_with_input(
        &["apply", "-f", "-", "--data-dir", &made.data_dir],
        DIRECTORY.as_bytes(),
    );
    assert_eq!(again.code, 0, "{again:?}");
}
