//! ListUsers: the users, page by page.

use super::READS_PER_SECOND;
use super::errors::NO_PERMISSION;
use super::fields::{self, IS_TRUNCATED, MARKER, REQUEST_ID, USER_WITH_UPDATE};
use super::input::Input;
use super::parameters as p;
use super::prepared::{Prepared, Resource};
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product};
use chatmetric_rpc::ApiError;

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "ListUsers",
    title: "List the users",
    description: "The users of the account, by name.",
    access: Access::List,
    ram_action: Some("ram:ListUsers"),
    calls_per_second: READS_PER_SECOND,
    parameters: &[p::MARKER, p::MAX_ITEMS],
    answer: &[
        REQUEST_ID,
        FieldSpec::object(
            "Users",
            "The page.",
            &[FieldSpec::list(
                "User",
                "The users, by name.",
                &USER_WITH_UPDATE,
            )],
        ),
        IS_TRUNCATED,
        MARKER,
    ],
    errors: &[NO_PERMISSION],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let page = input.page()?;
    Ok(Prepared::read(Resource::USERS, move |view| {
        let (users, marker) = page.cut(view.users(), |user| &user.name);
        let users = users.into_iter().map(fields::user_with_update).collect();
        Ok(fields::page(fields::list("Users", "User", users), marker))
    }))
}
