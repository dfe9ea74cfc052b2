//! What each release changed of an operation, for its documentation in the Explorer.
//!
//! In the words of `CHANGELOG.md` and `COMPATIBILITY.md`, and by hand: a release that
//! changes what a caller sees of an operation has a line here. Invariant: every operation
//! that is served has a history, and every history is of operations that are served.

/// What one release changed of some operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    /// The release.
    pub(super) version: &'static str,
    /// The day on which it came out, as `YYYY-MM-DD`; `None` until then.
    pub(super) date: Option<&'static str>,
    /// What is different since then.
    pub(super) text: &'static str,
    /// Of which operations.
    operations: &'static [&'static str],
}

/// The history of an operation, newest release first.
pub(super) fn changes_of(operation: &str) -> impl Iterator<Item = &'static Change> {
    CHANGES
        .iter()
        .filter(move |change| change.operations.contains(&operation))
}

/// What is said of the first release.
const fn first(operations: &'static [&'static str], text: &'static str) -> Change {
    Change {
        version: "0.1.0",
        date: None,
        text,
        operations,
    }
}

const CHANGES: &[Change] = &[
    first(
        &["GetChatappPhoneNumberMetric"],
        "Served in full, with all parameters and members of the answer.",
    ),
    first(
        &["GetChatappPhoneNumberMetric"],
        "Other than the vendor's: rows are there as soon as the webhook was acknowledged, not a \
         day later; a count may be more than 2,147,483,647; a range has at most 401 days or 1,489 \
         half hours, and an answer 100,000 rows.",
    ),
    first(
        &["EnableWhatsappROIMetric"],
        "Served: checks the right to the space and answers OK.",
    ),
    first(
        &["EnableWhatsappROIMetric"],
        "Other than the vendor's: it changes nothing, because counting is always on.",
    ),
    first(
        &["GetChatappPhoneNumberMetric", "EnableWhatsappROIMetric"],
        "The vendor documents no code for a parameter that is not valid; InvalidParameter.<Name> \
         is of this product.",
    ),
    first(
        &["AssumeRole"],
        "Served in full: trust policies, session policies, ExternalId, SourceIdentity, roles of \
         other accounts, and sessions that assume roles.",
    ),
    first(
        &["AssumeRole"],
        "A session whose role was deleted is refused with InvalidSecurityToken.Expired; the \
         vendor says nothing of it.",
    ),
    first(
        &["GetCallerIdentity"],
        "Served in full, for accounts, users and role sessions.",
    ),
    first(
        &[
            "DecodeDiagnosticMessage",
            "CreateGroup",
            "GetGroup",
            "ListGroups",
            "UpdateGroup",
            "DeleteGroup",
            "AddUserToGroup",
            "RemoveUserFromGroup",
            "ListGroupsForUser",
            "ListUsersForGroup",
            "CreateAccessKey",
            "ListAccessKeys",
            "UpdateAccessKey",
            "DeleteAccessKey",
            "GetAccessKeyLastUsed",
        ],
        "Served in full.",
    ),
    first(
        &[
            "CreateUser",
            "GetUser",
            "ListUsers",
            "UpdateUser",
            "DeleteUser",
        ],
        "Served in full, without console logins.",
    ),
    first(
        &[
            "CreatePolicy",
            "GetPolicy",
            "ListPolicies",
            "DeletePolicy",
            "CreatePolicyVersion",
            "GetPolicyVersion",
            "ListPolicyVersions",
            "DeletePolicyVersion",
            "SetDefaultPolicyVersion",
        ],
        "Served in full, without tags.",
    ),
    first(
        &[
            "AttachPolicyToUser",
            "AttachPolicyToGroup",
            "AttachPolicyToRole",
            "DetachPolicyFromUser",
            "DetachPolicyFromGroup",
            "DetachPolicyFromRole",
            "ListPoliciesForUser",
            "ListPoliciesForGroup",
            "ListPoliciesForRole",
            "ListEntitiesForPolicy",
        ],
        "Served in full, without resource groups.",
    ),
    first(
        &[
            "CreateRole",
            "GetRole",
            "ListRoles",
            "UpdateRole",
            "DeleteRole",
        ],
        "Served in full, without tags and console logins.",
    ),
    first(
        &["CreatePolicy", "ListPolicies", "CreateRole", "ListRoles"],
        "Other than the vendor's: Tag is refused instead of being left out silently.",
    ),
    first(
        &["CreateRole", "UpdateRole"],
        "Other than the vendor's: a role that may sign in to the console is refused.",
    ),
    first(
        &[
            "AttachPolicyToUser",
            "AttachPolicyToGroup",
            "AttachPolicyToRole",
            "DetachPolicyFromUser",
            "DetachPolicyFromGroup",
            "DetachPolicyFromRole",
        ],
        "Other than the vendor's: ResourceGroupId is refused instead of being left out silently.",
    ),
    first(
        &[
            "GetPolicy",
            "ListPolicies",
            "AttachPolicyToUser",
            "AttachPolicyToGroup",
            "AttachPolicyToRole",
            "DetachPolicyFromUser",
            "DetachPolicyFromGroup",
            "DetachPolicyFromRole",
        ],
        "Other than the vendor's: there are no policies of the type System.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::action::Action;
    use std::collections::BTreeSet;

    #[test]
    fn every_history_is_of_operations_that_are_served() {
        let served: BTreeSet<_> = Action::all().map(Action::name).collect();
        for change in CHANGES {
            for operation in change.operations {
                assert!(served.contains(operation), "{operation}: {}", change.text);
            }
        }
    }

    #[test]
    fn every_operation_has_a_history_without_repetitions() {
        for operation in Action::all().map(Action::name) {
            let texts: Vec<_> = changes_of(operation).map(|change| change.text).collect();
            assert!(!texts.is_empty(), "{operation}");
            let different: BTreeSet<_> = texts.iter().collect();
            assert_eq!(different.len(), texts.len(), "{operation}");
        }
        assert_eq!(changes_of("Nothing").count(), 0);
    }
}
