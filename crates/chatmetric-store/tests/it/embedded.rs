//! The embedded store as a subject of the conformance suite: as it is shipped,
//! with tiny generations, with filters that stay on disk, with several shards, and opened
//! again at every step.

use crate::subject::{Subject, conformance};
use chatmetric_store::{EmbeddedStore, Options, Store};
use tempfile::TempDir;

/// Generations of a handful of messages, so that rules run through seals, merges
/// and look-ups in runs.
pub(crate) fn tiny() -> Options {
    Options {
        generation_records_max: 2,
        generation_day_bytes_max: 16 * 1024,
        segment_bytes: 8 * 1024,
        merge_fan_in: 2,
        ..Options::default()
    }
}

struct Embedded {
    store: Option<EmbeddedStore>,
    options: Options,
    reopen: bool,
    steps: u32,
    dir: TempDir,
}

impl Embedded {
    fn make(options: Options, reopen: bool) -> Box<dyn Subject> {
        let dir = tempfile::tempdir().expect("a directory");
        let store = EmbeddedStore::open(dir.path(), options.clone()).expect("opens");
        Box::new(Self {
            store: Some(store),
            options,
            reopen,
            steps: 0,
            dir,
        })
    }
}

impl Subject for Embedded {
    fn store(&self) -> &dyn Store {
        self.store.as_ref().expect("open")
    }

    fn step(&mut self) {
        self.steps += 1;
        // Opening costs milliseconds; every other step is often enough to catch
        // what only memory knows.
        if self.reopen && self.steps.is_multiple_of(2) {
            drop(self.store.take());
            let store = EmbeddedStore::open(self.dir.path(), self.options.clone());
            self.store = Some(store.expect("opens again"));
        }
    }
}

mod make {
    use super::{Embedded, Options, Subject, tiny};

    fn sharded(shards: u32) -> Options {
        Options { shards, ..tiny() }
    }

    pub(super) fn shipped() -> Box<dyn Subject> {
        Embedded::make(Options::default(), false)
    }

    pub(super) fn small() -> Box<dyn Subject> {
        Embedded::make(tiny(), false)
    }

    pub(super) fn filters_on_disk() -> Box<dyn Subject> {
        let options = Options {
            filter_bytes_max: 0,
            merge_filter_bytes_max: 0,
            ..tiny()
        };
        Embedded::make(options, false)
    }

    pub(super) fn reopened() -> Box<dyn Subject> {
        Embedded::make(tiny(), true)
    }

    pub(super) fn three_shards() -> Box<dyn Subject> {
        Embedded::make(sharded(3), true)
    }
}

conformance!(shipped, super::make::shipped);
conformance!(tiny_generations, super::make::small);
conformance!(filters_on_disk, super::make::filters_on_disk);
conformance!(reopened, super::make::reopened);
conformance!(three_shards, super::make::three_shards);
