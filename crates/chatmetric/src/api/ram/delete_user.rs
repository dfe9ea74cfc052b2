//! DeleteUser: deletes a user who has no keys, policies and groups any more.

use super::CHANGES_PER_SECOND;
use super::errors::{NO_PERMISSION, conflict, not_exist};
use super::fields::DONE;
use super::input::Input;
use super::parameters as p;
use super::prepared::Prepared;
use super::refusal::About;
use crate::api::spec::{Access, OperationSpec, Product};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::{DeleteConflict, NotExist};

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "DeleteUser",
    title: "Delete a user",
    description: "Refused while the user has AccessKeys, policies or groups.",
    access: Access::Write,
    ram_action: Some("ram:DeleteUser"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[p::USER_NAME],
    answer: &DONE,
    errors: &[
        NO_PERMISSION,
        not_exist(NotExist::User),
        conflict(DeleteConflict::UserAccessKey),
        conflict(DeleteConflict::UserPolicy),
        conflict(DeleteConflict::UserGroup),
    ],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let name = input.user()?;
    Ok(Prepared::change(
        name.resource(),
        About::USER,
        move |identities| {
            identities.delete_user(name.as_str())?;
            Ok(Vec::new())
        },
    ))
}
