//! What a page may load and do: the content security policy.
//!
//! The document has its style sheet and its first script in itself, because each file
//! more is a request more before the first chart. Such a block is allowed by the hash of
//! what is in it, taken from the very bytes that are answered: nothing has to be kept in
//! step with a build, and whatever else gets into a page stays refused.
//!
//! Invariant: no policy has `'unsafe-inline'`. Which answer gets which policy is not
//! said here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderValue;
use memchr::memmem;
use sha2::{Digest as _, Sha256};

/// Of whatever is no document: no block is allowed, no style attribute, no other host.
pub(super) const OF_ALL_ELSE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types 'none'";

/// Of our own document: its blocks are allowed too.
pub(super) fn of_document(html: &[u8]) -> Option<HeaderValue> {
    let scripts = with_hashes("script-src 'self'", html, b"<script>", b"</script>");
    let styles = with_hashes("style-src 'self'", html, b"<style>", b"</style>");
    let policy = OF_ALL_ELSE
        .replace("script-src 'self'", &scripts)
        .replace("style-src 'self'", &styles);
    HeaderValue::try_from(policy).ok()
}

/// A directive, and a hash for each block between two tags. The build writes tags
/// without attributes; a block in any other gets no hash, and browsers refuse it.
fn with_hashes(directive: &str, html: &[u8], open: &[u8], close: &[u8]) -> String {
    let mut directive = directive.to_owned();
    let mut rest = html;
    while let Some((block, after)) = next_block(rest, open, close) {
        directive.push_str(" 'sha256-");
        BASE64.encode_string(Sha256::digest(block), &mut directive);
        directive.push('\'');
        rest = after;
    }
    directive
}

/// What is in the next block, and what comes after it.
fn next_block<'a>(html: &'a [u8], open: &[u8], close: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let from = memmem::find(html, open)? + open.len();
    let inside = html.get(from..)?;
    let until = memmem::find(inside, close)?;
    Some((inside.get(..until)?, inside.get(until..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The directive of this name.
    fn directive(policy: &str, name: &str) -> String {
        let mut all = policy.split("; ");
        let found = all.find(|directive| directive.split(' ').next() == Some(name));
        found.expect("there is one").to_owned()
    }

    fn of(html: &str) -> String {
        let policy = of_document(html.as_bytes()).expect("a header");
        policy.to_str().expect("text").to_owned()
    }

    #[test]
    fn a_block_is_allowed_by_the_hash_of_what_is_in_it() {
        // Both hashes are what `openssl dgst -sha256 -binary | base64` says.
        let policy = of("<script>alert(1)</script><style>p{color:red}</style>");
        assert_eq!(
            directive(&policy, "script-src"),
            "script-src 'self' 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"
        );
        assert_eq!(
            directive(&policy, "style-src"),
            "style-src 'self' 'sha256-p0bF+un5yUb9MBO6xRb8kPHlY2BdpHVtLiFkDrZPF64='"
        );
    }

    #[test]
    fn all_else_of_the_policy_is_the_same_and_nothing_is_allowed_by_being_there() {
        assert_eq!(of("<p>no block</p>"), OF_ALL_ELSE);
        // What is loaded is of the server by its name; an attribute or an end that is
        // missing makes it another thing than what the build wrote.
        for other in [
            "<script src=\"/console/assets/app.js\"></script>",
            "<script type=\"module\">alert(1)</script>",
            "<script>alert(1)",
            "<p style=\"color:red\" onclick=\"alert(1)\">",
        ] {
            assert_eq!(of(other), OF_ALL_ELSE, "{other}");
        }
        let two = of("<script>a()</script><script>b()</script>");
        assert_eq!(directive(&two, "script-src").matches("'sha256-").count(), 2);
        assert_eq!(directive(&two, "style-src"), "style-src 'self'");
        for policy in [OF_ALL_ELSE, two.as_str()] {
            assert!(!policy.contains("unsafe"), "{policy}");
            assert!(policy.ends_with("trusted-types 'none'"), "{policy}");
        }
    }
}
