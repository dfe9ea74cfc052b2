//! What kills, stops at steps, failing disks and flipped bits must find: the
//! protections against them, broken one by one.
//!
//! A part of the list in `list.rs`; the same rules hold. The tests are those of
//! `cargo xtask torture`, in the size of CI.

use super::Mutant;

/// Arguments that run one test of the store.
macro_rules! test {
    ($name:literal) => {
        &["test", "-p", "chatmetric-store", "--test", "it", $name]
    };
}

/// The mutants of the tortures.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "torture-waiting",
        promise: "a store that takes events again says so",
        file: "crates/chatmetric-store/src/embedded/room.rs",
        find: "            // Space that was short for this is there again.\n            self.shared.set_waiting(None);\n",
        replace: "",
        test: test!("a_segment_that_could_not_grow_grows_when_there_is_space"),
    },
    Mutant {
        id: "torture-sync",
        promise: "nothing is acknowledged before its sync",
        file: "crates/chatmetric-store/src/embedded/frame.rs",
        find: "        self.file.write_at(&self.bytes, self.offset)?;\n        self.file.sync()?;\n",
        replace: "        self.file.sync()?;\n        self.file.write_at(&self.bytes, self.offset)?;\n",
        test: test!("a_power_cut_at_any_step_and_at_any_step_after_it_loses_and_doubles_nothing"),
    },
    Mutant {
        id: "torture-failed-sync",
        promise: "a failed sync is never taken for one that worked",
        file: "crates/chatmetric-store/src/embedded/frame.rs",
        find: "        self.file.sync()?;\n",
        replace: "        drop(self.file.sync());\n",
        test: test!("torture::io::a_call_that_fails_anywhere_is_never_a_false_acknowledgement"),
    },
    Mutant {
        id: "torture-segment",
        promise: "a segment goes after the commit of what was in it",
        file: "crates/chatmetric-store/src/embedded/sealer.rs",
        find: "    if let Err(error) = shared.catalog.commit(batch) {\n        // The engine",
        replace: "    let path = segment_path(dir, finished.published.segment);\n    drop(shared.options.disk.remove(&path));\n    if let Err(error) = shared.catalog.commit(batch) {\n        // The engine",
        test: test!("a_kill_at_any_change_and_one_in_the_recovery_lose_and_double_nothing"),
    },
    Mutant {
        id: "torture-run-sync",
        promise: "a run is durable before the manifest names it",
        file: "crates/chatmetric-store/src/embedded/sealer.rs",
        find: "    run.sync()?;\n",
        replace: "",
        test: test!("a_power_cut_at_any_step_and_at_any_step_after_it_loses_and_doubles_nothing"),
    },
    Mutant {
        id: "torture-engine",
        promise: "damage to the engine's journal is no torn tail of it",
        file: "crates/chatmetric-store/src/embedded/open.rs",
        find: "    engine_journal::check(&path)?;\n",
        replace: "    let _unchecked = engine_journal::check;\n",
        test: test!("a_flipped_bit_in_any_part_of_any_file_is_found_or_harmless"),
    },
    Mutant {
        id: "torture-catalog",
        promise: "a kill while the catalog is made leaves nothing that cannot be opened",
        file: "crates/chatmetric-store/src/embedded/open.rs",
        find: "        drop(Catalog::open(&new, options.cache_bytes)?);\n        let named = options.disk.rename(&new, &path);\n",
        replace: "        drop(Catalog::open(&path, options.cache_bytes)?);\n        let named = Ok::<_, std::io::Error>(());\n",
        test: test!("a_kill_at_the_calls_of_every_kind_of_file_loses_and_doubles_nothing"),
    },
];
