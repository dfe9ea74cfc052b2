//! CreateUser: makes a user, who has no rights and no key at first.

use super::CHANGES_PER_SECOND;
use super::body::Value;
use super::errors::{NO_PERMISSION, exists, limit};
use super::fields::{self, REQUEST_ID, USER};
use super::input::Input;
use super::parameters as p;
use super::prepared::{Prepared, Resource};
use super::refusal::About;
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product};
use crate::directory::NewUser;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::{AlreadyExists, LimitExceeded};

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "CreateUser",
    title: "Make a user",
    description: "A user of the account, without rights, keys and groups.",
    access: Access::Write,
    ram_action: Some("ram:CreateUser"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[
        p::NEW_USER,
        p::DISPLAY_NAME,
        p::MOBILE_PHONE,
        p::EMAIL,
        p::COMMENTS,
    ],
    answer: &[REQUEST_ID, FieldSpec::object("User", "The user.", &USER)],
    errors: &[
        NO_PERMISSION,
        exists(AlreadyExists::User),
        limit(LimitExceeded::User),
    ],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let new = NewUser {
        name: input.new_name("UserName")?,
        display_name: input.display_name("DisplayName")?.unwrap_or_default(),
        mobile_phone: input.text("MobilePhone").unwrap_or_default(),
        email: input.text("Email").unwrap_or_default(),
        comments: input.comments("Comments")?.unwrap_or_default(),
    };
    Ok(Prepared::change(
        Resource::USERS,
        About::USER,
        move |identities| {
            let made = identities.create_user(new)?;
            Ok(vec![("User", Value::Object(fields::user(&made)))])
        },
    ))
}
