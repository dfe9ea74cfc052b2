//! curl's options in tables: those that shape the request, those that do not and are passed over,
//! those that cannot be explained.
//!
//! Invariant: an option that is in no table is refused, because it may take a value that would be
//! read as a URL.

use super::super::input::InputError;

/// Options without a value that do not change what is signed.
const IGNORED_FLAGS: [&str; 28] = [
    "silent",
    "show-error",
    "insecure",
    "verbose",
    "include",
    "location",
    "fail",
    "fail-with-body",
    "globoff",
    "http1.0",
    "http1.1",
    "http2",
    "http2-prior-knowledge",
    "http3",
    "ipv4",
    "ipv6",
    "no-buffer",
    "no-progress-meter",
    "progress-bar",
    "compressed",
    "tcp-nodelay",
    "no-keepalive",
    "remote-name",
    "remote-time",
    "disable",
    "ssl-no-revoke",
    "tlsv1.2",
    "tlsv1.3",
];
/// Options with a value that do not change what is signed.
const IGNORED_VALUES: [&str; 25] = [
    "output",
    "write-out",
    "max-time",
    "connect-timeout",
    "cacert",
    "capath",
    "cert",
    "key",
    "proxy",
    "noproxy",
    "resolve",
    "connect-to",
    "retry",
    "retry-delay",
    "retry-max-time",
    "limit-rate",
    "interface",
    "dump-header",
    "trace",
    "trace-ascii",
    "stderr",
    "cookie-jar",
    "unix-socket",
    "max-redirs",
    "keepalive-time",
];
/// Options that make something which this protocol does not have.
const REFUSED: [(&str, &str); 8] = [
    ("form", "a multipart body is not accepted by the protocol"),
    (
        "form-string",
        "a multipart body is not accepted by the protocol",
    ),
    (
        "upload-file",
        "the protocol has no PUT, and files are not read here",
    ),
    ("next", "explain one request at a time"),
    ("config", "files are not read here"),
    (
        "oauth2-bearer",
        "bearer tokens are not supported; sign with an AccessKey",
    ),
    ("aws-sigv4", "it is another cloud's signature"),
    ("variable", "paste the command with its values"),
];
/// Short options and their long names.
const SHORT: [(char, &str); 36] = [
    ('X', "request"),
    ('H', "header"),
    ('d', "data"),
    ('G', "get"),
    ('I', "head"),
    ('u', "user"),
    ('A', "user-agent"),
    ('e', "referer"),
    ('b', "cookie"),
    ('F', "form"),
    ('T', "upload-file"),
    (':', "next"),
    ('K', "config"),
    ('s', "silent"),
    ('S', "show-error"),
    ('k', "insecure"),
    ('v', "verbose"),
    ('i', "include"),
    ('L', "location"),
    ('f', "fail"),
    ('g', "globoff"),
    ('0', "http1.0"),
    ('4', "ipv4"),
    ('6', "ipv6"),
    ('N', "no-buffer"),
    ('#', "progress-bar"),
    ('O', "remote-name"),
    ('R', "remote-time"),
    ('q', "disable"),
    ('o', "output"),
    ('w', "write-out"),
    ('m', "max-time"),
    ('E', "cert"),
    ('x', "proxy"),
    ('D', "dump-header"),
    ('c', "cookie-jar"),
];
/// Options that shape the request, and whether they take a value.
const SHAPING: [(&str, bool); 16] = [
    ("request", true),
    ("header", true),
    ("data", true),
    ("data-ascii", true),
    ("data-raw", true),
    ("data-binary", true),
    ("data-urlencode", true),
    ("json", true),
    ("get", false),
    ("head", false),
    ("url", true),
    ("user", true),
    ("user-agent", true),
    ("referer", true),
    ("cookie", true),
    ("basic", false),
];

/// The long name of a short option.
pub(super) fn long_name(letter: char) -> Option<&'static str> {
    let found = SHORT.iter().find(|(short, _)| *short == letter);
    found.map(|(_, long)| *long)
}

/// Whether an option takes a value; one that cannot be explained is refused.
pub(super) fn takes_value(long: &str, option: &str) -> Result<bool, InputError> {
    if let Some((_, takes)) = SHAPING.iter().find(|(name, _)| *name == long) {
        return Ok(*takes);
    }
    if IGNORED_FLAGS.contains(&long) {
        return Ok(false);
    }
    if IGNORED_VALUES.contains(&long) {
        return Ok(true);
    }
    let option = option.to_owned();
    Err(match REFUSED.iter().find(|(name, _)| *name == long) {
        Some((_, why)) => InputError::RefusedOption { option, why },
        None => InputError::UnknownOption { option },
    })
}
