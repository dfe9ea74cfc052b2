//! The protections that are broken one by one, each with the test that must see it.
//!
//! An entry names text that occurs exactly once; when the code around it changes,
//! `every_entry_fits_its_file` asks for the entry to follow.

use super::Mutant;

/// All mutants.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "signature",
        promise: "a request is answered only when its signature is right",
        file: "crates/chatmetric-rpc/src/signature/mod.rs",
        find: "sent.as_bytes().ct_eq(computed).into()",
        replace: "sent.len() == computed.len()",
        test: &["test", "-p", "chatmetric-rpc", "--test", "it", "whatever_is_accepted_means_what_the_original_meant"],
    },
    Mutant {
        id: "dedupe",
        promise: "the order and number of reports cannot matter",
        file: "crates/chatmetric-core/src/record.rs",
        find: "*own = (*own).min(slot);",
        replace: "*own = slot;",
        test: &["test", "-p", "chatmetric-core", "--test", "it"],
    },
    Mutant {
        id: "fsync",
        promise: "what was acknowledged survives a power cut",
        file: "crates/chatmetric-store/src/embedded/writer.rs",
        find: "        self.file.sync()?;\n        self.offset += ",
        replace: "        self.offset += ",
        test: &["test", "-p", "chatmetric-store", "--test", "it", "a_power_cut_keeps_all_that_was_acknowledged"],
    },
    Mutant {
        id: "crc",
        promise: "damage is found, never served",
        file: "crates/chatmetric-store/src/embedded/run.rs",
        find: "if crc32c::crc32c(&block[4..]) != u32::from_le_bytes([a, b, c, d]) {",
        replace: "if crc32c::crc32c(&block[4..]) != u32::from_le_bytes([a, b, c, d]) && block.is_empty() {",
        test: &["test", "-p", "chatmetric-store", "--lib", "each_flipped_bit_is_found_by_a_pass"],
    },
    Mutant {
        id: "deny",
        promise: "an explicit Deny beats every Allow",
        file: "crates/chatmetric-rpc/src/ram/evaluate.rs",
        find: "if let Some(statement) = find_attached(Effect::Deny) {",
        replace: "if let Some(statement) = find_attached(Effect::Deny).filter(|_| session.is_some()) {",
        test: &["test", "-p", "chatmetric-rpc", "--test", "it", "nothing_is_allowed_by_default_and_deny_beats_allow"],
    },
    Mutant {
        id: "nonce",
        promise: "a nonce works once",
        file: "crates/chatmetric-rpc/src/nonce.rs",
        find: "if self.used.contains(&hash) {",
        replace: "if self.used.contains(&hash) && self.entries_max == 0 {",
        test: &["test", "-p", "chatmetric-rpc", "--test", "it", "a_replay_is_refused_and_charges_nothing"],
    },
    Mutant {
        id: "throttle",
        promise: "exactly fifty calls a second, and not one more",
        file: "crates/chatmetric-rpc/src/throttle.rs",
        find: "if window.len() < limit {",
        replace: "if window.len() <= limit {",
        test: &["test", "-p", "chatmetric-rpc", "--test", "it", "exactly_fifty_and_the_fifty_first_is_refused"],
    },
    Mutant {
        id: "tenant",
        promise: "one account never sees a space of another",
        file: "crates/chatmetric/src/api/tenancy.rs",
        find: "            own || granted\n",
        replace: "            own || granted || !grants.iter().any(|grant| admits(grant))\n",
        test: &["test", "-p", "chatmetric", "--test", "it", "tenancy_of_every_actor_code_and_space"],
    },
    Mutant {
        id: "webhook",
        promise: "a webhook is stored only when its signature is right",
        file: "crates/chatmetric/src/ingest/whatsapp_webhook.rs",
        find: "fits |= mac.finalize().into_bytes().as_slice().ct_eq(&given);",
        replace: "fits |= Choice::from(u8::from(mac.finalize().into_bytes().len() == given.len()));",
        test: &["test", "-p", "chatmetric", "--test", "it", "a_body_without_its_signature_leaves_nothing_behind"],
    },
];
