//! GetAccessKeyLastUsed: when an AccessKey was used last.

use super::READS_PER_SECOND;
use super::body::Value;
use super::errors::{NO_PERMISSION, not_exist};
use super::fields::{self, REQUEST_ID};
use super::input::Input;
use super::parameters as p;
use super::prepared::Prepared;
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product, Scalar};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::NotExist;

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "GetAccessKeyLastUsed",
    title: "Show when an AccessKey was used last",
    description: "A key of a user or, without UserName, of the caller.",
    access: Access::Get,
    ram_action: Some("ram:GetAccessKeyLastUsed"),
    calls_per_second: READS_PER_SECOND,
    parameters: &[p::KEYS_OF, p::USER_ACCESS_KEY_ID],
    answer: &[
        REQUEST_ID,
        FieldSpec::object(
            "AccessKeyLastUsed",
            "The last use.",
            &[FieldSpec::value(
                "LastUsedDate",
                Scalar::Text,
                "When the key signed a call last, UTC; absent when it never did.",
                "2026-01-23T12:33:18Z",
            )],
        ),
    ],
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
    Ok(Prepared::read(holder.resource(), move |view| {
        let used = view.key(&holder, &id)?.last_used;
        let used = used.map(|used| ("LastUsedDate", fields::utc(used.at_ms)));
        let used = used.into_iter().collect();
        Ok(vec![("AccessKeyLastUsed", Value::Object(used))])
    }))
}
