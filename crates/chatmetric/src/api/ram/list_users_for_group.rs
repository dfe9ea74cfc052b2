//! ListUsersForGroup: the users in a group, page by page.

use super::READS_PER_SECOND;
use super::errors::{NO_PERMISSION, not_exist};
use super::fields::{self, IS_TRUNCATED, MARKER, REQUEST_ID, USER_OF_GROUP};
use super::input::Input;
use super::parameters as p;
use super::prepared::Prepared;
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::NotExist;

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "ListUsersForGroup",
    title: "List the users in a group",
    description: "The users in a group, by name.",
    access: Access::List,
    ram_action: Some("ram:ListUsersForGroup"),
    calls_per_second: READS_PER_SECOND,
    parameters: &[p::GROUP_NAME, p::MARKER, p::MAX_ITEMS],
    answer: &[
        REQUEST_ID,
        FieldSpec::object(
            "Users",
            "The page.",
            &[FieldSpec::list(
                "User",
                "The users, by name.",
                &USER_OF_GROUP,
            )],
        ),
        IS_TRUNCATED,
        MARKER,
    ],
    errors: &[NO_PERMISSION, not_exist(NotExist::Group)],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let name = input.group()?;
    let page = input.page()?;
    Ok(Prepared::read(name.resource(), move |view| {
        let (users, marker) = page.cut(view.users_of(&name)?, |user| &user.who.name);
        let users = users.iter().map(fields::user_of_group).collect();
        Ok(fields::page(fields::list("Users", "User", users), marker))
    }))
}
