//! Evaluation: session policy, then the policies of the identity; each stage must allow.
//!
//! Invariant: explicit Deny in any policy of any stage > Allow in every stage > no.

use super::Permission;
use super::condition::Context;
use super::policy::{Actions, Effect, Policy, Statement};
use super::wildcard::Pattern;
use crate::error::{MatchedPolicy, PolicyType};

/// Most policies that [`matched`] names.
pub const MATCHED_POLICIES_MAX: usize = 20;

/// A policy with the name under which the directory knows it.
#[derive(Clone, Copy, Debug)]
pub struct AttachedPolicy<'a> {
    /// The name, for [`StatementRef`].
    pub name: &'a str,
    /// The policy.
    pub policy: &'a Policy,
}

/// The statement that decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementRef {
    /// The policy's name; `None` for the session policy.
    pub policy: Option<String>,
    /// Which statement, from 0.
    pub index: usize,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Allowed, by this statement of an identity policy.
    Allow {
        /// The first that allows.
        statement: StatementRef,
    },
    /// Denied by a statement.
    ExplicitDeny {
        /// The first that denies.
        statement: StatementRef,
        /// The kind of its policy.
        policy_type: PolicyType,
    },
    /// Allowed by no statement.
    ImplicitDeny {
        /// The stage in which none allowed.
        policy_type: PolicyType,
    },
}

impl Decision {
    /// Whether the answer is yes.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        match self {
            Self::Allow { .. } => true,
            Self::ExplicitDeny { .. } | Self::ImplicitDeny { .. } => false,
        }
    }
}

/// Evaluates the policies of an identity and, for a role session that has one, its session policy.
#[must_use]
pub fn evaluate(
    permission: Permission<'_>,
    context: &Context,
    identity: &[AttachedPolicy<'_>],
    session: Option<&Policy>,
) -> Decision {
    let find = |policy: &Policy, effect| {
        policy.statements.iter().position(|statement| {
            statement.effect == effect && statement.applies(permission, context)
        })
    };
    let find_attached = |effect| {
        identity.iter().find_map(|attached| {
            let index = find(attached.policy, effect)?;
            Some(StatementRef {
                policy: Some(attached.name.to_owned()),
                index,
            })
        })
    };
    if let Some(index) = session.and_then(|policy| find(policy, Effect::Deny)) {
        let statement = StatementRef {
            policy: None,
            index,
        };
        return Decision::ExplicitDeny {
            statement,
            policy_type: PolicyType::SessionPolicy,
        };
    }
    if let Some(statement) = find_attached(Effect::Deny) {
        let policy_type = PolicyType::AccountLevelIdentityBasedPolicy;
        return Decision::ExplicitDeny {
            statement,
            policy_type,
        };
    }
    if session.is_some_and(|policy| find(policy, Effect::Allow).is_none()) {
        return Decision::ImplicitDeny {
            policy_type: PolicyType::SessionPolicy,
        };
    }
    match find_attached(Effect::Allow) {
        Some(statement) => Decision::Allow { statement },
        None => {
            let policy_type = PolicyType::AccountLevelIdentityBasedPolicy;
            Decision::ImplicitDeny { policy_type }
        }
    }
}

/// The policies of which a statement is about this: what an administrator wants to see of a
/// denial. A policy that denies is told as one that denies, whatever else it says.
#[must_use]
pub fn matched(
    permission: Permission<'_>,
    context: &Context,
    identity: &[AttachedPolicy<'_>],
    session: Option<&Policy>,
) -> Vec<MatchedPolicy> {
    let named = identity
        .iter()
        .map(|attached| (Some(attached.name), attached.policy));
    let all = session
        .map(|policy| (None, policy))
        .into_iter()
        .chain(named);
    all.filter_map(|(name, policy)| {
        let applying = policy
            .statements
            .iter()
            .filter(|statement| statement.applies(permission, context));
        // Deny is more than Allow.
        let denies = applying
            .map(|statement| statement.effect == Effect::Deny)
            .max()?;
        let policy_type = match name {
            Some(_) => PolicyType::AccountLevelIdentityBasedPolicy,
            None => PolicyType::SessionPolicy,
        };
        Some(MatchedPolicy {
            policy_type,
            name: name.map(str::to_owned),
            denies,
        })
    })
    .take(MATCHED_POLICIES_MAX)
    .collect()
}

/// Whether one of the patterns covers the action; case does not matter.
pub(super) fn any_covers(patterns: &[Pattern], action: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(action, true))
}

impl Statement {
    fn applies(&self, permission: Permission<'_>, context: &Context) -> bool {
        let action = match &self.actions {
            Actions::Only(patterns) => any_covers(patterns, permission.action),
            Actions::AllBut(patterns) => !any_covers(patterns, permission.action),
        };
        action
            && self
                .resources
                .iter()
                .any(|pattern| pattern.matches(permission.resource, false))
            && self
                .conditions
                .iter()
                .all(|condition| condition.holds(context))
    }
}
