//! DeleteGroup: deletes a group that has no users and policies any more.

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
    name: "DeleteGroup",
    title: "Delete a group",
    description: "Refused while the group has users or policies.",
    access: Access::Write,
    ram_action: Some("ram:DeleteGroup"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[p::GROUP_NAME],
    answer: &DONE,
    errors: &[
        NO_PERMISSION,
        not_exist(NotExist::Group),
        conflict(DeleteConflict::GroupUser),
        conflict(DeleteConflict::GroupPolicy),
    ],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let name = input.group()?;
    Ok(Prepared::change(
        name.resource(),
        About::GROUP,
        move |identities| {
            identities.delete_group(name.as_str())?;
            Ok(Vec::new())
        },
    ))
}
