//! Policies: whatever a document says, its evaluation is total and follows from its statements.
//!
//! An input has parts, apart by lines of `---`: the action and the resource, with circumstances
//! `key=value` in further lines; two policies of an identity; the policy of a session. Not here:
//! what a single statement covers (`tests.rs`, `properties.rs`).

use super::evaluate::{AttachedPolicy, Decision, MATCHED_POLICIES_MAX, evaluate, matched};
use super::policy::{Effect, Policy};
use super::trust::TrustPolicy;
use super::{Context, Permission};

const DENY_ALL: &str =
    r#"{"Version":"1","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
const ALLOW_ALL: &str =
    r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// See the module.
pub fn policy(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.split("\n---\n");
    let head = parts.next().unwrap_or_default();
    let documents: Vec<&str> = parts.take(3).collect();
    for document in &documents {
        parses(document);
    }
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let (action, resource) = first.split_once(' ').unwrap_or((first, "*"));
    let mut context = Context::new();
    for (key, value) in lines.filter_map(|line| line.split_once('=')) {
        context.set(key, value);
    }
    let parsed = |at: usize| documents.get(at).and_then(|it| Policy::parse(it).ok());
    let identity: Vec<Policy> = [parsed(0), parsed(1)].into_iter().flatten().collect();
    let session = documents
        .get(2)
        .and_then(|it| Policy::parse_session(it).ok());
    decides(
        Permission { action, resource },
        &context,
        &identity,
        session.as_ref(),
    );
}

fn parses(document: &str) {
    let policy = Policy::parse(document);
    match &policy {
        Ok(policy) => assert!(policy.statements_len() > 0),
        Err(fault) => assert!(!fault.path.is_empty() && !fault.reason.is_empty()),
    }
    if let Ok(session) = Policy::parse_session(document) {
        assert_eq!(policy, Ok(session), "a session policy is a policy");
    }
    if policy.is_ok() {
        let trust = TrustPolicy::parse(document);
        assert!(trust.is_err(), "a document is of one kind");
    }
}

fn attached(policies: &[Policy]) -> Vec<AttachedPolicy<'_>> {
    let named = |policy| AttachedPolicy { name: "p", policy };
    policies.iter().map(named).collect()
}

/// Deny of any statement, then Allow of each stage, then no; from statements that stand alone.
fn decides(
    permission: Permission<'_>,
    context: &Context,
    identity: &[Policy],
    session: Option<&Policy>,
) {
    let says = |policies: &[Policy], wanted: Effect| {
        let mut statements = policies.iter().flat_map(|policy| &policy.statements);
        statements.any(|statement| {
            let alone = [Policy {
                statements: vec![statement.clone()],
            }];
            let decision = evaluate(permission, context, &attached(&alone), None);
            match decision {
                Decision::Allow { .. } => wanted == Effect::Allow,
                Decision::ExplicitDeny { .. } => wanted == Effect::Deny,
                Decision::ImplicitDeny { .. } => false,
            }
        })
    };
    let of_session: &[Policy] = session.map_or(&[], std::slice::from_ref);
    let denied = says(identity, Effect::Deny) || says(of_session, Effect::Deny);
    let limited = session.is_some() && !says(of_session, Effect::Allow);
    let allowed = !denied && !limited && says(identity, Effect::Allow);
    let whole = attached(identity);
    let decision = evaluate(permission, context, &whole, session);
    assert_eq!(decision.is_allowed(), allowed, "{decision:?}");
    let explicit = matches!(decision, Decision::ExplicitDeny { .. });
    assert_eq!(explicit, denied, "{decision:?}");
    let named = matched(permission, context, &whole, session);
    assert!(named.len() <= MATCHED_POLICIES_MAX);
    assert_eq!(named.iter().any(|it| it.denies), denied);

    let with = |document: &str| {
        let mut more = identity.to_vec();
        more.push(Policy::parse(document).expect("a policy"));
        evaluate(permission, context, &attached(&more), session)
    };
    assert!(matches!(with(DENY_ALL), Decision::ExplicitDeny { .. }));
    assert_eq!(with(ALLOW_ALL).is_allowed(), !denied && !limited);
}
