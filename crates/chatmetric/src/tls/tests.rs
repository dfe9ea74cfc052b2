//! When changed files are read, and which files name a CA.

use super::certificates::{Issued, TestCa, VALID_YEARS};
use super::{CaFile, CaFileError, PairFiles, Served};
use chatmetric_core::EpochMs;
use rustls::ServerConfig;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

const NOW: EpochMs = EpochMs(1_767_226_600_000);

struct Files {
    ca: TestCa,
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let files = Self {
            ca: TestCa::new().expect("a CA"),
            folder: tempfile::tempdir().expect("a directory"),
        };
        let issued = files.issue();
        files.write_certificate(&issued);
        files.write_key(&issued);
        files
    }

    fn issue(&self) -> Issued {
        self.ca.issue(&["localhost"], VALID_YEARS).expect("issued")
    }

    fn pair(&self) -> PairFiles {
        PairFiles {
            certificate: self.folder.path().join("server.pem"),
            key: self.folder.path().join("server.key"),
        }
    }

    fn write_certificate(&self, issued: &Issued) {
        write(&self.pair().certificate, &issued.certificate);
    }

    fn write_key(&self, issued: &Issued) {
        write(&self.pair().key, &issued.key);
    }
}

fn write(path: &Path, text: &str) {
    drop(std::fs::remove_file(path));
    std::fs::write(path, text).expect("written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("set");
}

fn open(files: &Files) -> (Served, Arc<ServerConfig>) {
    let served = Served::open(files.pair(), NOW).expect("a pair");
    let config = served.config();
    (served, config)
}

#[test]
fn changed_files_are_read_when_they_are_at_rest() {
    let files = Files::new();
    let (served, first) = open(&files);
    let issued = files.issue();
    // A renewal that is seen between its two files is no error and no change.
    files.write_certificate(&issued);
    served.look(NOW);
    files.write_key(&issued);
    served.look(NOW);
    assert!(Arc::ptr_eq(&served.config(), &first), "still moving");
    served.look(NOW);
    let second = served.config();
    assert!(!Arc::ptr_eq(&second, &first), "at rest");
    served.look(NOW);
    assert!(Arc::ptr_eq(&served.config(), &second), "nothing changed");
}

#[test]
fn what_is_no_pair_is_tried_again_when_it_changes_or_is_asked_for() {
    let files = Files::new();
    let (served, first) = open(&files);
    let issued = files.issue();
    files.write_key(&issued);
    for _ in 0..4 {
        served.look(NOW);
    }
    served.reread(NOW);
    assert!(Arc::ptr_eq(&served.config(), &first), "no pair");
    std::fs::remove_file(files.pair().certificate).expect("removed");
    for _ in 0..4 {
        served.look(NOW);
    }
    assert!(Arc::ptr_eq(&served.config(), &first), "no certificate");
    files.write_certificate(&issued);
    served.reread(NOW);
    let second = served.config();
    assert!(!Arc::ptr_eq(&second, &first), "a pair, at once");
    served.reread(NOW);
    assert!(!Arc::ptr_eq(&served.config(), &second), "asked for");
}

#[test]
fn a_ca_file_holds_certificates_and_nothing_broken() {
    let files = Files::new();
    let other = TestCa::new().expect("a CA");
    let path = files.folder.path().join("ca.pem");
    write(
        &path,
        &format!("a comment\n{}{}", files.ca.pem(), other.pem()),
    );
    assert_eq!(CaFile::read(&path).expect("two CAs").roots().count(), 2);
    write(&path, &files.issue().key);
    assert!(matches!(
        CaFile::read(&path),
        Err(CaFileError::Empty { .. })
    ));
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    write(&path, &format!("{}{broken}", files.ca.pem()));
    assert!(matches!(
        CaFile::read(&path),
        Err(CaFileError::Root { place: 2, .. })
    ));
    write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n");
    assert!(matches!(CaFile::read(&path), Err(CaFileError::Pem { .. })));
}
