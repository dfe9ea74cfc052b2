//! GetRole: one role with its trust policy.

use super::READS_PER_SECOND;
use super::body::Value;
use super::errors::{NO_PERMISSION, not_exist};
use super::fields::{self, REQUEST_ID, ROLE};
use super::input::Input;
use super::parameters as p;
use super::prepared::Prepared;
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::NotExist;

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "GetRole",
    title: "Show a role",
    description: "A role of the account with its trust policy.",
    access: Access::Get,
    ram_action: Some("ram:GetRole"),
    calls_per_second: READS_PER_SECOND,
    parameters: &[p::ROLE_NAME],
    answer: &[REQUEST_ID, FieldSpec::object("Role", "The role.", &ROLE)],
    errors: &[NO_PERMISSION, not_exist(NotExist::Role)],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let name = input.role()?;
    Ok(Prepared::read(name.resource(), move |view| {
        let role = fields::role(view.role(&name)?, view.account());
        Ok(vec![("Role", Value::Object(role))])
    }))
}
