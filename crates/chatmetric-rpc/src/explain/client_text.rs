//! What a client says that it signed: its own string to sign or canonical request, or a server's
//! `SignatureDoesNotMatch` message; and where two such texts differ first.

use serde_json::Value;

use super::input::{INPUT_BYTES_MAX, InputError};

/// The texts of the other side.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ClientText {
    pub(super) canonical_request: Option<String>,
    pub(super) string_to_sign: Option<String>,
}

impl std::fmt::Debug for ClientText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientText").finish_non_exhaustive()
    }
}

impl ClientText {
    /// Reads a string to sign, a canonical request, an error message or an error body.
    ///
    /// # Errors
    /// [`InputError::Empty`], [`InputError::TooLong`] or [`InputError::NotUtf8`].
    pub fn parse(text: &[u8]) -> Result<Self, InputError> {
        if text.len() > INPUT_BYTES_MAX {
            return Err(InputError::TooLong);
        }
        let text = std::str::from_utf8(text).map_err(|_| InputError::NotUtf8)?;
        // Neither text ends with a line end; the file does.
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.trim().is_empty() {
            return Err(InputError::Empty);
        }
        let message = message_of_body(text);
        let text = message.as_deref().unwrap_or(text);
        if let Some((_, string)) = text.split_once("server string to sign is:") {
            return Ok(Self::of_string_to_sign(string));
        }
        if let Some(texts) = Self::of_v3_message(text) {
            return Ok(texts);
        }
        let text = unescaped(text);
        let lines = text.split('\n').count();
        if text.starts_with("ACS3-") || lines < CANONICAL_LINES_MIN {
            return Ok(Self::of_string_to_sign(&text));
        }
        Ok(Self {
            canonical_request: Some(text),
            string_to_sign: None,
        })
    }

    fn of_string_to_sign(text: &str) -> Self {
        Self {
            canonical_request: None,
            string_to_sign: Some(text.to_owned()),
        }
    }

    /// `… StringToSign is [<…>] server CanonicalRequest is [<…>]`
    fn of_v3_message(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("StringToSign is [")?;
        let (string, rest) = rest.split_once("] server CanonicalRequest is [")?;
        let canonical = rest
            .rsplit_once(']')
            .map_or(rest, |(canonical, _)| canonical);
        Some(Self {
            canonical_request: Some(unescaped(canonical)),
            string_to_sign: Some(unescaped(string)),
        })
    }

    /// Whether one of the texts is the client's.
    pub(super) fn is(&self, canonical_request: Option<&str>, string_to_sign: &str) -> bool {
        let same = |own: &Option<String>, text: &str| own.as_deref().map(|own| own == text);
        let canonical = canonical_request.and_then(|text| same(&self.canonical_request, text));
        canonical
            .or_else(|| same(&self.string_to_sign, string_to_sign))
            .unwrap_or(false)
    }
}

/// Method, path, query, no header, an empty line, names, hash.
const CANONICAL_LINES_MIN: usize = 5;

/// The `Message` of an error body in JSON or XML.
fn message_of_body(text: &str) -> Option<String> {
    let trimmed = text.trim();
    if trimmed.starts_with('{') {
        let body: Value = serde_json::from_str(trimmed).ok()?;
        let message = body.get("Message").or_else(|| body.get("message"))?;
        return message.as_str().map(str::to_owned);
    }
    let (_, rest) = trimmed.split_once("<Message>")?;
    let (message, _) = rest.split_once("</Message>")?;
    let unescaped = message.replace("&lt;", "<").replace("&gt;", ">");
    Some(unescaped.replace("&amp;", "&"))
}

/// Logs write line ends as `\n`.
fn unescaped(text: &str) -> String {
    if text.contains('\n') {
        text.to_owned()
    } else {
        text.replace("\\n", "\n")
    }
}

/// The first place at which two texts differ; line and column are counted from 1, the column in
/// characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

pub(super) fn first_difference(ours: &str, theirs: &str) -> Option<Place> {
    if ours == theirs {
        return None;
    }
    let (mut line, mut column) = (1, 1);
    let (mut ours, mut theirs) = (ours.chars(), theirs.chars());
    loop {
        let (a, b) = (ours.next(), theirs.next());
        if a != b || a.is_none() {
            return Some(Place { line, column });
        }
        if a == Some('\n') {
            line += 1;
            column = 1;
        } else {
            column += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> (Option<String>, Option<String>) {
        let parsed = ClientText::parse(text.as_bytes()).unwrap();
        (parsed.canonical_request, parsed.string_to_sign)
    }

    #[test]
    fn texts_are_recognised() {
        let canonical = "GET\n/\na=b\nhost:h\n\nhost\nabc";
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(texts(&format!("{canonical}\n")), (some(canonical), None));
        assert_eq!(
            texts(&canonical.replace('\n', "\\n")),
            (some(canonical), None)
        );
        assert_eq!(texts("GET&%2F&a%3Db\r\n"), (None, some("GET&%2F&a%3Db")));
        assert_eq!(
            texts("ACS3-HMAC-SHA256\nabc"),
            (None, some("ACS3-HMAC-SHA256\nabc"))
        );
        let v1 = "not matched. server string to sign is:GET&%2F&a%3Db";
        assert_eq!(texts(v1), (None, some("GET&%2F&a%3Db")));
        let xml = "<Error><Message>x server string to sign is:GET&amp;%2F&amp;a</Message></Error>";
        assert_eq!(texts(xml), (None, some("GET&%2F&a")));
        let v3 =
            format!("x server StringToSign is [A\nb] server CanonicalRequest is [{canonical}]");
        assert_eq!(texts(&v3), (some(canonical), some("A\nb")));
        let json = serde_json::json!({ "Message": v3, "Code": "SignatureDoesNotMatch" });
        assert_eq!(texts(&json.to_string()), (some(canonical), some("A\nb")));
        assert_eq!(ClientText::parse(b" \n"), Err(InputError::Empty));
        assert_eq!(ClientText::parse(b"\xff"), Err(InputError::NotUtf8));
        let long = vec![b'a'; INPUT_BYTES_MAX + 1];
        assert_eq!(ClientText::parse(&long), Err(InputError::TooLong));
    }

    #[test]
    fn the_first_difference_has_line_and_column() {
        let place = |line, column| Some(Place { line, column });
        assert_eq!(first_difference("a", "a"), None);
        assert_eq!(first_difference("a", "b"), place(1, 1));
        assert_eq!(first_difference("é\nab", "é\nac"), place(2, 2));
        assert_eq!(first_difference("a", "ab"), place(1, 2));
        assert_eq!(first_difference("a\n", "a"), place(1, 2));
        assert_eq!(first_difference("a\nb", "a\nbc"), place(2, 2));
    }
}
