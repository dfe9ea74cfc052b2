//! UpdateAccessKey: turns an AccessKey on or off.

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
    name: "UpdateAccessKey",
    title: "Turn an AccessKey on or off",
    description: "A key of a user or, without UserName, of the caller. A key that is turned off signs nothing from then on.",
    access: Access::Write,
    ram_action: Some("ram:UpdateAccessKey"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[p::KEYS_OF, p::USER_ACCESS_KEY_ID, p::STATUS],
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
    let status = input.key_status()?;
    Ok(Prepared::change(
        holder.resource(),
        About::USER,
        move |identities| {
            identities.update_access_key(holder.user(), &id, status)?;
            Ok(Vec::new())
        },
    ))
}
