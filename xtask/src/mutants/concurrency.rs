//! What several threads share, broken one by one: each mutant is right in every single
//! thread, and a test of `cargo xtask concurrency` must see it.
//!
//! A part of the list in `list.rs`; the same rules hold.

use super::Mutant;

/// Arguments that run one test in many orders of its threads.
macro_rules! test {
    ($krate:literal, it, $name:literal) => {
        test!([$krate, "--test", "it", $name])
    };
    ($krate:literal, lib, $name:literal) => {
        test!([$krate, "--lib", $name])
    };
    ([$krate:literal, $($rest:literal),+]) => {
        &[
            "test",
            "--config",
            "build.rustflags=['--cfg','shuttle']",
            "-p",
            $krate,
            $($rest),+
        ]
    };
}

/// The mutants of what threads share.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "queue-limit-lock",
        promise: "no order of senders queues more than the limit, or into a closed queue",
        file: "crates/chatmetric-store/src/embedded/queue.rs",
        find: "        state.weight.events += more.events;\n",
        replace: "        drop(state);\n        let mut state = lock(&self.state);\n        state.weight.events += more.events;\n",
        test: test!(
            "chatmetric-store",
            lib,
            "no_order_of_senders_exceeds_the_limit"
        ),
    },
    Mutant {
        id: "queue-lost",
        promise: "what is queued while the queue is closed is completed or refused",
        file: "crates/chatmetric-store/src/embedded/queue.rs",
        find: "        while state.jobs.is_empty() {\n",
        replace: "        if state.closed {\n            return false;\n        }\n        while state.jobs.is_empty() {\n",
        test: test!(
            "chatmetric-store",
            lib,
            "every_job_is_completed_once_and_none_is_lost"
        ),
    },
    Mutant {
        id: "queue-close",
        promise: "a close wakes everybody who waits for a job",
        file: "crates/chatmetric-store/src/embedded/queue.rs",
        find: "self.filled.notify_all();",
        replace: "self.filled.notify_one();",
        test: test!("chatmetric-store", lib, "a_close_wakes_everybody_who_waits"),
    },
    Mutant {
        id: "nonce-lock",
        promise: "one nonce is accepted once from any number of threads",
        file: "crates/chatmetric-rpc/src/admission.rs",
        find: "        state\n            .throttle\n",
        replace: "        drop(state);\n        let mut state = self.lock();\n        state\n            .throttle\n",
        test: test!(
            "chatmetric-rpc",
            it,
            "one_nonce_is_accepted_once_from_any_number_of_threads"
        ),
    },
    Mutant {
        id: "throttle-lock",
        promise: "exactly N calls of a second are admitted from any number of threads",
        file: "crates/chatmetric-rpc/src/admission.rs",
        find: "        state.throttle.charge(key, at.monotonic_ns);\n",
        replace: "        drop(state);\n        let mut state = self.lock();\n        state.throttle.charge(key, at.monotonic_ns);\n",
        test: test!(
            "chatmetric-rpc",
            it,
            "exactly_so_many_of_a_second_whatever_the_order"
        ),
    },
    Mutant {
        id: "throttle-order",
        promise: "a call whose clock was read earlier is counted behind those before it",
        file: "crates/chatmetric-rpc/src/throttle.rs",
        find: "window.push_back(now_ns.max(window.back().copied().unwrap_or(0)));",
        replace: "window.push_back(now_ns);",
        test: test!(
            "chatmetric-rpc",
            it,
            "exactly_so_many_of_a_second_whatever_the_order"
        ),
    },
    Mutant {
        id: "day-cache-stale",
        promise: "a span that was read before a commit never comes in after it",
        file: "crates/chatmetric-store/src/embedded/day_cache.rs",
        find: "if sealed.load(Ordering::Acquire) != span.segment {",
        replace: "if sealed.load(Ordering::Acquire) < span.segment {",
        test: test!(
            "chatmetric-store",
            lib,
            "a_reader_counts_every_generation_once_while_they_are_sealed"
        ),
    },
    Mutant {
        id: "day-cache-segment",
        promise: "a span that a seal changed is no longer added to the generation that was sealed",
        file: "crates/chatmetric-store/src/embedded/day_cache.rs",
        find: "span.segment = next_segment;",
        replace: "span.segment = span.segment.min(next_segment);",
        test: test!(
            "chatmetric-store",
            lib,
            "a_reader_counts_every_generation_once_while_they_are_sealed"
        ),
    },
    Mutant {
        id: "day-cache-pin",
        promise: "a reader pins the generations before it looks for the stored days",
        file: "crates/chatmetric-store/src/embedded/read.rs",
        find: "    let open = pinned.generations()",
        replace: "    drop(pinned);\n    let pinned = shard.view();\n    let open = pinned.generations()",
        test: test!(
            "chatmetric-store",
            lib,
            "a_reader_counts_every_generation_once_while_they_are_sealed"
        ),
    },
];
