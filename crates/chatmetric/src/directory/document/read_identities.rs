//! Reads the identities of a document: policies, users, groups and roles.
//!
//! As `read`: every fault is collected, and a part whose name is wrong is
//! dropped. Texts are judged by the rules of `identity`, names more leniently,
//! because directories exist that have such names.

use chatmetric_rpc::ram::Policy;
use chatmetric_rpc::ram::trust::TrustPolicy;

use super::fields::{Fields, Reader};
use super::read::{keys, name};
use super::{GroupPart, PolicyPart, RolePart, UserPart};
use crate::directory::identity::{IdentityField, check_text};
use crate::directory::limits::{SESSION_SECONDS_MAX, SESSION_SECONDS_MIN};

pub(super) fn policy(reader: &mut Reader<'_>, mut fields: Fields) -> Option<PolicyPart> {
    let policy = fields.required(reader, "name", |text| name("a policy name", text));
    let description = text(reader, &mut fields, IdentityField::Description);
    let document = fields.parsed(reader, "document", |text| match Policy::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    });
    fields.finish(reader, "name, description, document");
    Some(PolicyPart {
        name: policy?,
        description,
        document: document.map(|at| at.value),
    })
}

pub(super) fn user(reader: &mut Reader<'_>, mut fields: Fields) -> Option<UserPart> {
    let user = fields.required(reader, "name", |text| name("a user name", text));
    let display_name = text(reader, &mut fields, IdentityField::DisplayName);
    let mobile_phone = text(reader, &mut fields, IdentityField::MobilePhone);
    let email = text(reader, &mut fields, IdentityField::Email);
    let comments = text(reader, &mut fields, IdentityField::Comments);
    let console = fields.boolean(reader, "console").map(|at| at.value);
    let policies = fields.names(reader, "policies", "a policy name");
    let keys = keys(reader, &mut fields);
    fields.finish(
        reader,
        "name, display_name, mobile_phone, email, comments, policies, console, access_key",
    );
    Some(UserPart {
        name: user?,
        display_name,
        mobile_phone,
        email,
        comments,
        console,
        policies,
        keys,
    })
}

pub(super) fn group(reader: &mut Reader<'_>, mut fields: Fields) -> Option<GroupPart> {
    let group = fields.required(reader, "name", |text| name("a group name", text));
    let comments = text(reader, &mut fields, IdentityField::Comments);
    let users = fields.names(reader, "users", "a user name");
    let policies = fields.names(reader, "policies", "a policy name");
    fields.finish(reader, "name, comments, users, policies");
    Some(GroupPart {
        name: group?,
        comments,
        users,
        policies,
    })
}

pub(super) fn role(reader: &mut Reader<'_>, mut fields: Fields) -> Option<RolePart> {
    let role = fields.required(reader, "name", |text| name("a role name", text));
    let description = text(reader, &mut fields, IdentityField::Description);
    let trust_policy = fields.parsed(reader, "trust_policy", |text| {
        match TrustPolicy::parse(text) {
            Ok(_) => Ok(text.to_owned()),
            Err(error) => Err(error.to_string()),
        }
    });
    let policies = fields.names(reader, "policies", "a policy name");
    let max_session_seconds = fields.integer(
        reader,
        "max_session_seconds",
        SESSION_SECONDS_MIN,
        SESSION_SECONDS_MAX,
    );
    fields.finish(
        reader,
        "name, description, trust_policy, policies, max_session_seconds",
    );
    Some(RolePart {
        name: role?,
        description,
        trust_policy: trust_policy.map(|at| at.value),
        policies,
        max_session_seconds,
    })
}

/// A field of free text, of the kind's own length and shape.
fn text(reader: &mut Reader<'_>, fields: &mut Fields, field: IdentityField) -> Option<String> {
    let text = fields.parsed(reader, field.as_str(), |text| {
        check_text(field, text).map(|()| text.to_owned())
    });
    text.map(|at| at.value)
}
