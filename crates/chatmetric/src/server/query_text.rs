//! Percent-encoded text of targets, as browsers and providers write it.

/// Decodes a name or value of a query, in which `+` is a space; `None` for text that
/// is not well-formed.
pub(crate) fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let bytes: Vec<u8> = percent_decode(spaced.as_bytes())?;
    String::from_utf8(bytes).ok()
}

/// Decodes a part of a path, in which `+` is itself.
pub(crate) fn decode_path(text: &str) -> Option<String> {
    String::from_utf8(percent_decode(text.as_bytes())?).ok()
}

/// The names and values of a query, in order.
pub(crate) fn pairs(query: &str) -> Option<Vec<(String, String)>> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Some((decode(name)?, decode(value)?))
        })
        .collect()
}

fn percent_decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let (pair, tail) = rest.split_at_checked(2)?;
        out.extend(hex::decode(pair).ok()?);
        rest = tail;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_paths_are_decoded() {
        assert_eq!(decode("a+b%2B").as_deref(), Some("a b+"));
        assert_eq!(decode_path("a+b%2f").as_deref(), Some("a+b/"));
        assert_eq!(decode("%zz"), None);
        assert_eq!(decode("%ff"), None);
        let parsed = pairs("a=1&b&&c=x%20y").expect("well-formed");
        let expected = [("a", "1"), ("b", ""), ("c", "x y")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(parsed, expected);
    }
}
