//! Why a request is refused before its signature is looked at: the verifier's own words, and where
//! a known mistake is behind them, that one.

use super::report::{Finding, Weight};
use crate::error::ApiError;
use crate::params::echo;
use crate::request::{KnownHeaders, text};

/// The finding for a refusal.
pub(super) fn explain(
    error: &ApiError,
    known: Option<&KnownHeaders<'_>>,
    time_stamp: Option<&str>,
) -> Finding {
    let message = error.message().into_owned();
    let authorization = known.and_then(|known| known.authorization).and_then(text);
    let (code, what, fix) = match error {
        ApiError::TimestampFormat => time_stamp_format(time_stamp.unwrap_or_default()),
        ApiError::IncompleteSignature { .. } => match authorization.and_then(authorization_form) {
            Some(found) => found,
            None if message.contains("must be in SignedHeaders") => (
                "header-not-signed",
                message,
                "Sign host, every x-acs-* header, and content-type when there is a body: what is \
                 not signed could be changed by anybody.",
            ),
            None => ("incomplete-signature", message, ""),
        },
        ApiError::Missing { .. } => ("missing", message, "Send it, and sign it."),
        _ => ("refused", message, ""),
    };
    Finding {
        weight: Weight::Cause,
        code: code.to_owned(),
        what,
        fix: fix.to_owned(),
        difference: None,
    }
}

type Found = (&'static str, String, &'static str);

fn time_stamp_format(stamp: &str) -> Found {
    const FIX: &str = "Write UTC with whole seconds, as `2026-01-02T03:04:05Z`.";
    let shown = echo(stamp);
    if stamp.contains('.') {
        let what = format!("The time stamp `{shown}` has fractions of a second.");
        ("time-stamp-with-fraction", what, FIX)
    } else if !stamp.is_empty() && stamp.bytes().all(|b| b.is_ascii_digit()) {
        let what = format!("The time stamp `{shown}` is a number.");
        ("time-stamp-is-a-number", what, FIX)
    } else if stamp.contains(' ') {
        let what = format!("The time stamp `{shown}` has a blank where `T` belongs.");
        ("time-stamp-with-blank", what, FIX)
    } else if !stamp.ends_with('Z') {
        let what = format!("The time stamp `{shown}` does not end with `Z`.");
        ("time-stamp-not-utc", what, FIX)
    } else {
        let what = format!("The time stamp `{shown}` is not a time of the form that is expected.");
        ("time-stamp-format", what, FIX)
    }
}

/// Common slips in the Authorization header.
fn authorization_form(value: &str) -> Option<Found> {
    const FORM: &str = "Write `<algorithm> Credential=<AccessKeyId>,SignedHeaders=<names>,\
                        Signature=<hex>`, with one space and no other.";
    if value.contains(", SignedHeaders=") || value.contains(", Signature=") {
        let what = "The parts of Authorization are separated by `, `, with a space.".to_owned();
        return Some(("authorization-with-spaces", what, FORM));
    }
    let algorithm = value.split(' ').next().unwrap_or_default();
    if algorithm != "ACS3-HMAC-SHA256" && algorithm != "ACS3-HMAC-SM3" {
        let what = format!("Authorization names the algorithm `{}`.", echo(algorithm));
        let fix = "Use ACS3-HMAC-SHA256 or ACS3-HMAC-SM3.";
        return Some(("algorithm-not-known", what, fix));
    }
    let (_, rest) = value.split_once("SignedHeaders=")?;
    let names = rest.split(",Signature=").next().unwrap_or_default();
    if names.bytes().any(|b| b.is_ascii_uppercase()) {
        let what = "SignedHeaders holds capitals.".to_owned();
        return Some((
            "signed-headers-with-capitals",
            what,
            "Write header names in lower case.",
        ));
    }
    None
}
