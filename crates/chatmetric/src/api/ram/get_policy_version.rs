//! GetPolicyVersion: one version of a policy.

use super::READS_PER_SECOND;
use super::body::Value;
use super::errors::{NO_PERMISSION, not_exist};
use super::fields::{self, POLICY_VERSION, REQUEST_ID};
use super::input::Input;
use super::parameters as p;
use super::prepared::Prepared;
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::NotExist;

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "GetPolicyVersion",
    title: "Show a version of a policy",
    description: "A version of a policy with its document.",
    access: Access::Get,
    ram_action: Some("ram:GetPolicyVersion"),
    calls_per_second: READS_PER_SECOND,
    parameters: &[p::POLICY_NAME, p::POLICY_TYPE, p::VERSION_ID],
    answer: &[
        REQUEST_ID,
        FieldSpec::object("PolicyVersion", "The version.", &POLICY_VERSION),
    ],
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
    input.custom_policy_type()?;
    let version = input.version()?;
    Ok(Prepared::read(name.resource(), move |view| {
        let version = fields::policy_version(view.version(&name, version)?);
        Ok(vec![("PolicyVersion", Value::Object(version))])
    }))
}
