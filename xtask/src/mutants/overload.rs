//! Protections under more load than can be taken.

use super::Mutant;

/// See the module.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "overload-share",
        promise: "an account that sends too much is refused",
        file: "crates/chatmetric/src/server/shares.rs",
        find: "if load.bodies > 0 && !fits {",
        replace: "if load.bodies > usize::MAX - 1 && !fits {",
        test: test!(
            "chatmetric",
            it,
            "an_account_with_too_much_in_flight_is_refused_and_others_are_served"
        ),
    },
    Mutant {
        id: "overload-share-of-all",
        promise: "the share is that of the account and not of all",
        file: "crates/chatmetric/src/server/shares.rs",
        find: "let load = in_flight.entry(account).or_default();",
        replace: "let load = in_flight.entry(AccountKey(0)).or_default();",
        test: test!(
            "chatmetric",
            it,
            "an_account_with_too_much_in_flight_is_refused_and_others_are_served"
        ),
    },
    Mutant {
        id: "overload-share-back",
        promise: "a share comes back",
        file: "crates/chatmetric/src/server/shares.rs",
        find: "load.bodies = load.bodies.saturating_sub(1);",
        replace: "load.bodies = load.bodies.saturating_sub(0);",
        test: test!(
            "chatmetric",
            lib,
            "an_account_that_has_too_much_in_flight_is_refused_and_others_are_not"
        ),
    },
    Mutant {
        id: "overload-turns",
        promise: "accounts take turns",
        file: "crates/chatmetric/src/server/turns.rs",
        find: "line.had = had.saturating_add(weight);",
        replace: "line.had = had.saturating_add(weight.min(0));",
        test: test!(
            "chatmetric",
            lib,
            "accounts_take_turns_whatever_each_has_waiting"
        ),
    },
    Mutant {
        id: "overload-turn-lost",
        promise: "no turn is lost",
        file: "crates/chatmetric/src/server/turns.rs",
        find: "turn.state = None;\n                    weight",
        replace: "turn.state = None;\n                    let _ = weight;\n                    0",
        test: test!(
            "chatmetric",
            lib,
            "whoever_stops_waiting_takes_no_turn_along"
        ),
    },
    Mutant {
        id: "overload-weight",
        promise: "an account with large bodies has no more than one with small ones",
        file: "crates/chatmetric/src/server/turns.rs",
        find: "let weight = u64::try_from(first.weight).unwrap_or(u64::MAX);",
        replace: "let weight = 1_u64;",
        test: test!(
            "chatmetric",
            lib,
            "an_account_with_large_bodies_has_no_more_than_one_with_small_ones"
        ),
    },
    Mutant {
        id: "overload-way",
        promise: "who sends little is not held up on the way to the disk",
        file: "crates/chatmetric/src/server/webhook.rs",
        find: "let weight = events.saturating_add(BATCH_EVENTS);",
        replace: "let weight = events.saturating_add(BATCH_EVENTS).min(1);",
        test: test!(
            "chatmetric",
            it,
            "who_sends_little_is_not_held_up_on_the_way_to_the_disk"
        ),
    },
    Mutant {
        id: "slow-body",
        promise: "a body that does not come has its time and no more",
        file: "crates/chatmetric/src/server/body.rs",
        find: "timeout(BODY_TIMEOUT, collect",
        replace: "timeout(BODY_TIMEOUT * 9, collect",
        test: test!("chatmetric", it, "who_sends_too_slowly_is_told_or_closed"),
    },
    Mutant {
        id: "slow-head",
        promise: "a head that does not come has its time and no more",
        file: "crates/chatmetric/src/server/listener.rs",
        find: ".header_read_timeout(HEAD_TIMEOUT)",
        replace: ".header_read_timeout(HEAD_TIMEOUT * 9)",
        test: test!("chatmetric", it, "who_sends_too_slowly_is_told_or_closed"),
    },
];
