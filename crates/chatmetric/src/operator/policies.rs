//! What RAM would say to a call that nobody made, by the evaluator that judges calls.

use super::query::account_of;
use super::{Desk, OperatorError};
use crate::directory::{Snapshot, User};
use chatmetric_rpc::ram::{AttachedPolicy, Context, Decision, Permission, evaluate};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most condition keys of a trial.
pub(crate) const CONTEXT_KEYS_MAX: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Simulate {
    account: Option<String>,
    user: String,
    action: String,
    #[serde(default = "everything")]
    resource: String,
    #[serde(default)]
    context: BTreeMap<String, String>,
}

fn everything() -> String {
    "*".to_owned()
}

pub(super) fn simulate(desk: &Desk<'_>, asked: &Simulate) -> Result<Value, OperatorError> {
    let snapshot = desk.directory.snapshot();
    let user = user_of(&snapshot, asked.account.as_deref(), &asked.user)?;
    if asked.context.len() > CONTEXT_KEYS_MAX {
        let reason = format!("a trial has at most {CONTEXT_KEYS_MAX} condition keys");
        return Err(OperatorError::invalid("context", reason));
    }
    Ok(tried(&user, &asked.action, &asked.resource, &asked.context))
}

fn user_of(
    snapshot: &Snapshot,
    account: Option<&str>,
    name: &str,
) -> Result<Arc<User>, OperatorError> {
    let named = account.map(|id| account_of(snapshot, id)).transpose()?;
    let accounts = snapshot.accounts();
    let asked = accounts.filter(|account| named.as_ref().is_none_or(|own| own.id == account.id));
    let mut users = asked.filter_map(|account| snapshot.user(account.key, name));
    match (users.next(), users.next()) {
        (Some(user), None) => Ok(Arc::clone(user)),
        (None, _) => Err(OperatorError::NotFound(format!(
            "there is no user `{name}`"
        ))),
        (Some(_), Some(_)) => {
            let reason = "several accounts have a user of this name: say which";
            Err(OperatorError::invalid("account", reason))
        }
    }
}

/// The decision, and the statement that made it.
pub(crate) fn tried(
    user: &User,
    action: &str,
    resource: &str,
    keys: &BTreeMap<String, String>,
) -> Value {
    let mut context = Context::new();
    for (key, value) in keys {
        context.set(key, value.as_str());
    }
    let policies = user.policies.iter().map(|named| AttachedPolicy {
        name: &named.name,
        policy: &named.policy,
    });
    let policies: Vec<_> = policies.collect();
    let permission = Permission { action, resource };
    let decision = evaluate(permission, &context, &policies, None);
    let decided_by = match &decision {
        Decision::Allow { statement } => Some((statement, "Allow")),
        Decision::ExplicitDeny { statement, .. } => Some((statement, "Deny")),
        Decision::ImplicitDeny { .. } => None,
    };
    let decided_by = decided_by.map(|(statement, effect)| {
        json!({
            "policy": statement.policy,
            "statement": statement.index,
            "effect": effect,
        })
    });
    json!({ "allowed": decision.is_allowed(), "decidedBy": decided_by })
}
