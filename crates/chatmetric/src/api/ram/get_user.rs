//! GetUser: one user.

use super::READS_PER_SECOND;
use super::body::Value;
use super::errors::{NO_PERMISSION, not_exist};
use super::fields::{self, REQUEST_ID, USER_WITH_UPDATE};
use super::input::Input;
use super::parameters as p;
use super::prepared::Prepared;
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::NotExist;

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "GetUser",
    title: "Show a user",
    description: "A user of the account.",
    access: Access::Get,
    ram_action: Some("ram:GetUser"),
    calls_per_second: READS_PER_SECOND,
    parameters: &[p::USER_NAME],
    answer: &[
        REQUEST_ID,
        FieldSpec::object("User", "The user.", &USER_WITH_UPDATE),
    ],
    errors: &[NO_PERMISSION, not_exist(NotExist::User)],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let name = input.user()?;
    Ok(Prepared::read(name.resource(), move |view| {
        let user = fields::user_with_update(view.user(&name)?);
        Ok(vec![("User", Value::Object(user))])
    }))
}
