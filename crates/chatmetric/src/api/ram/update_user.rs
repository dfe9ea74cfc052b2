//! UpdateUser: changes what is known of a user, the name too.

use super::CHANGES_PER_SECOND;
use super::body::Value;
use super::errors::{NO_PERMISSION, exists, not_exist};
use super::fields::{self, REQUEST_ID, USER_WITH_UPDATE};
use super::input::Input;
use super::parameters as p;
use super::prepared::Prepared;
use super::refusal::About;
use crate::api::spec::{Access, FieldSpec, OperationSpec, Product};
use crate::directory::UserChanges;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::{AlreadyExists, NotExist};

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Ram,
    name: "UpdateUser",
    title: "Change a user",
    description: "What is absent or empty stays as it is. Renamed, a user keeps id, keys, groups and policies.",
    access: Access::Write,
    ram_action: Some("ram:UpdateUser"),
    calls_per_second: CHANGES_PER_SECOND,
    parameters: &[
        p::USER_NAME,
        p::NEW_USER_NAME,
        p::NEW_DISPLAY_NAME,
        p::NEW_MOBILE_PHONE,
        p::NEW_EMAIL,
        p::NEW_COMMENTS,
    ],
    answer: &[
        REQUEST_ID,
        FieldSpec::object("User", "The user.", &USER_WITH_UPDATE),
    ],
    errors: &[
        NO_PERMISSION,
        not_exist(NotExist::User),
        exists(AlreadyExists::User),
    ],
};

/// Reads the call.
///
/// # Errors
/// What is wrong with its parameters.
pub(super) fn prepare(input: &Input<'_>) -> Result<Prepared, ApiError> {
    let name = input.user()?;
    let changes = UserChanges {
        name: input.other_name("NewUserName")?,
        display_name: input.display_name("NewDisplayName")?,
        mobile_phone: input.text("NewMobilePhone"),
        email: input.text("NewEmail"),
        comments: input.comments("NewComments")?,
        console: None,
    };
    let about = About::USER.updated();
    Ok(Prepared::change(
        name.resource(),
        about,
        move |identities| {
            let user = identities.update_user(name.as_str(), changes)?;
            Ok(vec![(
                "User",
                Value::Object(fields::user_with_update(&user)),
            )])
        },
    ))
}
