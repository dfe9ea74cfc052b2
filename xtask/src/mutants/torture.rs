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
        find: "        self.file.write_at(&self.bytes, self.offset)?;\n        let unsynced = self.next.0.saturating_sub(self.synced.0);\n        if unsynced > self.frame.unsynced_max {\n            self.sync_file(self.next)?;\n        }\n",
        replace: "        let unsynced = self.next.0.saturating_sub(self.synced.0);\n        if unsynced > self.frame.unsynced_max {\n            self.sync_file(self.next)?;\n        }\n        self.file.write_at(&self.bytes, self.offset)?;\n",
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
    Mutant {
        id: "power-sync",
        promise: "a sync of a file is one of the disk",
        file: "crates/chatmetric-store/src/embedded/disk.rs",
        find: "Ok(rustix::fs::fdatasync(&self.0)?)",
        replace: "Ok(())",
        test: test!("power_cuts_lose_and_double_nothing"),
    },
    Mutant {
        id: "power-frame",
        promise: "a frame is synced before it is acknowledged, and a real power cut shows it",
        file: "crates/chatmetric-store/src/embedded/frame.rs",
        find: "        self.file.sync()?;\n",
        replace: "",
        test: test!("power_cuts_lose_and_double_nothing"),
    },
    Mutant {
        id: "power-cut",
        promise: "a cut loses what was not flushed, or its controls say so",
        file: "crates/chatmetric-store/tests/it/torture/volatile.rs",
        find: "if random.chance(500) {",
        replace: "if random.chance(1000) {",
        test: test!("a_file_system_without_barriers_loses"),
    },
    Mutant {
        id: "corrupt-frame",
        promise: "a frame is believed by its checksum alone",
        file: "crates/chatmetric-store/src/embedded/journal.rs",
        find: "if frame_crc(frame) != fixed_u32(bytes, at + 4)? {",
        replace: "if frame_crc(frame) != fixed_u32(bytes, at + 4)? && frame.is_empty() {",
        test: test!("torture::corrupt::damage_of_any_kind_is_found_or_harmless"),
    },
    Mutant {
        id: "corrupt-block",
        promise: "a block of a run is believed by its checksum alone",
        file: "crates/chatmetric-store/src/embedded/run.rs",
        find: "if crc32c::crc32c(&block[4..]) != u32::from_le_bytes([a, b, c, d]) {",
        replace: "if crc32c::crc32c(&block[4..]) != u32::from_le_bytes([a, b, c, d]) && block.is_empty() {",
        test: test!("torture::corrupt::damage_of_any_kind_is_found_or_harmless"),
    },
    Mutant {
        id: "corrupt-byte",
        promise: "what is refused names the byte",
        file: "crates/chatmetric-store/src/embedded/run.rs",
        find: "fault::corrupt(&self.path, offset, \"the checksum of the block is wrong\")",
        replace: "fault::corrupt(&self.path, offset + 4096, \"the checksum of the block is wrong\")",
        test: test!("torture::corrupt::damage_of_any_kind_is_found_or_harmless"),
    },
    Mutant {
        id: "corrupt-day",
        promise: "a day is believed by its checksum alone",
        file: "crates/chatmetric-store/src/embedded/day_coding.rs",
        find: "right.then_some(body)",
        replace: "(right || !body.is_empty()).then_some(body)",
        test: test!("torture::corrupt::a_day_that_is_not_what_was_written_is_refused"),
    },
    Mutant {
        id: "corrupt-tables",
        promise: "damage to the engine's tables and their lists is found before it opens them",
        file: "crates/chatmetric-store/src/embedded/open.rs",
        find: "    engine_tables::check(&path)?;\n",
        replace: "    let _unchecked = engine_tables::check;\n",
        test: test!("damage::a_flipped_bit_in_any_part_of_any_file_is_found_or_harmless"),
    },
    Mutant {
        id: "upgrade-newer",
        promise: "a directory of a newer format is refused",
        file: "crates/chatmetric-store/src/embedded/recovery.rs",
        find: "if found > FORMAT {",
        replace: "if found > FORMAT + 1 {",
        test: test!("a_newer_format_in_any_directory_is_refused_and_no_byte_is_changed"),
    },
    Mutant {
        id: "upgrade-format",
        promise: "the format is raised in one step",
        file: "crates/chatmetric-store/src/embedded/recovery.rs",
        find: "let new = dir.join(\"FORMAT.new\");",
        replace: "let new = path.to_owned();",
        test: test!("a_migration_that_is_killed_at_any_change_is_repeated"),
    },
    Mutant {
        id: "upgrade-raised",
        promise: "what a start made of an older directory is told to older programs",
        file: "crates/chatmetric-store/src/embedded/open.rs",
        find: "        if is_older {\n",
        replace: "        if is_older && dir.as_os_str().is_empty() {\n",
        test: test!("a_migration_that_is_killed_at_any_change_is_repeated"),
    },
];
