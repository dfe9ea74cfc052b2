//! ListPoliciesForUser, ListPoliciesForGroup, ListPoliciesForRole: the policies that
//! somebody has. One file, because they differ by who that is and by nothing else.

use super::READS_PER_SECOND;
use super::body::Fields;
use super::errors::{NO_PERMISSION, not_exist};
use super::fields::{self, ATTACHED_POLICY, REQUEST_ID};
use super::input::Input;
use super::parameters as p;
use super::prepared::Prepared;
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product};
use crate::directory::AttachedPolicyInfo;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::NotExist;

/// What all three answer.
const ANSWER: [FieldSpec; 2] = [
    REQUEST_ID,
    FieldSpec::object(
        "Policies",
        "The list.",
        &[FieldSpec::list(
            "Policy",
            "The policies, by name.",
            &ATTACHED_POLICY,
        )],
    ),
];

/// The policies of a user.
pub(super) const USER: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "ListPoliciesForUser",
    title: "List the policies of a user",
    description: "The policies that are attached to the user itself, not those of its groups.",
    access: Access::List,
    ram_action: Some("ram:ListPoliciesForUser"),
    calls_per_second: READS_PER_SECOND,
    parameters: &[p::USER_NAME],
    answer: &ANSWER,
    errors: &[NO_PERMISSION, not_exist(NotExist::User)],
};

/// The policies of a group.
pub(super) const GROUP: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "ListPoliciesForGroup",
    title: "List the policies of a group",
    description: "The policies that are attached to a group.",
    access: Access::List,
    ram_action: Some("ram:ListPoliciesForGroup"),
    calls_per_second: READS_PER_SECOND,
    parameters: &[p::GROUP_NAME],
    answer: &ANSWER,
    errors: &[NO_PERMISSION, not_exist(NotExist::Group)],
};

/// The policies of a role.
pub(super) const ROLE: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "ListPoliciesForRole",
    title: "List the policies of a role",
    description: "The policies that are attached to a role.",
    access: Access::List,
    ram_action: Some("ram:ListPoliciesForRole"),
    calls_per_second: READS_PER_SECOND,
    parameters: &[p::ROLE_NAME],
    answer: &ANSWER,
    errors: &[NO_PERMISSION, not_exist(NotExist::Role)],
};

/// Reads the call for a user.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare_for_user(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let name = input.user()?;
    Ok(Prepared::read(name.resource(), move |view| {
        Ok(answer(&view.policies_of_user(&name)?))
    }))
}

/// Reads the call for a group.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare_for_group(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let name = input.group()?;
    Ok(Prepared::read(name.resource(), move |view| {
        Ok(answer(&view.policies_of_group(&name)?))
    }))
}

/// Reads the call for a role.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare_for_role(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let name = input.role()?;
    Ok(Prepared::read(name.resource(), move |view| {
        Ok(answer(&view.policies_of_role(&name)?))
    }))
}

fn answer(policies: &[AttachedPolicyInfo]) -> Fields {
    let policies = policies.iter().map(fields::attached_policy).collect();
    vec![fields::list("Policies", "Policy", policies)]
}
