//! The parameters of RAM, as data: what several operations have is written once.
//!
//! Not here: how they are checked (`input`).

use crate::api::spec::{ParameterSpec, Scalar};

/// A mandatory text.
const fn text(
    name: &'static str,
    description: &'static str,
    example: &'static str,
) -> ParameterSpec {
    ParameterSpec::required(name, Scalar::Text, description, example)
}

/// A text that may be absent.
const fn maybe(
    name: &'static str,
    description: &'static str,
    example: &'static str,
) -> ParameterSpec {
    ParameterSpec::optional(name, Scalar::Text, description, example)
}

pub(super) const USER_NAME: ParameterSpec = text("UserName", "The user.", "alice");
pub(super) const NEW_USER: ParameterSpec = text(
    "UserName",
    "The name of the user: 1 to 64 letters, digits, `.`, `-` or `_`.",
    "alice",
);
pub(super) const NEW_USER_NAME: ParameterSpec = maybe(
    "NewUserName",
    "Another name: 1 to 64 letters, digits, `.`, `-` or `_`. Id, keys, groups and policies stay.",
    "alice.b",
);
pub(super) const KEYS_OF: ParameterSpec = maybe(
    "UserName",
    "Whose keys. Without it the caller's own: a user's, or those of the account when its owner \
     calls.",
    "alice",
);
pub(super) const DISPLAY_NAME: ParameterSpec = maybe(
    "DisplayName",
    "A name for people, up to 128 characters.",
    "Alice",
);
pub(super) const NEW_DISPLAY_NAME: ParameterSpec = maybe(
    "NewDisplayName",
    "A name for people, up to 128 characters.",
    "Alice B",
);
pub(super) const MOBILE_PHONE: ParameterSpec = maybe(
    "MobilePhone",
    "A telephone number: country code, `-`, number.",
    "86-18600008888",
);
pub(super) const NEW_MOBILE_PHONE: ParameterSpec = maybe(
    "NewMobilePhone",
    "A telephone number: country code, `-`, number.",
    "86-18600008888",
);
pub(super) const EMAIL: ParameterSpec = maybe("Email", "An address.", "alice@example.com");
pub(super) const NEW_EMAIL: ParameterSpec = maybe("NewEmail", "An address.", "alice@example.com");
pub(super) const COMMENTS: ParameterSpec = maybe(
    "Comments",
    "Comments, up to 128 characters.",
    "counts messages",
);
pub(super) const NEW_COMMENTS: ParameterSpec = maybe(
    "NewComments",
    "Comments, up to 128 characters.",
    "counts messages",
);

pub(super) const GROUP_NAME: ParameterSpec = text("GroupName", "The group.", "staff");
pub(super) const NEW_GROUP: ParameterSpec = text(
    "GroupName",
    "The name of the group: 1 to 64 letters, digits, `.`, `-` or `_`.",
    "staff",
);
pub(super) const NEW_GROUP_NAME: ParameterSpec = maybe(
    "NewGroupName",
    "Another name: 1 to 64 letters, digits, `.`, `-` or `_`. Users and policies stay.",
    "staff-2",
);

pub(super) const ROLE_NAME: ParameterSpec = text("RoleName", "The role.", "auditor");
pub(super) const NEW_ROLE: ParameterSpec = text(
    "RoleName",
    "The name of the role: 1 to 64 letters, digits, `.`, `-` or `_`.",
    "auditor",
);
/// A trust policy, as an example.
const TRUST_POLICY: &str = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::1000000000000001:root"]}}]}"#;
pub(super) const ASSUME_ROLE_POLICY_DOCUMENT: ParameterSpec = text(
    "AssumeRolePolicyDocument",
    "Who may assume the role: a trust policy of up to 6,144 characters.",
    TRUST_POLICY,
);
pub(super) const NEW_ASSUME_ROLE_POLICY_DOCUMENT: ParameterSpec = maybe(
    "NewAssumeRolePolicyDocument",
    "Who may assume the role: a trust policy of up to 6,144 characters.",
    TRUST_POLICY,
);
pub(super) const MAX_SESSION_DURATION: ParameterSpec = ParameterSpec::optional(
    "MaxSessionDuration",
    Scalar::Int64,
    "The longest session, in seconds, from 3,600 to 43,200.",
    "3600",
)
.or("3600");
pub(super) const NEW_MAX_SESSION_DURATION: ParameterSpec = ParameterSpec::optional(
    "NewMaxSessionDuration",
    Scalar::Int64,
    "The longest session, in seconds, from 3,600 to 43,200.",
    "7200",
);

pub(super) const POLICY_NAME: ParameterSpec = text("PolicyName", "The policy.", "ReadCounts");
pub(super) const NEW_POLICY: ParameterSpec = text(
    "PolicyName",
    "The name of the policy: 1 to 128 letters, digits or `-`.",
    "ReadCounts",
);
pub(super) const POLICY_TYPE: ParameterSpec = text(
    "PolicyType",
    "`Custom`: an account has its own policies only, none of the system's.",
    "Custom",
)
.one_of(&["Custom", "System"]);
pub(super) const POLICY_TYPE_FILTER: ParameterSpec = maybe(
    "PolicyType",
    "Lists policies of this type only. There are none of the type `System`.",
    "Custom",
)
.one_of(&["Custom", "System"]);
pub(super) const POLICY_DOCUMENT: ParameterSpec = text(
    "PolicyDocument",
    "What is allowed and denied, up to 6,144 characters.",
    r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"cams:GetChatappPhoneNumberMetric","Resource":"*"}]}"#,
);
pub(super) const DESCRIPTION: ParameterSpec = maybe(
    "Description",
    "What it is for, up to 1,024 characters.",
    "reads the counts",
);
pub(super) const NEW_DESCRIPTION: ParameterSpec = maybe(
    "NewDescription",
    "What it is for, up to 1,024 characters.",
    "reads the counts",
);
pub(super) const VERSION_ID: ParameterSpec = text("VersionId", "The version, as in `v1`.", "v1");
pub(super) const SET_AS_DEFAULT: ParameterSpec = ParameterSpec::optional(
    "SetAsDefault",
    Scalar::Bool,
    "Whether the new version takes effect at once.",
    "true",
)
.or("false");
/// What RotateStrategy says to make room for a new version.
pub(super) const DELETE_OLDEST: &str = "DeleteOldestNonDefaultVersionWhenLimitExceeded";
pub(super) const ROTATE_STRATEGY: ParameterSpec = maybe(
    "RotateStrategy",
    "What to do when the policy has five versions.",
    "None",
)
.or("None")
.one_of(&["None", DELETE_OLDEST]);
pub(super) const CASCADING_DELETE: ParameterSpec = ParameterSpec::optional(
    "CascadingDelete",
    Scalar::Bool,
    "Whether versions that are not the default one are deleted too.",
    "true",
)
.or("false");

pub(super) const USER_ACCESS_KEY_ID: ParameterSpec = text(
    "UserAccessKeyId",
    "The id of the AccessKey.",
    "LTAI5tExample0000000001",
);
pub(super) const STATUS: ParameterSpec =
    text("Status", "Whether the key may sign calls.", "Inactive").one_of(&["Active", "Inactive"]);

pub(super) const MARKER: ParameterSpec = maybe(
    "Marker",
    "Where the page begins: the Marker of the page before.",
    "alice",
);
pub(super) const MAX_ITEMS: ParameterSpec = ParameterSpec::optional(
    "MaxItems",
    Scalar::Int32,
    "Most entries of the page, from 1 to 1,000.",
    "100",
)
.or("100");
