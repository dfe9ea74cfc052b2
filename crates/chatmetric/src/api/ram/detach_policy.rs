//! DetachPolicyFromUser, DetachPolicyFromGroup, DetachPolicyFromRole: a policy is
//! detached. One file, because they differ by who has the policy and by nothing else.

use super::CHANGES_PER_SECOND;
use super::errors::{NO_PERMISSION, not_exist};
use super::fields::DONE;
use super::input::Input;
use super::parameters as p;
use super::prepared::{Prepared, Resource};
use super::refusal::About;
use crate::api::spec::{Access, OperationSpec, Product};
use crate::directory::PolicyHolder;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::NotExist;

/// Detach a policy from a user.
pub(super) const USER: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "DetachPolicyFromUser",
    title: "Detach a policy from a user",
    description: "It is without effect from the next call on. It takes the right for the user and for the policy.",
    access: Access::Write,
    ram_action: Some("ram:DetachPolicyFromUser"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[p::POLICY_TYPE, p::POLICY_NAME, p::USER_NAME],
    answer: &DONE,
    errors: &[
        NO_PERMISSION,
        not_exist(NotExist::User),
        not_exist(NotExist::Policy),
        not_exist(NotExist::UserPolicy),
    ],
};

/// Detach a policy from a group.
pub(super) const GROUP: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "DetachPolicyFromGroup",
    title: "Detach a policy from a group",
    description: "It is without effect from the next call on. It takes the right for the group and for the policy.",
    access: Access::Write,
    ram_action: Some("ram:DetachPolicyFromGroup"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[p::POLICY_TYPE, p::POLICY_NAME, p::GROUP_NAME],
    answer: &DONE,
    errors: &[
        NO_PERMISSION,
        not_exist(NotExist::Group),
        not_exist(NotExist::Policy),
        not_exist(NotExist::GroupPolicy),
    ],
};

/// Detach a policy from a role.
pub(super) const ROLE: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "DetachPolicyFromRole",
    title: "Detach a policy from a role",
    description: "It is without effect from the next call on. It takes the right for the role and for the policy.",
    access: Access::Write,
    ram_action: Some("ram:DetachPolicyFromRole"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[p::POLICY_TYPE, p::POLICY_NAME, p::ROLE_NAME],
    answer: &DONE,
    errors: &[
        NO_PERMISSION,
        not_exist(NotExist::Role),
        not_exist(NotExist::Policy),
        not_exist(NotExist::RolePolicy),
    ],
};

/// Reads the call for a user.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare_for_user(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let name = input.user()?;
    let holder = PolicyHolder::User(name.as_str().to_owned());
    prepare(input, name.resource(), About::USER, holder)
}

/// Reads the call for a group.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare_for_group(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let name = input.group()?;
    let holder = PolicyHolder::Group(name.as_str().to_owned());
    prepare(input, name.resource(), About::GROUP, holder)
}

/// Reads the call for a role.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare_for_role(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let name = input.role()?;
    let holder = PolicyHolder::Role(name.as_str().to_owned());
    prepare(input, name.resource(), About::ROLE, holder)
}

fn prepare(
    input: &Input<'_>,
    of_holder: Resource,
    about: About,
    holder: PolicyHolder,
) -> Result<Prepared, ApiError> {
    input.without(&["ResourceGroupId"])?;
    let policy = input.policy()?;
    input.custom_policy_type()?;
    let of_policy = policy.resource();
    let prepared = Prepared::change(of_holder, about, move |identities| {
        identities.detach_policy(policy.as_str(), &holder)?;
        Ok(Vec::new())
    });
    Ok(prepared.and(of_policy))
}
