//! The files of the pages: those in the program, or a directory to develop them.
//!
//! Compressed once, when the server starts. Names with a hash are kept by browsers for
//! a year; the page itself is asked for again each time and costs nothing when it is
//! the same. The page goes with a policy that allows the blocks it has, also where it is
//! the same: a browser takes the headers of that answer for those it kept.
//! Invariant: no path leaves the table, or the directory.

use super::ask::Ask;
use super::assets_table::FILES;
use super::error::ConsoleError;
use super::policy;
use crate::server::answer::Answer;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::io::Write as _;
use std::path::PathBuf;

/// The page that every path without a file gets.
const INDEX: &str = "index.html";
/// Below it, names have the hash of their content.
const HASHED: &str = "assets/";
/// A year.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Ask again, and get the same for nothing.
const ASK_AGAIN: &str = "no-cache";
/// Longest file that is read from a directory, in bytes.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A file with all that an answer needs.
struct File {
    content_type: &'static str,
    bytes: Bytes,
    gzip: Option<Bytes>,
    etag: String,
    /// Of the page alone: what it may do.
    policy: Option<HeaderValue>,
}

/// The files.
pub(super) struct Files {
    built_in: HashMap<&'static str, File>,
    dir: Option<PathBuf>,
}

impl Files {
    pub(super) fn open(dir: Option<PathBuf>) -> Self {
        let built_in = FILES.iter().map(|(name, content_type, bytes)| {
            (
                *name,
                File::new(name, content_type, Bytes::from_static(bytes)),
            )
        });
        Self {
            built_in: built_in.collect(),
            dir,
        }
    }

    fn in_dir(&self, name: &str) -> Option<File> {
        let dir = self.dir.as_ref()?;
        let plain = |part: &str| {
            let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            !part.is_empty() && !part.starts_with('.') && part.bytes().all(known)
        };
        if !name.split('/').all(plain) {
            return None;
        }
        let path = dir.join(name);
        if std::fs::metadata(&path).ok()?.len() > FILE_BYTES_MAX {
            return None;
        }
        let bytes = std::fs::read(&path).ok()?;
        Some(File::new(name, type_of(name), bytes.into()))
    }
}

impl File {
    fn new(name: &str, content_type: &'static str, bytes: Bytes) -> Self {
        let hash = Sha256::digest(&bytes);
        let short = hash.iter().take(16).copied().collect::<Vec<_>>();
        let policy = if name == INDEX {
            policy::of_document(&bytes)
        } else {
            None
        };
        Self {
            content_type,
            policy,
            gzip: compressed(&bytes).filter(|gzip| gzip.len() < bytes.len()),
            bytes,
            etag: format!("\"{}\"", hex::encode(short)),
        }
    }

    fn answer(&self, ask: &Ask<'_>, name: &str) -> Answer {
        let headers = &ask.parts.headers;
        let caching = if name.starts_with(HASHED) {
            FOR_EVER
        } else {
            ASK_AGAIN
        };
        let known = headers.get_all(header::IF_NONE_MATCH).iter();
        let is_known = known
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|tag| tag.trim().trim_start_matches("W/") == self.etag);
        let takes_gzip = headers
            .get_all(header::ACCEPT_ENCODING)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(accepts_gzip);
        let (body, is_gzip) = match &self.gzip {
            Some(gzip) if takes_gzip => (gzip.clone(), true),
            Some(_) | None => (self.bytes.clone(), false),
        };
        let (status, body) = if is_known {
            (StatusCode::NOT_MODIFIED, Bytes::new())
        } else if ask.parts.method == Method::HEAD {
            (StatusCode::OK, Bytes::new())
        } else {
            (StatusCode::OK, body)
        };
        let mut answer = Answer::new(status, self.content_type, body)
            .header(header::CACHE_CONTROL, HeaderValue::from_static(caching))
            .header(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Some(policy) = &self.policy {
            answer = answer.header(header::CONTENT_SECURITY_POLICY, policy.clone());
        }
        if let Ok(etag) = HeaderValue::from_str(&self.etag) {
            answer = answer.header(header::ETAG, etag);
        }
        if is_gzip && status == StatusCode::OK {
            let gzip = HeaderValue::from_static("gzip");
            answer = answer.header(header::CONTENT_ENCODING, gzip);
        }
        answer
    }
}

fn accepts_gzip(coding: &str) -> bool {
    let mut parts = coding.split(';').map(str::trim);
    let is_gzip = parts
        .next()
        .is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
    is_gzip && !parts.any(|weight| matches!(weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
}

fn compressed(bytes: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

fn type_of(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json" | "map") => "application/json",
        Some("txt") => "text/plain; charset=utf-8",
        Some("woff2") => "font/woff2",
        Some(_) | None => "application/octet-stream",
    }
}

/// The file of a path below `/console/`.
pub(super) fn answer(ask: &Ask<'_>, path: &str) -> Result<Answer, ConsoleError> {
    if path.is_empty() && !ask.parts.uri.path().ends_with('/') {
        let there = HeaderValue::from_static("/console/");
        return Ok(
            Answer::text(StatusCode::FOUND, "the console is at /console/\n")
                .header(HeaderName::from_static("location"), there),
        );
    }
    if !matches!(ask.parts.method, Method::GET | Method::HEAD) {
        return Err(ConsoleError::NotFound);
    }
    // A page of the browser has no dot; what has one is a file.
    let name = if path.contains('.') { path } else { INDEX };
    let files = &ask.app.console.files;
    if let Some(file) = files.in_dir(name) {
        return Ok(file.answer(ask, name));
    }
    let file = files.built_in.get(name).ok_or(ConsoleError::NotFound)?;
    Ok(file.answer(ask, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_in_the_program_and_no_name_leaves_the_directory() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("secret"), "x").expect("writes");
        let pages = folder.path().join("pages");
        std::fs::create_dir(&pages).expect("makes");
        std::fs::write(pages.join("app.js"), "let a;").expect("writes");
        let files = Files::open(Some(pages));
        assert!(files.built_in.contains_key(INDEX));
        assert!(files.in_dir("app.js").is_some());
        for name in [
            "../secret",
            "..",
            ".hidden",
            "a//b",
            "/etc/passwd",
            "%2e%2e/secret",
        ] {
            assert!(files.in_dir(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_page_from_a_directory_has_the_policy_of_what_it_is_now() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::open(Some(folder.path().to_owned()));
        let mut policies = vec![files.built_in[INDEX].policy.clone()];
        for script in ["one()", "two()"] {
            let html = format!("<script>{script}</script>");
            std::fs::write(folder.path().join(INDEX), html).expect("writes");
            policies.push(files.in_dir(INDEX).expect("is there").policy);
        }
        assert!(policies.iter().all(Option::is_some), "{policies:?}");
        policies.dedup();
        assert_eq!(policies.len(), 3, "{policies:?}");
        std::fs::write(folder.path().join("other.html"), "<script>a()</script>").expect("writes");
        let other = files.in_dir("other.html").expect("is there");
        assert!(other.policy.is_none());
    }

    #[test]
    fn a_client_says_whether_it_takes_gzip() {
        assert!(accepts_gzip("gzip") && accepts_gzip(" GZIP;q=0.5"));
        assert!(!accepts_gzip("gzip;q=0") && !accepts_gzip("br"));
    }
}
