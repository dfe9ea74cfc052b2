//! What a person pastes: a curl command or a raw HTTP request, as the request that it stands for.
//!
//! Nothing is read or run: a file that a command names is refused. Invariant: the result is what
//! would have been sent, or there is a note that says what is not known.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use super::shell::ShellError;
use super::{curl, http_text};
use crate::request::RawRequest;

/// Longest text that is read, in bytes; also of a client's own string to sign.
pub const INPUT_BYTES_MAX: usize = 1024 * 1024;

/// Why a text is not a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// Longer than [`INPUT_BYTES_MAX`].
    #[error("the text is longer than {INPUT_BYTES_MAX} bytes")]
    TooLong,
    /// Nothing but blanks.
    #[error("there is no text: paste a curl command or a raw HTTP request")]
    Empty,
    /// A curl command that is not text.
    #[error("the curl command is not UTF-8")]
    NotUtf8,
    /// The first line is neither.
    #[error(
        "the text is neither a curl command nor an HTTP request: it must begin with `curl` or with \
         a line like `POST /?Start=1 HTTP/1.1`"
    )]
    RequestLine,
    /// A line of the head.
    #[error("line {line} of the request is not a header (`Name: value`)")]
    HeaderLine {
        /// Counted from 1, the request line.
        line: usize,
    },
    /// The command line.
    #[error("the curl command cannot be read: {0}")]
    Shell(#[from] ShellError),
    /// An option that has no value.
    #[error("curl's option `{option}` needs a value")]
    NoValue {
        /// As it was given.
        option: String,
    },
    /// An option whose meaning is not known here.
    #[error(
        "curl's option `{option}` is not known here: remove it if it does not change the request"
    )]
    UnknownOption {
        /// As it was given.
        option: String,
    },
    /// An option that makes a request which this protocol does not have.
    #[error("curl's option `{option}` cannot be explained: {why}")]
    RefusedOption {
        /// As it was given.
        option: String,
        /// The reason.
        why: &'static str,
    },
    /// `-d @file`
    #[error(
        "curl's option `{option}` reads a file, which is not read here: put the data itself into \
         the command, with `--data-raw`"
    )]
    File {
        /// As it was given.
        option: String,
    },
    /// No URL, or two.
    #[error("the curl command has {count} URLs, not one")]
    Urls {
        /// How many.
        count: usize,
    },
    /// Something that is no URL.
    #[error("`{url}` is not an http or https URL")]
    Url {
        /// As it was given, without user and password.
        url: String,
    },
    /// A header of `-H`.
    #[error("curl's header `{name}` is not `Name: value`")]
    Header {
        /// The part before the colon.
        name: String,
    },
}

/// A request as it was captured.
#[derive(Clone, PartialEq, Eq)]
pub struct Captured {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names and values; blanks around values are kept.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether it went over TLS.
    pub tls: bool,
    /// What was ignored or supposed.
    pub notes: Vec<String>,
}

impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Captured")
            .field("method", &self.method)
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}

impl Captured {
    /// Reads a curl command or a raw HTTP request.
    ///
    /// # Errors
    /// [`InputError`], which names the option or the line.
    pub fn parse(text: &[u8]) -> Result<Self, InputError> {
        if text.len() > INPUT_BYTES_MAX {
            return Err(InputError::TooLong);
        }
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let trimmed = text.trim_ascii_start();
        if trimmed.is_empty() {
            return Err(InputError::Empty);
        }
        // A prompt is copied along with the command.
        let command = trimmed
            .strip_prefix(b"$ ")
            .unwrap_or(trimmed)
            .trim_ascii_start();
        let first = command
            .split(|b| b.is_ascii_whitespace() || *b == b'\\')
            .next();
        if matches!(first, Some(b"curl" | b"curl.exe")) {
            let command = std::str::from_utf8(command).map_err(|_| InputError::NotUtf8)?;
            curl::parse(command)
        } else {
            http_text::parse(trimmed)
        }
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_slice())
    }

    /// Runs `f` on the borrowed form; the caller's address is not known and does not matter.
    pub fn with_raw<T>(&self, f: impl FnOnce(RawRequest<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
            .collect();
        f(RawRequest {
            method: &self.method,
            target: &self.target,
            headers: &headers,
            body: &self.body,
            peer_ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            tls: self.tls,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_a_limit_and_an_obvious_kind() {
        let long = vec![b'a'; INPUT_BYTES_MAX + 1];
        assert_eq!(Captured::parse(&long), Err(InputError::TooLong));
        let fits = [
            b"GET / HTTP/1.1\nA: ".to_vec(),
            vec![b'a'; INPUT_BYTES_MAX - 18],
        ]
        .concat();
        assert!(Captured::parse(&fits).is_ok());
        assert_eq!(Captured::parse(b" \n\t"), Err(InputError::Empty));
        assert_eq!(
            Captured::parse(b"curly http://x"),
            Err(InputError::RequestLine)
        );
        assert_eq!(Captured::parse(b"curl \xff"), Err(InputError::NotUtf8));
        for text in [
            "$ curl http://x",
            "\u{feff}curl http://x",
            "curl\\\n http://x",
            "curl.exe http://x",
        ] {
            assert!(Captured::parse(text.as_bytes()).is_ok(), "{text}");
        }
    }
}
