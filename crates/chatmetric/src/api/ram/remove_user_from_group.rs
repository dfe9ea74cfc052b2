//! RemoveUserFromGroup: a user leaves a group.

use super::CHANGES_PER_SECOND;
use super::errors::{NO_PERMISSION, not_exist};
use super::fields::DONE;
use super::input::Input;
use super::parameters as p;
use super::prepared::Prepared;
use super::refusal::About;
use crate::api::spec::{Access, OperationSpec, Product};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::NotExist;

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "RemoveUserFromGroup",
    title: "Remove a user from a group",
    description: "The user no longer has the policies of the group. It takes the right for the user and for the group.",
    access: Access::Write,
    ram_action: Some("ram:RemoveUserFromGroup"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[p::USER_NAME, p::GROUP_NAME],
    answer: &DONE,
    errors: &[
        NO_PERMISSION,
        not_exist(NotExist::User),
        not_exist(NotExist::Group),
        not_exist(NotExist::UserGroup),
    ],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let user = input.user()?;
    let group = input.group()?;
    let (of_user, of_group) = (user.resource(), group.resource());
    let prepared = Prepared::change(of_user, About::USER, move |identities| {
        identities.remove_user_from_group(user.as_str(), group.as_str())?;
        Ok(Vec::new())
    });
    Ok(prepared.and(of_group))
}
