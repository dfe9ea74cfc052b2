//! DeleteAccessKey: deletes an AccessKey.

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
    name: "DeleteAccessKey",
    title: "Delete an AccessKey",
    description: "A key of a user or, without UserName, of the caller, who may delete the very key that signs the call.",
    access: Access::Write,
    ram_action: Some("ram:DeleteAccessKey"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[p::KEYS_OF, p::USER_ACCESS_KEY_ID],
    answer: &DONE,
    errors: &[
        NO_PERMISSION,
        not_exist(NotExist::User),
        not_exist(NotExist::UserAccessKey),
    ],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let holder = input.key_holder()?;
    let id = input.access_key_id()?;
    Ok(Prepared::change(
        holder.resource(),
        About::USER,
        move |identities| {
            identities.delete_access_key(holder.user(), &id)?;
            Ok(Vec::new())
        },
    ))
}
