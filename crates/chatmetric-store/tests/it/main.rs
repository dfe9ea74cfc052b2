//! The integration tests of the crate, one binary.
//!
//! [`conformance`] holds the rules that every store obeys; a store joins with
//! one line below: a name and a function that makes an empty [`Subject`].

mod backup;
mod conformance;
mod conformance_explain;
mod conformance_model;
mod conformance_quarantine;
mod crash;
mod crash_quarantine;
mod damage;
mod embedded;
mod fault_disk;
mod fold_power;
mod model;
mod old_formats;
mod retention;
mod retire;
mod space;
mod split;
mod stream_offsets;
mod subject;
mod torture;

use chatmetric_store::{MemoryStore, Store};
use subject::{Subject, conformance};

/// The store in memory; there is nothing that could be opened again.
struct InMemory(MemoryStore);

impl Subject for InMemory {
    fn store(&self) -> &dyn Store {
        &self.0
    }
}

fn in_memory() -> Box<dyn Subject> {
    Box::new(InMemory(MemoryStore::new()))
}

conformance!(memory, super::in_memory);
