//! The promises: what is said, which tests hold it, how much of them CI does, and the long
//! run of a release.
//!
//! Invariant: every test that is named exists (tested).

/// One promise.
pub(super) struct Promise {
    /// Its name on the command line.
    pub(super) id: &'static str,
    /// What is promised.
    pub(super) what: &'static str,
    /// Names of tests.
    pub(super) tests: &'static [&'static str],
    /// What CI does each time.
    pub(super) ci: &'static str,
    /// Arguments of `cargo xtask` for the long run; none when CI does all of it.
    pub(super) release: &'static [&'static str],
    /// What is not covered.
    pub(super) uncovered: &'static [&'static str],
}

const fn promise(
    id: &'static str,
    what: &'static str,
    tests: &'static [&'static str],
    ci: &'static str,
    release: &'static [&'static str],
    uncovered: &'static [&'static str],
) -> Promise {
    Promise {
        id,
        what,
        tests,
        ci,
        release,
        uncovered,
    }
}

/// All of them.
#[rustfmt::skip]
pub(super) const PROMISES: &[Promise] = &[
    promise("kill", "What was acknowledged survives kill -9, and counts once",
        &["what_was_acknowledged_survives_kill_9_and_counts_once", "random_kills_under_load_and_in_starts_lose_and_double_nothing", "a_kill_at_the_calls_of_every_kind_of_file_loses_and_doubles_nothing"],
        "200 kills: under load, in starts, at every change of a file, at system calls",
        &["torture", "kill", "--cycles", "10000"], &[]),
    promise("power", "… and a power cut that loses or reorders what was not synced",
        &["power_cuts_lose_and_double_nothing", "a_file_system_without_barriers_loses", "a_store_whose_syncs_do_nothing_loses", "a_power_cut_at_any_step_and_at_any_step_after_it_loses_and_doubles_nothing", "a_power_cut_takes_a_few_folds_from_the_end", "a_store_whose_syncs_do_nothing_loses_more"],
        "20 cuts of a real process on ext4 and xfs over a block device with a volatile cache; without barriers, and without syncs, it must lose; every pair of steps of the store on a disk in memory, half of them with a cut and half with a kill",
        &["torture", "power", "--cycles", "400"],
        &["the directory of accounts (SQLite) is not below these cuts"]),
    promise("io", "An error of a write or a sync is never a false acknowledgement",
        &["a_call_that_fails_anywhere_is_never_a_false_acknowledgement", "a_system_call_that_fails_anywhere_is_never_a_false_acknowledgement", "a_full_file_system_is_answered_with_503_until_there_is_room_again"],
        "200 failing calls, and a file system that is filled",
        &["torture", "io", "--cycles", "2000"], &[]),
    promise("once", "Counted exactly once whatever is repeated, reordered or late",
        &["order_and_copies_change_nothing", "workloads_are_counted_as_the_model_counts", "a_workload_is_counted_as_the_model_counts"],
        "property tests of the rules, and workloads against an independent model",
        &["release", "counting"], &[]),
    promise("lives", "… through whole lives: lost posts and answers, crashes, disks that fail, clocks that jump",
        &["whatever_happens_everything_is_counted_exactly_once", "seeds_that_failed_once_do_not_fail_again"],
        "50 seeds and those that failed once: some 1,000 hours of virtual time",
        &["sim", "--hours", "0.25"],
        &["streams, files and several nodes are not simulated", "a seed may need several tries to fail again: the store has threads"]),
    promise("explained", "What made a count is kept in its commit, and sums up to it",
        &["any_history_is_explained_as_the_reference_explains_it", "notes_are_counted_once_while_they_are_sealed", "a_count_is_never_seen_without_its_source", "random_lives_equal_the_model"],
        "histories against a reference; the tests of crashes and of failing disks in the process check it too", &[],
        &["the kills of a process of its own compare counts, not explanations"]),
    promise("model", "Answers are right: through an official SDK, for random events, zones, ranges and granularities",
        &["a_workload_answers_as_the_model_does", "pages_draw_what_the_api_answers"],
        "the model, through the official Python SDK, with a few seeds",
        &["release", "model"], &[]),
    promise("corrupt", "Damage is found, never served",
        &["damage_of_any_kind_is_found_or_harmless", "a_day_that_is_not_what_was_written_is_refused", "a_flipped_bit_in_any_part_of_any_file_is_found_or_harmless", "a_torn_tail_is_cut_at_every_byte"],
        "200 files flipped, cut short, zeroed or swapped, 240 flips over all files, every byte of a torn tail",
        &["torture", "corrupt", "--cycles", "10000"],
        &["what the engine of the transactional part refuses names its folder, often without an offset"]),
    promise("signature", "Who is not verified gets nothing: what is accepted means what was signed",
        &["whatever_is_accepted_means_what_the_original_meant", "the_comparison_would_catch_a_verifier_that_forgets_the_body_a_header_or_a_parameter"],
        "100,000 changed requests",
        &["release", "signatures"], &[]),
    promise("tenancy", "One account never sees or changes what is another's",
        &["tenancy_of_every_actor_operation_and_object", "foreign_and_unknown_are_the_same_answer", "an_account_never_sees_what_is_anothers"],
        "a matrix of actors, operations and objects",
        &["bench", "timing"],
        &["times are compared over one connection to a program on the same machine"]),
    promise("replay", "A request works once, across restarts; calls are throttled to the second",
        &["a_restart_does_not_make_replays_possible", "a_disk_that_was_full_does_not_make_replays_possible", "fifty_calls_a_second_and_not_one_more", "threads_at_once_get_exactly_fifty"],
        "all of it", &[], &[]),
    promise("limits", "Memory is bounded: bodies, heads, connections, bombs, slow clients",
        &["bodies_above_the_limit_get_their_answer", "heads_that_are_too_much_or_no_http", "more_connections_than_allowed_wait", "ten_thousand_idle_connections_take_bounded_memory_and_hold_nobody_up", "bombs_take_no_memory", "an_account_with_too_much_in_flight_is_refused_and_others_are_served", "accounts_take_turns_whatever_each_has_waiting", "who_sends_little_is_not_held_up_on_the_way_to_the_disk", "who_sends_too_slowly_is_told_or_closed"],
        "each limit; slow heads and bodies; 9,900 connections that say nothing or never end their head, at most 40 KiB each; a minute of twice the capacity below 256 MiB, without its bars of speed",
        &["bench", "overload", "--seconds", "3600", "--bars", "1"],
        &["of another account that sends little, throughput is compared and not how long it waits: its median goes from milliseconds to half a second",
          "the server has one core and its client the other one", "9,900 idle connections take 27 KiB each, 271 MB in all, in a release too: more than 256 MiB beside the data"]),
    promise("fuzz", "No input of a parser panics, hangs or reads back as something else",
        &["the_corpus_of_segments_holds", "the_corpus_of_records_holds"],
        "30 seconds for each of nine parsers, chosen by coverage, and the committed inputs",
        &["fuzz", "--minutes", "240"],
        &["Parquet and compressed files have tests of damage and no fuzzer"]),
    promise("concurrency", "What threads share is right in every order of them",
        &["a_reader_counts_every_generation_once_while_they_are_sealed", "readers_see_whole_batches"],
        "4,000 orders of each test: the queue, nonces, the throttle, cached days",
        &["concurrency", "--schedules", "200000"],
        &["orders are drawn, not enumerated; effects of weak memory are not tried"]),
    promise("cluster", "Several nodes are one: nothing that was acknowledged is lost or doubled whatever fails, and calls are limited over all nodes",
        &["every_node_has_all_counts_whatever_is_killed", "whichever_node_is_killed_callers_of_the_others_see_no_error", "whichever_node_hangs_callers_of_the_others_see_no_error", "nothing_leaves_before_the_nonce_is_kept", "whatever_is_changed_under_load_the_counts_stay", "a_node_that_is_cut_off_says_nothing_wrong_and_comes_back", "power_cuts_of_all_servers_lose_and_double_nothing", "servers_that_do_not_sync_lose", "fifty_calls_a_second_over_all_nodes", "no_second_has_more_than_the_limit_across_a_change_of_the_owner"],
        "three nodes and three nats-servers: kills, hangs, moves, restarts one by one, a clock that is wrong, an empty disk, a node without a network, two cuts of the power of all servers", &[],
        &["all nodes and servers are on one machine"]),
    promise("upgrade", "Directories of every release open; a newer one is refused untouched; backups restore",
        &["directories_of_every_release_open_with_their_answers", "a_newer_format_in_any_directory_is_refused_and_no_byte_is_changed", "a_migration_that_is_killed_at_any_change_is_repeated", "a_cut_under_load_is_an_acknowledged_prefix"],
        "every format, with one and with three shards; a migration is killed at every change of a file", &[], &[]),
    promise("secrets", "Secrets and message ids are never in clear: on disk, in logs, in answers, in arguments",
        &["secrets_are_not_on_disk_in_the_clear", "no_message_id_and_no_recipient_is_on_disk", "logs_name_requests_and_nobody_else", "nothing_secret_is_in_debug_output_or_changes"],
        "canaries in directories, logs and answers", &[], &[]),
    promise("framing", "A request cannot hide another; TLS refuses what is old or broken",
        &["a_request_cannot_hide_another", "test_sslyze_finds_no_known_hole", "test_testssl_finds_nothing", "requests_follow_each_other_and_hide_nothing", "old_broken_and_foreign_handshakes_are_refused"],
        "raw sockets, hand-made handshakes, sslyze and testssl.sh", &[], &[]),
    promise("supply", "What is built in has an allowed licence, comes from one registry, and is listed",
        &["what_is_linked_is_told_with_its_licence_and_checksum"],
        "cargo-deny where it is installed",
        &["deny"],
        &["advisories need a database that no registry carries"]),
    promise("mutants", "Every protection is needed: without it a named test turns red",
        &["every_entry_fits_its_file", "every_mutation_of_the_page_fits_its_file"],
        "the list fits the sources",
        &["mutants", "--unseen"],
        &["a mutant was seen red once as it is written; tests and code around it may have changed since"]),
];
