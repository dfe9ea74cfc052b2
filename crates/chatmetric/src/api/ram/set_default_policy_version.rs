//! SetDefaultPolicyVersion: puts a version of a policy into effect.

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
    name: "SetDefaultPolicyVersion",
    title: "Put a version of a policy into effect",
    description: "It is in effect for the next call of everybody who has the policy.",
    access: Access::Write,
    ram_action: Some("ram:SetDefaultPolicyVersion"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[p::POLICY_NAME, p::VERSION_ID],
    answer: &DONE,
    errors: &[
        NO_PERMISSION,
        not_exist(NotExist::Policy),
        not_exist(NotExist::PolicyVersion),
    ],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let name = input.policy()?;
    let version = input.version()?;
    Ok(Prepared::change(
        name.resource(),
        About::POLICY,
        move |identities| {
            identities.set_default_policy_version(name.as_str(), version)?;
            Ok(Vec::new())
        },
    ))
}
