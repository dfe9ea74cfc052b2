//! CreateRole: makes a role with its trust policy.

use super::CHANGES_PER_SECOND;
use super::body::Value;
use super::errors::{MALFORMED, NO_PERMISSION, exists, limit};
use super::fields::{self, MADE_ROLE, REQUEST_ID};
use super::input::Input;
use super::parameters as p;
use super::prepared::{Prepared, Resource};
use super::refusal::About;
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::{AlreadyExists, LimitExceeded};

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "CreateRole",
    title: "Make a role",
    description: "A role of the account, without policies.",
    access: Access::Write,
    ram_action: Some("ram:CreateRole"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[
        p::NEW_ROLE,
        p::DESCRIPTION,
        p::ASSUME_ROLE_POLICY_DOCUMENT,
        p::MAX_SESSION_DURATION,
    ],
    answer: &[
        REQUEST_ID,
        FieldSpec::object("Role", "The role.", &MADE_ROLE),
    ],
    errors: &[
        NO_PERMISSION,
        MALFORMED,
        exists(AlreadyExists::Role),
        limit(LimitExceeded::Role),
    ],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    input.without(&["Tag"])?;
    input.no_console_login("AllowConsoleLogin")?;
    let name = input.new_name("RoleName")?;
    let description = input.description("Description")?.unwrap_or_default();
    let trust_policy = input.document("AssumeRolePolicyDocument")?;
    let seconds = input.session_seconds("MaxSessionDuration")?;
    let account = input.account.clone();
    Ok(Prepared::change(
        Resource::ROLES,
        About::ROLE,
        move |identities| {
            let made = identities.create_role(&name, &description, &trust_policy, seconds)?;
            Ok(vec![(
                "Role",
                Value::Object(fields::made_role(&made, &account)),
            )])
        },
    ))
}
