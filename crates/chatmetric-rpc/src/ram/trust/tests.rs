//! Tests of trust policies: grammar, who is trusted, what a condition asks.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

const ASSUME: &str = "sts:AssumeRole";

fn account(digits: &str) -> AccountId {
    AccountId::parse(digits).unwrap()
}

fn with(statement: &str) -> String {
    format!(r#"{{"Version":"1","Statement":[{statement}]}}"#)
}

fn trusting(principals: &str) -> String {
    with(&format!(
        r#"{{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{principals}}}"#
    ))
}

fn parse(document: &str) -> TrustPolicy {
    TrustPolicy::parse(document).unwrap_or_else(|error| panic!("{document}: {error}"))
}

fn check(document: &str, expected: &Expect) {
    expected.assert_eq(&TrustPolicy::parse(document).unwrap_err().to_string());
}

#[test]
fn documents_in_the_vendors_grammar_are_taken() {
    for principals in [
        r#"{"RAM":["acs:ram::1000000000000001:root"]}"#,
        r#"{"RAM":"acs:ram::1:user/alice@example.com"}"#,
        r#"{"RAM":["acs:ram::1:role/r-1","acs:ram::2:root"],"Service":["ecs.aliyuncs.com"]}"#,
        r#"{"Federated":["acs:ram::1:saml-provider/idp","acs:ram::1:oidc-provider/x.y"]}"#,
    ] {
        parse(&trusting(principals));
    }
}

#[test]
fn every_fault_names_its_place() {
    check(
        "{}",
        &expect![[r#"trust policy, at `Version`: it is missing; it must be "1""#]],
    );
    check(
        &with("7"),
        &expect!["trust policy, at `Statement[0]`: it must be an object"],
    );
    check(
        &with(r#"{"Effect":"Allow","Principal":{"RAM":"acs:ram::1:root"}}"#),
        &expect!["trust policy, at `Statement[0].Action`: it is missing"],
    );
    check(
        &with(r#"{"Effect":"Allow","Action":"sts:AssumeRole"}"#),
        &expect!["trust policy, at `Statement[0].Principal`: it is missing"],
    );
    check(
        &with(r#"{"Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::1:root"}}"#),
        &expect!["trust policy, at `Statement[0].Effect`: it is missing"],
    );
    check(
        &with(r#"{"Effect":"Allow","NotAction":"*"}"#),
        &expect![
            "trust policy, at `Statement[0].NotAction`: trust policies say who may; use Action and Principal"
        ],
    );
    check(
        &with(r#"{"Effect":"Allow","Resource":"*"}"#),
        &expect![
            "trust policy, at `Statement[0].Resource`: the role that has the trust policy is its resource; leave it out"
        ],
    );
    check(
        &with(r#"{"Effect":"Allow","Sid":"x"}"#),
        &expect![
            "trust policy, at `Statement[0].Sid`: `Sid` is not an element here; known are Effect, Action, Principal and Condition"
        ],
    );
    check(
        &trusting(r#""*""#),
        &expect!["trust policy, at `Statement[0].Principal`: it must be an object"],
    );
    check(
        &trusting("{}"),
        &expect![
            "trust policy, at `Statement[0].Principal`: it must name RAM, Service or Federated principals"
        ],
    );
    check(
        &trusting(r#"{"AWS":"acs:ram::1:root"}"#),
        &expect![
            "trust policy, at `Statement[0].Principal.AWS`: `AWS` is not an element here; known are RAM, Service and Federated"
        ],
    );
    check(
        &trusting(r#"{"RAM":[]}"#),
        &expect![
            "trust policy, at `Statement[0].Principal.RAM`: it must be a string or a list of strings, not empty"
        ],
    );
    for wild in ["*", "acs:ram::*:root", "acs:ram::1:user/a?"] {
        check(
            &trusting(&format!(r#"{{"RAM":"{wild}"}}"#)),
            &expect![
                "trust policy, at `Statement[0].Principal.RAM`: nobody is trusted by a wildcard; name accounts, users and roles, as in `acs:ram::1000000000000001:root`"
            ],
        );
    }
    check(
        &trusting(r#"{"RAM":"acs:ram::1:group/g"}"#),
        &expect![
            "trust policy, at `Statement[0].Principal.RAM`: `acs:ram::1:group/g` is not valid: a principal is `acs:ram::<account>:root`, `acs:ram::<account>:user/<name>` or `acs:ram::<account>:role/<name>`"
        ],
    );
    check(
        &trusting(r#"{"Service":"a b"}"#),
        &expect![
            "trust policy, at `Statement[0].Principal.Service`: `a b` is not valid: a service is like `ecs.aliyuncs.com`, a provider like `acs:ram::1000000000000001:saml-provider/name`"
        ],
    );
    check(
        &with(
            r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::1:root"},"Condition":{"Null":{"sts:ExternalId":"true"}}}"#,
        ),
        &expect![
            "trust policy, at `Statement[0].Condition.Null.sts:ExternalId`: the condition operator 'IfExists/Null' is not supported"
        ],
    );
}

#[test]
fn odd_principals_are_refused() {
    let long = format!("acs:ram::1:user/{}", "u".repeat(129));
    for text in [
        "",
        "1",
        "acs:ram::1",
        "acs:ram:cn:1:root",
        "acs:ram::x:root",
        "acs:ram::1:root/",
        "acs:ram::1:user/",
        "acs:ram::1:user/a/b",
        "acs:ram::1:user",
        "acs:ram::1:assumed-role/r/s",
        "acs:ram::1:ROOT",
        " acs:ram::1:root",
        long.as_str(),
    ] {
        let document = trusting(&format!(r#"{{"RAM":"{text}"}}"#));
        assert!(TrustPolicy::parse(&document).is_err(), "{text}");
    }
    let fits = format!("acs:ram::1:user/{}", "u".repeat(128));
    parse(&trusting(&format!(r#"{{"RAM":"{fits}"}}"#)));
    let service = |length: usize| trusting(&format!(r#"{{"Service":"{}"}}"#, "s".repeat(length)));
    parse(&service(256));
    assert!(TrustPolicy::parse(&service(257)).is_err());
}

#[test]
fn a_trust_policy_is_limited_in_characters() {
    let of_length = |n: usize| {
        let empty = trusting(r#"{"RAM":"acs:ram::1:root"}"#);
        let padding = " ".repeat(n - empty.chars().count());
        format!("{empty}{padding}")
    };
    assert!(TrustPolicy::parse(&of_length(TRUST_POLICY_CHARS_MAX)).is_ok());
    assert_eq!(
        TrustPolicy::parse(&of_length(TRUST_POLICY_CHARS_MAX + 1))
            .unwrap_err()
            .to_string(),
        "trust policy, at `$`: it has 6145 characters, the limit is 6144"
    );
}

#[test]
fn who_is_named_is_trusted_and_nobody_else() {
    let (one, two) = (account("1"), account("2"));
    let user = |account, name| TrustCaller::User { account, name };
    let role = |account, name| TrustCaller::Role { account, name };
    let everybody = [
        user(&one, "alice"),
        user(&one, "bob"),
        role(&one, "alice"),
        user(&two, "alice"),
        role(&two, "alice"),
    ];
    for (principal, trusted) in [
        ("acs:ram::1:root", [true, true, true, false, false]),
        ("acs:ram::1:user/alice", [true, false, false, false, false]),
        ("acs:ram::1:role/alice", [false, false, true, false, false]),
        ("acs:ram::2:root", [false, false, false, true, true]),
        ("acs:ram::1:user/Alice", [false; 5]),
        ("acs:ram::11:root", [false; 5]),
    ] {
        let policy = parse(&trusting(&format!(r#"{{"RAM":"{principal}"}}"#)));
        for (caller, expected) in everybody.into_iter().zip(trusted) {
            let decision = policy.evaluate(caller, ASSUME, &Context::new());
            assert_eq!(decision.is_allowed(), expected, "{principal}: {caller:?}");
        }
    }
    for elsewhere in [
        r#"{"Service":"acs:ram::1:root"}"#,
        r#"{"Federated":"acs:ram::1:user/alice"}"#,
    ] {
        let policy = parse(&trusting(elsewhere));
        for caller in everybody {
            let decision = policy.evaluate(caller, ASSUME, &Context::new());
            assert_eq!(decision, TrustDecision::ImplicitDeny, "{elsewhere}");
        }
    }
    let nobody = TrustPolicy::nobody();
    for caller in everybody {
        let decision = nobody.evaluate(caller, ASSUME, &Context::new());
        assert_eq!(decision, TrustDecision::ImplicitDeny);
    }
}

#[test]
fn the_action_and_every_condition_must_hold() {
    let one = account("1");
    let caller = TrustCaller::User {
        account: &one,
        name: "alice",
    };
    let with_action = |action: &str| {
        parse(&with(&format!(
            r#"{{"Effect":"Allow","Action":{action},"Principal":{{"RAM":"acs:ram::1:root"}}}}"#
        )))
    };
    let allows = |policy: &TrustPolicy, context: &Context| {
        policy.evaluate(caller, ASSUME, context).is_allowed()
    };
    let nothing = Context::new();
    for action in [
        r#""STS:assumerole""#,
        r#""sts:*""#,
        r#"["a:b","sts:Assume?ole"]"#,
        r#""*""#,
    ] {
        assert!(allows(&with_action(action), &nothing), "{action}");
    }
    for action in [r#""sts:AssumeRoleWithSAML""#, r#""ram:*""#] {
        assert!(!allows(&with_action(action), &nothing), "{action}");
    }
    let external = parse(&with(
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::1:root"},"Condition":{"StringEquals":{"sts:ExternalId":"abc"},"IpAddress":{"acs:SourceIp":"10.0.0.0/8"}}}"#,
    ));
    let context = |id: Option<&str>, ip: &str| {
        let mut context = Context::new();
        if let Some(id) = id {
            context.set("sts:ExternalId", id);
        }
        context.set("acs:SourceIp", ip);
        context
    };
    assert!(allows(&external, &context(Some("abc"), "10.1.1.1")));
    assert!(!allows(&external, &context(Some("ABC"), "10.1.1.1")));
    assert!(!allows(&external, &context(None, "10.1.1.1")));
    assert!(!allows(&external, &context(Some("abc"), "11.1.1.1")));
}

#[test]
fn the_decision_names_the_statement() {
    let one = account("1");
    let policy = parse(&with(
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::2:root"}},
           {"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::1:root"}},
           {"Effect":"Deny","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::1:user/mallory"}}"#,
    ));
    let decide = |name| {
        let caller = TrustCaller::User {
            account: &one,
            name,
        };
        policy.evaluate(caller, ASSUME, &Context::new())
    };
    assert_eq!(decide("alice"), TrustDecision::Allow { statement: 1 });
    assert_eq!(
        decide("mallory"),
        TrustDecision::ExplicitDeny { statement: 2 }
    );
}

proptest! {
    #[test]
    fn no_document_makes_it_panic(text in ".{0,200}") {
        let _ = TrustPolicy::parse(&text);
        let _ = TrustPolicy::parse(&with(&text));
        let _ = TrustPolicy::parse(&trusting(&text));
    }

    /// Statements in any order and number mean what the definition says.
    #[test]
    fn decisions_equal_the_definition(
        statements in proptest::collection::vec((any::<bool>(), 0_usize..5), 0..6),
    ) {
        const PRINCIPALS: [&str; 5] = [
            "acs:ram::1:root",
            "acs:ram::1:user/alice",
            "acs:ram::1:role/alice",
            "acs:ram::2:root",
            "acs:ram::1:user/bob",
        ];
        let texts: Vec<_> = statements
            .iter()
            .map(|(allow, who)| {
                let effect = if *allow { "Allow" } else { "Deny" };
                let principal = PRINCIPALS[*who];
                format!(r#"{{"Effect":"{effect}","Action":"sts:*","Principal":{{"RAM":"{principal}"}}}}"#)
            })
            .collect();
        let policy = if texts.is_empty() {
            TrustPolicy::nobody()
        } else {
            parse(&with(&texts.join(",")))
        };
        let one = account("1");
        let alice = TrustCaller::User { account: &one, name: "alice" };
        let about = |wanted: bool| {
            statements.iter().any(|(allow, who)| *allow == wanted && *who < 2)
        };
        let allowed = policy.evaluate(alice, ASSUME, &Context::new()).is_allowed();
        prop_assert_eq!(allowed, about(true) && !about(false));
    }
}
