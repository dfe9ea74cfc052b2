//! ListRoles: the roles, page by page.

use super::READS_PER_SECOND;
use super::errors::NO_PERMISSION;
use super::fields::{self, IS_TRUNCATED, LISTED_ROLE, MARKER, REQUEST_ID};
use super::input::Input;
use super::parameters as p;
use super::prepared::{Prepared, Resource};
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product};
use chatmetric_rpc::ApiError;

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "ListRoles",
    title: "List the roles",
    description: "The roles of the account, by name.",
    access: Access::List,
    ram_action: Some("ram:ListRoles"),
    calls_per_second: READS_PER_SECOND,
    parameters: &[p::MARKER, p::MAX_ITEMS],
    answer: &[
        REQUEST_ID,
        FieldSpec::object(
            "Roles",
            "The page.",
            &[FieldSpec::list("Role", "The roles, by name.", &LISTED_ROLE)],
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
    input.without(&["Tag"])?;
    let page = input.page()?;
    Ok(Prepared::read(Resource::ROLES, move |view| {
        let (roles, marker) = page.cut(view.roles(), |role| &role.name);
        let roles = roles.into_iter();
        let roles = roles
            .map(|role| fields::listed_role(role, view.account()))
            .collect();
        Ok(fields::page(fields::list("Roles", "Role", roles), marker))
    }))
}
