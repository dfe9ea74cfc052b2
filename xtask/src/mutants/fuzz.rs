//! One mutant for each fuzz target: its property must see it with the committed inputs alone,
//! so that a property that proves nothing is noticed.
//!
//! A part of the list in `list.rs`; the same rules hold.

use super::Mutant;

/// Arguments that run the test of one corpus.
macro_rules! test {
    ($krate:literal, $name:literal) => {
        &["test", "-p", $krate, "--lib", $name]
    };
}

/// The mutants of the parsers.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "fuzz-v1",
        promise: "a signature of RPC 1.0 covers the values, encoded twice",
        file: "crates/chatmetric-rpc/src/signature/v1.rs",
        find: "percent::encode_twice_into(value, &mut out);",
        replace: "out.extend_from_slice(value.as_bytes());",
        test: test!("chatmetric-rpc", "the_corpus_of_v1_requests_holds"),
    },
    Mutant {
        id: "fuzz-acs3",
        promise: "the hash of a signed body is that of the body that arrived",
        file: "crates/chatmetric-rpc/src/signature/v3.rs",
        find: "let body_hash = algorithm.hash_hex(request.raw.body);",
        replace: "let sent_hash = content_hash(request, algorithm).unwrap_or_default();\n    let body_hash = String::from_utf8_lossy(sent_hash).into_owned();",
        test: test!("chatmetric-rpc", "the_corpus_of_acs3_requests_holds"),
    },
    Mutant {
        id: "fuzz-policy",
        promise: "an explicit Deny of any policy beats every Allow",
        file: "crates/chatmetric-rpc/src/ram/evaluate.rs",
        find: "if let Some(statement) = find_attached(Effect::Deny) {",
        replace: "if let Some(statement) = find_attached(Effect::Deny).filter(|_| identity.len() == 1) {",
        test: test!("chatmetric-rpc", "the_corpus_of_policies_holds"),
    },
    Mutant {
        id: "fuzz-journal",
        promise: "damage of what was synced is refused, never cut away",
        file: "crates/chatmetric-store/src/embedded/journal.rs",
        find: "Found::Mark { synced } => synced >= frame,",
        replace: "Found::Mark { synced } => synced > frame,",
        test: test!("chatmetric-store", "the_corpus_of_segments_holds"),
    },
    Mutant {
        id: "fuzz-record",
        promise: "an item of the quarantine comes back as it was put",
        file: "crates/chatmetric-store/src/embedded/item.rs",
        find: "                        out.push(3);\n",
        replace: "                        out.push(2);\n",
        test: test!("chatmetric-store", "the_corpus_of_records_holds"),
    },
    Mutant {
        id: "fuzz-whatsapp",
        promise: "the fast reader of webhooks reads what the lenient one does",
        file: "crates/chatmetric/src/ingest/whatsapp/straight.rs",
        find: "if std::mem::replace(&mut self.0, true) {",
        replace: "if std::mem::replace(&mut self.0, true) && !self.0 {",
        test: test!("chatmetric", "the_corpus_of_webhooks_holds"),
    },
    Mutant {
        id: "fuzz-receipts",
        promise: "one body of receipts has at most so many reports",
        file: "crates/chatmetric/src/ingest/cams.rs",
        find: "if reports.len() > reports_max {",
        replace: "if reports.len() > reports_max.saturating_mul(2) {",
        test: test!("chatmetric", "the_corpus_of_receipts_holds"),
    },
    Mutant {
        id: "fuzz-bulk",
        promise: "reading a file goes on at a mark as if it had never stopped",
        file: "crates/chatmetric/src/ingest/file/line.rs",
        find: "self.line = mark.rows;",
        replace: "self.line = mark.rows.saturating_sub(1);",
        test: test!("chatmetric", "the_corpus_of_files_holds"),
    },
    Mutant {
        id: "fuzz-config",
        promise: "an unknown section of the configuration is a fault",
        file: "crates/chatmetric/src/config/keys.rs",
        find: "        if !all().any(|key| key.section == name) {\n",
        replace: "        if !all().any(|key| key.section == name) {\n            continue;\n        }\n        if !all().any(|key| key.section == name) {\n",
        test: test!("chatmetric", "the_corpus_of_configurations_holds"),
    },
];
