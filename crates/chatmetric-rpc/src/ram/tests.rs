//! Tests of grammar, conditions, wildcards and evaluation.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::wildcard::Pattern;
use super::*;

fn check(document: &str, expected: Expect) {
    let text = match Policy::parse(document) {
        Ok(policy) => format!("{} statements", policy.statements_len()),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&text);
}

fn with(statement: &str) -> String {
    format!(r#"{{"Version":"1","Statement":[{statement}]}}"#)
}

fn with_condition(condition: &str) -> String {
    with(&format!(
        r#"{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{condition}}}"#
    ))
}

#[test]
fn documents_in_the_vendors_grammar_are_taken() {
    for statement in [
        r#"{"Effect":"Allow","Action":"cams:GetChatappPhoneNumberMetric","Resource":"*"}"#,
        r#"{"Effect":"Deny","NotAction":["cams:Get*","sts:?ssumeRole"],"Resource":["*"]}"#,
        r#"{"Resource":"acs:oss:*:*:bucket/a:b*","Action":"oss:*","Effect":"Allow"}"#,
        r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{}}"#,
        r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NumericLessThan":{"oss:n":[1,"2.5"]},"Bool":{"acs:SecureTransport":true}}}"#,
    ] {
        assert!(Policy::parse(&with(statement)).is_ok(), "{statement}");
    }
}

#[test]
fn every_fault_names_its_place() {
    let good = r#""Effect":"Allow","Action":"*","Resource":"*""#;
    check(
        "",
        expect![
            "policy document, at `$`: it is not valid JSON: EOF while parsing a value at line 1 column 0"
        ],
    );
    check(
        "[]",
        expect!["policy document, at `$`: it must be an object"],
    );
    check(
        r#"{"Version":"1"}"#,
        expect!["policy document, at `Statement`: it must be a list of statements"],
    );
    check(
        r#"{"Version":"1","Statement":[]}"#,
        expect!["policy document, at `Statement`: it must have at least one statement"],
    );
    check(
        r#"{"Version":"1","Statement":{}}"#,
        expect!["policy document, at `Statement`: it must be a list of statements"],
    );
    check(
        r#"{"Version":"2","Statement":[{}]}"#,
        expect![[r#"policy document, at `Version`: it must be the string "1""#]],
    );
    check(
        r#"{"Version":1,"Statement":[{}]}"#,
        expect![[r#"policy document, at `Version`: it must be the string "1""#]],
    );
    check(
        r#"{"Statement":[{}]}"#,
        expect![[r#"policy document, at `Version`: it is missing; it must be "1""#]],
    );
    check(
        r#"{"Version":"1","Statement":[{}],"Id":"x"}"#,
        expect![
            "policy document, at `Id`: `Id` is not an element here; known are Version and Statement"
        ],
    );
    check(
        &with(r#"{"Effekt":"Allow"}"#),
        expect![
            "policy document, at `Statement[0].Effekt`: `Effekt` is not an element here; known are Effect, Action, NotAction, Resource, Condition"
        ],
    );
    check(
        &with(&format!("{{{good}}},7")),
        expect!["policy document, at `Statement[1]`: it must be an object"],
    );
    check(
        &with(r#"{"Action":"*","Resource":"*"}"#),
        expect!["policy document, at `Statement[0].Effect`: it is missing"],
    );
    check(
        &with(r#"{"Effect":"Allow","Resource":"*"}"#),
        expect!["policy document, at `Statement[0].Action`: it is missing"],
    );
    check(
        &with(r#"{"Effect":"Allow","Action":"*"}"#),
        expect!["policy document, at `Statement[0].Resource`: it is missing"],
    );
    check(
        &with(r#"{"Effect":"allow","Action":"*","Resource":"*"}"#),
        expect![[r#"policy document, at `Statement[0].Effect`: it must be "Allow" or "Deny""#]],
    );
    check(
        &with(&format!(r#"{{{good},"NotAction":"*"}}"#)),
        expect![
            "policy document, at `Statement[0].NotAction`: a statement has either Action or NotAction, not both"
        ],
    );
    check(
        &with(&format!(r#"{{{good},"Effect":"Deny"}}"#)),
        expect![
            "policy document, at `$`: it is not valid JSON: member `Effect` is given twice at line 1 column 90"
        ],
    );
    check(
        &with(&format!(r#"{{{good},"Principal":"*"}}"#)),
        expect![
            "policy document, at `Statement[0].Principal`: it belongs to trust policies, not to policies of an identity"
        ],
    );
    check(
        &with(&format!(r#"{{{good},"NotResource":"*"}}"#)),
        expect![
            "policy document, at `Statement[0].NotResource`: RAM has no NotResource; use Resource"
        ],
    );
    check(
        &with(r#"{"Effect":"Allow","Action":[],"Resource":"*"}"#),
        expect![
            "policy document, at `Statement[0].Action`: it must be a string or a list of strings, not empty"
        ],
    );
    check(
        &with(r#"{"Effect":"Allow","Action":["*",1],"Resource":"*"}"#),
        expect![
            "policy document, at `Statement[0].Action`: it must be a string or a list of strings, not empty"
        ],
    );
    check(
        &with(r#"{"Effect":"Deny","Action":"GetChatapp*","Resource":"*"}"#),
        expect![
            "policy document, at `Statement[0].Action`: `GetChatapp*` is not valid: an action is `*` or `<product>:<operation>`, as in `cams:Get*`, with `*` and `?` as wildcards"
        ],
    );
    check(
        &with(r#"{"Effect":"Deny","Action":"cams: Get","Resource":"*"}"#),
        expect![
            "policy document, at `Statement[0].Action`: `cams: Get` is not valid: an action is `*` or `<product>:<operation>`, as in `cams:Get*`, with `*` and `?` as wildcards"
        ],
    );
    check(
        &with(r#"{"Effect":"Deny","Action":"*","Resource":"acs:cams"}"#),
        expect![
            "policy document, at `Statement[0].Resource`: `acs:cams` is not valid: a resource is `*` or `acs:<service>:<region>:<account>:<resource>`"
        ],
    );
}

#[test]
fn every_fault_of_a_condition_names_its_place() {
    check(
        &with_condition("[]"),
        expect!["policy document, at `Statement[0].Condition`: it must be an object"],
    );
    check(
        &with_condition(r#"{"StringEquals":{}}"#),
        expect![
            "policy document, at `Statement[0].Condition.StringEquals`: it must name at least one condition key"
        ],
    );
    check(
        &with_condition(r#"{"StringEquals":{"SourceIp":"x"}}"#),
        expect![
            "policy document, at `Statement[0].Condition.StringEquals.SourceIp`: a condition key is `<service>:<name>`, as in `acs:SourceIp`"
        ],
    );
    check(
        &with_condition(r#"{"StringEquals":{"a:b":[]}}"#),
        expect![
            "policy document, at `Statement[0].Condition.StringEquals.a:b`: the list of values is empty"
        ],
    );
    check(
        &with_condition(r#"{"StringEquals":{"a:b":[["x"]]}}"#),
        expect![
            "policy document, at `Statement[0].Condition.StringEquals.a:b`: a value must be a string, a number or a boolean"
        ],
    );
    check(
        &with_condition(r#"{"StringEqualsIfExists":{"a:b":"x"}}"#),
        expect![
            "policy document, at `Statement[0].Condition.StringEqualsIfExists.a:b`: the condition operator 'IfExists/Null' is not supported"
        ],
    );
    check(
        &with_condition(r#"{"Null":{"a:b":"true"}}"#),
        expect![
            "policy document, at `Statement[0].Condition.Null.a:b`: the condition operator 'IfExists/Null' is not supported"
        ],
    );
    check(
        &with_condition(r#"{"stringEquals":{"a:b":"x"}}"#),
        expect![
            "policy document, at `Statement[0].Condition.stringEquals.a:b`: the operator is not known; there are String(Not)Equals(IgnoreCase), String(Not)Like, Numeric… and Date… with (Not)Equals, LessThan(Equals), GreaterThan(Equals), Bool, IpAddress and NotIpAddress"
        ],
    );
    check(
        &with_condition(r#"{"NumericLike":{"a:b":"1"}}"#),
        expect![
            "policy document, at `Statement[0].Condition.NumericLike.a:b`: the operator is not known; there are String(Not)Equals(IgnoreCase), String(Not)Like, Numeric… and Date… with (Not)Equals, LessThan(Equals), GreaterThan(Equals), Bool, IpAddress and NotIpAddress"
        ],
    );
    check(
        &with_condition(r#"{"Bool":{"a:b":"yes"}}"#),
        expect![
            "policy document, at `Statement[0].Condition.Bool.a:b`: `yes` is not `true` or `false`"
        ],
    );
    check(
        &with_condition(r#"{"NumericEquals":{"a:b":"1e3"}}"#),
        expect![
            "policy document, at `Statement[0].Condition.NumericEquals.a:b`: `1e3` is not a number"
        ],
    );
    check(
        &with_condition(r#"{"DateEquals":{"a:b":"yesterday"}}"#),
        expect![
            "policy document, at `Statement[0].Condition.DateEquals.a:b`: `yesterday` is not a time such as 2026-01-02T03:04:05Z"
        ],
    );
    check(
        &with_condition(r#"{"IpAddress":{"acs:SourceIp":"10.0.0.0/33"}}"#),
        expect![
            "policy document, at `Statement[0].Condition.IpAddress.acs:SourceIp`: `10.0.0.0/33` is not an address or range such as 10.0.0.0/8"
        ],
    );
}

#[test]
fn documents_are_limited_in_characters() {
    let of_length = |n: usize| {
        let empty = with(r#"{"Effect":"Allow","Action":"*","Resource":"acs:a:b:c:"}"#);
        let padding = "é".repeat(n - empty.chars().count());
        empty.replace("acs:a:b:c:", &format!("acs:a:b:c:{padding}"))
    };
    assert!(Policy::parse(&of_length(IDENTITY_POLICY_CHARS_MAX)).is_ok());
    assert!(Policy::parse(&of_length(IDENTITY_POLICY_CHARS_MAX + 1)).is_err());
    assert!(Policy::parse_session(&of_length(SESSION_POLICY_CHARS_MAX)).is_ok());
    assert!(Policy::parse_session(&of_length(SESSION_POLICY_CHARS_MAX + 1)).is_err());
}

fn holds(condition: &str, context: &[(&str, &str)]) -> bool {
    let policy = Policy::parse(&with_condition(condition)).unwrap();
    let mut known = Context::new();
    context
        .iter()
        .for_each(|(key, value)| known.set(key, *value));
    let attached = [AttachedPolicy {
        name: "p",
        policy: &policy,
    }];
    let permission = Permission {
        action: "cams:Get",
        resource: "*",
    };
    evaluate(permission, &known, &attached, None).is_allowed()
}

#[test]
fn each_operator_against_a_value_that_holds_and_one_that_does_not() {
    for (operator, wanted, yes, no) in [
        ("StringEquals", r#""a""#, "a", "A"),
        ("StringNotEquals", r#"["a","b"]"#, "c", "b"),
        ("StringEqualsIgnoreCase", r#""aÉ""#, "Aé", "b"),
        ("StringNotEqualsIgnoreCase", r#""a""#, "b", "A"),
        ("StringLike", r#""a*c?""#, "abbcd", "abbc"),
        ("StringNotLike", r#"["a*","b*"]"#, "cab", "bca"),
        ("NumericEquals", "10", "10.0", "11"),
        ("NumericNotEquals", r#"[1,2]"#, "3", "2"),
        ("NumericLessThan", "10", "-3", "10"),
        ("NumericLessThanEquals", "10", "10", "10.5"),
        ("NumericGreaterThan", "10", "11", "10"),
        ("NumericGreaterThanEquals", "10", "10", "9.9"),
        (
            "DateEquals",
            r#""2026-01-02T03:04:05Z""#,
            "2026-01-02T11:04:05+08:00",
            "2026-01-02T03:04:06Z",
        ),
        (
            "DateNotEquals",
            r#""2026-01-02T03:04:05Z""#,
            "2026-01-02T03:04:06Z",
            "2026-01-02T03:04:05Z",
        ),
        (
            "DateLessThan",
            r#""2026-01-02T03:04:05Z""#,
            "2026-01-02T03:04:04Z",
            "2026-01-02T03:04:05Z",
        ),
        (
            "DateLessThanEquals",
            r#""2026-01-02T03:04:05Z""#,
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:06Z",
        ),
        (
            "DateGreaterThan",
            r#""2026-01-02T03:04:05Z""#,
            "2026-01-02T03:04:06Z",
            "2026-01-02T03:04:05Z",
        ),
        (
            "DateGreaterThanEquals",
            r#""2026-01-02T03:04:05Z""#,
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:04Z",
        ),
        ("Bool", "true", "True", "false"),
        (
            "IpAddress",
            r#"["10.1.2.3/8","::1"]"#,
            "10.200.0.1",
            "11.0.0.1",
        ),
        ("IpAddress", r#""10.0.0.1""#, "::ffff:10.0.0.1", "10.0.0.2"),
        (
            "IpAddress",
            r#""2001:db8::/32""#,
            "2001:db8:1::9",
            "2001:db9::1",
        ),
        ("IpAddress", r#""0.0.0.0/0""#, "255.1.1.1", "::2"),
        (
            "NotIpAddress",
            r#"["10.0.0.0/8","192.168.0.0/16"]"#,
            "172.16.0.1",
            "192.168.4.4",
        ),
    ] {
        let condition = format!(r#"{{"{operator}":{{"acs:Key":{wanted}}}}}"#);
        assert!(
            holds(&condition, &[("acs:Key", yes)]),
            "{condition} with {yes}"
        );
        assert!(
            holds(&condition, &[("ACS:key", yes)]),
            "{condition}: keys are without case"
        );
        assert!(
            !holds(&condition, &[("acs:Key", no)]),
            "{condition} with {no}"
        );
        assert!(!holds(&condition, &[]), "{condition} with the key absent");
    }
    for operator in ["NumericNotEquals", "NotIpAddress", "DateNotEquals"] {
        let wanted = match operator {
            "NumericNotEquals" => "1",
            "NotIpAddress" => "\"10.0.0.1\"",
            _ => "\"2026-01-02T03:04:05Z\"",
        };
        let condition = format!(r#"{{"{operator}":{{"acs:Key":{wanted}}}}}"#);
        assert!(
            !holds(&condition, &[("acs:Key", "garbage")]),
            "{condition}: not of the type"
        );
    }
}

#[test]
fn values_are_alternatives_and_keys_and_operators_must_all_hold() {
    let both = r#"{"StringEquals":{"a:x":["1","2"],"a:y":"3"},"NumericLessThan":{"a:z":5}}"#;
    assert!(holds(both, &[("a:x", "2"), ("a:y", "3"), ("a:z", "4")]));
    assert!(!holds(both, &[("a:x", "3"), ("a:y", "3"), ("a:z", "4")]));
    assert!(!holds(both, &[("a:x", "2"), ("a:y", "4"), ("a:z", "4")]));
    assert!(!holds(both, &[("a:x", "2"), ("a:y", "3"), ("a:z", "5")]));
    assert!(!holds(both, &[("a:x", "2"), ("a:y", "3")]));
}

#[test]
fn actions_ignore_case_and_resources_do_not() {
    let decide = |statement: &str, action: &str, resource: &str| {
        let policy = Policy::parse(&with(statement)).unwrap();
        let attached = [AttachedPolicy {
            name: "p",
            policy: &policy,
        }];
        evaluate(
            Permission { action, resource },
            &Context::new(),
            &attached,
            None,
        )
        .is_allowed()
    };
    let read =
        r#"{"Effect":"Allow","Action":"CAMS:get*metric","Resource":"acs:cams:*:1:space/A*"}"#;
    assert!(decide(
        read,
        "cams:GetChatappPhoneNumberMetric",
        "acs:cams:cn:1:space/Ab"
    ));
    assert!(!decide(
        read,
        "cams:GetChatappPhoneNumberMetric",
        "acs:cams:cn:1:space/ab"
    ));
    assert!(!decide(
        read,
        "cams:GetChatappPhoneNumberMetrics",
        "acs:cams:cn:1:space/Ab"
    ));
    let not = r#"{"Effect":"Allow","NotAction":["cams:Get*","ram:*"],"Resource":"*"}"#;
    assert!(decide(not, "cams:EnableWhatsappROIMetric", "*"));
    assert!(!decide(not, "cams:GetX", "*"));
    assert!(!decide(not, "RAM:CreateUser", "*"));
}

#[test]
fn the_decision_names_the_statement() {
    let parse = |text: &str| Policy::parse(&with(text)).unwrap();
    let other = parse(r#"{"Effect":"Allow","Action":"oss:*","Resource":"*"}"#);
    let mixed = parse(
        r#"{"Effect":"Allow","Action":"oss:*","Resource":"*"},{"Effect":"Allow","Action":"cams:*","Resource":"*"},{"Effect":"Deny","Action":"cams:Delete*","Resource":"*"}"#,
    );
    let attached = [
        AttachedPolicy {
            name: "other",
            policy: &other,
        },
        AttachedPolicy {
            name: "mixed",
            policy: &mixed,
        },
    ];
    let decide = |action| {
        let permission = Permission {
            action,
            resource: "*",
        };
        evaluate(permission, &Context::new(), &attached, None)
    };
    let statement = |index| StatementRef {
        policy: Some("mixed".to_owned()),
        index,
    };
    assert_eq!(
        decide("cams:Get"),
        Decision::Allow {
            statement: statement(1)
        }
    );
    let policy_type = crate::error::PolicyType::AccountLevelIdentityBasedPolicy;
    let denied = Decision::ExplicitDeny {
        statement: statement(2),
        policy_type,
    };
    assert_eq!(decide("cams:DeleteX"), denied);
    assert_eq!(decide("ram:Get"), Decision::ImplicitDeny { policy_type });
}

/// The textbook definition.
fn naive(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        (['*', rest @ ..], _) => {
            naive(rest, text) || text.split_first().is_some_and(|(_, t)| naive(pattern, t))
        }
        (['?', rest @ ..], [_, t @ ..]) => naive(rest, t),
        ([c, rest @ ..], [d, t @ ..]) => c == d && naive(rest, t),
        _ => false,
    }
}

proptest! {
    #[test]
    fn wildcards_equal_the_textbook(pattern in "[ab*?é]{0,8}", text in "[abé]{0,10}") {
        let chars = |s: &str| s.chars().collect::<Vec<_>>();
        let expected = naive(&chars(&pattern), &chars(&text));
        prop_assert_eq!(Pattern::new(pattern.clone()).matches(&text, false), expected);
        let upper = text.to_ascii_uppercase();
        prop_assert_eq!(Pattern::new(pattern).matches(&upper, true), expected);
    }

    #[test]
    fn no_document_makes_it_panic(text in ".{0,200}") {
        let _ = Policy::parse(&text);
        let _ = Policy::parse(&with(&text));
        let _ = Policy::parse(&with_condition(&text));
    }

    /// Adding a Deny that applies always denies; adding any policy never undoes a Deny.
    #[test]
    fn a_deny_is_final(effects in proptest::collection::vec(any::<bool>(), 0..6)) {
        let parsed: Vec<Policy> = effects
            .iter()
            .map(|allow| if *allow { "Allow" } else { "Deny" })
            .map(|effect| with(&format!(r#"{{"Effect":"{effect}","Action":"*","Resource":"*"}}"#)))
            .map(|document| Policy::parse(&document).unwrap())
            .collect();
        let attached: Vec<AttachedPolicy<'_>> =
            parsed.iter().map(|policy| AttachedPolicy { name: "p", policy }).collect();
        let permission = Permission { action: "a:b", resource: "*" };
        let allowed = evaluate(permission, &Context::new(), &attached, None).is_allowed();
        prop_assert_eq!(allowed, !effects.is_empty() && effects.iter().all(|allow| *allow));
    }
}

#[test]
fn a_pattern_of_stars_is_not_a_bomb() {
    let pattern = "a*".repeat(60) + "b";
    assert!(!Pattern::new(pattern).matches(&"a".repeat(6_000), false));
}

#[test]
fn limits_count_characters_and_not_bytes_at_the_very_edge() {
    let sized = |chars: usize| {
        let empty = with(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
        let padding = " ".repeat(chars - empty.chars().count());
        format!("{empty}{padding}")
    };
    let fault = |document: &str| Policy::parse(document).unwrap_err().to_string();
    assert_eq!(
        fault(&sized(6_145)),
        "policy document, at `$`: it has 6145 characters, the limit is 6144"
    );
    let session = Policy::parse_session(&sized(2_049))
        .unwrap_err()
        .to_string();
    assert_eq!(
        session,
        "policy document, at `$`: it has 2049 characters, the limit is 2048"
    );
}

#[test]
fn a_session_policy_limits_and_never_adds() {
    let parse = |text: &str| Policy::parse(&with(text)).unwrap();
    let all = parse(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
    let read = parse(r#"{"Effect":"Allow","Action":"cams:Get*","Resource":"*"}"#);
    let decide = |identity: &Policy, session: &Policy, action| {
        let attached = [AttachedPolicy {
            name: "p",
            policy: identity,
        }];
        let permission = Permission {
            action,
            resource: "*",
        };
        evaluate(permission, &Context::new(), &attached, Some(session))
    };
    assert!(decide(&all, &read, "cams:GetX").is_allowed());
    assert_eq!(
        decide(&all, &read, "ram:CreateUser"),
        Decision::ImplicitDeny {
            policy_type: crate::error::PolicyType::SessionPolicy
        }
    );
    assert_eq!(
        decide(&read, &all, "ram:CreateUser"),
        Decision::ImplicitDeny {
            policy_type: crate::error::PolicyType::AccountLevelIdentityBasedPolicy
        }
    );
}

#[test]
fn a_diagnosis_names_the_policies_that_were_about_the_call_and_is_bounded() {
    let parse = |text: &str| Policy::parse(&with(text)).unwrap();
    let allow = parse(r#"{"Effect":"Allow","Action":"cams:*","Resource":"*"}"#);
    let deny = parse(
        r#"{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"cams:Get*","Resource":"*"}"#,
    );
    let other = parse(r#"{"Effect":"Deny","Action":"ram:*","Resource":"*"}"#);
    let attached = |name, policy| AttachedPolicy { name, policy };
    let permission = Permission {
        action: "cams:GetX",
        resource: "*",
    };
    let identity = [
        attached("Allows", &allow),
        attached("Other", &other),
        attached("Denies", &deny),
    ];
    let names = |matched: Vec<MatchedPolicy>| -> Vec<(Option<String>, bool)> {
        let matched = matched.into_iter();
        matched.map(|policy| (policy.name, policy.denies)).collect()
    };
    let context = Context::new();
    assert_eq!(
        names(matched(permission, &context, &identity, Some(&allow))),
        [
            (None, false),
            (Some("Allows".to_owned()), false),
            (Some("Denies".to_owned()), true)
        ]
    );
    let many: Vec<AttachedPolicy<'_>> = (0..100).map(|_| attached("p", &allow)).collect();
    let found = matched(permission, &context, &many, None);
    assert_eq!(found.len(), MATCHED_POLICIES_MAX);

    let mut context = Context::new();
    context.set("acs:UserAgent", "é".repeat(400));
    context.set("acs:SourceIp", "192.0.2.1");
    let diagnosis = diagnosis(&"r".repeat(10_000), &context, found);
    assert_eq!(diagnosis.resource.len(), DIAGNOSIS_TEXT_BYTES_MAX);
    let agent = ("acs:UserAgent".to_owned(), "é".repeat(256));
    let address = ("acs:SourceIp".to_owned(), "192.0.2.1".to_owned());
    assert_eq!(diagnosis.conditions, [address, agent]);
}
