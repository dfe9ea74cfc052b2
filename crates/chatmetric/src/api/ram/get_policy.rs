//! GetPolicy: one policy with the version in effect.

use super::READS_PER_SECOND;
use super::body::Value;
use super::errors::{NO_PERMISSION, not_exist};
use super::fields::{self, POLICY_VERSION, POLICY_WITH_DOCUMENT, REQUEST_ID};
use super::input::Input;
use super::parameters as p;
use super::prepared::Prepared;
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::NotExist;

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "GetPolicy",
    title: "Show a policy",
    description: "A policy of the account with the version in effect.",
    access: Access::Get,
    ram_action: Some("ram:GetPolicy"),
    calls_per_second: READS_PER_SECOND,
    parameters: &[p::POLICY_NAME, p::POLICY_TYPE],
    answer: &[
        REQUEST_ID,
        FieldSpec::object("Policy", "The policy.", &POLICY_WITH_DOCUMENT),
        FieldSpec::object(
            "DefaultPolicyVersion",
            "The version in effect.",
            &POLICY_VERSION,
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
        let policy = view.policy(&name)?;
        let version = view.version(&name, policy.default_version)?;
        let policy = fields::policy_with_document(policy, &version.document);
        Ok(vec![
            ("Policy", Value::Object(policy)),
            (
                "DefaultPolicyVersion",
                Value::Object(fields::policy_version(version)),
            ),
        ])
    }))
}
