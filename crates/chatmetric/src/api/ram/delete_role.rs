//! DeleteRole: deletes a role that has no policies any more.

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
    name: "DeleteRole",
    title: "Delete a role",
    description: "Refused while the role has policies. Its sessions end at once.",
    access: Access::Write,
    ram_action: Some("ram:DeleteRole"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[p::ROLE_NAME],
    answer: &DONE,
    errors: &[
        NO_PERMISSION,
        not_exist(NotExist::Role),
        conflict(DeleteConflict::RolePolicy),
    ],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let name = input.role()?;
    Ok(Prepared::change(
        name.resource(),
        About::ROLE,
        move |identities| {
            identities.delete_role(name.as_str())?;
            Ok(Vec::new())
        },
    ))
}
