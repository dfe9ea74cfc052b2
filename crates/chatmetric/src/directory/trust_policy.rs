//! The shape of a role's trust policy: who may assume it.
//!
//! Roles are declared and kept, not assumed, in this version; what is not known
//! is refused here already, so that nothing stored means something else later.

use serde_json::Value;

use super::limits::TRUST_POLICY_CHARS_MAX;

/// Checks a trust policy; the error names the path of the fault.
pub(super) fn check(text: &str) -> Result<(), String> {
    if text.chars().count() > TRUST_POLICY_CHARS_MAX {
        return Err(format!(
            "trust policy: longer than {TRUST_POLICY_CHARS_MAX} characters"
        ));
    }
    let value: Value =
        serde_json::from_str(text).map_err(|error| format!("trust policy: not JSON: {error}"))?;
    let at = |path: &str, reason: &str| format!("trust policy, at `{path}`: {reason}");
    let object = value
        .as_object()
        .ok_or_else(|| at("$", "it must be an object"))?;
    let known = ["Version", "Statement"];
    if let Some(key) = object.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(at(key, "known here are Version and Statement"));
    }
    if object.get("Version").and_then(Value::as_str) != Some("1") {
        return Err(at("Version", "it must be \"1\""));
    }
    let statements = object
        .get("Statement")
        .and_then(Value::as_array)
        .filter(|list| !list.is_empty())
        .ok_or_else(|| at("Statement", "it must be a list of statements"))?;
    for (index, statement) in statements.iter().enumerate() {
        check_statement(statement).map_err(|(key, reason)| {
            let path = format!("Statement[{index}]");
            at(
                &if key.is_empty() {
                    path
                } else {
                    format!("{path}.{key}")
                },
                reason,
            )
        })?;
    }
    Ok(())
}

fn check_statement(statement: &Value) -> Result<(), (String, &'static str)> {
    let wrong = |key: &str, reason| Err((key.to_owned(), reason));
    let Some(object) = statement.as_object() else {
        return wrong("", "it must be an object");
    };
    let known = ["Effect", "Action", "Principal", "Condition"];
    if let Some(key) = object.keys().find(|key| !known.contains(&key.as_str())) {
        return wrong(
            key,
            "known here are Effect, Action, Principal and Condition",
        );
    }
    if !matches!(
        object.get("Effect").and_then(Value::as_str),
        Some("Allow" | "Deny")
    ) {
        return wrong("Effect", "it must be Allow or Deny");
    }
    if !object.get("Action").is_some_and(is_text_or_texts) {
        return wrong("Action", "it must be a string or a list of strings");
    }
    let Some(principal) = object.get("Principal").and_then(Value::as_object) else {
        return wrong("Principal", "it must be an object");
    };
    let kinds = ["RAM", "Service", "Federated"];
    if principal.is_empty()
        || !principal
            .iter()
            .all(|(kind, who)| kinds.contains(&kind.as_str()) && is_text_or_texts(who))
    {
        return wrong(
            "Principal",
            "it must name RAM, Service or Federated principals",
        );
    }
    if object
        .get("Condition")
        .is_some_and(|condition| !condition.is_object())
    {
        return wrong("Condition", "it must be an object");
    }
    Ok(())
}

fn is_text_or_texts(value: &Value) -> bool {
    match value {
        Value::String(_) => true,
        Value::Array(items) => !items.is_empty() && items.iter().all(Value::is_string),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}
