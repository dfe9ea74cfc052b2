//! CreatePolicyVersion: adds a version to a policy.

use super::CHANGES_PER_SECOND;
use super::body::Value;
use super::errors::{MALFORMED, NO_PERMISSION, limit, not_exist};
use super::fields::{self, POLICY_VERSION, REQUEST_ID};
use super::input::Input;
use super::parameters as p;
use super::prepared::Prepared;
use super::refusal::About;
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::{LimitExceeded, NotExist};

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "CreatePolicyVersion",
    title: "Add a version to a policy",
    description: "A policy has at most five versions; the new one takes effect only with SetAsDefault.",
    access: Access::Write,
    ram_action: Some("ram:CreatePolicyVersion"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[
        p::POLICY_NAME,
        p::POLICY_DOCUMENT,
        p::SET_AS_DEFAULT,
        p::ROTATE_STRATEGY,
    ],
    answer: &[
        REQUEST_ID,
        FieldSpec::object("PolicyVersion", "The version.", &POLICY_VERSION),
    ],
    errors: &[
        NO_PERMISSION,
        not_exist(NotExist::Policy),
        MALFORMED,
        limit(LimitExceeded::PolicyVersion),
    ],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let name = input.policy()?;
    let document = input.document("PolicyDocument")?;
    let as_default = input.flag("SetAsDefault")?;
    let rotation = input.rotation()?;
    Ok(Prepared::change(
        name.resource(),
        About::POLICY,
        move |identities| {
            let made =
                identities.create_policy_version(name.as_str(), &document, as_default, rotation)?;
            Ok(vec![(
                "PolicyVersion",
                Value::Object(fields::policy_version(&made)),
            )])
        },
    ))
}
