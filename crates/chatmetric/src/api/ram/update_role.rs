//! UpdateRole: changes who may assume a role, its description or its longest session.

use super::CHANGES_PER_SECOND;
use super::body::Value;
use super::errors::{MALFORMED, NO_PERMISSION, not_exist};
use super::fields::{self, REQUEST_ID, ROLE};
use super::input::Input;
use super::parameters as p;
use super::prepared::Prepared;
use super::refusal::About;
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product};
use crate::directory::RoleChanges;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::NotExist;

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "UpdateRole",
    title: "Change a role",
    description: "What is absent or empty stays as it is.",
    access: Access::Write,
    ram_action: Some("ram:UpdateRole"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[
        p::ROLE_NAME,
        p::NEW_ASSUME_ROLE_POLICY_DOCUMENT,
        p::NEW_DESCRIPTION,
        p::NEW_MAX_SESSION_DURATION,
    ],
    answer: &[REQUEST_ID, FieldSpec::object("Role", "The role.", &ROLE)],
    errors: &[NO_PERMISSION, not_exist(NotExist::Role), MALFORMED],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    input.no_console_login("NewAllowConsoleLogin")?;
    let name = input.role()?;
    let changes = RoleChanges {
        trust_policy: input.text("NewAssumeRolePolicyDocument"),
        description: input.description("NewDescription")?,
        max_session_seconds: input.session_seconds("NewMaxSessionDuration")?,
    };
    let account = input.account.clone();
    let about = About::ROLE.updated();
    Ok(Prepared::change(
        name.resource(),
        about,
        move |identities| {
            let role = identities.update_role(name.as_str(), changes)?;
            Ok(vec![("Role", Value::Object(fields::role(&role, &account)))])
        },
    ))
}
