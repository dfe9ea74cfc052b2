//! ListEntitiesForPolicy: who has a policy.

use super::READS_PER_SECOND;
use super::errors::{NO_PERMISSION, not_exist};
use super::fields::{self, GROUP_OF_POLICY, REQUEST_ID, ROLE_OF_POLICY, USER_OF_POLICY};
use super::input::Input;
use super::parameters as p;
use super::prepared::Prepared;
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::NotExist;

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "ListEntitiesForPolicy",
    title: "List who has a policy",
    description: "The users, groups and roles to which a policy is attached.",
    access: Access::List,
    ram_action: Some("ram:ListEntitiesForPolicy"),
    calls_per_second: READS_PER_SECOND,
    parameters: &[p::POLICY_NAME, p::POLICY_TYPE],
    answer: &[
        REQUEST_ID,
        FieldSpec::object(
            "Users",
            "The users.",
            &[FieldSpec::list(
                "User",
                "Not by way of groups.",
                &USER_OF_POLICY,
            )],
        ),
        FieldSpec::object(
            "Groups",
            "The groups.",
            &[FieldSpec::list("Group", "By name.", &GROUP_OF_POLICY)],
        ),
        FieldSpec::object(
            "Roles",
            "The roles.",
            &[FieldSpec::list("Role", "By name.", &ROLE_OF_POLICY)],
        ),
    ],
    errors: &[NO_PERMISSION, not_exist(NotExist::Policy)],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let name = input.policy()?;
    input.custom_policy_type()?;
    Ok(Prepared::read(name.resource(), move |view| {
        let all = view.entities(&name)?;
        let users = all.users.iter().map(fields::user_of_policy).collect();
        let groups = all.groups.iter().map(fields::group_of_policy).collect();
        let roles = all.roles.iter();
        let roles = roles
            .map(|role| fields::role_of_policy(role, view.account()))
            .collect();
        Ok(vec![
            fields::list("Users", "User", users),
            fields::list("Groups", "Group", groups),
            fields::list("Roles", "Role", roles),
        ])
    }))
}
