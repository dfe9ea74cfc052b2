//! DeletePolicyVersion: deletes a version that is not in effect.

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
    name: "DeletePolicyVersion",
    title: "Delete a version of a policy",
    description: "The version in effect cannot be deleted.",
    access: Access::Write,
    ram_action: Some("ram:DeletePolicyVersion"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[p::POLICY_NAME, p::VERSION_ID],
    answer: &DONE,
    errors: &[
        NO_PERMISSION,
        not_exist(NotExist::Policy),
        not_exist(NotExist::PolicyVersion),
        conflict(DeleteConflict::PolicyVersionDefault),
    ],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let name = input.policy()?;
    let version = input.version()?;
    Ok(Prepared::change(
        name.resource(),
        About::POLICY,
        move |identities| {
            identities.delete_policy_version(name.as_str(), version)?;
            Ok(Vec::new())
        },
    ))
}
