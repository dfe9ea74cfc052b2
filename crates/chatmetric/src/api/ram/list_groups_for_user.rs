//! ListGroupsForUser: the groups of a user.

use super::READS_PER_SECOND;
use super::errors::{NO_PERMISSION, not_exist};
use super::fields::{self, GROUP_OF_USER, REQUEST_ID};
use super::input::Input;
use super::parameters as p;
use super::prepared::Prepared;
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::NotExist;

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "ListGroupsForUser",
    title: "List the groups of a user",
    description: "The groups that a user is in, by name.",
    access: Access::List,
    ram_action: Some("ram:ListGroupsForUser"),
    calls_per_second: READS_PER_SECOND,
    parameters: &[p::USER_NAME],
    answer: &[
        REQUEST_ID,
        FieldSpec::object(
            "Groups",
            "The list.",
            &[FieldSpec::list(
                "Group",
                "The groups, by name.",
                &GROUP_OF_USER,
            )],
        ),
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
        let groups = view.groups_of(&name)?;
        let groups = groups.iter().map(fields::group_of_user).collect();
        Ok(vec![fields::list("Groups", "Group", groups)])
    }))
}
