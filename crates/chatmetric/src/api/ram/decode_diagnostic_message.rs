//! DecodeDiagnosticMessage: why a call of the account was denied, from the message
//! that the denied caller was given.

use super::READS_PER_SECOND;
use super::body::{Fields, Value};
use super::errors::NO_PERMISSION;
use super::fields::REQUEST_ID;
use super::input::Input;
use super::prepared::{Prepared, Resource};
use crate::api::diagnosis::{Diagnosed, Matched};
use crate::api::spec::{
    Access, ErrorSpec, FieldSpec, OperationSpec, ParameterSpec, Product, Scalar,
};
use chatmetric_rpc::ApiError;

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "DecodeDiagnosticMessage",
    title: "Explain a denial",
    description: "What was checked when a call of the account was denied, under which \
                  circumstances, and the policies that were about it. Only the account of the \
                  denied caller can read a message.",
    access: Access::Get,
    ram_action: Some("ram:DecodeDiagnosticMessage"),
    calls_per_second: READS_PER_SECOND,
    parameters: &[ParameterSpec::required(
        "EncodedDiagnosticMessage",
        Scalar::Text,
        "The member of that name of AccessDeniedDetail.",
        "AQAB0GmYVvYx…",
    )],
    answer: &[
        REQUEST_ID,
        FieldSpec::object("DecodedDiagnosticMessage", "The denial.", &DENIAL),
    ],
    errors: &[
        NO_PERMISSION,
        ErrorSpec {
            http_status: 400,
            code: "InvalidParameter.EncodedDiagnosticMessage",
            message: "It is no diagnostic message of a denial in this account.",
        },
    ],
};

const fn text(name: &'static str, description: &'static str, example: &'static str) -> FieldSpec {
    FieldSpec::value(name, Scalar::Text, description, example)
}

const DENIAL: [FieldSpec; 7] = [
    FieldSpec::value(
        "ExplicitDeny",
        Scalar::Bool,
        "Whether a statement denies the call; otherwise none allows it.",
        "false",
    ),
    text(
        "NoPermissionPolicyType",
        "The kind of policy that refused: AccountLevelIdentityBasedPolicy, SessionPolicy or \
         AssumeRolePolicy.",
        "AccountLevelIdentityBasedPolicy",
    ),
    text(
        "AuthAction",
        "The action that was checked.",
        "cams:GetChatappPhoneNumberMetric",
    ),
    text(
        "AuthResource",
        "The resource that was checked.",
        "acs:cams:*:1000000000000001:*",
    ),
    FieldSpec::object(
        "AuthPrincipal",
        "Who was denied.",
        &[
            text(
                "AuthPrincipalType",
                "SubUser or AssumedRoleUser.",
                "SubUser",
            ),
            text("AuthPrincipalOwnerId", "The account.", "1000000000000001"),
            text(
                "AuthPrincipalDisplayName",
                "The id of the user, or the role's and the session's name.",
                "200000000000000001",
            ),
        ],
    ),
    FieldSpec::list(
        "AuthConditions",
        "The condition keys of the call.",
        &[
            text("ConditionKey", "The key.", "acs:SourceIp"),
            FieldSpec {
                name: "ConditionValues",
                kind: crate::api::spec::FieldKind::Texts,
                description: "Its values.",
                example: "",
            },
        ],
    ),
    FieldSpec::list(
        "MatchedPolicies",
        "The policies of which a statement was about the call.",
        &[
            text("Effect", "Deny or Allow.", "Deny"),
            text(
                "PolicyIdentifier",
                "The policy's name; SessionPolicy or AssumeRolePolicy for one without a name.",
                "NoMetrics",
            ),
            text("PolicyType", "Always Custom.", "Custom"),
            text(
                "PolicyVersion",
                "The version in effect; absent for a policy without versions.",
                "v1",
            ),
            text(
                "AttachedEntityType",
                "RamUser, RamGroup or RamRole.",
                "RamUser",
            ),
            text("AttachedScope", "Always Account.", "Account"),
        ],
    ),
];

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let message = input
        .params
        .required("EncodedDiagnosticMessage")?
        .to_owned();
    Ok(Prepared::read(Resource::EVERYTHING, move |view| {
        let denial = view.denial(&message)?;
        Ok(vec![(
            "DecodedDiagnosticMessage",
            Value::Object(fields(denial)),
        )])
    }))
}

fn fields(denial: Diagnosed) -> Fields {
    let conditions = denial.conditions.into_iter().map(|(key, value)| {
        vec![
            ("ConditionKey", key.into()),
            ("ConditionValues", Value::Texts(vec![value])),
        ]
    });
    vec![
        ("ExplicitDeny", Value::Bool(denial.explicit_deny)),
        ("NoPermissionPolicyType", denial.policy_type.into()),
        ("AuthAction", denial.action.into()),
        ("AuthResource", denial.resource.into()),
        (
            "AuthPrincipal",
            Value::Object(vec![
                ("AuthPrincipalType", denial.principal_type.into()),
                ("AuthPrincipalOwnerId", denial.principal_owner.into()),
                ("AuthPrincipalDisplayName", denial.principal_name.into()),
            ]),
        ),
        ("AuthConditions", Value::List(conditions.collect())),
        (
            "MatchedPolicies",
            Value::List(denial.matched.into_iter().map(matched).collect()),
        ),
    ]
}

fn matched(policy: Matched) -> Fields {
    let effect = if policy.denies { "Deny" } else { "Allow" };
    let mut fields = vec![
        ("Effect", effect.into()),
        ("PolicyIdentifier", policy.name.into()),
        ("PolicyType", "Custom".into()),
    ];
    if let Some(version) = policy.version {
        fields.push(("PolicyVersion", format!("v{version}").into()));
    }
    fields.push(("AttachedEntityType", policy.attached_to.into()));
    fields.push(("AttachedScope", "Account".into()));
    fields
}
