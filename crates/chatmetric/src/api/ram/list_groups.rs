//! ListGroups: the groups, page by page.

use super::READS_PER_SECOND;
use super::errors::NO_PERMISSION;
use super::fields::{self, GROUP_WITH_UPDATE, IS_TRUNCATED, MARKER, REQUEST_ID};
use super::input::Input;
use super::parameters as p;
use super::prepared::{Prepared, Resource};
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product};
use chatmetric_rpc::ApiError;

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "ListGroups",
    title: "List the groups",
    description: "The groups of the account, by name.",
    access: Access::List,
    ram_action: Some("ram:ListGroups"),
    calls_per_second: READS_PER_SECOND,
    parameters: &[p::MARKER, p::MAX_ITEMS],
    answer: &[
        REQUEST_ID,
        FieldSpec::object(
            "Groups",
            "The page.",
            &[FieldSpec::list(
                "Group",
                "The groups, by name.",
                &GROUP_WITH_UPDATE,
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
    Ok(Prepared::read(Resource::GROUPS, move |view| {
        let (groups, marker) = page.cut(view.groups(), |group| &group.name);
        let groups = groups.into_iter().map(fields::group_with_update).collect();
        Ok(fields::page(
            fields::list("Groups", "Group", groups),
            marker,
        ))
    }))
}
