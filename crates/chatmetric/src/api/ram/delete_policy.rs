//! DeletePolicy: deletes a policy that nobody has any more.

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
    name: "DeletePolicy",
    title: "Delete a policy",
    description: "Refused while it is attached and, without CascadingDelete, while it has versions beside the default one.",
    access: Access::Write,
    ram_action: Some("ram:DeletePolicy"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[p::POLICY_NAME, p::CASCADING_DELETE],
    answer: &DONE,
    errors: &[
        NO_PERMISSION,
        not_exist(NotExist::Policy),
        conflict(DeleteConflict::PolicyUser),
        conflict(DeleteConflict::PolicyGroup),
        conflict(DeleteConflict::PolicyRole),
        conflict(DeleteConflict::PolicyVersion),
    ],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let name = input.policy()?;
    let cascade = input.flag("CascadingDelete")?;
    Ok(Prepared::change(
        name.resource(),
        About::POLICY,
        move |identities| {
            identities.delete_policy(name.as_str(), cascade)?;
            Ok(Vec::new())
        },
    ))
}
