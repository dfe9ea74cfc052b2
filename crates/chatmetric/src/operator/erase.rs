//! Takes out what is kept of a message or of a recipient in clear, if only sealed: the
//! bodies in quarantine. Counts stay.
//!
//! Of what was counted, and of readable events in quarantine, a keyed hash of the
//! message is kept and nothing of a recipient. It leaves with the records' week; before,
//! it keeps the message from being counted again, so it stays. Invariant: a body is
//! taken out only when it has what was asked for, and each time somebody is told.

use super::query::account_of;
use super::{Desk, OperatorError};
use crate::ingest::whatsapp::MESSAGE_ID_BYTES_MAX;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use chatmetric_store::{QuarantineFilter, QuarantinedContent};
use serde::Deserialize;
use serde_json::{Value, json};

/// Bodies that are looked at between two looks at the store.
const PAGE: usize = 500;
/// Shortest recipient, in digits: less would be in many a body.
const RECIPIENT_DIGITS_MIN: usize = 7;
/// Shortest message id, in bytes.
const MESSAGE_ID_BYTES_MIN: usize = 6;
/// How the ids of Meta begin; the rest is base64, with the recipient's number in it.
const META_PREFIX: &str = "wamid.";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Erase {
    message_id: Option<String>,
    recipient: Option<String>,
    account: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

/// What a body is searched for.
enum Wanted {
    MessageId(String),
    /// Digits alone.
    Recipient(String),
}

impl Wanted {
    fn of(asked: &Erase) -> Result<Self, OperatorError> {
        match (&asked.message_id, &asked.recipient) {
            (Some(id), None) => {
                let id = id.trim();
                if (MESSAGE_ID_BYTES_MIN..=MESSAGE_ID_BYTES_MAX).contains(&id.len()) {
                    return Ok(Self::MessageId(id.to_owned()));
                }
                let reason =
                    format!("it has {MESSAGE_ID_BYTES_MIN} to {MESSAGE_ID_BYTES_MAX} bytes");
                Err(OperatorError::invalid("messageId", reason))
            }
            (None, Some(recipient)) => {
                let digits: String = recipient.chars().filter(char::is_ascii_digit).collect();
                if digits.len() >= RECIPIENT_DIGITS_MIN {
                    return Ok(Self::Recipient(digits));
                }
                let reason = format!("it has at least {RECIPIENT_DIGITS_MIN} digits");
                Err(OperatorError::invalid("recipient", reason))
            }
            (Some(_), Some(_)) | (None, None) => {
                let reason = "either a message id or a recipient is asked for";
                Err(OperatorError::invalid("messageId", reason))
            }
        }
    }

    /// Whether a body, whatever is wrong with it, has what is searched for.
    fn is_in(&self, body: &[u8]) -> bool {
        // JSON may write a slash of base64 as `\/`.
        let text = String::from_utf8_lossy(body).replace("\\/", "/");
        match self {
            Self::MessageId(id) => text.contains(id.as_str()),
            Self::Recipient(digits) => has_digits(&text, digits) || in_ids(&text, digits),
        }
    }
}

/// Whether the digits stand there, however they are grouped.
fn has_digits(text: &str, digits: &str) -> bool {
    let grouping = |c: char| matches!(c, ' ' | '-' | '.' | '(' | ')' | '+' | '/');
    let plain: String = text.chars().filter(|c| !grouping(*c)).collect();
    plain.contains(digits)
}

/// Whether an id of Meta in the text holds the digits.
fn in_ids(text: &str, digits: &str) -> bool {
    text.split(META_PREFIX).skip(1).any(|rest| {
        let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_');
        let end = rest.find(|c| !is_base64(c)).unwrap_or(rest.len());
        let id = rest.get(..end).unwrap_or_default();
        let decoded = STANDARD_NO_PAD
            .decode(id)
            .or_else(|_| URL_SAFE_NO_PAD.decode(id));
        decoded.is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(digits))
    })
}

pub(super) fn erase(desk: &Desk<'_>, asked: &Erase) -> Result<Value, OperatorError> {
    let wanted = Wanted::of(asked)?;
    let snapshot = desk.directory.snapshot();
    let account = asked.account.as_deref().map(|id| account_of(&snapshot, id));
    let account = account.transpose()?;
    let (mut looked, mut found, mut unreadable) = (0_u64, 0_u64, 0_u64);
    let mut filter = QuarantineFilter {
        account: account.map(|account| account.key),
        ..QuarantineFilter::default()
    };
    loop {
        let page = desk.store.quarantine(filter, PAGE)?;
        let Some(last) = page.last().map(|item| item.id) else {
            break;
        };
        for item in page {
            let QuarantinedContent::Sealed(sealed) = &item.content else {
                continue;
            };
            looked += 1;
            let owner = item.account.and_then(|key| snapshot.account_by_key(key));
            let opened = owner.map(|owner| {
                let id = owner.id.as_str();
                desk.directory.open_quarantined(id, &item.source, sealed)
            });
            let (Some(owner), Some(Ok(body))) = (owner, opened) else {
                unreadable += 1;
                continue;
            };
            if !wanted.is_in(&body) {
                continue;
            }
            found += 1;
            if !asked.dry_run {
                let target = format!("quarantine/{}", item.id.0);
                let now = desk.clock.now();
                desk.directory.note_look(
                    &desk.actor,
                    now,
                    &owner.id,
                    "EraseQuarantine",
                    &target,
                )?;
                desk.store.replay(item.id, &[])?;
            }
        }
        filter.after = Some(last);
    }
    Ok(json!({
        "bodies": looked,
        "found": found,
        "erased": if asked.dry_run { 0 } else { found },
        "unreadable": unreadable,
    }))
}

#[cfg(test)]
mod tests {
    //! What is found in a body.

    use super::*;

    fn recipient(body: &str) -> bool {
        Wanted::Recipient("16505551234".to_owned()).is_in(body.as_bytes())
    }

    #[test]
    fn a_recipient_is_found_however_it_is_written() {
        for body in [
            r#"{"recipient_id":"16505551234"}"#,
            "to=+1 (650) 555-1234",
            r#"{"id":"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI"}"#,
            r#"{"id":"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI\/"}"#,
        ] {
            assert!(recipient(body), "{body}");
        }
        for body in ["", "{}", "16505551235", "wamid.", "wamid.!!!", "wamid.HBgL"] {
            assert!(!recipient(body), "{body}");
        }
    }

    #[test]
    fn an_id_is_found_as_it_is() {
        let id = Wanted::MessageId("wamid.AB/CD==".to_owned());
        assert!(id.is_in(br#"{"id":"wamid.AB\/CD=="}"#));
        assert!(id.is_in(b"\xff wamid.AB/CD== {"));
        assert!(!id.is_in(b"wamid.AB/CE=="));
    }
}
