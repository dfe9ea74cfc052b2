//! Hides secrets in what is shown: the secret itself wherever it stands, and what stands where a
//! token belongs.
//!
//! Invariant: every text of an explanation that holds values of the request went through here.

use crate::credential::SecretKey;
use crate::percent;

/// Parameters whose value is never shown.
const HIDDEN_PARAMETERS: [&str; 3] = ["SecurityToken", "BearerToken", "AccessKeySecret"];
/// Headers whose value is never shown.
const HIDDEN_HEADERS: [&str; 5] = [
    "x-acs-security-token",
    "x-acs-bearer-token",
    "x-acs-zero-trust-idtoken",
    "cookie",
    "proxy-authorization",
];
/// What stands for it.
const HIDDEN: &str = "(hidden)";
/// A shorter secret is not looked for in the text: it would be found everywhere.
const NEEDLE_BYTES_MIN: usize = 4;

/// What must not be shown of one request.
pub(super) struct Redactor {
    needles: Vec<String>,
}

impl Redactor {
    /// Of the secret, and of the token values of the request.
    pub(super) fn new(secret: Option<&SecretKey>, tokens: &[&str]) -> Self {
        let secret =
            secret.map(|secret| String::from_utf8_lossy(secret.expose()).trim().to_owned());
        let plain = secret
            .into_iter()
            .chain(tokens.iter().map(|token| (*token).to_owned()));
        let mut needles: Vec<String> = plain
            .filter(|text| text.len() >= NEEDLE_BYTES_MIN)
            .flat_map(|text| {
                let once = percent::encode(&text);
                let twice = percent::encode(&once);
                [text, once, twice]
            })
            .collect();
        // The longest first: an encoded form may contain the plain one.
        needles.sort_by_key(|needle| std::cmp::Reverse(needle.len()));
        Self { needles }
    }

    pub(super) fn hides_parameter(name: &str) -> bool {
        HIDDEN_PARAMETERS
            .iter()
            .any(|hidden| hidden.eq_ignore_ascii_case(name))
    }

    /// Of Authorization, only what belongs to this protocol is shown: it holds no secret.
    pub(super) fn hides_header(name: &str, value: &str) -> bool {
        if name.eq_ignore_ascii_case("authorization") {
            return !value.trim_start().starts_with("ACS");
        }
        HIDDEN_HEADERS
            .iter()
            .any(|hidden| hidden.eq_ignore_ascii_case(name))
    }

    /// The text to be shown.
    pub(super) fn shown(&self, text: &str) -> String {
        self.replace(text, |_| HIDDEN.to_owned())
    }

    /// The text with as many characters as before, so that columns stay right.
    pub(super) fn masked(&self, text: &str) -> String {
        self.replace(text, |hidden| "*".repeat(hidden.chars().count()))
    }

    fn replace(&self, text: &str, with: impl Fn(&str) -> String) -> String {
        let lines: Vec<String> = text
            .split('\n')
            .map(|line| {
                let mut line = hide_header_line(line, &with);
                for name in HIDDEN_PARAMETERS {
                    line = hide_after(&line, &format!("{name}="), &["&"], &with);
                    line = hide_after(&line, &format!("{name}%3D"), &["%26"], &with);
                }
                line
            })
            .collect();
        let mut text = lines.join("\n");
        for needle in &self.needles {
            if text.contains(needle.as_str()) {
                text = text.replace(needle.as_str(), &with(needle));
            }
        }
        text
    }
}

/// `x-acs-security-token:…`
fn hide_header_line(line: &str, with: &impl Fn(&str) -> String) -> String {
    match line.split_once(':') {
        Some((name, value)) if Redactor::hides_header(name, value) && !value.is_empty() => {
            format!("{name}:{}", with(value))
        }
        _ => line.to_owned(),
    }
}

/// Hides what stands between `start` and the first of `ends`.
fn hide_after(text: &str, start: &str, ends: &[&str], with: &impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(start) {
        out.push_str(before);
        out.push_str(start);
        let end = ends.iter().filter_map(|end| after.find(end)).min();
        let (value, tail) = after.split_at(end.unwrap_or(after.len()));
        if !value.is_empty() {
            out.push_str(&with(value));
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_hidden_by_their_place_and_secrets_wherever_they_are() {
        let secret = SecretKey::new("se/cret\n");
        let redactor = Redactor::new(Some(&secret), &["to ken"]);
        for (text, shown) in [
            (
                "a\nx-acs-security-token:CAIS\nb",
                "a\nx-acs-security-token:(hidden)\nb",
            ),
            (
                "a=1&SecurityToken=CAIS&b=2",
                "a=1&SecurityToken=(hidden)&b=2",
            ),
            (
                "SecurityToken%3DCA%252B%26b",
                "SecurityToken%3D(hidden)%26b",
            ),
            ("SecurityToken=", "SecurityToken="),
            (
                "x to ken, to%20ken, to%2520ken",
                "x (hidden), (hidden), (hidden)",
            ),
            (
                "se/cret se%2Fcret se%252Fcret",
                "(hidden) (hidden) (hidden)",
            ),
            ("x-acs-date:2026", "x-acs-date:2026"),
            ("authorization:Bearer abc", "authorization:(hidden)"),
            (
                "authorization:ACS3-HMAC-SM3 a",
                "authorization:ACS3-HMAC-SM3 a",
            ),
        ] {
            assert_eq!(redactor.shown(text), shown);
        }
        assert_eq!(
            redactor.masked("cookie:aé=1\nse/cret"),
            "cookie:****\n*******"
        );
        assert_eq!(
            Redactor::new(Some(&SecretKey::new("a")), &[]).shown("banana"),
            "banana"
        );
    }
}
