//! The policy grammar: a document is parsed once, when it is saved, and every
//! fault names its path.
//!
//! Invariant: what is parsed has one meaning: an element, operator or shape that is not known is
//! refused, because a Deny that silently matches nothing is worse than an error.

use super::condition::{self, Condition};
use super::wildcard::Pattern;
use crate::strict_json::{self, StrictJson};

/// Longest document of a policy for users, groups and roles, in characters.
pub const IDENTITY_POLICY_CHARS_MAX: usize = 6_144;
/// Longest session policy, in characters.
pub const SESSION_POLICY_CHARS_MAX: usize = 2_048;

/// Why a document is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("policy document, at `{path}`: {reason}")]
pub struct PolicyError {
    /// Where, as in `Statement[0].Effekt`; `$` is the document itself.
    pub path: String,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl PolicyError {
    /// An element whose name is empty has no path: it is the document's.
    pub(super) fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        let path = path.into();
        Self {
            path: if path.is_empty() {
                "$".to_owned()
            } else {
                path
            },
            reason: reason.into(),
        }
    }
}

/// What a statement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It allows.
    Allow,
    /// It denies, whatever else allows.
    Deny,
}

/// Which actions a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Actions {
    Only(Vec<Pattern>),
    AllBut(Vec<Pattern>),
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Statement {
    pub(super) effect: Effect,
    pub(super) actions: Actions,
    pub(super) resources: Vec<Pattern>,
    pub(super) conditions: Vec<Condition>,
}

/// A policy of an identity or a session. Trust policies, which have a Principal, are not of this type.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub(super) statements: Vec<Statement>,
}

impl Policy {
    /// Parses a document for users, groups and roles.
    ///
    /// # Errors
    /// The first fault, with its path.
    pub fn parse(document: &str) -> Result<Self, PolicyError> {
        Self::parse_within(document, IDENTITY_POLICY_CHARS_MAX)
    }

    /// Parses a session policy, which must be shorter.
    ///
    /// # Errors
    /// The first fault, with its path.
    pub fn parse_session(document: &str) -> Result<Self, PolicyError> {
        Self::parse_within(document, SESSION_POLICY_CHARS_MAX)
    }

    fn parse_within(document: &str, chars_max: usize) -> Result<Self, PolicyError> {
        let statements = statements_of(document, chars_max)?
            .into_iter()
            .map(|(path, item)| statement(&path, item))
            .collect::<Result<_, _>>()?;
        Ok(Self { statements })
    }

    /// How many statements there are.
    #[must_use]
    pub fn statements_len(&self) -> usize {
        self.statements.len()
    }
}

/// The statements of a document of any kind, each with its path: size, version and outer shape are
/// the same for all of them.
pub(super) fn statements_of(
    document: &str,
    chars_max: usize,
) -> Result<Vec<(String, StrictJson)>, PolicyError> {
    let chars = document.chars().count();
    if chars > chars_max {
        return Err(PolicyError::new(
            "$",
            format!("it has {chars} characters, the limit is {chars_max}"),
        ));
    }
    let tree = strict_json::parse(document.as_bytes())
        .map_err(|error| PolicyError::new("$", format!("it is not valid JSON: {error}")))?;
    let mut version = None;
    let mut statements = None;
    for (name, value) in object("$", tree)? {
        match name.as_str() {
            "Version" => version = Some(value),
            "Statement" => statements = Some(value),
            other => return Err(unknown(other, other, "Version and Statement")),
        }
    }
    match version {
        Some(StrictJson::String(version)) if version == "1" => {}
        Some(_) => return Err(PolicyError::new("Version", "it must be the string \"1\"")),
        None => {
            return Err(PolicyError::new(
                "Version",
                "it is missing; it must be \"1\"",
            ));
        }
    }
    let Some(StrictJson::Array(items)) = statements else {
        return Err(PolicyError::new(
            "Statement",
            "it must be a list of statements",
        ));
    };
    if items.is_empty() {
        return Err(PolicyError::new(
            "Statement",
            "it must have at least one statement",
        ));
    }
    let statements = items.into_iter().enumerate();
    Ok(statements
        .map(|(index, item)| (format!("Statement[{index}]"), item))
        .collect())
}

fn statement(path: &str, tree: StrictJson) -> Result<Statement, PolicyError> {
    let mut effect = None;
    let mut actions = None;
    let mut resources = None;
    let mut conditions = Vec::new();
    for (name, value) in object(path, tree)? {
        let at = format!("{path}.{name}");
        match name.as_str() {
            "Effect" => effect = Some(parse_effect(&at, value)?),
            "Action" | "NotAction" => {
                let patterns = action_patterns(&at, value)?;
                let parsed = match name.as_str() {
                    "Action" => Actions::Only(patterns),
                    _ => Actions::AllBut(patterns),
                };
                if actions.replace(parsed).is_some() {
                    let reason = "a statement has either Action or NotAction, not both";
                    return Err(PolicyError::new(at, reason));
                }
            }
            "Resource" => {
                let patterns = strings(&at, value)?;
                check_each(&at, &patterns, is_resource_pattern, RESOURCE_HINT)?;
                resources = Some(patterns.into_iter().map(Pattern::new).collect());
            }
            "Condition" => conditions = condition::parse_all(&at, value)?,
            "NotResource" => {
                return Err(PolicyError::new(at, "RAM has no NotResource; use Resource"));
            }
            "Principal" | "NotPrincipal" => {
                let reason = "it belongs to trust policies, not to policies of an identity";
                return Err(PolicyError::new(at, reason));
            }
            _ => {
                return Err(unknown(
                    &at,
                    &name,
                    "Effect, Action, NotAction, Resource, Condition",
                ));
            }
        }
    }
    let missing = |what: &str| PolicyError::new(format!("{path}.{what}"), "it is missing");
    Ok(Statement {
        effect: effect.ok_or_else(|| missing("Effect"))?,
        actions: actions.ok_or_else(|| missing("Action"))?,
        resources: resources.ok_or_else(|| missing("Resource"))?,
        conditions,
    })
}

pub(super) fn parse_effect(path: &str, value: StrictJson) -> Result<Effect, PolicyError> {
    match value {
        StrictJson::String(text) if text == "Allow" => Ok(Effect::Allow),
        StrictJson::String(text) if text == "Deny" => Ok(Effect::Deny),
        _ => Err(PolicyError::new(path, "it must be \"Allow\" or \"Deny\"")),
    }
}

const ACTION_HINT: &str =
    "an action is `*` or `<product>:<operation>`, as in `cams:Get*`, with `*` and `?` as wildcards";
const RESOURCE_HINT: &str = "a resource is `*` or `acs:<service>:<region>:<account>:<resource>`";

/// The patterns of an Action or NotAction.
pub(super) fn action_patterns(path: &str, value: StrictJson) -> Result<Vec<Pattern>, PolicyError> {
    let patterns = strings(path, value)?;
    check_each(path, &patterns, is_action_pattern, ACTION_HINT)?;
    Ok(patterns.into_iter().map(Pattern::new).collect())
}

fn is_action_pattern(text: &str) -> bool {
    let part = |part: &str| {
        let plain =
            |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'*' | b'?' | b'-' | b'_' | b'.');
        !part.is_empty() && part.bytes().all(plain)
    };
    // A pattern such as `*` may stand for product and operation together.
    text == "*"
        || text
            .split_once(':')
            .is_some_and(|(product, name)| part(product) && part(name))
}

fn is_resource_pattern(text: &str) -> bool {
    text == "*" || (text.starts_with("acs:") && text.matches(':').count() >= 4)
}

fn check_each(
    path: &str,
    patterns: &[String],
    valid: impl Fn(&str) -> bool,
    hint: &str,
) -> Result<(), PolicyError> {
    match patterns.iter().find(|pattern| !valid(pattern)) {
        None => Ok(()),
        Some(bad) => {
            let shown = crate::params::echo(bad);
            Err(PolicyError::new(
                path,
                format!("`{shown}` is not valid: {hint}"),
            ))
        }
    }
}

/// A string or a list of strings, at least one.
pub(super) fn strings(path: &str, value: StrictJson) -> Result<Vec<String>, PolicyError> {
    let wrong = || PolicyError::new(path, "it must be a string or a list of strings, not empty");
    match value {
        StrictJson::String(text) => Ok(vec![text]),
        StrictJson::Array(items) if !items.is_empty() => items
            .into_iter()
            .map(|item| {
                if let StrictJson::String(text) = item {
                    Ok(text)
                } else {
                    Err(wrong())
                }
            })
            .collect(),
        _ => Err(wrong()),
    }
}

pub(super) fn object(
    path: &str,
    value: StrictJson,
) -> Result<Vec<(String, StrictJson)>, PolicyError> {
    if let StrictJson::Object(members) = value {
        Ok(members)
    } else {
        Err(PolicyError::new(path, "it must be an object"))
    }
}

pub(super) fn unknown(path: &str, name: &str, known: &str) -> PolicyError {
    let shown = crate::params::echo(name);
    PolicyError::new(
        path,
        format!("`{shown}` is not an element here; known are {known}"),
    )
}
