//! What names and texts of identities may hold.
//!
//! A reason says what would be valid and never repeats the text. Empty texts are
//! valid where they say nothing.

use super::error::IdentityField;
use crate::directory::limits::{
    COMMENTS_CHARS_MAX, DESCRIPTION_CHARS_MAX, DISPLAY_NAME_CHARS_MAX, EMAIL_BYTES_MAX,
    IDENTITY_NAME_BYTES_MAX, MOBILE_PHONE_BYTES_MAX, POLICY_NAME_BYTES_MAX,
};

/// Judges a text that is not a name or a document.
pub(in crate::directory) fn check_text(field: IdentityField, text: &str) -> Result<(), String> {
    match field {
        IdentityField::DisplayName => plain(text, DISPLAY_NAME_CHARS_MAX),
        IdentityField::Comments => plain(text, COMMENTS_CHARS_MAX),
        IdentityField::Description => plain(text, DESCRIPTION_CHARS_MAX),
        IdentityField::MobilePhone => mobile_phone(text),
        IdentityField::Email => email(text),
        // Judged where they are parsed or compared.
        IdentityField::Name
        | IdentityField::Document
        | IdentityField::TrustPolicy
        | IdentityField::MaxSessionSeconds
        | IdentityField::Version => Ok(()),
    }
}

fn plain(text: &str, chars_max: usize) -> Result<(), String> {
    if text.chars().count() <= chars_max && !text.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(format!(
            "it is at most {chars_max} characters without control characters"
        ))
    }
}

fn mobile_phone(text: &str) -> Result<(), String> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let valid = text.is_empty()
        || (text.len() <= MOBILE_PHONE_BYTES_MAX
            && digits.starts_with(|c: char| c.is_ascii_digit())
            && digits.bytes().all(|b| b.is_ascii_digit() || b == b'-'));
    if valid {
        Ok(())
    } else {
        Err(format!(
            "it is at most {MOBILE_PHONE_BYTES_MAX} digits and `-`, as in `86-18600008888`"
        ))
    }
}

fn email(text: &str) -> Result<(), String> {
    let shaped = text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@')
    });
    let plain = !text
        .chars()
        .any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | '"' | ','));
    if text.is_empty() || (text.len() <= EMAIL_BYTES_MAX && shaped && plain) {
        Ok(())
    } else {
        Err(format!(
            "it is at most {EMAIL_BYTES_MAX} bytes, as in `alice@example.com`"
        ))
    }
}

/// Judges the name of a user, group or role that is made.
pub(super) fn check_name(text: &str) -> Result<(), String> {
    let valid = (1..=IDENTITY_NAME_BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    if valid {
        Ok(())
    } else {
        Err(format!(
            "it is 1 to {IDENTITY_NAME_BYTES_MAX} letters, digits, `.`, `-` or `_`"
        ))
    }
}

/// Judges the name of a policy that is made.
pub(super) fn check_policy_name(text: &str) -> Result<(), String> {
    let valid = (1..=POLICY_NAME_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if valid {
        Ok(())
    } else {
        Err(format!(
            "it is 1 to {POLICY_NAME_BYTES_MAX} letters, digits or `-`"
        ))
    }
}
