//! RFC 3986 percent-encoding as the vendor's signatures use it, and form decoding.
//!
//! Encoding leaves only `A-Za-z0-9-_.~`. Decoding is that of a form: `+` and `%20` are a space.
//! Invariant: `decode(encode(s)) == s`, and encoding is injective.

use std::borrow::Cow;

const UPPER_HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Why a query or form component cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecodeError {
    /// `%` without two hexadecimal digits.
    BadEscape,
    /// The decoded bytes are not UTF-8.
    NotUtf8,
}

impl DecodeError {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::BadEscape => {
                "It holds a '%' that is not followed by two hexadecimal digits; write a literal \
                 '%' as %25."
            }
            Self::NotUtf8 => "It is not UTF-8; percent-encode the UTF-8 bytes of the text.",
        }
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

/// The two upper-case hexadecimal digits of a byte.
pub(crate) fn hex_pair(byte: u8) -> [u8; 2] {
    let digit = |nibble: u8| UPPER_HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
    [digit(byte >> 4), digit(byte & 0x0f)]
}

/// Appends `text`, percent-encoded.
pub(crate) fn encode_into(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&b| !is_unreserved(b)) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        if let Some((&byte, tail)) = tail.split_first() {
            let [high, low] = hex_pair(byte);
            out.extend_from_slice(&[b'%', high, low]);
            rest = tail;
        }
    }
    out.extend_from_slice(rest);
}

/// Appends `text`, percent-encoded twice, which is how the V1 string to sign holds it.
pub(crate) fn encode_twice_into(text: &str, out: &mut Vec<u8>) {
    for &byte in text.as_bytes() {
        if is_unreserved(byte) {
            out.push(byte);
        } else {
            let [high, low] = hex_pair(byte);
            out.extend_from_slice(&[b'%', b'2', b'5', high, low]);
        }
    }
}

/// `text`, percent-encoded.
pub fn encode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    encode_into(text, &mut out);
    // The encoder writes ASCII only, so nothing is ever replaced.
    String::from_utf8_lossy(&out).into_owned()
}

/// Decodes one component of a query or form.
pub(crate) fn decode_form(text: &[u8]) -> Result<String, DecodeError> {
    if !text.iter().any(|&b| b == b'%' || b == b'+') {
        return String::from_utf8(text.to_vec()).map_err(|_| DecodeError::NotUtf8);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = bytes
                    .next()
                    .and_then(hex_value)
                    .ok_or(DecodeError::BadEscape)?;
                let low = bytes
                    .next()
                    .and_then(hex_value)
                    .ok_or(DecodeError::BadEscape)?;
                high << 4 | low
            }
            plain => plain,
        });
    }
    String::from_utf8(out).map_err(|_| DecodeError::NotUtf8)
}

/// As [`decode_form`], for naming a parameter in an error: what is wrong is replaced.
pub(crate) fn decode_form_lossy(text: &[u8]) -> Cow<'_, str> {
    match decode_form(text) {
        Ok(decoded) => Cow::Owned(decoded),
        Err(_) => String::from_utf8_lossy(text),
    }
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
