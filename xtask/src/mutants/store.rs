//! The protections of the store and of the server's periodic work, broken one by
//! one, each with the test that must see it.
//!
//! A part of the list in `list.rs`; the same rules hold.

use super::Mutant;

/// The mutants of durability.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "filter-page",
        promise: "a filter that is damaged in its file hides no message",
        file: "crates/chatmetric-store/src/embedded/stored_filter.rs",
        find: "if known != Some(&crc32c::crc32c(bytes)) {",
        replace: "if known.is_none() {",
        test: test!(
            "chatmetric-store",
            lib,
            "damage_is_found_before_and_after_it_was_opened"
        ),
    },
    Mutant {
        id: "filter-line",
        promise: "a filter in its file says what it says in memory",
        file: "crates/chatmetric-store/src/embedded/stored_filter.rs",
        find: "let within = line % PAGE_BYTES as u64;",
        replace: "let within = (line + LINE_BYTES as u64) % PAGE_BYTES as u64;",
        test: test!(
            "chatmetric-store",
            lib,
            "it_says_what_the_filter_in_memory_says"
        ),
    },
    Mutant {
        id: "filter-parts",
        promise: "a filter that is made in parts has every message",
        file: "crates/chatmetric-store/src/embedded/filter_builder.rs",
        find: "        add(&mut words, &part.notes);\n",
        replace: "",
        test: test!(
            "chatmetric-store",
            lib,
            "a_filter_that_is_built_in_parts_is_the_same"
        ),
    },
    Mutant {
        id: "filter-scratch",
        promise: "a scratch file that changed makes no filter",
        file: "crates/chatmetric-store/src/embedded/filter_builder.rs",
        find: "if crc32c::crc32c(&chunk) != crc {",
        replace: "if false && crc == 0 {",
        test: test!(
            "chatmetric-store",
            lib,
            "a_scratch_file_that_changed_is_noticed"
        ),
    },
    Mutant {
        id: "old-runs",
        promise: "no writer waits while the kernel frees removed runs",
        file: "crates/chatmetric-store/src/embedded/shared.rs",
        find: "old.push(std::mem::replace(&mut *lock(&self.runs), runs));",
        replace: "let _ = &mut old; drop(std::mem::replace(&mut *lock(&self.runs), runs));",
        test: &[
            "test",
            "-p",
            "chatmetric-store",
            "--lib",
            "an_old_set_of_runs_is_let_go_of_by_the_merger",
        ],
    },
    Mutant {
        id: "run-order",
        promise: "a run that is sealed while weeks are dropped stays",
        file: "crates/chatmetric-store/src/embedded/sealer.rs",
        find: "run.in_place(shared.next_order(&guard))",
        replace: "run.in_place(runs.runs.last().map_or(1, |last| last.order + 1))",
        test: test!(
            "chatmetric-store",
            it,
            "a_run_sealed_while_weeks_are_dropped_takes_no_place_of_another"
        ),
    },
    Mutant {
        id: "retire-distance",
        promise: "a record is kept for 30 days behind the floor",
        file: "crates/chatmetric-store/src/embedded/cold.rs",
        find: "const STATUS_DISTANCE_MS: i64 = 30 * 86_400_000;",
        replace: "const STATUS_DISTANCE_MS: i64 = 0;",
        test: test!(
            "chatmetric-store",
            it,
            "a_week_goes_thirty_days_behind_the_floor_and_not_a_day_earlier"
        ),
    },
    Mutant {
        id: "retire-proof",
        promise: "a wrong tally never becomes the reference",
        file: "crates/chatmetric-store/src/embedded/verify.rs",
        find: "None => (Counts::ZERO, stored == recomputed.sum),",
        replace: "None => (Counts::ZERO, true),",
        test: test!(
            "chatmetric-store",
            lib,
            "a_wrong_tally_is_reported_and_never_frozen"
        ),
    },
    Mutant {
        id: "retire-late",
        promise: "a report beyond the longest distance leaves the tallies provable",
        file: "crates/chatmetric-store/src/embedded/run_set.rs",
        find: "passed && joined != Some(it.record)",
        replace: "passed && joined.is_none() && it.binding > 0",
        test: test!(
            "chatmetric-store",
            it,
            "a_report_after_the_longest_distance_leaves_the_tallies_provable"
        ),
    },
    Mutant {
        id: "claim-week",
        promise: "a claimed record is kept by its receipt",
        file: "crates/chatmetric-store/src/embedded/command.rs",
        find: "time = time.max(item.received_at);",
        replace: "time = time.max(EpochMs(0));",
        test: test!(
            "chatmetric-store",
            it,
            "a_claimed_record_is_kept_by_its_receipt_not_by_its_age"
        ),
    },
    Mutant {
        id: "frame-poison",
        promise: "half a frame is never published",
        file: "crates/chatmetric-store/src/embedded/frame.rs",
        find: "        built.inspect_err(|error| {\n            self.shared.poison(fault::chain(error));\n        })\n",
        replace: "        built.inspect_err(|error| tracing::debug!(reason = fault::chain(error)))\n",
        test: test!(
            "chatmetric-store",
            lib,
            "damage_in_the_middle_of_a_frame_stops_the_store"
        ),
    },
    Mutant {
        id: "expiry-resume",
        promise: "an interrupted expiry goes on",
        file: "crates/chatmetric-store/src/embedded/command.rs",
        find: "        let floor = self.floor.unwrap_or(floor);\n",
        replace: "        let floor = self.floor.unwrap_or(floor);\n        if self.frame.floor.is_none() && self.shared.floor() == Some(floor) {\n            return Ok(0);\n        }\n",
        test: test!(
            "chatmetric-store",
            it,
            "an_interrupted_expiry_goes_on_with_the_same_floor"
        ),
    },
    Mutant {
        id: "rewrite",
        promise: "what a start believes after a failed sync is written again",
        file: "crates/chatmetric-store/src/embedded/recovery.rs",
        find: "file.write_at(&bytes, 0)\n",
        replace: "file.write_at(&bytes[..0], 0)\n",
        test: test!(
            "chatmetric-store",
            it,
            "what_a_start_believes_after_a_failed_sync_survives_a_power_cut"
        ),
    },
    Mutant {
        id: "dir-name",
        promise: "a new directory is durable with its name",
        file: "crates/chatmetric-store/src/embedded/recovery.rs",
        find: "    disk.create_dir(dir)?;\n    disk.sync_dir(parent)\n",
        replace: "    disk.create_dir(dir)\n",
        test: test!(
            "chatmetric-store",
            it,
            "a_new_store_directory_survives_a_power_cut_with_its_name"
        ),
    },
    Mutant {
        id: "base",
        promise: "the first touch of a known message writes its record",
        file: "crates/chatmetric-store/src/embedded/writer.rs",
        find: "if before == MessageRecord::EMPTY {",
        replace: "if before == MessageRecord::EMPTY || after != before {",
        test: test!("chatmetric-store", it, "random_lives_equal_the_model"),
    },
    Mutant {
        id: "run-name",
        promise: "a run is durable with its name before the manifest names it",
        file: "crates/chatmetric-store/src/embedded/sealer.rs",
        find: "    shared\n        .options\n        .disk\n        .sync_dir(&dir)\n        .map_err(|error| fault::io(\"sync\", &dir, error))?;\n    pass(Step::RunNamed)",
        replace: "    drop(dir);\n    pass(Step::RunNamed)",
        test: test!(
            "chatmetric-store",
            it,
            "a_power_cut_keeps_all_that_was_acknowledged"
        ),
    },
    Mutant {
        id: "mark",
        promise: "damage to an acknowledged frame is no torn tail",
        file: "crates/chatmetric-store/src/embedded/frame.rs",
        find: "self.file.write_at(&mark, self.offset)",
        replace: "self.file.write_at(&mark[..0], self.offset)",
        test: test!(
            "chatmetric-store",
            it,
            "damage_to_the_last_synced_frame_is_refused_after_a_kill"
        ),
    },
    Mutant {
        id: "clean-stop",
        promise: "a clean stop remembers where the journals end",
        file: "crates/chatmetric-store/src/embedded.rs",
        find: "if self.shared.check().is_ok() && tails.len() == self.shared.shards.len() {",
        replace: "if self.shared.check().is_ok() && tails.is_empty() {",
        test: test!(
            "chatmetric-store",
            it,
            "a_swapped_or_missing_file_is_refused"
        ),
    },
    Mutant {
        id: "candidates-newest",
        promise: "the newest record of a message wins, however many runs there are",
        file: "crates/chatmetric-store/src/embedded/run_set.rs",
        find: "            let at = mask.trailing_zeros() as usize;\n            mask &= mask - 1;\n            let run = self.runs.iter().rev().nth(at);\n            if let Some(run) = run\n",
        replace: "            let at = mask.ilog2() as usize;\n            mask &= !(1 << at);\n            let run = self.runs.iter().rev().nth(at);\n            if let Some(run) = run\n",
        test: test!("chatmetric-store", lib, "run_set"),
    },
    Mutant {
        id: "candidates-all",
        promise: "runs behind the last candidate are asked too",
        file: "crates/chatmetric-store/src/embedded/run_set.rs",
        find: "        if self.runs.len() <= CANDIDATES_MAX {\n",
        replace: "        if self.runs.len() <= 2 * CANDIDATES_MAX {\n",
        test: test!("chatmetric-store", lib, "run_set"),
    },
    Mutant {
        id: "block-share",
        promise: "a message is looked for in the block where it is",
        file: "crates/chatmetric-store/src/embedded/run.rs",
        find: "        while low > 0 && !begins_before(low) {\n",
        replace: "        if low > 0 && !begins_before(low) {\n",
        test: test!("chatmetric-store", lib, "run::tests"),
    },
    Mutant {
        id: "pin-first",
        promise: "a reader pins the generations before the snapshot",
        file: "crates/chatmetric-store/src/embedded/read.rs",
        find: "    let pinned = shard.view();\n    // The span comes after the pin, so it holds what the pin does not.\n    let span = match shared.day_cache.get(binding, days) {\n        Some(span) => span,\n        None => load_span(shared, shard, binding, days)?,\n    };\n",
        replace: "    let span = match shared.day_cache.get(binding, days) {\n        Some(span) => span,\n        None => load_span(shared, shard, binding, days)?,\n    };\n    let pinned = shard.view();\n",
        test: test!("chatmetric-store", it, "readers_never_see_a_seal"),
    },
    Mutant {
        id: "cache-before-view",
        promise: "cached days follow a seal before its generation leaves",
        file: "crates/chatmetric-store/src/embedded/sealer.rs",
        find: "    if let Some(shard) = shared.shards.get(shard as usize) {\n        shared.day_cache.apply(days, next, &shard.sealed);\n    }\n    drop(guard);\n    shared.step(Step::SealCommitted)?;\n    committed();\n",
        replace: "    committed();\n    shared.step(Step::SealCommitted)?;\n    if let Some(shard) = shared.shards.get(shard as usize) {\n        shared.day_cache.apply(days, next, &shard.sealed);\n    }\n    drop(guard);\n",
        test: test!(
            "chatmetric-store",
            it,
            "cached_days_are_never_mixed_with_newer_ones"
        ),
    },
    Mutant {
        id: "both-shards",
        promise: "a batch is acknowledged after all of its shards",
        file: "crates/chatmetric-store/src/embedded.rs",
        find: "        if joint.open > 0 {",
        replace: "        if joint.done.is_none() {",
        test: test!(
            "chatmetric-store",
            it,
            "three_shards::a_workload_is_counted_as_the_model_counts"
        ),
    },
    Mutant {
        id: "newest-merge",
        promise: "the newest record of a message survives a merge",
        file: "crates/chatmetric-store/src/embedded/run_set.rs",
        find: "for at in (0..runs.len()).rev() {",
        replace: "for at in 0..runs.len() {",
        test: test!(
            "chatmetric-store",
            lib,
            "the_newest_record_wins_in_look_ups_walks_and_merges"
        ),
    },
    Mutant {
        id: "floor-sealed",
        promise: "the floor is durable in the catalog",
        file: "crates/chatmetric-store/src/embedded/sealer.rs",
        find: "batch.insert(meta, \"floor\", floor.to_le_bytes());",
        replace: "batch.insert(meta, \"floor.\", floor.to_le_bytes());",
        test: test!("chatmetric-store", it, "the_floor_is_monotone"),
    },
    Mutant {
        id: "floor-journal",
        promise: "the floor is durable in the journal",
        file: "crates/chatmetric-store/src/embedded/generation.rs",
        find: "Entry::Floor { floor } => side.floor = side.floor.max(Some(floor)),",
        replace: "Entry::Floor { floor } => side.floor = side.floor.min(Some(floor)),",
        test: test!("chatmetric-store", it, "the_floor_is_monotone"),
    },
    Mutant {
        id: "retention-least",
        promise: "what a report may still name is kept",
        file: "crates/chatmetric-store/src/embedded/retention.rs",
        find: "keep.max(TALLY_DAYS_BEHIND_FLOOR_MIN)",
        replace: "keep.max(TALLY_DAYS_BEHIND_FLOOR_MIN.min(1))",
        test: test!(
            "chatmetric-store",
            it,
            "what_a_report_may_still_name_is_always_kept"
        ),
    },
    Mutant {
        id: "retention-read",
        promise: "a dropped day stays dropped",
        file: "crates/chatmetric-store/src/embedded/read.rs",
        find: "(*days.start()).max(shared.first_day())",
        replace: "(*days.start()).max(UtcDay(0))",
        test: test!(
            "chatmetric-store",
            it,
            "a_change_of_a_dropped_day_stays_unseen"
        ),
    },
    Mutant {
        id: "retention-verify",
        promise: "a dropped day does not make the tallies look wrong",
        file: "crates/chatmetric-store/src/embedded/verify.rs",
        find: "            day >= first_day && (",
        replace: "            day >= first_day.min(UtcDay(0)) && (",
        test: test!(
            "chatmetric-store",
            it,
            "a_change_of_a_dropped_day_stays_unseen"
        ),
    },
    Mutant {
        id: "memory",
        promise: "the hot window follows the memory that it may take",
        file: "crates/chatmetric-store/src/embedded/options.rs",
        find: "let generation = size(part(45)) / generations_percent * 100;",
        replace: "let generation = size(bytes) + 0 * generations_percent;",
        test: test!(
            "chatmetric-store",
            it,
            "little_memory_makes_small_generations"
        ),
    },
    Mutant {
        id: "floor-moves",
        promise: "the floor follows the clock",
        file: "crates/chatmetric/src/server/background.rs",
        find: "        self.move_floor(app);\n",
        replace: "",
        test: test!("chatmetric", it, "the_floor_follows_the_clock"),
    },
    Mutant {
        id: "floor-step",
        promise: "a clock that jumps makes no month late at once",
        file: "crates/chatmetric/src/server/background.rs",
        find: "let uptime = i64::try_from(uptime_ms).unwrap_or(i64::MAX);",
        replace: "let uptime = i64::try_from(uptime_ms).map_or(0, |_| i64::MAX);",
        test: test!(
            "chatmetric",
            it,
            "a_clock_that_jumps_moves_the_floor_by_the_allowed_step_only"
        ),
    },
    Mutant {
        id: "look-again",
        promise: "what an old picture held is claimed later",
        file: "crates/chatmetric/src/ingest/claim.rs",
        find: "if !changed && !self.again && now_ms < self.next_ms {",
        replace: "if !changed && !self.again {",
        test: test!(
            "chatmetric",
            it,
            "a_batch_that_was_held_by_an_old_picture_is_claimed_a_minute_later"
        ),
    },
    Mutant {
        id: "look-on",
        promise: "a look goes on where the last one stopped",
        file: "crates/chatmetric/src/ingest/claim.rs",
        find: "            Place::Within => {}\n            Place::End => self.walk = None,",
        replace: "            Place::Within | Place::End => self.walk = None,",
        test: test!(
            "chatmetric",
            it,
            "a_claim_is_found_behind_everything_else_that_is_held"
        ),
    },
    Mutant {
        id: "replay-item",
        promise: "an item is replayed once",
        file: "crates/chatmetric-store/src/embedded/command.rs",
        find: "writer.remove_item(*id);",
        replace: "let _ = id;",
        test: &[
            "test",
            "-p",
            "chatmetric-store",
            "--test",
            "it",
            "a_replay_counts_in_the_place_of_the_item",
        ],
    },
    Mutant {
        id: "replay-late",
        promise: "what came late is never counted",
        file: "crates/chatmetric-store/src/api.rs",
        find: "if item.reason == Reason::Late {",
        replace: "if false {",
        test: &[
            "test",
            "-p",
            "chatmetric-store",
            "--test",
            "it",
            "a_replay_is_refused_as_a_whole",
        ],
    },
    Mutant {
        id: "replay-home-last",
        promise: "a replay that ended half way can be repeated",
        file: "crates/chatmetric-store/src/embedded/replay.rs",
        find: "    for (shard, events) in parts.into_iter().enumerate() {",
        replace: "    store.command(part(Vec::new(), Some(id)), home..home + 1)?;\n    for (shard, events) in parts.into_iter().enumerate() {",
        test: &[
            "test",
            "-p",
            "chatmetric-store",
            "--test",
            "it",
            "a_replay_over_shards_is_repeated_after_any_failed_sync",
        ],
    },
    Mutant {
        id: "old-runs-poll",
        promise: "removed runs are freed although nothing else is to be done",
        file: "crates/chatmetric-store/src/embedded/merger.rs",
        find: "let longest = if left == 0 { IDLE_WAIT } else { LEFT_WAIT };",
        replace: "let _ = (left, LEFT_WAIT); let longest = IDLE_WAIT;",
        test: &[
            "test",
            "-p",
            "chatmetric-store",
            "--lib",
            "an_old_set_of_runs_is_let_go_of_by_the_merger",
        ],
    },
    Mutant {
        id: "old-runs-failing",
        promise: "old runs take no space and memory while merges fail",
        file: "crates/chatmetric-store/src/embedded/merger.rs",
        find: "            shared.let_go_of_old_runs();\n            if shared.stopping() || shared.check().is_err() {",
        replace: "            if shared.stopping() || shared.check().is_err() {",
        test: &[
            "test",
            "-p",
            "chatmetric-store",
            "--lib",
            "old_sets_are_let_go_of_while_merges_fail",
        ],
    },
];
