//! CreatePolicy: makes a policy with its first version.

use super::CHANGES_PER_SECOND;
use super::body::Value;
use super::errors::{MALFORMED, NO_PERMISSION, exists, limit};
use super::fields::{self, POLICY, REQUEST_ID};
use super::input::Input;
use super::parameters as p;
use super::prepared::{Prepared, Resource};
use super::refusal::About;
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::{AlreadyExists, LimitExceeded};

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "CreatePolicy",
    title: "Make a policy",
    description: "A policy of the account; its first version, `v1`, is in effect.",
    access: Access::Write,
    ram_action: Some("ram:CreatePolicy"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[p::NEW_POLICY, p::DESCRIPTION, p::POLICY_DOCUMENT],
    answer: &[
        REQUEST_ID,
        FieldSpec::object("Policy", "The policy.", &POLICY),
    ],
    errors: &[
        NO_PERMISSION,
        MALFORMED,
        exists(AlreadyExists::Policy),
        limit(LimitExceeded::Policy),
    ],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    input.without(&["Tag"])?;
    let name = input.new_policy()?;
    let description = input.description("Description")?.unwrap_or_default();
    let document = input.document("PolicyDocument")?;
    Ok(Prepared::change(
        Resource::POLICIES,
        About::POLICY,
        move |identities| {
            let made = identities.create_policy(&name, &description, &document)?;
            Ok(vec![("Policy", Value::Object(fields::policy(&made)))])
        },
    ))
}
