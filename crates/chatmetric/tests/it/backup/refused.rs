//! Places that are no place for backups, sources that are no backup, and what must not
//! be in one: refused by name, with nothing touched.

use super::{backup, body, counts, files, list, made, restore, restore_with_key, send};
use crate::process::{Ran, Served, agent, data_dir, post, run, run_with_input};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// A data directory with some messages, sealed and not, and a backup of it.
struct Backed {
    folder: tempfile::TempDir,
    data_dir: String,
    dest: PathBuf,
    id: String,
}

impl Backed {
    fn new() -> Self {
        let (folder, data_dir) = data_dir();
        let dest = folder.path().join("backups");
        let served = Served::start(&data_dir);
        send(&served.url, 0, 0, 50);
        drop(served.stop());
        // Seals what is open.
        assert_eq!(run(&["verify", "--data-dir", &data_dir]).code, 0);
        let served = Served::start(&data_dir);
        send(&served.url, 0, 50, 50);
        let told = made(&data_dir, &dest, &[]);
        served.kill();
        let id = told["id"].as_str().expect("an id").to_owned();
        Self {
            folder,
            data_dir,
            dest,
            id,
        }
    }

    fn own(&self, file: &str) -> PathBuf {
        self.dest.join("backups").join(&self.id).join(file)
    }

    /// A file of each kind.
    fn kinds(&self) -> Vec<PathBuf> {
        let all = files(&self.dest);
        let starting = |what: &str| {
            let named = |it: &&PathBuf| it.display().to_string().contains(what);
            all.keys().find(named).expect(what).clone()
        };
        vec![
            starting("/runs/"),
            starting("/journal-"),
            self.own("catalog"),
            self.own("directory.sqlite"),
            self.own("manifest.json"),
            self.own("manifest.sha256"),
        ]
    }

    /// Tries to restore what is there now: refused, and nothing is left of it.
    #[track_caller]
    fn refused(&self, what: &[&str]) {
        let before = files(&self.dest);
        let to = self.folder.path().join("restored");
        let ran = restore_with_key(&self.data_dir, &self.dest, &to, &[]);
        assert_eq!(ran.code, 1, "{ran:?}");
        for what in what {
            assert!(ran.stderr.contains(what), "`{what}` in {}", ran.stderr);
        }
        assert!(!to.exists(), "{ran:?}");
        assert!(!self.folder.path().join("restored.restoring").exists());
        assert_eq!(files(&self.dest), before);
    }

    fn works(&self) {
        let to = self.folder.path().join("restored-at-last");
        let ran = restore_with_key(&self.data_dir, &self.dest, &to, &[]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
}

fn name(path: &Path) -> String {
    path.file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned()
}

#[test]
fn a_damaged_file_of_each_kind_is_refused_by_name() {
    let backed = Backed::new();
    for path in backed.kinds() {
        let whole = std::fs::read(&path).expect("readable");
        let name = name(&path);
        let named = if name == "manifest.sha256" {
            "manifest.json"
        } else {
            &name
        };
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            std::fs::write(&path, &flipped).expect("written");
            backed.refused(&["the backup is damaged", named]);
        }
        std::fs::write(&path, &whole[..whole.len() - 1]).expect("written");
        backed.refused(&["the backup is damaged", named]);
        std::fs::remove_file(&path).expect("removed");
        backed.refused(&[&name, "is missing"]);
        // A pipe that nobody writes to, and a link to the right bytes.
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.is_ok_and(|it| it.success()));
        backed.refused(&[&name, "not a regular file"]);
        std::fs::remove_file(&path).expect("removed");
        let elsewhere = backed.folder.path().join("elsewhere");
        std::fs::write(&elsewhere, &whole).expect("written");
        symlink(&elsewhere, &path).expect("linked");
        backed.refused(&[&name, "is a link"]);
        std::fs::remove_file(&path).expect("removed");
        std::fs::write(&path, &whole).expect("written");
    }
    let runs = backed.dest.join("runs");
    let elsewhere = backed.folder.path().join("elsewhere-runs");
    std::fs::rename(&runs, &elsewhere).expect("renamed");
    symlink(&elsewhere, &runs).expect("linked");
    let to = backed.folder.path().join("restored");
    let ran = restore_with_key(&backed.data_dir, &backed.dest, &to, &[]);
    assert!(ran.code == 1 && ran.stderr.contains("is a link"), "{ran:?}");
    std::fs::remove_file(&runs).expect("removed");
    std::fs::rename(&elsewhere, &runs).expect("renamed");
    backed.works();
}

/// The SHA-256 that the refusal shows is that of the file, beside the one that it should
/// have: a flipped byte in a row of the directory breaks nothing else.
#[test]
fn what_differs_is_shown() {
    let backed = Backed::new();
    let path = backed.own("directory.sqlite");
    let mut bytes = std::fs::read(&path).expect("readable");
    let at = bytes
        .windows(4)
        .position(|it| it == b"acme")
        .expect("a name");
    bytes[at] = b'A';
    std::fs::write(&path, &bytes).expect("written");
    let found = hex::encode(Sha256::digest(&bytes));
    backed.refused(&["directory.sqlite", "SHA-256", &found, "the manifest says"]);
}

/// A manifest that was changed together with its sum.
#[test]
fn a_manifest_names_no_file_outside() {
    let backed = Backed::new();
    let (json, sum) = (backed.own("manifest.json"), backed.own("manifest.sha256"));
    let whole = std::fs::read_to_string(&json).expect("readable");
    let rewrite = |text: &str| {
        std::fs::write(&json, text).expect("written");
        let digest = hex::encode(Sha256::digest(text));
        std::fs::write(&sum, format!("{digest}  manifest.json\n")).expect("written");
    };
    let own = format!("backups/{}/catalog", backed.id);
    for path in [
        "../x",
        "/etc/passwd",
        "runs/../../x",
        "backups/../x/catalog",
    ] {
        rewrite(&whole.replace(&own, path));
        backed.refused(&["manifest.json", path, "which no backup has"]);
    }
    for part in [
        "store/../x",
        "store/runs/../x.run",
        "store//etc/x",
        "other",
        "store/FORMAT",
    ] {
        rewrite(&whole.replace("store/runs/0000000000000001.run", part));
        let part = part.trim_start_matches("store/");
        backed.refused(&[part]);
    }
    rewrite(&whole.replace("\"format\": 1", "\"format\": 2"));
    backed.refused(&["manifest.json", "has format 2", "newer program"]);
    // Whatever this build writes, one that is newer.
    rewrite(&whole.replace("\"store_format\": ", "\"store_format\": 9"));
    backed.refused(&["format 9"]);
    rewrite(&whole.replace("\"files\"", "\"fils\""));
    backed.refused(&["manifest.json", "fils"]);
    rewrite(&whole[..whole.len() / 2]);
    backed.refused(&["manifest.json"]);
    rewrite(&whole);
    backed.works();
}

#[test]
fn a_directory_in_use_and_a_wrong_key_are_refused() {
    let backed = Backed::new();
    let to = backed.folder.path().join("restored");
    std::fs::create_dir(&to).expect("made");
    std::fs::write(to.join("mine"), "mine").expect("written");
    let ran = restore(&backed.dest, &to, &[]);
    assert!(
        ran.code == 1 && ran.stderr.contains("is not empty"),
        "{ran:?}"
    );
    assert_eq!(files(&to).len(), 1);
    std::fs::remove_file(to.join("mine")).expect("removed");
    // Another instance's key, there already.
    let (_other, other_dir) = data_dir();
    let ran = restore_with_key(&other_dir, &backed.dest, &to, &[]);
    assert!(
        ran.code == 1 && ran.stderr.contains("the backup needs key"),
        "{ran:?}"
    );
    std::fs::remove_file(format!("{}.key", to.display())).expect("removed");
    let no_key = backed.folder.path().join("no.key").display().to_string();
    let ran = restore(&backed.dest, &to, &["--master-key-file", &no_key]);
    assert!(ran.code == 1 && ran.stderr.contains("no.key"), "{ran:?}");
    let inside = backed.dest.join("data");
    let ran = restore(&backed.dest, &inside, &[]);
    assert!(ran.code == 1 && ran.stderr.contains("is inside"), "{ran:?}");
    let ran = restore(&backed.dest, &to, &["--at", "000009-x"]);
    assert!(ran.code == 1 && ran.stderr.contains(&backed.id), "{ran:?}");
    let ran = restore(&backed.folder.path().join("data"), &to, &[]);
    assert!(
        ran.code == 1 && ran.stderr.contains("holds no backups"),
        "{ran:?}"
    );
    assert!(files(&to).is_empty());
    // Something of that name that is not a restore's.
    let making = backed.folder.path().join("restored.restoring");
    std::fs::create_dir(&making).expect("made");
    let ran = restore(&backed.dest, &to, &[]);
    assert!(
        ran.code == 1 && ran.stderr.contains("restored.restoring"),
        "{ran:?}"
    );
    assert!(making.exists());
    std::fs::remove_dir(&making).expect("removed");
    // Without a key it is restored, with a warning that names the key; it starts with
    // that key alone.
    let ran = restore(&backed.dest, &to, &[]);
    assert!(
        ran.code == 0 && ran.stderr.contains("there is no master key"),
        "{ran:?}"
    );
    let data_dir = to.display().to_string();
    let started = run(&["verify", "--data-dir", &data_dir]);
    assert_eq!(started.code, 2, "{started:?}");
    std::fs::copy(format!("{other_dir}.key"), format!("{data_dir}.key")).expect("copied");
    let started = run(&["verify", "--data-dir", &data_dir]);
    assert!(started.stderr.contains("wrong master key"), "{started:?}");
    std::fs::copy(
        format!("{}.key", backed.data_dir),
        format!("{data_dir}.key"),
    )
    .expect("copied");
    let served = Served::start(&data_dir);
    assert_eq!(counts(&served.url).values().next(), Some(&(100, 100)));
}

#[test]
fn a_place_that_is_none_for_these_backups_is_refused_untouched() {
    let backed = Backed::new();
    let folder = backed.folder.path();
    let check = |ran: Ran, what: &str| {
        assert!(
            ran.code == 1 && ran.stderr.contains(what),
            "`{what}`: {ran:?}"
        );
    };
    let foreign = folder.join("foreign");
    std::fs::create_dir(&foreign).expect("made");
    std::fs::write(foreign.join("notes"), "mine").expect("written");
    check(
        backup(&backed.data_dir, &foreign, &[]),
        "holds no backups of chatmetric",
    );
    assert_eq!(files(&foreign).len(), 1);
    let file = foreign.join("notes");
    check(backup(&backed.data_dir, &file, &[]), "notes");
    let data_dir = Path::new(&backed.data_dir);
    check(backup(&backed.data_dir, data_dir, &[]), "is inside");
    check(
        backup(&backed.data_dir, &data_dir.join("store/backups"), &[]),
        "is inside",
    );
    let link = folder.join("link");
    symlink(data_dir, &link).expect("linked");
    check(
        backup(&backed.data_dir, &link.join("backups"), &[]),
        "is inside",
    );
    assert!(!data_dir.join("backups").exists() && !data_dir.join("store/backups").exists());
    let (_other, other_dir) = crate::process::data_dir();
    let before = files(&backed.dest);
    check(
        backup(&other_dir, &backed.dest, &["--keep", "1"]),
        "another instance",
    );
    assert_eq!(files(&backed.dest), before);
    let newer = folder.join("newer");
    std::fs::create_dir(&newer).expect("made");
    let text = "{\"format\":2,\"instance\":\"x\"}";
    std::fs::write(newer.join("chatmetric-backup.json"), text).expect("written");
    check(backup(&backed.data_dir, &newer, &[]), "newer program");
    assert_eq!(files(&newer).len(), 1);
    for keep in ["0", "1001", "x"] {
        let ran = backup(&backed.data_dir, &backed.dest, &["--keep", keep]);
        assert!(ran.code == 2 && ran.stderr.contains("--keep"), "{ran:?}");
    }
    // Somebody uses it.
    let lock = std::fs::File::open(backed.dest.join("lock")).expect("there");
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockShared).expect("locked");
    check(backup(&backed.data_dir, &backed.dest, &[]), "uses");
    drop(lock);
    assert_eq!(files(&backed.dest), before);
}

/// What is not a run of ours stays where it is; what is left of a backup that was broken
/// off goes.
#[test]
fn strange_things_beside_the_runs_stay() {
    let backed = Backed::new();
    let runs = backed.dest.join("runs");
    let theirs = runs.join("theirs.run");
    std::fs::create_dir(&theirs).expect("made");
    std::fs::write(theirs.join("notes"), "mine").expect("written");
    std::fs::write(runs.join("notes"), "mine").expect("written");
    let stray = runs.join("7-7.run");
    std::fs::write(&stray, "of nobody").expect("written");
    let ran = backup(&backed.data_dir, &backed.dest, &["--keep", "1"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(theirs.join("notes").exists() && runs.join("notes").exists());
    assert!(!stray.exists());
    // Runs that are elsewhere over a link are no part of the place.
    let elsewhere = backed.folder.path().join("elsewhere-runs");
    std::fs::rename(&runs, &elsewhere).expect("renamed");
    symlink(&elsewhere, &runs).expect("linked");
    let before = files(&elsewhere);
    let ran = backup(&backed.data_dir, &backed.dest, &[]);
    assert!(ran.code == 1 && ran.stderr.contains("is a link"), "{ran:?}");
    assert_eq!(files(&elsewhere), before);
}

/// A backup that everybody can read and nobody can use helps nobody: a run whose header
/// is not the one that the store wrote down is refused when it would be copied.
#[test]
fn a_run_with_a_damaged_header_is_not_backed_up() {
    let backed = Backed::new();
    let store = Path::new(&backed.data_dir).join("store/runs");
    let all = std::fs::read_dir(&store).expect("read");
    let run = all.map(|it| it.expect("an entry").path()).next();
    let run = run.expect("a run");
    let whole = std::fs::read(&run).expect("read");
    let dest = backed.folder.path().join("fresh");
    let served = Served::start(&backed.data_dir);
    for at in [8, 16, 24] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        std::fs::write(&run, &flipped).expect("written");
        let ran = backup(&backed.data_dir, &dest, &[]);
        assert!(ran.code == 1 && ran.stderr.contains(&name(&run)), "{ran:?}");
        assert!(list_of(&dest).is_empty());
    }
    std::fs::write(&run, &whole).expect("written");
    assert_eq!(backup(&backed.data_dir, &dest, &[]).code, 0);
    drop(served.stop());
}

fn list_of(dest: &Path) -> Vec<serde_json::Value> {
    if dest.join("chatmetric-backup.json").exists() {
        list(dest)
    } else {
        Vec::new()
    }
}

/// A server that knows secrets, and all of them with its master key.
pub(super) struct Secrets {
    pub(super) folder: tempfile::TempDir,
    pub(super) data_dir: String,
    pub(super) served: Served,
    canaries: Vec<Vec<u8>>,
}

impl Secrets {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let data_dir = folder.path().join("data").display().to_string();
        // A first start, so that there is a file with secrets.
        let served = Served::start(&data_dir);
        let document = crate::process::DIRECTORY.replace("1000000000000001", "4000000000000004");
        let ran = run_with_input(
            &["apply", "-f", "-", "--data-dir", &data_dir],
            document.as_bytes(),
        );
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(
            post(&agent(), &served.url, "acme-wa", &body(0, 0, 5)),
            Some(200)
        );
        // A signed body that cannot be read is kept, sealed.
        assert_eq!(
            post(&agent(), &served.url, "acme-wa", "canary-of-a-body"),
            Some(200)
        );
        let first = std::fs::read_to_string(format!("{data_dir}/first-start.toml")).expect("there");
        let mut canaries: Vec<Vec<u8>> = first
            .lines()
            .filter_map(|line| Some(line.split_once("= \"")?.1.trim_end_matches('"')))
            .filter(|value| value.len() >= 20 && !value.starts_with("LTAI"))
            .map(|value| value.as_bytes().to_vec())
            .collect();
        assert_eq!(canaries.len(), 2, "a secret and a token: {first}");
        let key = std::fs::read_to_string(format!("{data_dir}.key")).expect("there");
        canaries.push(key.trim().as_bytes().to_vec());
        for text in [
            "owner-secret",
            "app-secret-one",
            "canary-of-a-body",
            "4915100000000",
            "wamid.w0.1",
        ] {
            canaries.push(text.as_bytes().to_vec());
        }
        Self {
            folder,
            data_dir,
            served,
            canaries,
        }
    }

    /// Looks for each of them in every byte.
    #[track_caller]
    pub(super) fn check(&self, place: &str, bytes: &[u8]) {
        for canary in &self.canaries {
            let found = bytes
                .windows(canary.len())
                .any(|it| it == canary.as_slice());
            let canary = String::from_utf8_lossy(canary);
            assert!(!found, "`{canary}` in {place}");
        }
    }
}

#[test]
fn no_secret_is_in_a_backup() {
    let secrets = Secrets::new();
    let dest = secrets.folder.path().join("backups");
    made(&secrets.data_dir, &dest, &[]);
    let backup: BTreeMap<PathBuf, Vec<u8>> = files(&dest);
    assert!(backup.len() >= 6, "{:?}", backup.keys());
    for (path, bytes) in &backup {
        secrets.check(&path.display().to_string(), bytes);
        let mode = path.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} is open to others", path.display());
    }
    let names: Vec<String> = backup.keys().map(|it| name(it)).collect();
    for secret in ["first-start.toml", "data.key", "nonces.log", "control.sock"] {
        assert!(!names.iter().any(|it| it == secret), "{secret}");
    }
    let mode = dest.metadata().expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(list(&dest).len(), 1);
}
