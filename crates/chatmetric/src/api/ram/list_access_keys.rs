//! ListAccessKeys: the AccessKeys of a user, without their secrets.

use super::READS_PER_SECOND;
use super::errors::{NO_PERMISSION, not_exist};
use super::fields::{self, ACCESS_KEY, REQUEST_ID};
use super::input::Input;
use super::parameters as p;
use super::prepared::Prepared;
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::NotExist;

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "ListAccessKeys",
    title: "List AccessKeys",
    description: "The keys of a user or, without UserName, of the caller.",
    access: Access::List,
    ram_action: Some("ram:ListAccessKeys"),
    calls_per_second: READS_PER_SECOND,
    parameters: &[p::KEYS_OF],
    answer: &[
        REQUEST_ID,
        FieldSpec::object(
            "AccessKeys",
            "The list.",
            &[FieldSpec::list(
                "AccessKey",
                "The keys, by id.",
                &ACCESS_KEY,
            )],
        ),
    ],
    errors: &[NO_PERMISSION, not_exist(NotExist::User)],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let holder = input.key_holder()?;
    Ok(Prepared::read(holder.resource(), move |view| {
        let keys = view.keys(&holder)?;
        let keys = keys.iter().map(fields::access_key).collect();
        Ok(vec![fields::list("AccessKeys", "AccessKey", keys)])
    }))
}
