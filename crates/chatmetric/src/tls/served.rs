//! What new connections are served with, and its exchange when the files change.
//!
//! The files are looked at every [`LOOK_INTERVAL`]: length, times and identity,
//! not content. Changed files are read once they were seen unchanged twice, so
//! that a renewal that writes one after the other is not caught half-way.
//!
//! Invariant: new files that are no pair change nothing; connections that exist
//! go on with what they began with.

use super::pair::{Pair, PairError, PairFiles, Validity};
use arc_swap::ArcSwap;
use chatmetric_core::EpochMs;
use chatmetric_rpc::format_utc_seconds;
use rustls::ServerConfig;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often the files are looked at; a change is served after at most two looks.
pub const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// The certificate that is served now, and where the next one comes from.
pub(crate) struct Served {
    files: PairFiles,
    config: ArcSwap<ServerConfig>,
    state: Mutex<State>,
}

struct State {
    /// The certificate's, to name it.
    file: PathBuf,
    /// The files as they were at the last look.
    seen: Stamps,
    /// The files as they were when they were last read, with or without success.
    read: Stamps,
    /// Of the pair that is served.
    validity: Option<Validity>,
    /// What was last said about it.
    told: Timeliness,
}

/// Whether a certificate is valid at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Timeliness {
    NotYet,
    Valid,
    Expired,
}

/// Both files without their content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamps {
    certificate: Option<Stamp>,
    key: Option<Stamp>,
}

/// What changes when a file is replaced, written to, or its mode is corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Served {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub(crate) fn open(files: PairFiles, now: EpochMs) -> Result<Self, Vec<PairError>> {
        // Before they are read: what changes in between is seen as a change.
        let stamps = Stamps::of(&files);
        let pair = Pair::read(&files)?;
        let mut state = State {
            file: files.certificate.clone(),
            seen: stamps,
            read: stamps,
            validity: pair.validity,
            told: Timeliness::Valid,
        };
        state.tell_timeliness(now);
        Ok(Self {
            files,
            config: ArcSwap::new(pair.config),
            state: Mutex::new(state),
        })
    }

    /// What a new connection begins with.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.load_full()
    }

    /// Looks at the files and reads them when they changed and are at rest.
    pub(crate) fn look(&self, now: EpochMs) {
        let stamps = Stamps::of(&self.files);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let at_rest = state.seen == stamps;
        state.seen = stamps;
        if at_rest && state.read != stamps {
            self.read_again(&mut state, stamps);
        }
        state.tell_timeliness(now);
    }

    /// Reads the files, changed or not: somebody asked for it.
    pub(crate) fn reread(&self, now: EpochMs) {
        let stamps = Stamps::of(&self.files);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.seen = stamps;
        self.read_again(&mut state, stamps);
        state.tell_timeliness(now);
    }

    fn read_again(&self, state: &mut State, stamps: Stamps) {
        state.read = stamps;
        match Pair::read(&self.files) {
            Ok(pair) => {
                state.validity = pair.validity;
                state.told = Timeliness::Valid;
                self.config.store(pair.config);
                let until = pair.validity.and_then(|validity| shown(validity.not_after));
                tracing::info!(file = %state.file.display(), valid_until = until, "new connections get the TLS files as they are now");
            }
            Err(errors) => {
                for error in errors {
                    tracing::error!(
                        setting = error.setting(),
                        error = crate::cli::error_chain(&error),
                        "the TLS files cannot be used; the certificate of before is served on"
                    );
                }
            }
        }
    }
}

impl State {
    /// Says it once when the certificate is not valid; clients will refuse it.
    fn tell_timeliness(&mut self, now: EpochMs) {
        let Some(validity) = self.validity else {
            return;
        };
        let timeliness = validity.at(now);
        if self.told == timeliness {
            return;
        }
        self.told = timeliness;
        match timeliness {
            Timeliness::Valid => {}
            Timeliness::NotYet => tracing::warn!(
                file = %self.file.display(),
                valid_from = shown(validity.not_before),
                "the TLS certificate is not valid yet"
            ),
            Timeliness::Expired => tracing::warn!(
                file = %self.file.display(),
                valid_until = shown(validity.not_after),
                "the TLS certificate has expired"
            ),
        }
    }
}

impl Validity {
    fn at(self, now: EpochMs) -> Timeliness {
        if now < self.not_before {
            Timeliness::NotYet
        } else if now > self.not_after {
            Timeliness::Expired
        } else {
            Timeliness::Valid
        }
    }
}

impl Stamps {
    fn of(files: &PairFiles) -> Self {
        Self {
            certificate: Stamp::of(&files.certificate),
            key: Stamp::of(&files.key),
        }
    }
}

impl Stamp {
    /// `None` for a file that is not there; reading it says why.
    fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|file: Metadata| Self {
            device: file.dev(),
            inode: file.ino(),
            bytes: file.len(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        })
    }
}

fn shown(time: EpochMs) -> Option<String> {
    format_utc_seconds(time.0.div_euclid(1_000))
}
