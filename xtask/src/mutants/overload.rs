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
        find: "self.order.push_back(account);\n            }\n            if first",
        replace: "self.order.push_front(account);\n            }\n            if first",
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
        find: "Err(mut turn) => turn.0 = None,",
        replace: "Err(mut turn) => {\n                    turn.0 = None;\n                    return;\n                }",
        test: test!(
            "chatmetric",
            lib,
            "whoever_stops_waiting_takes_no_turn_along"
        ),
    },
];
