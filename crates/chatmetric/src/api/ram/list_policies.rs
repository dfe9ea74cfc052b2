//! ListPolicies: the policies, page by page.

use super::READS_PER_SECOND;
use super::errors::NO_PERMISSION;
use super::fields::{self, IS_TRUNCATED, LISTED_POLICY, MARKER, REQUEST_ID};
use super::input::Input;
use super::parameters as p;
use super::prepared::{Prepared, Resource};
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product};
use chatmetric_rpc::ApiError;

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "ListPolicies",
    title: "List the policies",
    description: "The policies of the account, by name. There are none of the type `System`.",
    access: Access::List,
    ram_action: Some("ram:ListPolicies"),
    calls_per_second: READS_PER_SECOND,
    parameters: &[p::POLICY_TYPE_FILTER, p::MARKER, p::MAX_ITEMS],
    answer: &[
        REQUEST_ID,
        FieldSpec::object(
            "Policies",
            "The page.",
            &[FieldSpec::list(
                "Policy",
                "The policies, by name.",
                &LISTED_POLICY,
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
    input.without(&["Tag"])?;
    let custom = input.lists_custom_policies()?;
    let page = input.page()?;
    Ok(Prepared::read(Resource::POLICIES, move |view| {
        let all = view.policies().filter(|_| custom);
        let (policies, marker) = page.cut(all, |policy| &policy.name);
        let policies = policies.into_iter().map(fields::listed_policy).collect();
        Ok(fields::page(
            fields::list("Policies", "Policy", policies),
            marker,
        ))
    }))
}
