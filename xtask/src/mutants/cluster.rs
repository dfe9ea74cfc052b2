//! Protections of a cluster: counts and place in one commit, no hole, an acknowledgement that
//! means what it says, one owner.

use super::Mutant;

/// See the module.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "cluster-place",
        promise: "counts and their place in the log are in one commit",
        file: "crates/chatmetric-cluster/src/tally.rs",
        find: "            sequence,\n            last_ms,\n            ..StreamOffset",
        replace: "            sequence: 0 * sequence,\n            last_ms,\n            ..StreamOffset",
        test: test!(
            "chatmetric-cluster",
            lib,
            "a_restart_goes_on_behind_the_place_that_is_in_the_commit"
        ),
    },
    Mutant {
        id: "cluster-gap",
        promise: "a hole in the log is refused",
        file: "crates/chatmetric-cluster/src/tally.rs",
        find: "if placed.sequence > next {",
        replace: "if placed.sequence > next && false {",
        test: test!(
            "chatmetric-cluster",
            lib,
            "gaps_other_logs_and_damaged_entries_are_refused"
        ),
    },
    Mutant {
        id: "cluster-slots",
        promise: "what is left does not depend on how entries came together",
        file: "crates/chatmetric-cluster/src/tally.rs",
        find: "        self.slot.is_none_or(is_slot)\n            && self.items",
        replace: "        self.items",
        test: test!(
            "chatmetric-cluster",
            lib,
            "what_made_the_counts_does_not_depend_on_it_either"
        ),
    },
    Mutant {
        id: "cluster-other-log",
        promise: "counts of another log are not gone on with",
        file: "crates/chatmetric-cluster/src/tally.rs",
        find: "if place.is_some_and(|place| place.created_ns != created_ns) {",
        replace: "if place.is_some_and(|place| place.created_ns != created_ns && false) {",
        test: test!(
            "chatmetric-cluster",
            lib,
            "gaps_other_logs_and_damaged_entries_are_refused"
        ),
    },
    Mutant {
        id: "cluster-silence",
        promise: "a new owner is silent until what the old one admitted is over",
        file: "crates/chatmetric-cluster/src/owner/lease.rs",
        find: "let opens_at = (self.end_of(&seen) + KEPT_WITHIN).max(Instant::now());",
        replace: "let opens_at = Instant::now();",
        test: test!(
            "chatmetric-cluster",
            it,
            "no_second_has_more_than_the_limit_across_a_change_of_the_owner"
        ),
    },
    Mutant {
        id: "cluster-renewed",
        promise: "a lease that was renewed is waited for anew",
        file: "crates/chatmetric-cluster/src/owner/lease.rs",
        find: "State::Theirs(before) if before.revision == revision => before.first_at,",
        replace: "State::Theirs(before) => before.first_at,",
        test: test!("chatmetric-cluster", lib, "a_renewed_lease_is_a_new_one"),
    },
    Mutant {
        id: "cluster-wait",
        promise: "callers wait for the next owner and are not refused",
        file: "crates/chatmetric-cluster/src/owner/lease.rs",
        find: "!view.members.contains_key(&seen.owner) || Instant::now() >= self.end_of(seen)",
        replace: "!view.members.contains_key(&seen.owner)",
        test: test!(
            "chatmetric-cluster",
            it,
            "callers_wait_for_the_next_owner_and_are_not_refused"
        ),
    },
    Mutant {
        id: "cluster-renews-beside",
        promise: "a lease in use is renewed beside the questions, which wait for no server",
        file: "crates/chatmetric-cluster/src/owner/lease.rs",
        find: "                held.ends_at <= now\n",
        replace: "                held.ends_at <= now + self.ttl / 2\n",
        test: test!(
            "chatmetric-cluster",
            it,
            "a_lease_in_use_is_renewed_beside_the_questions"
        ),
    },
    Mutant {
        id: "cluster-lease-ends",
        promise: "a lease that is not renewed ends",
        file: "crates/chatmetric-cluster/src/owner/lease.rs",
        find: "        if now >= lease.ends_at {\n",
        replace: "        if false {\n",
        test: test!(
            "chatmetric-cluster",
            it,
            "a_lease_in_use_is_renewed_beside_the_questions"
        ),
    },
    Mutant {
        id: "cluster-placed",
        promise: "a partition is counted where it was placed",
        file: "crates/chatmetric-cluster/src/assignment.rs",
        find: "let placed = view.placed.get(&partition).into_iter().flatten();",
        replace: "let placed = view.placed.get(&partition).into_iter().flatten().skip(1);",
        test: test!(
            "chatmetric-cluster",
            lib,
            "a_partition_is_where_it_was_placed_while_that_is_there"
        ),
    },
    Mutant {
        id: "cluster-base",
        promise: "no replica passes a Base without the counts that belong before it",
        file: "crates/chatmetric-cluster/src/tally.rs",
        find: "            Entry::Base => {\n",
        replace: "            Entry::Base if sequence == 1 => Ok(Outcome::Count(0)),\n            Entry::Base => {\n",
        test: test!(
            "chatmetric-cluster",
            lib,
            "nobody_counts_past_a_base_without_what_is_before_it"
        ),
    },
    Mutant {
        id: "migrate-bucket",
        promise: "every bucket that was moved is compared",
        file: "crates/chatmetric-cluster/src/migrate/compare.rs",
        find: ".filter(|at| old.get(*at) != new.get(*at))",
        replace: ".filter(|at| at.0 % 2 == 0 && old.get(*at) != new.get(*at))",
        test: test!(
            "chatmetric-cluster",
            lib,
            "one_count_in_one_bucket_is_named"
        ),
    },
    Mutant {
        id: "migrate-other-part",
        promise: "a record goes into the part of its number and no other",
        file: "crates/chatmetric-store/src/embedded/split.rs",
        find: "match writers.get_mut(part).and_then(Option::as_mut) {",
        replace: "match writers.get_mut(part / 2).and_then(Option::as_mut) {",
        test: test!(
            "chatmetric-store",
            it,
            "parts_together_answer_what_the_whole_answered"
        ),
    },
    Mutant {
        id: "cluster-own",
        promise: "the replica of this member answers with what was acknowledged before, too",
        file: "crates/chatmetric-cluster/src/query/own.rs",
        find: "*position >= wanted",
        replace: "*position >= 0 * wanted",
        test: test!(
            "chatmetric-cluster",
            it,
            "an_acknowledged_event_is_in_the_next_answer_of_every_member"
        ),
    },
    Mutant {
        id: "cluster-gathered-slots",
        promise: "what gathers into one entry was received in one quarter-hour",
        file: "crates/chatmetric-cluster/src/log/lane.rs",
        find: "it.slot != next.slot || !fits",
        replace: "!fits && it.slot == next.slot",
        test: test!(
            "chatmetric-cluster",
            lib,
            "what_comes_while_two_are_on_the_way_gathers"
        ),
    },
    Mutant {
        id: "cluster-gathered-whole",
        promise: "all of an entry is in the commit that has its place",
        file: "crates/chatmetric-cluster/src/tally.rs",
        find: "        for batch in batches {\n            group.add(batch);",
        replace: "        group.last = place;\n        for batch in batches {\n            if !group.takes(std::slice::from_ref(&batch)) || !group.changes.is_empty() {\n                self.commit(group)?;\n                group.last = place;\n            }\n            group.add(batch);",
        test: test!(
            "chatmetric-cluster",
            lib,
            "an_entry_is_counted_whole_or_not_at_all"
        ),
    },
    Mutant {
        id: "fold-synced",
        promise: "a frame says truly up to which one all were synced",
        file: "crates/chatmetric-store/src/embedded/frame.rs",
        find: "let places = (self.next, self.synced);",
        replace: "let places = (self.next, self.next.before());",
        test: test!(
            "chatmetric-store",
            it,
            "a_power_cut_takes_a_few_folds_from_the_end"
        ),
    },
    Mutant {
        id: "fold-rotated",
        promise: "a segment is synced before the next one is used",
        file: "crates/chatmetric-store/src/embedded/room.rs",
        find: "        self.sync_folds()?;",
        replace: "",
        test: test!(
            "chatmetric-store",
            it,
            "a_power_cut_behind_a_rotation_takes_none_of_the_segment_before_it"
        ),
    },
    Mutant {
        id: "fold-stopped",
        promise: "a clean stop leaves nothing unsynced",
        file: "crates/chatmetric-store/src/embedded/writer.rs",
        find: "        drop(self.sync_folds());",
        replace: "",
        test: test!("chatmetric-store", it, "a_clean_stop_keeps_every_fold"),
    },
    Mutant {
        id: "cluster-kept-answer",
        promise: "no answer leaves before the nonce of its call is kept",
        file: "crates/chatmetric/src/api/call.rs",
        find: "            kept(keeping).await.and(answered)",
        replace: "            drop(keeping);\n            answered",
        test: test!("chatmetric", it, "nothing_leaves_before_the_nonce_is_kept"),
    },
    Mutant {
        id: "cluster-kept-change",
        promise: "nothing is changed before the nonce of a call is kept",
        file: "crates/chatmetric/src/api/call.rs",
        find: "if judged.changes() =>",
        replace: "if judged.changes() && false =>",
        test: test!(
            "chatmetric",
            it,
            "nothing_is_changed_before_the_nonce_is_kept"
        ),
    },
    Mutant {
        id: "cluster-asked-once",
        promise: "a call whose decision was not heard is not told that it was made before",
        file: "crates/chatmetric-cluster/src/owner/lease.rs",
        find: "lock(&self.recent).get(account, ask)",
        replace: "lock(&self.recent).get(account, question)",
        test: test!(
            "chatmetric-cluster",
            it,
            "what_is_asked_twice_is_decided_once"
        ),
    },
];
