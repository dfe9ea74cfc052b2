//! Trust policies: who may assume a role. The grammar of other policies, with Principal in the
//! place of Resource.
//!
//! Not here: whether the caller's own policies allow `sts:AssumeRole`, which is the other half.
//! Invariants: only principals of RAM are ever matched, because nobody else calls here; a principal
//! is written out, so nobody is trusted by a wildcard; explicit Deny > Allow > no.

use super::condition::{self, Condition, Context};
use super::evaluate::any_covers;
use super::policy::{
    Effect, PolicyError, action_patterns, object, parse_effect, statements_of, strings, unknown,
};
use super::wildcard::Pattern;
use crate::credential::AccountId;
use crate::strict_json::StrictJson;

/// Longest trust policy, in characters.
pub const TRUST_POLICY_CHARS_MAX: usize = 6_144;
/// Longest name of a user or role in a Principal, in bytes.
const NAME_BYTES_MAX: usize = 128;
/// Longest name of a service or identity provider in a Principal, in bytes.
const PROVIDER_BYTES_MAX: usize = 256;

/// Why a trust policy is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("trust policy, at `{path}`: {reason}")]
pub struct TrustPolicyError {
    /// Where, as in `Statement[0].Principal.RAM`; `$` is the document itself.
    pub path: String,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl From<PolicyError> for TrustPolicyError {
    fn from(PolicyError { path, reason }: PolicyError) -> Self {
        Self { path, reason }
    }
}

/// Who asks to assume a role. There is no owner: the owner of an account cannot assume roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustCaller<'a> {
    /// A RAM user.
    User {
        /// The user's account.
        account: &'a AccountId,
        /// The user's name.
        name: &'a str,
    },
    /// A session of a role.
    Role {
        /// The role's account.
        account: &'a AccountId,
        /// The role's name.
        name: &'a str,
    },
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustDecision {
    /// Trusted, by this statement (from 0).
    Allow {
        /// The first that allows.
        statement: usize,
    },
    /// Refused by this statement (from 0).
    ExplicitDeny {
        /// The first that denies.
        statement: usize,
    },
    /// Trusted by no statement.
    ImplicitDeny,
}

impl TrustDecision {
    /// Whether the answer is yes.
    #[must_use]
    pub const fn is_allowed(self) -> bool {
        match self {
            Self::Allow { .. } => true,
            Self::ExplicitDeny { .. } | Self::ImplicitDeny => false,
        }
    }
}

/// A principal that a statement names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trusted {
    /// `acs:ram::<account>:root`: every user and role of the account.
    Account(AccountId),
    /// `acs:ram::<account>:user/<name>`.
    User(AccountId, String),
    /// `acs:ram::<account>:role/<name>`.
    Role(AccountId, String),
    /// A service of the vendor or an identity provider: neither calls here.
    Elsewhere,
}

impl Trusted {
    fn is(&self, caller: TrustCaller<'_>) -> bool {
        match (self, caller) {
            (
                Self::Account(trusted),
                TrustCaller::User { account, .. } | TrustCaller::Role { account, .. },
            ) => trusted == account,
            (Self::User(trusted, user), TrustCaller::User { account, name })
            | (Self::Role(trusted, user), TrustCaller::Role { account, name }) => {
                trusted == account && user == name
            }
            (Self::User(..), TrustCaller::Role { .. })
            | (Self::Role(..), TrustCaller::User { .. })
            | (Self::Elsewhere, TrustCaller::User { .. } | TrustCaller::Role { .. }) => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct TrustStatement {
    effect: Effect,
    actions: Vec<Pattern>,
    principals: Vec<Trusted>,
    conditions: Vec<Condition>,
}

/// Who may assume a role.
#[derive(Clone, Debug, PartialEq)]
pub struct TrustPolicy {
    statements: Vec<TrustStatement>,
}

impl TrustPolicy {
    /// Parses a document.
    ///
    /// # Errors
    /// The first fault, with its path.
    pub fn parse(document: &str) -> Result<Self, TrustPolicyError> {
        let statements = statements_of(document, TRUST_POLICY_CHARS_MAX)?
            .into_iter()
            .map(|(path, item)| statement(&path, item))
            .collect::<Result<_, _>>()?;
        Ok(Self { statements })
    }

    /// A policy that trusts nobody: for a stored text that is not understood.
    #[must_use]
    pub const fn nobody() -> Self {
        Self {
            statements: Vec::new(),
        }
    }

    /// Whether the caller may do `action` (as in `sts:AssumeRole`) with the role, in these
    /// circumstances (`sts:ExternalId` is one).
    #[must_use]
    pub fn evaluate(
        &self,
        caller: TrustCaller<'_>,
        action: &str,
        context: &Context,
    ) -> TrustDecision {
        let find = |effect| {
            self.statements.iter().position(|statement| {
                statement.effect == effect && statement.applies(caller, action, context)
            })
        };
        if let Some(statement) = find(Effect::Deny) {
            return TrustDecision::ExplicitDeny { statement };
        }
        match find(Effect::Allow) {
            Some(statement) => TrustDecision::Allow { statement },
            None => TrustDecision::ImplicitDeny,
        }
    }
}

impl TrustStatement {
    fn applies(&self, caller: TrustCaller<'_>, action: &str, context: &Context) -> bool {
        any_covers(&self.actions, action)
            && self.principals.iter().any(|trusted| trusted.is(caller))
            && self
                .conditions
                .iter()
                .all(|condition| condition.holds(context))
    }
}

fn statement(path: &str, tree: StrictJson) -> Result<TrustStatement, PolicyError> {
    let mut effect = None;
    let mut actions = None;
    let mut principals = None;
    let mut conditions = Vec::new();
    for (name, value) in object(path, tree)? {
        let at = format!("{path}.{name}");
        match name.as_str() {
            "Effect" => effect = Some(parse_effect(&at, value)?),
            "Action" => actions = Some(action_patterns(&at, value)?),
            "Principal" => principals = Some(parse_principals(&at, value)?),
            "Condition" => conditions = condition::parse_all(&at, value)?,
            "NotAction" | "NotPrincipal" => {
                let reason = "trust policies say who may; use Action and Principal";
                return Err(PolicyError::new(at, reason));
            }
            "Resource" | "NotResource" => {
                let reason = "the role that has the trust policy is its resource; leave it out";
                return Err(PolicyError::new(at, reason));
            }
            _ => {
                return Err(unknown(
                    &at,
                    &name,
                    "Effect, Action, Principal and Condition",
                ));
            }
        }
    }
    let missing = |what: &str| PolicyError::new(format!("{path}.{what}"), "it is missing");
    Ok(TrustStatement {
        effect: effect.ok_or_else(|| missing("Effect"))?,
        actions: actions.ok_or_else(|| missing("Action"))?,
        principals: principals.ok_or_else(|| missing("Principal"))?,
        conditions,
    })
}

fn parse_principals(path: &str, tree: StrictJson) -> Result<Vec<Trusted>, PolicyError> {
    let kinds = object(path, tree)?;
    if kinds.is_empty() {
        let reason = "it must name RAM, Service or Federated principals";
        return Err(PolicyError::new(path, reason));
    }
    let mut principals = Vec::new();
    for (kind, value) in kinds {
        let at = format!("{path}.{kind}");
        let parse = match kind.as_str() {
            "RAM" => parse_ram,
            "Service" | "Federated" => parse_elsewhere,
            _ => return Err(unknown(&at, &kind, "RAM, Service and Federated")),
        };
        for text in strings(&at, value)? {
            principals.push(parse(&at, &text)?);
        }
    }
    Ok(principals)
}

fn parse_ram(path: &str, text: &str) -> Result<Trusted, PolicyError> {
    if text.contains(['*', '?']) {
        let reason = "nobody is trusted by a wildcard; name accounts, users and roles, as in \
                      `acs:ram::1000000000000001:root`";
        return Err(PolicyError::new(path, reason));
    }
    let wrong = || {
        let shown = crate::params::echo(text);
        PolicyError::new(
            path,
            format!(
                "`{shown}` is not valid: a principal is `acs:ram::<account>:root`, \
                 `acs:ram::<account>:user/<name>` or `acs:ram::<account>:role/<name>`"
            ),
        )
    };
    let rest = text.strip_prefix("acs:ram::").ok_or_else(wrong)?;
    let (account, who) = rest.split_once(':').ok_or_else(wrong)?;
    let account = AccountId::parse(account).map_err(|_| wrong())?;
    let named = |name: &str| is_name(name).then(|| name.to_owned()).ok_or_else(wrong);
    match who.split_once('/') {
        None if who == "root" => Ok(Trusted::Account(account)),
        Some(("user", name)) => Ok(Trusted::User(account, named(name)?)),
        Some(("role", name)) => Ok(Trusted::Role(account, named(name)?)),
        Some(_) | None => Err(wrong()),
    }
}

fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'@'))
}

/// Services (`ecs.aliyuncs.com`) and providers (`acs:ram::1:saml-provider/x`) are kept in the text
/// and trusted with nothing here.
fn parse_elsewhere(path: &str, text: &str) -> Result<Trusted, PolicyError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b':' | b'/');
    if (1..=PROVIDER_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain) {
        return Ok(Trusted::Elsewhere);
    }
    let shown = crate::params::echo(text);
    let reason = format!(
        "`{shown}` is not valid: a service is like `ecs.aliyuncs.com`, a provider like \
         `acs:ram::1000000000000001:saml-provider/name`"
    );
    Err(PolicyError::new(path, reason))
}

#[cfg(test)]
mod tests;
