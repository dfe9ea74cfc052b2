//! The protections of alerts: that they come, that they are few, that they go to nobody
//! else, and that what was said of them stays.
//!
//! A part of the list in `list.rs`; the same rules hold.

use super::Mutant;

/// Arguments that run one test of the program.
macro_rules! test {
    (it, $name:literal) => {
        &["test", "-p", "chatmetric", "--test", "it", $name]
    };
    (lib, $name:literal) => {
        &["test", "-p", "chatmetric", "--lib", $name]
    };
}

/// The mutants of alerts.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "watch-signature-body",
        promise: "a signature is of the body",
        file: "crates/chatmetric/src/watch/webhook.rs",
        find: "    mac.update(body);\n",
        replace: "",
        test: test!(lib, "a_signature_is_of_time_and_body_under_the_secret"),
    },
    Mutant {
        id: "watch-signature-time",
        promise: "a signature is of the time in the header",
        file: "crates/chatmetric/src/watch/tell.rs",
        find: "(webhook::TIMESTAMP_HEADER, timestamp.as_str()),",
        replace: "(webhook::TIMESTAMP_HEADER, \"0\"),",
        test: test!(it, "a_message_is_signed_and_tried_again_until_it_is_taken"),
    },
    Mutant {
        id: "watch-private",
        promise: "nothing is sent to addresses inside",
        file: "crates/chatmetric/src/watch/address.rs",
        find: "match refused.filter(|_| !self.allow_private) {",
        replace: "match refused.filter(|_| false) {",
        test: test!(lib, "nothing_is_sent_to_addresses_inside"),
    },
    Mutant {
        id: "watch-mapped",
        promise: "IPv4 in the clothes of IPv6 is judged as IPv4",
        file: "crates/chatmetric/src/watch/address.rs",
        find: "(0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => inner(g, h),",
        replace: "(0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => inner(g, h) || true,",
        test: test!(lib, "what_leads_inside_is_not_public"),
    },
    Mutant {
        id: "watch-redirect",
        promise: "a redirect is not followed",
        file: "crates/chatmetric/src/watch/post.rs",
        find: ".max_redirects(0)",
        replace: ".max_redirects(3)",
        test: test!(lib, "a_redirect_is_not_followed"),
    },
    Mutant {
        id: "watch-group",
        promise: "many numbers of an account are one alert",
        file: "crates/chatmetric/src/watch/group.rs",
        find: "numbers.len() >= group_from || ",
        replace: "",
        test: test!(
            lib,
            "five_hundred_numbers_of_an_account_are_one_alert_that_names_the_count"
        ),
    },
    Mutant {
        id: "watch-cap",
        promise: "an hour never has more messages than it may",
        file: "crates/chatmetric/src/watch/plan.rs",
        find: ".saturating_sub(lately)",
        replace: "",
        test: test!(lib, "an_hour_never_has_more_messages_than_it_may"),
    },
    Mutant {
        id: "watch-firing-max",
        promise: "what fires is bounded",
        file: "crates/chatmetric/src/watch/machine.rs",
        find: " || firing >= FIRING_MAX",
        replace: "",
        test: test!(lib, "what_fires_is_bounded_and_waits_for_its_turn"),
    },
    Mutant {
        id: "watch-acknowledged",
        promise: "an acknowledgement is kept over a restart",
        file: "crates/chatmetric/src/directory/alerts.rs",
        find: "        audit_of(&transaction, &before, note, actor, now)?;\n        transaction.commit(DATABASE)?;",
        replace: "        audit_of(&transaction, &before, note, actor, now)?;\n        drop(transaction);",
        test: test!(
            lib,
            "an_acknowledgement_is_kept_over_a_restart_and_is_in_the_audit_log"
        ),
    },
    Mutant {
        id: "watch-audit",
        promise: "an acknowledgement is in the audit log",
        file: "crates/chatmetric/src/directory/alerts.rs",
        find: "        audit_of(&transaction, &before, note, actor, now)?;\n",
        replace: "",
        test: test!(
            lib,
            "an_acknowledgement_is_kept_over_a_restart_and_is_in_the_audit_log"
        ),
    },
    Mutant {
        id: "watch-tenant",
        promise: "an account acknowledges its own alerts alone",
        file: "crates/chatmetric/src/console/alerts.rs",
        find: "(!who.is_operator(ask.app)).then(|| who.account.id.clone())",
        replace: "(!who.is_operator(ask.app) && false).then(|| who.account.id.clone())",
        test: test!(it, "an_account_sees_and_acknowledges_its_own_alerts_alone"),
    },
    Mutant {
        id: "watch-told",
        promise: "a restart tells nothing twice",
        file: "crates/chatmetric/src/directory/alerts/told.rs",
        find: "WHERE (resolved_ms IS NULL AND told_ms IS NULL)",
        replace: "WHERE resolved_ms IS NULL",
        test: test!(lib, "what_was_told_is_not_told_again"),
    },
    Mutant {
        id: "watch-settled",
        promise: "messages that are still on their way are no alarm",
        file: "crates/chatmetric/src/watch/rates.rs",
        find: "const SETTLE_FACTOR: f64 = 10.0;",
        replace: "const SETTLE_FACTOR: f64 = 0.0;",
        test: test!(lib, "thirty_quiet_days_of_ten_numbers_are_quiet"),
    },
    Mutant {
        id: "watch-pause",
        promise: "a pause that chance explains is no alarm",
        file: "crates/chatmetric/src/watch/silence.rs",
        find: "|| unlikely < UNLIKELY",
        replace: "|| unlikely < 0.0 * UNLIKELY",
        test: test!(lib, "a_source_that_sends_now_and_then_may_pause"),
    },
    Mutant {
        id: "watch-rest",
        promise: "a rest that is usual at that hour of that weekday is no alarm",
        file: "crates/chatmetric/src/watch/silence.rs",
        find: " || !is_longer",
        replace: " || (!is_longer && silent_slots == 0)",
        test: test!(lib, "a_source_that_rests_every_other_week_may_rest"),
    },
    Mutant {
        id: "watch-drop",
        promise: "a number that delivers less than usual is told",
        file: "crates/chatmetric/src/watch/rates.rs",
        find: "if fell < drop / 2.0 {",
        replace: "if fell < drop * 9.0 {",
        test: test!(
            lib,
            "planted_incidents_are_found_in_time_and_nothing_else_is"
        ),
    },
];
