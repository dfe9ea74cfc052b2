//! CreateGroup: makes a group, empty at first.

use super::CHANGES_PER_SECOND;
use super::body::Value;
use super::errors::{NO_PERMISSION, exists, limit};
use super::fields::{self, GROUP, REQUEST_ID};
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
    name: "CreateGroup",
    title: "Make a group",
    description: "A group of the account, without users and policies.",
    access: Access::Write,
    ram_action: Some("ram:CreateGroup"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[p::NEW_GROUP, p::COMMENTS],
    answer: &[REQUEST_ID, FieldSpec::object("Group", "The group.", &GROUP)],
    errors: &[
        NO_PERMISSION,
        exists(AlreadyExists::Group),
        limit(LimitExceeded::Group),
    ],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let name = input.new_name("GroupName")?;
    let comments = input.comments("Comments")?.unwrap_or_default();
    Ok(Prepared::change(
        Resource::GROUPS,
        About::GROUP,
        move |identities| {
            let made = identities.create_group(&name, &comments)?;
            Ok(vec![("Group", Value::Object(fields::group(&made)))])
        },
    ))
}
