//! The protections of explanations, broken one by one, each with the test that must see it.
//!
//! A part of the list in `list.rs`; the same rules hold.

use super::Mutant;

/// The mutants of explanations.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "explain-usual-changes",
        promise: "a day that has something keeps its usual source",
        file: "crates/chatmetric-store/src/embedded/usual.rs",
        find: "self.row(binding).filter(|row| day > row.last_day)",
        replace: "self.row(binding).filter(|row| day >= row.last_day)",
        test: test!(
            "chatmetric-store",
            it,
            "any_history_is_explained_as_the_reference_explains_it"
        ),
    },
    Mutant {
        id: "explain-usual-after-start",
        promise: "after a start no source is elected for a day that may have counts",
        file: "crates/chatmetric-store/src/embedded/recovery.rs",
        find: "            start.usual.counted_up_to(EpochMs(last_change).slot().day());\n",
        replace: "            let _ = EpochMs(last_change);\n",
        test: test!(
            "chatmetric-store",
            it,
            "reopened::any_history_is_explained_as_the_reference_explains_it"
        ),
    },
    Mutant {
        id: "explain-reporter-replayed",
        promise: "a replay knows who reported",
        file: "crates/chatmetric-store/src/embedded/generation.rs",
        find: "                self.deltas.reporter.source = Some(self.number(source)?);",
        replace: "                let _ = self.number(source)?;",
        test: test!(
            "chatmetric-store",
            it,
            "reopened::any_history_is_explained_as_the_reference_explains_it"
        ),
    },
    Mutant {
        id: "explain-duplicates-journaled",
        promise: "duplicates survive a crash with the frame that acknowledged them",
        file: "crates/chatmetric-store/src/embedded/frame.rs",
        find: "        self.write_noted();\n",
        replace: "        self.frame.noted.clear();\n",
        test: test!("chatmetric-store", it, "random_lives_equal_the_model"),
    },
    Mutant {
        id: "explain-sealed-once",
        promise: "notes of a generation that is sealed count once",
        file: "crates/chatmetric-store/src/embedded/explain.rs",
        find: "        .filter(|it| it.segment >= first)\n",
        replace: "        .filter(|it| it.segment + 1 >= first)\n",
        test: test!(
            "chatmetric-store",
            it,
            "notes_are_counted_once_while_they_are_sealed"
        ),
    },
    Mutant {
        id: "explain-usual-seen",
        promise: "a count is never seen without its source",
        file: "crates/chatmetric-store/src/embedded/frame.rs",
        find: "        if !frame.usual.is_empty() {\n            lock(&self.active.side).usual.append(&mut frame.usual);\n        }\n        self.active.publish(&frame.deltas);\n",
        replace: "        self.active.publish(&frame.deltas);\n        std::thread::yield_now();\n        lock(&self.active.side).usual.append(&mut frame.usual);\n",
        test: test!(
            "chatmetric-store",
            it,
            "a_count_is_never_seen_without_its_source"
        ),
    },
    Mutant {
        id: "explain-row-kept",
        promise: "a seal adds to the notes that a row has",
        file: "crates/chatmetric-store/src/embedded/explained.rs",
        find: "    if let Some(value) = catalog.get(view, &catalog.explained, key)? {",
        replace: "    if let Some(value) = catalog.get(view, &catalog.frozen, key)? {",
        test: test!(
            "chatmetric-store",
            it,
            "any_history_is_explained_as_the_reference_explains_it"
        ),
    },
    Mutant {
        id: "explain-old-frames",
        promise: "of frames that do not say who reported nothing is told",
        file: "crates/chatmetric-store/src/embedded/generation.rs",
        find: "        self.deltas.reporter.source = None;\n",
        replace: "        self.deltas.reporter.source = Some(self.names.number(&\"import\".into()));\n",
        test: test!(
            "chatmetric-store",
            it,
            "directories_of_every_release_open_with_their_answers"
        ),
    },
    Mutant {
        id: "explain-bounded",
        promise: "a row stays bounded, whatever is received late",
        file: "crates/chatmetric-store/src/embedded/explained.rs",
        find: "    bound(&mut cells);\n    match encode",
        replace: "    match encode",
        test: test!(
            "chatmetric-store",
            it,
            "revisions_of_a_slot_are_put_together"
        ),
    },
    Mutant {
        id: "explain-rights",
        promise: "who may not see a count gets no explanation of it",
        file: "crates/chatmetric/src/console/explanation.rs",
        find: "    who.require(ask, Right::ReadCounts)?;\n",
        replace: "",
        test: test!(
            "chatmetric",
            it,
            "who_may_not_see_a_count_gets_no_explanation_of_it"
        ),
    },
    Mutant {
        id: "explain-space",
        promise: "an explanation is of a number of the space",
        file: "crates/chatmetric/src/console/explanation.rs",
        find: "        if !counts::is_of_space(app, &snapshot, &space, number)? {",
        replace: "        if !counts::is_of_space(app, &snapshot, &space, number)? && !is_operator {",
        test: test!(
            "chatmetric",
            it,
            "who_may_not_see_a_count_gets_no_explanation_of_it"
        ),
    },
    Mutant {
        id: "explain-foreign-source",
        promise: "a source of another account has no name",
        file: "crates/chatmetric/src/console/explanation.rs",
        find: "            if is_operator || is_theirs(source, kind) {",
        replace: "            if is_operator || is_theirs(source, kind) || kind == \"whatsapp\" {",
        test: test!("chatmetric", it, "a_source_of_another_account_has_no_name"),
    },
];
