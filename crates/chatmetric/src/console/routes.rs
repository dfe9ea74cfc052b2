//! The calls of the pages, as a table: what is not in it is not served.
//!
//! Not here: what a call does (`route`). Invariant: every call has a row, because `route`
//! looks here first; the test of tenancy has a case for every row.

/// Method and path below `/console/api/` of every call, with names of parts in braces.
pub const ROUTES: &[(&str, &str)] = &[
    ("GET", "session"),
    ("POST", "setup"),
    ("POST", "sign-in"),
    ("POST", "set-password"),
    ("POST", "sign-out"),
    ("GET", "account"),
    ("POST", "account/password"),
    ("DELETE", "account/sessions/{id}"),
    ("GET", "spaces"),
    ("POST", "spaces"),
    ("PATCH", "spaces/{id}"),
    ("GET", "numbers"),
    ("POST", "numbers"),
    ("PATCH", "numbers/{number}"),
    ("GET", "metrics"),
    ("GET", "metrics.csv"),
    ("GET", "explanation"),
    ("GET", "live"),
    ("POST", "reconcile"),
    ("GET", "operations"),
    ("POST", "call"),
    ("POST", "sign/explain"),
    ("GET", "ingest"),
    ("GET", "quarantine"),
    ("POST", "quarantine/{id}/open"),
    ("POST", "quarantine/{id}/replay"),
    ("GET", "unclaimed"),
    ("POST", "unclaimed/{number}/claim"),
    ("POST", "import"),
    ("GET", "webhooks"),
    ("POST", "webhooks"),
    ("PATCH", "webhooks/{id}"),
    ("DELETE", "webhooks/{id}"),
    ("GET", "grants"),
    ("POST", "grants"),
    ("DELETE", "grants/{code}/{account}"),
    ("GET", "users/{name}/console"),
    ("PUT", "users/{name}/console"),
    ("POST", "users/{name}/setup-token"),
    ("POST", "policies/check"),
    ("POST", "policies/simulate"),
    ("GET", "alerts"),
    ("POST", "alerts/{id}/acknowledge"),
    ("GET", "audit"),
    ("GET", "accounts"),
    ("POST", "accounts"),
    ("PATCH", "accounts/{id}"),
    ("GET", "usage.csv"),
    ("GET", "system"),
];

/// Whether there is such a call.
pub(super) fn is_known(method: &str, parts: &[&str]) -> bool {
    let fits = |path: &str| {
        let named = path.split('/');
        named.clone().count() == parts.len()
            && named
                .zip(parts)
                .all(|(named, part)| named.starts_with('{') || named == *part)
    };
    ROUTES
        .iter()
        .any(|&(own, path)| own == method && fits(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_known_by_its_method_and_all_of_its_path() {
        assert!(is_known("GET", &["spaces"]));
        assert!(is_known("PATCH", &["spaces", "any"]));
        assert!(is_known("POST", &["quarantine", "1", "open"]));
        assert!(!is_known("DELETE", &["spaces", "any"]));
        assert!(!is_known("GET", &["spaces", "any"]));
        assert!(!is_known("POST", &["quarantine", "1"]));
        assert!(!is_known("POST", &["quarantine", "1", "shut"]));
        assert!(!is_known("GET", &[""]));
    }
}
