//! The `AccessDeniedDetail` object of a denial by RAM: who, what, and which kind of policy refused.
//!
//! Invariants: every member is a string on the wire, because one SDK panics on anything else; the
//! diagnosis is for administrators and only its sealed form is a member.

/// Who was denied, for [`AccessDeniedDetail`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalType {
    /// A RAM user.
    SubUser,
    /// A role session of the STS.
    AssumedRoleUser,
}

impl PrincipalType {
    /// The wire text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SubUser => "SubUser",
            Self::AssumedRoleUser => "AssumedRoleUser",
        }
    }
}

/// Why there is no permission, for [`AccessDeniedDetail`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPermissionType {
    /// No statement allows the action.
    ImplicitDeny,
    /// A statement denies the action.
    ExplicitDeny,
}

impl NoPermissionType {
    /// The wire text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ImplicitDeny => "ImplicitDeny",
            Self::ExplicitDeny => "ExplicitDeny",
        }
    }
}

/// Which kind of policy refused, for [`AccessDeniedDetail`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyType {
    /// A policy of the user, its groups or its role.
    AccountLevelIdentityBasedPolicy,
    /// The policy given when the role was assumed.
    SessionPolicy,
    /// The trust policy of a role: who may assume it.
    AssumeRolePolicy,
}

impl PolicyType {
    /// The wire text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountLevelIdentityBasedPolicy => "AccountLevelIdentityBasedPolicy",
            Self::SessionPolicy => "SessionPolicy",
            Self::AssumeRolePolicy => "AssumeRolePolicy",
        }
    }
}

/// The `AccessDeniedDetail` object of an error body of RAM: all members are strings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessDeniedDetail {
    /// The action that was checked, as `<ram code>:<Api>`.
    pub auth_action: String,
    /// The kind of principal.
    pub auth_principal_type: PrincipalType,
    /// The user's name or id; for a role session `<role>:<session>`.
    pub auth_principal_display_name: String,
    /// The account that the principal belongs to.
    pub auth_principal_owner_id: String,
    /// Implicit or explicit.
    pub no_permission_type: NoPermissionType,
    /// The kind of policy that refused.
    pub policy_type: PolicyType,
    /// What an administrator needs to know, for the program to seal. It never goes on the wire.
    pub diagnosis: Diagnosis,
    /// The sealed diagnosis; left out while `None`.
    pub encoded_diagnostic_message: Option<String>,
}

/// The circumstances of a denial, beside what [`AccessDeniedDetail`] tells the caller itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// The resource that was checked.
    pub resource: String,
    /// The condition keys of the call and their values.
    pub conditions: Vec<(String, String)>,
    /// The policies of which a statement was about the call.
    pub matched: Vec<MatchedPolicy>,
}

/// A policy of which a statement was about the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchedPolicy {
    /// Its kind.
    pub policy_type: PolicyType,
    /// Its name; `None` for a session policy and for a trust policy.
    pub name: Option<String>,
    /// Whether a statement of it denies; otherwise one allows.
    pub denies: bool,
}

impl AccessDeniedDetail {
    /// The members in wire order.
    pub fn members(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("PolicyType", Some(self.policy_type.as_str())),
            (
                "AuthPrincipalOwnerId",
                Some(self.auth_principal_owner_id.as_str()),
            ),
            (
                "EncodedDiagnosticMessage",
                self.encoded_diagnostic_message.as_deref(),
            ),
            ("AuthPrincipalType", Some(self.auth_principal_type.as_str())),
            (
                "AuthPrincipalDisplayName",
                Some(self.auth_principal_display_name.as_str()),
            ),
            ("NoPermissionType", Some(self.no_permission_type.as_str())),
            ("AuthAction", Some(self.auth_action.as_str())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}
