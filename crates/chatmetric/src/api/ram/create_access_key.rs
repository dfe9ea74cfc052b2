//! CreateAccessKey: makes an AccessKey; its secret is told this once.

use super::CHANGES_PER_SECOND;
use super::body::Value;
use super::errors::{NO_PERMISSION, limit, not_exist};
use super::fields::{self, MADE_ACCESS_KEY, REQUEST_ID};
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
    name: "CreateAccessKey",
    title: "Make an AccessKey",
    description: "A key of a user or, without UserName, of the caller. A user has at most two.",
    access: Access::Write,
    ram_action: Some("ram:CreateAccessKey"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[p::KEYS_OF],
    answer: &[
        REQUEST_ID,
        FieldSpec::object("AccessKey", "The key.", &MADE_ACCESS_KEY),
    ],
    errors: &[
        NO_PERMISSION,
        not_exist(NotExist::User),
        limit(LimitExceeded::UserAccessKey),
    ],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let holder = input.key_holder()?;
    Ok(Prepared::change(
        holder.resource(),
        About::USER,
        move |identities| {
            let (made, secret) = identities.create_access_key(holder.user())?;
            let mut key = fields::access_key(&made);
            // Secrets are made of letters and digits.
            let secret = secret.expose_text().into_owned();
            key.push(("AccessKeySecret", Value::Text(secret)));
            Ok(vec![("AccessKey", Value::Object(key))])
        },
    ))
}
