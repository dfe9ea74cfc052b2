//! The search for a known mistake: each is made on purpose, one at a time and then two together,
//! until the result is what the client has.
//!
//! It names a mistake only if making it gives exactly the client's signature, or the client's own
//! text: it never guesses.

use std::borrow::Cow;

use super::client_text::ClientText;
use crate::signature::same_signature;

/// Mistakes that are tried two at a time; single ones are not limited.
const PAIRED_SUSPECTS_MAX: usize = 40;
/// A longer canonical text is not tried with two mistakes: it would take too long, in bytes.
const PAIRED_TEXT_BYTES_MAX: usize = 16 * 1024;

/// What was signed, in parts that can be changed.
pub(super) trait Draft: Clone {
    /// The canonical request, where the signature has one.
    fn canonical_request(&self) -> Option<String>;
    /// The string to sign.
    fn string_to_sign(&self) -> String;
    /// The signature, as it would be sent; `None` without a secret.
    fn signature(&self) -> Option<String>;
}

/// A mistake that clients make.
pub(super) struct Suspect<D> {
    /// Its stable name.
    pub(super) code: &'static str,
    /// What the client did, as a sentence.
    pub(super) what: Cow<'static, str>,
    /// What to do about it.
    pub(super) fix: Cow<'static, str>,
    /// Whether it is also tried together with another.
    pub(super) paired: bool,
    pub(super) apply: Box<dyn Fn(&mut D)>,
}

impl<D: 'static> Suspect<D> {
    pub(super) fn new(
        code: &'static str,
        what: impl Into<Cow<'static, str>>,
        fix: impl Into<Cow<'static, str>>,
        apply: impl Fn(&mut D) + 'static,
    ) -> Self {
        Self {
            code,
            what: what.into(),
            fix: fix.into(),
            paired: false,
            apply: Box::new(apply),
        }
    }

    /// One of those that come together with others.
    pub(super) fn paired(mut self) -> Self {
        self.paired = true;
        self
    }
}

/// What the client has.
pub(super) struct Evidence<'a> {
    pub(super) signature: &'a str,
    pub(super) client_text: Option<&'a ClientText>,
}

impl Evidence<'_> {
    fn fits<D: Draft>(&self, draft: &D) -> bool {
        let signed = draft
            .signature()
            .is_some_and(|computed| same_signature(self.signature, computed.as_bytes()));
        signed
            || self.client_text.is_some_and(|text| {
                text.is(
                    draft.canonical_request().as_deref(),
                    &draft.string_to_sign(),
                )
            })
    }
}

/// The mistakes that explain what the client has, and the draft with them made.
pub(super) struct Culprit<'s, D> {
    pub(super) suspects: Vec<&'s Suspect<D>>,
    pub(super) draft: D,
}

/// Tries every mistake alone, then the common ones two at a time.
pub(super) fn search<'s, D: Draft>(
    base: &D,
    suspects: &'s [Suspect<D>],
    evidence: &Evidence<'_>,
) -> Option<Culprit<'s, D>> {
    let with = |draft: &D, suspect: &Suspect<D>| {
        let mut draft = draft.clone();
        (suspect.apply)(&mut draft);
        draft
    };
    for suspect in suspects {
        let draft = with(base, suspect);
        if evidence.fits(&draft) {
            let suspects = vec![suspect];
            return Some(Culprit { suspects, draft });
        }
    }
    let text_bytes = base.string_to_sign().len() + base.canonical_request().map_or(0, |t| t.len());
    if text_bytes > PAIRED_TEXT_BYTES_MAX {
        return None;
    }
    let common = suspects.iter().filter(|suspect| suspect.paired);
    let common: Vec<&Suspect<D>> = common.take(PAIRED_SUSPECTS_MAX).collect();
    for first in &common {
        let half = with(base, first);
        for second in &common {
            if std::ptr::eq(*first, *second) {
                continue;
            }
            let draft = with(&half, second);
            if evidence.fits(&draft) {
                let suspects = vec![*first, *second];
                return Some(Culprit { suspects, draft });
            }
        }
    }
    None
}
