//! What whole lives in virtual time must find: the protections on the way from a webhook
//! to the disk, broken one by one.
//!
//! A part of the list in `list.rs`; the same rules hold. All of them turn one test red,
//! because it is the one that promises everything together; tests of single parts have
//! mutants of their own.

use super::Mutant;

/// Arguments that run the simulation in the size of CI.
const SIMULATION: &[&str] = &[
    "test",
    "-p",
    "chatmetric",
    "--test",
    "it",
    "whatever_happens_everything_is_counted_exactly_once",
];

/// The mutants of the simulation.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "sim-acknowledge",
        promise: "nothing is acknowledged before it is synced",
        file: "crates/chatmetric-store/src/embedded/frame.rs",
        find: "        self.file.write_at(&self.bytes, self.offset)?;\n        let unsynced = self.next.0.saturating_sub(self.synced.0);\n        if unsynced > self.frame.unsynced_max {\n            self.sync_file(self.next)?;\n        }\n",
        replace: "        let unsynced = self.next.0.saturating_sub(self.synced.0);\n        if unsynced > self.frame.unsynced_max {\n            self.sync_file(self.next)?;\n        }\n        self.file.write_at(&self.bytes, self.offset)?;\n",
        test: SIMULATION,
    },
    Mutant {
        id: "sim-failed-sync",
        promise: "a failed sync is never taken for one that worked",
        file: "crates/chatmetric-store/src/embedded/frame.rs",
        find: "        self.file.sync()?;\n",
        replace: "        drop(self.file.sync());\n",
        test: SIMULATION,
    },
    Mutant {
        id: "sim-dedupe",
        promise: "a message that was sealed is known when it is reported again",
        file: "crates/chatmetric-store/src/embedded/writer.rs",
        find: "match known.find(fingerprint, seen.candidates)? {",
        replace: "match known.find(fingerprint, seen.candidates)?.filter(|_| false) {",
        test: SIMULATION,
    },
    Mutant {
        id: "sim-floor",
        promise: "what is before the floor never counts",
        file: "crates/chatmetric-store/src/embedded/writer.rs",
        find: "if floor.is_some_and(|floor| event.at < floor) {",
        replace: "if floor.is_none() {",
        test: SIMULATION,
    },
    Mutant {
        id: "sim-claim",
        promise: "what was held is counted in its time once its number has an owner",
        file: "crates/chatmetric-store/src/embedded/command.rs",
        find: "        Reason::UnknownNumber => Fate::Count(*event, space),\n",
        replace: "        Reason::UnknownNumber => Fate::Count(StatusEvent { at: EpochMs(event.at.0 + 900_000), ..*event }, space),\n",
        test: SIMULATION,
    },
    Mutant {
        id: "sim-claim-early",
        promise: "what was held and came before its time is not lost when its number gets an owner",
        file: "crates/chatmetric-store/src/embedded/command.rs",
        find: "                target: Target::Space(space),\n                ..*event\n",
        replace: "                target: Target::Refused(account, Reason::Future),\n                ..*event\n",
        test: SIMULATION,
    },
    Mutant {
        id: "sim-foreign",
        promise: "a number of another account is not counted",
        file: "crates/chatmetric-store/src/embedded/writer.rs",
        find: "        return Err(reason);\n    }\n    if floor",
        replace: "        return if reason == Reason::ForeignNumber { Ok(SpaceKey(1)) } else { Err(reason) };\n    }\n    if floor",
        test: SIMULATION,
    },
    Mutant {
        id: "sim-retry",
        promise: "what the store refused is not acknowledged, so that it comes again",
        file: "crates/chatmetric/src/ingest/pipeline.rs",
        find: "        result.map_err(PipelineError::Store)\n",
        replace: "        Ok::<_, PipelineError>(result.unwrap_or_default())\n",
        test: SIMULATION,
    },
    Mutant {
        id: "sim-source",
        promise: "a source that loses what was refused is noticed",
        file: "crates/chatmetric-sim/src/source.rs",
        find: "        if status == 200 {\n",
        replace: "        if status >= 200 {\n",
        test: SIMULATION,
    },
    Mutant {
        id: "sim-signature",
        promise: "what is not signed with the secret is not counted",
        file: "crates/chatmetric/src/ingest/whatsapp_webhook.rs",
        find: "    if !signature_fits(headers, app_secrets, body) {\n",
        replace: "    if !signature_fits(headers, app_secrets, body) && body.is_empty() {\n",
        test: SIMULATION,
    },
    Mutant {
        id: "sim-segment",
        promise: "a segment goes after the commit of what was in it",
        file: "crates/chatmetric-store/src/embedded/sealer.rs",
        find: "    if let Err(error) = shared.catalog.commit(batch) {\n        // The engine",
        replace: "    let path = segment_path(dir, finished.published.segment);\n    drop(shared.options.disk.remove(&path));\n    shared.step(Step::SealCommitted)?;\n    if let Err(error) = shared.catalog.commit(batch) {\n        // The engine",
        test: SIMULATION,
    },
    Mutant {
        id: "sim-run-sync",
        promise: "a run is durable before the manifest names it",
        file: "crates/chatmetric-store/src/embedded/sealer.rs",
        find: "    run.sync()?;\n",
        replace: "",
        test: SIMULATION,
    },
    Mutant {
        id: "sim-due",
        promise: "what came too early for the server's clock is counted once it is due",
        file: "crates/chatmetric-store/src/embedded/command.rs",
        find: "|| event.at > now {",
        replace: "|| event.at > now || now.0 > 0 {",
        test: SIMULATION,
    },
];
