//! Two nodes with one list of changes in memory: what one does, the other has.

use super::*;
use crate::directory::{ApplyOptions, Document, Format, InlineOnly, Snapshot};
use crate::entropy::SeededEntropy;
use crate::master_key::MasterKey;
use chatmetric_core::EpochMs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// A list in memory; `before_next` is made by somebody else before the next proposal.
#[derive(Default)]
struct List {
    changes: Mutex<Vec<Vec<u8>>>,
    is_away: AtomicBool,
}

impl List {
    fn len(&self) -> usize {
        self.changes.lock().expect("sound").len()
    }
}

impl ChangeLog for List {
    fn propose(&self, revision: u64, change: Vec<u8>) -> Result<(), ProposeError> {
        if self.is_away.load(Ordering::SeqCst) {
            return Err(ProposeError::Unknown("away".to_owned()));
        }
        let mut changes = self.changes.lock().expect("sound");
        if u64::try_from(changes.len()).expect("few") + 1 != revision {
            return Err(ProposeError::Taken);
        }
        changes.push(change);
        Ok(())
    }

    fn take(&self, revision: u64) -> Option<Vec<u8>> {
        let at = usize::try_from(revision).expect("few").checked_sub(1)?;
        self.changes.lock().expect("sound").get(at).cloned()
    }

    fn refresh(&self) -> Result<(), String> {
        Ok(())
    }
}

struct Node {
    directory: Directory,
    _dir: tempfile::TempDir,
}

fn key() -> MasterKey {
    MasterKey::from_bytes([7; 32])
}

/// Two nodes that begin with the same file.
fn two(list: &Arc<List>) -> [Node; 2] {
    let first = tempfile::tempdir().expect("a directory");
    let second = tempfile::tempdir().expect("a directory");
    let open = |dir: &tempfile::TempDir, seed| {
        let entropy = Arc::new(SeededEntropy::new(seed));
        Directory::open(dir.path(), key(), entropy).expect("opens")
    };
    let one = open(&first, 1);
    let copy = second.path().join(crate::directory::DIRECTORY_FILE);
    one.backup_to(&copy).expect("copied");
    let other = open(&second, 2);
    for directory in [&one, &other] {
        let log: Arc<List> = Arc::clone(list);
        directory.share(log).expect("shared");
    }
    [(one, first), (other, second)].map(|(directory, dir)| Node {
        directory,
        _dir: dir,
    })
}

const DOCUMENT: &str = r#"
[[account]]
id = "1000000000000001"
name = "ac'me"
[[account.access_key]]
id = "LTAIownerkey0000000001"
secret = "a secret of 24 characters"
[[account.space]]
id = "293483938849493"
default = true
time_zone = "Asia/Singapore"
numbers = ["+1 555-010-0101"]
[[account.policy]]
name = "MetricsRead"
document = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"cams:*","Resource":"*"}]}'
[[account.user]]
name = "reader"
policies = ["MetricsRead"]
console = true
"#;

const NOW: EpochMs = EpochMs(1_800_000_000_000);

fn apply(node: &Node, text: &str, prune: bool) -> Result<usize, crate::directory::ApplyError> {
    let document = Document::parse(text, Format::Toml, &InlineOnly);
    let document = document.expect("a document");
    let options = ApplyOptions {
        prune,
        dry_run: false,
    };
    Ok(node.directory.apply(&document, options, NOW)?.changes.len())
}

/// All rows of the shared tables, as text.
fn all_rows(node: &Node) -> Vec<String> {
    let writer = node.directory.lock();
    rows::dump(&writer.connection)
}

fn snapshot(node: &Node) -> Arc<Snapshot> {
    node.directory.follow().expect("follows");
    node.directory.snapshot()
}

#[test]
fn what_one_node_does_the_other_has_row_by_row() {
    let list = Arc::new(List::default());
    let [one, other] = two(&list);
    assert!(apply(&one, DOCUMENT, false).expect("applied") > 0);
    assert_eq!(snapshot(&other).accounts().count(), 1);
    assert_eq!(all_rows(&one), all_rows(&other));

    // Deleted rows take others with them, and triggers act: on the first node alone.
    let less = "[[account]]\nid = \"1000000000000001\"\nname = \"acme\"\n\
                [[account.space]]\nid = \"5\"\ndefault = true\nnumbers = []\n";
    assert!(apply(&other, less, true).expect("applied") > 0);
    snapshot(&one);
    assert_eq!(all_rows(&one), all_rows(&other));
    assert_eq!(one.directory.revision().expect("reads"), 2);
}

#[test]
fn a_change_is_made_on_top_of_all_others() {
    let list = Arc::new(List::default());
    let [one, other] = two(&list);
    apply(&one, DOCUMENT, false).expect("applied");
    // The second node has not heard of it, and its change is a change of what is there now.
    assert_eq!(apply(&other, DOCUMENT, false).expect("applied"), 0);
    assert_eq!(list.len(), 1);
    let number = "15550100199".parse().expect("a number");
    let space = snapshot(&other)
        .space("293483938849493")
        .expect("there")
        .key;
    let bound = one.directory.bind_number(space, number, NOW);
    assert_eq!(bound.expect("bound"), crate::directory::BindOutcome::Bound);
    let again = other.directory.bind_number(space, number, NOW);
    let already = crate::directory::BindOutcome::AlreadyBound;
    assert_eq!(again.expect("looked up"), already);
    assert_eq!(list.len(), 2);
}

#[test]
fn what_the_servers_do_not_take_changes_nothing() {
    let list = Arc::new(List::default());
    let [one, _other] = two(&list);
    list.is_away.store(true, Ordering::SeqCst);
    let before = all_rows(&one);
    let error = apply(&one, DOCUMENT, false).expect_err("refused");
    assert!(crate::cli::error_chain(&error).contains("away"), "{error}");
    assert_eq!(all_rows(&one), before);
    assert_eq!(snapshot(&one).accounts().count(), 0);
    list.is_away.store(false, Ordering::SeqCst);
    apply(&one, DOCUMENT, false).expect("applied");
}

#[test]
fn changes_open_under_the_master_key_alone() {
    let list = Arc::new(List::default());
    let [one, other] = two(&list);
    list.changes
        .lock()
        .expect("sound")
        .push(b"not ours".to_vec());
    assert!(one.directory.follow().is_err());
    assert!(apply(&other, DOCUMENT, false).is_err());
    let written = list.changes.lock().expect("sound").join(&b' ');
    assert!(!String::from_utf8_lossy(&written).contains("acme"));
}
