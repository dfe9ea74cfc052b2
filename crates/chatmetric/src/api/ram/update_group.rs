//! UpdateGroup: changes the name or the comments of a group.

use super::CHANGES_PER_SECOND;
use super::body::Value;
use super::errors::{NO_PERMISSION, exists, not_exist};
use super::fields::{self, GROUP_WITH_UPDATE, REQUEST_ID};
use super::input::Input;
use super::parameters as p;
use super::prepared::Prepared;
use super::refusal::About;
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::{AlreadyExists, NotExist};

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "UpdateGroup",
    title: "Change a group",
    description: "What is absent or empty stays as it is. Renamed, a group keeps users and policies.",
    access: Access::Write,
    ram_action: Some("ram:UpdateGroup"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[p::GROUP_NAME, p::NEW_GROUP_NAME, p::NEW_COMMENTS],
    answer: &[
        REQUEST_ID,
        FieldSpec::object("Group", "The group.", &GROUP_WITH_UPDATE),
    ],
    errors: &[
        NO_PERMISSION,
        not_exist(NotExist::Group),
        exists(AlreadyExists::Group),
    ],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let name = input.group()?;
    let new_name = input.other_name("NewGroupName")?;
    let comments = input.comments("NewComments")?;
    let about = About::GROUP.updated();
    Ok(Prepared::change(
        name.resource(),
        about,
        move |identities| {
            let group = identities.update_group(name.as_str(), new_name, comments)?;
            Ok(vec![(
                "Group",
                Value::Object(fields::group_with_update(&group)),
            )])
        },
    ))
}
