//! ListPolicyVersions: the versions of a policy.

use super::READS_PER_SECOND;
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
    name: "ListPolicyVersions",
    title: "List the versions of a policy",
    description: "The versions that a policy has, oldest first.",
    access: Access::List,
    ram_action: Some("ram:ListPolicyVersions"),
    calls_per_second: READS_PER_SECOND,
    parameters: &[p::POLICY_NAME, p::POLICY_TYPE],
    answer: &[
        REQUEST_ID,
        FieldSpec::object(
            "PolicyVersions",
            "The list.",
            &[FieldSpec::list(
                "PolicyVersion",
                "The versions, oldest first.",
                &POLICY_VERSION,
            )],
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
        let versions = view.versions(&name)?;
        let versions = versions.iter().map(fields::policy_version).collect();
        Ok(vec![fields::list(
            "PolicyVersions",
            "PolicyVersion",
            versions,
        )])
    }))
}
