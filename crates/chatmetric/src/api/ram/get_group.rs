//! GetGroup: one group.

use super::READS_PER_SECOND;
use super::body::Value;
use super::errors::{NO_PERMISSION, not_exist};
use super::fields::{self, GROUP_WITH_UPDATE, REQUEST_ID};
use super::input::Input;
use super::parameters as p;
use super::prepared::Prepared;
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::NotExist;

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "GetGroup",
    title: "Show a group",
    description: "A group of the account.",
    access: Access::Get,
    ram_action: Some("ram:GetGroup"),
    calls_per_second: READS_PER_SECOND,
    parameters: &[p::GROUP_NAME],
    answer: &[
        REQUEST_ID,
        FieldSpec::object("Group", "The group.", &GROUP_WITH_UPDATE),
    ],
    errors: &[NO_PERMISSION, not_exist(NotExist::Group)],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let name = input.group()?;
    Ok(Prepared::read(name.resource(), move |view| {
        let group = fields::group_with_update(view.group(&name)?);
        Ok(vec![("Group", Value::Object(group))])
    }))
}
