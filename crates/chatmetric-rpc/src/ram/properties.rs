//! Properties of policies: every decision equals that of a definition written down once more, in
//! the slowest and plainest way.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

/// A statement as the definition sees it.
#[derive(Clone, Debug)]
struct Plain {
    allow: bool,
    not_action: bool,
    /// Indexes into `ACTIONS`.
    actions: Vec<usize>,
    /// Index into `RESOURCES`.
    resource: usize,
    /// `acs:Key` must equal this letter.
    condition: Option<&'static str>,
}

/// Patterns, and whether they cover `cams:GetX`.
const ACTIONS: [(&str, bool); 7] = [
    ("*", true),
    ("cams:*", true),
    ("CAMS:get?", true),
    ("cams:Get", false),
    ("cams:GetXY", false),
    ("ram:*", false),
    ("*:G*X", true),
];
/// Patterns, and whether they cover `acs:cams:cn:1:space/a`.
const RESOURCES: [(&str, bool); 5] = [
    ("*", true),
    ("acs:cams:*:1:*", true),
    ("acs:cams:*:1:space/A", false),
    ("acs:cams:cn:2:space/a", false),
    ("acs:*:*:*:space/?", true),
];
const REQUEST: Permission<'static> = Permission {
    action: "cams:GetX",
    resource: "acs:cams:cn:1:space/a",
};

impl Plain {
    fn document(&self) -> String {
        let effect = if self.allow { "Allow" } else { "Deny" };
        let element = if self.not_action {
            "NotAction"
        } else {
            "Action"
        };
        let actions: Vec<_> = self.actions.iter().map(|index| ACTIONS[*index].0).collect();
        let condition = self.condition.map_or(String::new(), |value| {
            format!(r#","Condition":{{"StringEquals":{{"acs:Key":"{value}"}}}}"#)
        });
        format!(
            r#"{{"Effect":"{effect}","{element}":{},"Resource":"{}"{condition}}}"#,
            serde_json::json!(actions),
            RESOURCES[self.resource].0,
        )
    }

    fn applies(&self, key: Option<&str>) -> bool {
        let covered = self.actions.iter().any(|index| ACTIONS[*index].1);
        covered != self.not_action
            && RESOURCES[self.resource].1
            && self.condition.is_none_or(|wanted| key == Some(wanted))
    }
}

fn plain() -> impl Strategy<Value = Plain> {
    (
        any::<bool>(),
        any::<bool>(),
        proptest::collection::vec(0..ACTIONS.len(), 1..4),
        0..RESOURCES.len(),
        proptest::option::of(proptest::sample::select(vec!["x", "y"])),
    )
        .prop_map(|(allow, not_action, actions, resource, condition)| Plain {
            allow,
            not_action,
            actions,
            resource,
            condition,
        })
}

fn policy(statements: &[Plain]) -> Policy {
    let texts: Vec<_> = statements.iter().map(Plain::document).collect();
    let document = format!(r#"{{"Version":"1","Statement":[{}]}}"#, texts.join(","));
    Policy::parse(&document).unwrap_or_else(|error| panic!("{document}: {error}"))
}

fn holds(operator: &str, wanted: &[String], actual: &str) -> bool {
    let document = format!(
        r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{"{operator}":{{"acs:Key":{}}}}}}}]}}"#,
        serde_json::json!(wanted),
    );
    let policy = Policy::parse(&document).unwrap_or_else(|error| panic!("{document}: {error}"));
    let mut context = Context::new();
    context.set("acs:Key", actual);
    let attached = [AttachedPolicy {
        name: "p",
        policy: &policy,
    }];
    evaluate(REQUEST, &context, &attached, None).is_allowed()
}

proptest! {
    /// Identity policies and a session policy: each stage must allow, any Deny is final.
    #[test]
    fn a_decision_equals_the_definition(
        identity in proptest::collection::vec(proptest::collection::vec(plain(), 1..4), 0..4),
        session in proptest::option::of(proptest::collection::vec(plain(), 1..4)),
        key in proptest::option::of(proptest::sample::select(vec!["x", "y", "z"])),
    ) {
        let parsed: Vec<_> = identity.iter().map(|statements| policy(statements)).collect();
        let attached: Vec<_> =
            parsed.iter().map(|policy| AttachedPolicy { name: "p", policy }).collect();
        let session_policy = session.as_deref().map(policy);
        let mut context = Context::new();
        if let Some(key) = key {
            context.set("acs:Key", key);
        }
        let identity: Vec<Plain> = identity.into_iter().flatten().collect();
        let some = |statements: &[Plain], allow: bool| {
            statements.iter().any(|statement| statement.allow == allow && statement.applies(key))
        };
        let denied = some(&identity, false) || session.as_deref().is_some_and(|s| some(s, false));
        let allowed = some(&identity, true) && session.as_deref().is_none_or(|s| some(s, true));
        let decision = evaluate(REQUEST, &context, &attached, session_policy.as_ref());
        prop_assert_eq!(decision.is_allowed(), allowed && !denied, "{:?}", decision);
        prop_assert_eq!(matches!(decision, Decision::ExplicitDeny { .. }), denied);
    }

    /// The order of statements and policies does not matter for the answer.
    #[test]
    fn order_does_not_matter(statements in proptest::collection::vec(plain(), 1..6)) {
        let decide = |statements: &[Plain]| {
            let policy = policy(statements);
            let attached = [AttachedPolicy { name: "p", policy: &policy }];
            evaluate(REQUEST, &Context::new(), &attached, None).is_allowed()
        };
        let mut turned = statements.clone();
        turned.reverse();
        prop_assert_eq!(decide(&statements), decide(&turned));
    }

    #[test]
    fn numbers_compare_as_numbers(actual in -50_i32..50, wanted in proptest::collection::vec(-50_i32..50, 1..4)) {
        let texts: Vec<_> = wanted.iter().map(ToString::to_string).collect();
        let any = |test: &dyn Fn(i32) -> bool| wanted.iter().any(|value| test(*value));
        for (operator, expected) in [
            ("NumericEquals", any(&|v| actual == v)),
            ("NumericNotEquals", !any(&|v| actual == v)),
            ("NumericLessThan", any(&|v| actual < v)),
            ("NumericLessThanEquals", any(&|v| actual <= v)),
            ("NumericGreaterThan", any(&|v| actual > v)),
            ("NumericGreaterThanEquals", any(&|v| actual >= v)),
        ] {
            prop_assert_eq!(holds(operator, &texts, &format!("{actual}.0")), expected, "{}", operator);
        }
    }

    #[test]
    fn an_address_is_in_a_range_when_the_first_bits_agree(
        address in any::<u32>(), network in any::<u32>(), flips in 0_u32..32, prefix in 0_u32..=32,
    ) {
        // Near the network as often as far from it.
        let near = if flips == 0 { address } else { network ^ (1 << flips) };
        let same = (0..prefix).all(|bit| (near >> (31 - bit)) & 1 == (network >> (31 - bit)) & 1);
        let range = [format!("{}/{prefix}", Ipv4Addr::from(network))];
        let text = Ipv4Addr::from(near).to_string();
        prop_assert_eq!(holds("IpAddress", &range, &text), same);
        prop_assert_eq!(holds("NotIpAddress", &range, &text), !same);
    }

    #[test]
    fn the_same_for_addresses_of_version_6(network in any::<u128>(), flip in 0_u32..128, prefix in 0_u32..=128) {
        let near = network ^ (1 << (127 - flip));
        let range = [format!("{}/{prefix}", Ipv6Addr::from(network))];
        let v4_inside = Ipv6Addr::from(near).to_canonical().is_ipv4()
            || Ipv6Addr::from(network).to_canonical().is_ipv4();
        if !v4_inside {
            prop_assert_eq!(holds("IpAddress", &range, &IpAddr::from(near.to_be_bytes()).to_string()), flip >= prefix);
        }
    }
}
