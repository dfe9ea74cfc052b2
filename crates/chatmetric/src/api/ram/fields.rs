//! Members of RAM's answers that several operations have: their description and
//! how they are made.
//!
//! Invariant: a function here writes exactly the members of the list above it.

use super::body::{Fields, Value};
use crate::api::spec::{FieldSpec, Scalar};
use crate::directory::{
    AccessKeyInfo, AttachedPolicyInfo, GroupInfo, MemberInfo, PolicyInfo, PolicyVersionInfo,
    RoleInfo, UserInfo,
};
use chatmetric_rpc::credential::AccountId;
use chatmetric_rpc::format_utc_seconds;

const fn text(name: &'static str, description: &'static str, example: &'static str) -> FieldSpec {
    FieldSpec::value(name, Scalar::Text, description, example)
}

const fn date(name: &'static str, description: &'static str) -> FieldSpec {
    text(name, description, "2026-01-23T12:33:18Z")
}

pub(super) const REQUEST_ID: FieldSpec = text(
    "RequestId",
    "The id of the request, an upper-case UUID.",
    "04F0F334-1335-436C-A1D7-6C044FE73368",
);
/// The members of an answer that says only that it is done.
pub(super) const DONE: [FieldSpec; 1] = [REQUEST_ID];

const CREATE_DATE: FieldSpec = date("CreateDate", "When it was made, UTC.");
const UPDATE_DATE: FieldSpec = date("UpdateDate", "When it was changed last, UTC.");
const ATTACH_DATE: FieldSpec = date("AttachDate", "When the policy was attached, UTC.");
const JOIN_DATE: FieldSpec = date("JoinDate", "When the user joined the group, UTC.");

const USER_ID: FieldSpec = text(
    "UserId",
    "The id of the user, the same for life.",
    "222748924538431907",
);
const USER_NAME: FieldSpec = text("UserName", "The name of the user.", "alice");
const DISPLAY_NAME: FieldSpec = text("DisplayName", "A name for people.", "Alice");
const COMMENTS: FieldSpec = text("Comments", "Comments.", "counts messages");
pub(super) const USER: [FieldSpec; 7] = [
    USER_ID,
    USER_NAME,
    DISPLAY_NAME,
    text("MobilePhone", "A telephone number.", "86-18600008888"),
    text("Email", "An address.", "alice@example.com"),
    COMMENTS,
    CREATE_DATE,
];
pub(super) const USER_WITH_UPDATE: [FieldSpec; 8] = with(USER, UPDATE_DATE);

/// A list with one member more.
const fn with<const N: usize, const M: usize>(
    fields: [FieldSpec; N],
    last: FieldSpec,
) -> [FieldSpec; M] {
    let mut all = [last; M];
    let (start, _) = all.split_at_mut(N);
    start.copy_from_slice(&fields);
    all
}

pub(super) fn user(info: &UserInfo) -> Fields {
    vec![
        ("UserId", info.id.as_str().into()),
        ("UserName", info.name.as_str().into()),
        ("DisplayName", info.display_name.as_str().into()),
        ("MobilePhone", info.mobile_phone.as_str().into()),
        ("Email", info.email.as_str().into()),
        ("Comments", info.comments.as_str().into()),
        ("CreateDate", utc(info.created_ms)),
    ]
}

pub(super) fn user_with_update(info: &UserInfo) -> Fields {
    updated(user(info), info.updated_ms)
}

fn updated(mut fields: Fields, updated_ms: i64) -> Fields {
    fields.push(("UpdateDate", utc(updated_ms)));
    fields
}

const GROUP_ID: FieldSpec = text(
    "GroupId",
    "The id of the group, the same for life.",
    "322748924538431907",
);
const GROUP_NAME: FieldSpec = text("GroupName", "The name of the group.", "staff");
pub(super) const GROUP: [FieldSpec; 4] = [GROUP_ID, GROUP_NAME, COMMENTS, CREATE_DATE];
pub(super) const GROUP_WITH_UPDATE: [FieldSpec; 5] = with(GROUP, UPDATE_DATE);
pub(super) const GROUP_OF_USER: [FieldSpec; 4] = [GROUP_ID, GROUP_NAME, COMMENTS, JOIN_DATE];
pub(super) const USER_OF_GROUP: [FieldSpec; 3] = [USER_NAME, DISPLAY_NAME, JOIN_DATE];

pub(super) fn group(info: &GroupInfo) -> Fields {
    vec![
        ("GroupId", info.id.as_str().into()),
        ("GroupName", info.name.as_str().into()),
        ("Comments", info.comments.as_str().into()),
        ("CreateDate", utc(info.created_ms)),
    ]
}

pub(super) fn group_with_update(info: &GroupInfo) -> Fields {
    updated(group(info), info.updated_ms)
}

pub(super) fn group_of_user(member: &MemberInfo<GroupInfo>) -> Fields {
    vec![
        ("GroupId", member.who.id.as_str().into()),
        ("GroupName", member.who.name.as_str().into()),
        ("Comments", member.who.comments.as_str().into()),
        ("JoinDate", utc(member.since_ms)),
    ]
}

pub(super) fn user_of_group(member: &MemberInfo<UserInfo>) -> Fields {
    vec![
        ("UserName", member.who.name.as_str().into()),
        ("DisplayName", member.who.display_name.as_str().into()),
        ("JoinDate", utc(member.since_ms)),
    ]
}

const POLICY_NAME: FieldSpec = text("PolicyName", "The name of the policy.", "ReadCounts");
const POLICY_TYPE: FieldSpec = text("PolicyType", "Always `Custom`.", CUSTOM);
const DESCRIPTION: FieldSpec = text("Description", "What it is for.", "reads the counts");
const DEFAULT_VERSION: FieldSpec = text("DefaultVersion", "The version in effect.", "v1");
const POLICY_DOCUMENT: FieldSpec = text(
    "PolicyDocument",
    "What is allowed and denied, as it was written.",
    r#"{"Version":"1","Statement":[]}"#,
);
/// The type of every policy.
const CUSTOM: &str = "Custom";
pub(super) const POLICY: [FieldSpec; 5] = [
    POLICY_NAME,
    POLICY_TYPE,
    DESCRIPTION,
    DEFAULT_VERSION,
    CREATE_DATE,
];
pub(super) const LISTED_POLICY: [FieldSpec; 7] = [
    POLICY_NAME,
    POLICY_TYPE,
    DESCRIPTION,
    DEFAULT_VERSION,
    CREATE_DATE,
    UPDATE_DATE,
    FieldSpec::value(
        "AttachmentCount",
        Scalar::Int32,
        "To how many users, groups and roles it is attached.",
        "1",
    ),
];
pub(super) const POLICY_WITH_DOCUMENT: [FieldSpec; 8] = with(LISTED_POLICY, POLICY_DOCUMENT);
pub(super) const ATTACHED_POLICY: [FieldSpec; 5] = [
    POLICY_NAME,
    POLICY_TYPE,
    DESCRIPTION,
    DEFAULT_VERSION,
    ATTACH_DATE,
];
pub(super) const POLICY_VERSION: [FieldSpec; 4] = [
    text("VersionId", "The version.", "v1"),
    FieldSpec::value(
        "IsDefaultVersion",
        Scalar::Bool,
        "Whether it is the one in effect.",
        "true",
    ),
    POLICY_DOCUMENT,
    CREATE_DATE,
];

fn policy_names(info: &PolicyInfo) -> Fields {
    vec![
        ("PolicyName", info.name.as_str().into()),
        ("PolicyType", CUSTOM.into()),
        ("Description", info.description.as_str().into()),
        ("DefaultVersion", version_id(info.default_version)),
    ]
}

pub(super) fn policy(info: &PolicyInfo) -> Fields {
    let mut fields = policy_names(info);
    fields.push(("CreateDate", utc(info.created_ms)));
    fields
}

pub(super) fn listed_policy(info: &PolicyInfo) -> Fields {
    let mut fields = updated(policy(info), info.updated_ms);
    fields.push((
        "AttachmentCount",
        Value::Integer(info.attachment_count.into()),
    ));
    fields
}

pub(super) fn policy_with_document(info: &PolicyInfo, document: &str) -> Fields {
    let mut fields = listed_policy(info);
    fields.push(("PolicyDocument", document.into()));
    fields
}

pub(super) fn attached_policy(info: &AttachedPolicyInfo) -> Fields {
    let mut fields = policy_names(&info.policy);
    fields.push(("AttachDate", utc(info.attached_ms)));
    fields
}

pub(super) fn policy_version(info: &PolicyVersionInfo) -> Fields {
    vec![
        ("VersionId", version_id(info.version)),
        ("IsDefaultVersion", Value::Bool(info.is_default)),
        ("PolicyDocument", info.document.as_str().into()),
        ("CreateDate", utc(info.created_ms)),
    ]
}

fn version_id(version: u32) -> Value {
    format!("v{version}").into()
}

const ROLE_ID: FieldSpec = text(
    "RoleId",
    "The id of the role, the same for life.",
    "422748924538431907",
);
const ROLE_NAME: FieldSpec = text("RoleName", "The name of the role.", "auditor");
const ROLE_ARN: FieldSpec = text(
    "Arn",
    "The role, as AssumeRole names it.",
    "acs:ram::1000000000000001:role/auditor",
);
const ROLE_WITHOUT_UPDATE: [FieldSpec; 6] = [
    ROLE_ID,
    ROLE_NAME,
    ROLE_ARN,
    DESCRIPTION,
    FieldSpec::value(
        "MaxSessionDuration",
        Scalar::Int64,
        "The longest session, in seconds.",
        "3600",
    ),
    CREATE_DATE,
];
const TRUST_POLICY: FieldSpec = text(
    "AssumeRolePolicyDocument",
    "Who may assume the role, as it was written.",
    r#"{"Version":"1","Statement":[]}"#,
);
pub(super) const MADE_ROLE: [FieldSpec; 7] = with(ROLE_WITHOUT_UPDATE, TRUST_POLICY);
pub(super) const LISTED_ROLE: [FieldSpec; 7] = with(ROLE_WITHOUT_UPDATE, UPDATE_DATE);
pub(super) const ROLE: [FieldSpec; 8] = with(LISTED_ROLE, TRUST_POLICY);

fn role_without_update(info: &RoleInfo, account: &AccountId) -> Fields {
    vec![
        ("RoleId", info.id.as_str().into()),
        ("RoleName", info.name.as_str().into()),
        ("Arn", role_arn(&info.name, account)),
        ("Description", info.description.as_str().into()),
        (
            "MaxSessionDuration",
            Value::Integer(info.max_session_seconds.into()),
        ),
        ("CreateDate", utc(info.created_ms)),
    ]
}

pub(super) fn made_role(info: &RoleInfo, account: &AccountId) -> Fields {
    trusting(role_without_update(info, account), info)
}

pub(super) fn listed_role(info: &RoleInfo, account: &AccountId) -> Fields {
    updated(role_without_update(info, account), info.updated_ms)
}

pub(super) fn role(info: &RoleInfo, account: &AccountId) -> Fields {
    trusting(listed_role(info, account), info)
}

fn trusting(mut fields: Fields, info: &RoleInfo) -> Fields {
    let document = info.trust_policy.as_str().into();
    fields.push(("AssumeRolePolicyDocument", document));
    fields
}

fn role_arn(name: &str, account: &AccountId) -> Value {
    format!("acs:ram::{}:role/{name}", account.as_str()).into()
}

/// Who has a policy.
pub(super) const USER_OF_POLICY: [FieldSpec; 4] = [USER_ID, USER_NAME, DISPLAY_NAME, ATTACH_DATE];
pub(super) const GROUP_OF_POLICY: [FieldSpec; 3] = [GROUP_NAME, COMMENTS, ATTACH_DATE];
pub(super) const ROLE_OF_POLICY: [FieldSpec; 5] =
    [ROLE_ID, ROLE_NAME, ROLE_ARN, DESCRIPTION, ATTACH_DATE];

pub(super) fn user_of_policy(member: &MemberInfo<UserInfo>) -> Fields {
    vec![
        ("UserId", member.who.id.as_str().into()),
        ("UserName", member.who.name.as_str().into()),
        ("DisplayName", member.who.display_name.as_str().into()),
        ("AttachDate", utc(member.since_ms)),
    ]
}

pub(super) fn group_of_policy(member: &MemberInfo<GroupInfo>) -> Fields {
    vec![
        ("GroupName", member.who.name.as_str().into()),
        ("Comments", member.who.comments.as_str().into()),
        ("AttachDate", utc(member.since_ms)),
    ]
}

pub(super) fn role_of_policy(member: &MemberInfo<RoleInfo>, account: &AccountId) -> Fields {
    vec![
        ("RoleId", member.who.id.as_str().into()),
        ("RoleName", member.who.name.as_str().into()),
        ("Arn", role_arn(&member.who.name, account)),
        ("Description", member.who.description.as_str().into()),
        ("AttachDate", utc(member.since_ms)),
    ]
}

const ACCESS_KEY_ID: FieldSpec = text(
    "AccessKeyId",
    "The id of the AccessKey.",
    "LTAI5tExample0000000001",
);
const STATUS: FieldSpec = text("Status", "`Active` or `Inactive`.", "Active");
pub(super) const ACCESS_KEY: [FieldSpec; 3] = [ACCESS_KEY_ID, STATUS, CREATE_DATE];
pub(super) const MADE_ACCESS_KEY: [FieldSpec; 4] = with(
    ACCESS_KEY,
    text(
        "AccessKeySecret",
        "The secret. Nothing tells it a second time.",
        "…",
    ),
);

pub(super) fn access_key(info: &AccessKeyInfo) -> Fields {
    vec![
        ("AccessKeyId", info.id.as_str().into()),
        ("Status", info.status.as_str().into()),
        ("CreateDate", utc(info.created_ms)),
    ]
}

pub(super) const IS_TRUNCATED: FieldSpec = FieldSpec::value(
    "IsTruncated",
    Scalar::Bool,
    "Whether there are more entries.",
    "false",
);
pub(super) const MARKER: FieldSpec = text(
    "Marker",
    "Where the next page begins; only when there is one.",
    "alice",
);

/// A list below its plural, as in `Users.User[]`.
pub(super) fn list(
    plural: &'static str,
    singular: &'static str,
    items: Vec<Fields>,
) -> (&'static str, Value) {
    (plural, Value::Object(vec![(singular, Value::List(items))]))
}

/// A page of a list.
pub(super) fn page(list: (&'static str, Value), marker: Option<String>) -> Fields {
    let mut fields = vec![list, ("IsTruncated", Value::Bool(marker.is_some()))];
    fields.extend(marker.map(|marker| ("Marker", Value::Text(marker))));
    fields
}

/// A time as RAM writes it.
pub(super) fn utc(ms: i64) -> Value {
    format_utc_seconds(ms.div_euclid(1_000))
        .unwrap_or_default()
        .into()
}
