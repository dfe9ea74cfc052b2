//! AddUserToGroup: a user joins a group.

use super::CHANGES_PER_SECOND;
use super::errors::{NO_PERMISSION, exists, limit, not_exist};
use super::fields::DONE;
use super::input::Input;
use super::parameters as p;
use super::prepared::Prepared;
use super::refusal::About;
use crate::api::spec::{Access, OperationSpec, Product};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::{AlreadyExists, LimitExceeded, NotExist};

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "AddUserToGroup",
    title: "Add a user to a group",
    description: "The user has the policies of the group from now on. It takes the right for the user and for the group.",
    access: Access::Write,
    ram_action: Some("ram:AddUserToGroup"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[p::USER_NAME, p::GROUP_NAME],
    answer: &DONE,
    errors: &[
        NO_PERMISSION,
        not_exist(NotExist::User),
        not_exist(NotExist::Group),
        exists(AlreadyExists::UserGroup),
        limit(LimitExceeded::UserGroup),
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
        identities.add_user_to_group(user.as_str(), group.as_str())?;
        Ok(Vec::new())
    });
    Ok(prepared.and(of_group))
}
