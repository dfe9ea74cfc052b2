//! Ids and secrets that are made here, from the injected randomness.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chatmetric_rpc::credential::{
    AccessKeyId, AccountId, IdentifierError, SESSION_KEY_PREFIX, SecretKey,
};
use zeroize::Zeroizing;

use super::state::Secret;
use crate::entropy::Entropy;

/// How the ids of long-term AccessKeys begin.
const KEY_ID_PREFIX: &str = "LTAI";
/// Letters and digits after the prefix.
const KEY_ID_RANDOM_CHARS: usize = 20;
/// Letters and digits of the id of a temporary key, 131 bits: its secret follows
/// from it, so no two may be equal.
const SESSION_KEY_ID_RANDOM_CHARS: usize = 22;
/// Letters and digits of a secret: 178 bits.
const KEY_SECRET_CHARS: usize = 30;

/// Letters and digits of an IsvCode after its prefix.
const ISV_CODE_RANDOM_CHARS: usize = 24;

const DIGITS: &[u8] = b"0123456789";
const LETTERS_AND_DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// An AccessKey of which something was made here.
#[derive(Debug, Clone)]
pub struct GeneratedKey {
    /// The account.
    pub account: AccountId,
    /// The RAM user; `None` for the owner of the account.
    pub user: Option<String>,
    /// The key's id.
    pub id: AccessKeyId,
    /// Whether the id was made here.
    pub id_generated: bool,
    /// Its secret, where that was made here.
    pub secret: Option<SecretKey>,
}

pub(super) fn key_id(entropy: &dyn Entropy) -> Result<AccessKeyId, IdentifierError> {
    let random = text(entropy, LETTERS_AND_DIGITS, KEY_ID_RANDOM_CHARS);
    AccessKeyId::parse(&format!("{KEY_ID_PREFIX}{}", random.as_str()))
}

/// The id of a temporary key.
///
/// # Errors
/// None that can be seen: letters and digits are an id.
pub(crate) fn session_key_id(entropy: &dyn Entropy) -> Result<AccessKeyId, IdentifierError> {
    let random = text(entropy, LETTERS_AND_DIGITS, SESSION_KEY_ID_RANDOM_CHARS);
    AccessKeyId::parse(&format!("{SESSION_KEY_PREFIX}NT{}", random.as_str()))
}

pub(super) fn key_secret(entropy: &dyn Entropy) -> Secret {
    Secret::new(text(entropy, LETTERS_AND_DIGITS, KEY_SECRET_CHARS).as_bytes())
}

/// An IsvCode: whoever presents it must be named by the grant besides.
pub(super) fn isv_code(entropy: &dyn Entropy) -> String {
    let random = text(
        entropy,
        b"abcdefghijklmnopqrstuvwxyz0123456789",
        ISV_CODE_RANDOM_CHARS,
    );
    format!("skd{}", random.as_str())
}

/// A one-time token or an id of a session: 256 random bits, in base64url.
pub(crate) fn token(entropy: &dyn Entropy) -> SecretKey {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    entropy.fill(bytes.as_mut());
    SecretKey::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()))
}

/// Letters and digits that a person may have to type: the verify token of a webhook,
/// the id of a key that lives for one call.
pub(crate) fn letters_and_digits(entropy: &dyn Entropy, count: usize) -> SecretKey {
    SecretKey::new(text(entropy, LETTERS_AND_DIGITS, count).as_bytes())
}

/// Decimal digits that begin with `first`: `1` for accounts.
pub(super) fn digits_after(entropy: &dyn Entropy, first: char, count: usize) -> String {
    let random = text(entropy, DIGITS, count.saturating_sub(1));
    format!("{first}{}", random.as_str())
}

/// Characters of the alphabet, each equally likely: bytes beyond the last whole
/// multiple of its length are drawn again.
fn text(entropy: &dyn Entropy, alphabet: &[u8], count: usize) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(count));
    let whole = 256 - 256 % alphabet.len();
    while text.len() < count {
        let mut bytes = Zeroizing::new([0_u8; 64]);
        entropy.fill(bytes.as_mut());
        let fair = bytes
            .iter()
            .map(|byte| usize::from(*byte))
            .filter(|byte| *byte < whole);
        let drawn = fair.filter_map(|byte| alphabet.get(byte % alphabet.len()).copied());
        let missing = count - text.len();
        text.extend(drawn.map(char::from).take(missing));
    }
    text
}
