//! A raw HTTP request as text: from a proxy, a log or a packet capture.
//!
//! It is more lenient than a server: line ends may be LF, and a body that an editor made longer is
//! cut to its Content-Length, which is noted. It does not judge the request.

use super::input::{Captured, InputError};

/// Reads a request.
pub(super) fn parse(text: &[u8]) -> Result<Captured, InputError> {
    let start = text.iter().position(|b| !b.is_ascii_whitespace());
    let mut rest = text.get(start.unwrap_or_default()..).unwrap_or_default();
    let (method, target) = request_line(take_line(&mut rest))?;
    let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
    let mut number = 1;
    while !rest.is_empty() {
        let line = take_line(&mut rest);
        number += 1;
        if line.is_empty() {
            break;
        }
        headers.push(header_line(line, number)?);
    }
    let mut captured = Captured {
        method,
        target,
        headers,
        body: rest.to_vec(),
        tls: false,
        notes: Vec::new(),
    };
    resolve_absolute_target(&mut captured);
    fit_body(&mut captured);
    Ok(captured)
}

fn take_line<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let end = rest.iter().position(|&b| b == b'\n');
    let (line, tail) = match end {
        Some(at) => (rest.get(..at), rest.get(at + 1..)),
        None => (Some(*rest), None),
    };
    *rest = tail.unwrap_or_default();
    let line = line.unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn request_line(line: &[u8]) -> Result<(String, String), InputError> {
    let line = std::str::from_utf8(line).map_err(|_| InputError::RequestLine)?;
    let mut words = line.split_ascii_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Err(InputError::RequestLine);
    };
    let version = words.next();
    // A word and a path could be prose; capitals or a version make it a request.
    let looks_right = method.bytes().all(|b| b.is_ascii_alphabetic())
        && (version.is_some() || method.bytes().all(|b| b.is_ascii_uppercase()))
        && (target.starts_with('/') || target.contains("://"))
        && version.is_none_or(|version| version.starts_with("HTTP/"))
        && words.next().is_none();
    if looks_right {
        Ok((method.to_owned(), target.to_owned()))
    } else {
        Err(InputError::RequestLine)
    }
}

/// The value keeps its blanks, but for the one that everybody writes after the colon: a client
/// that signs them untrimmed is to be found out.
fn header_line(line: &[u8], number: usize) -> Result<(String, Vec<u8>), InputError> {
    let fault = InputError::HeaderLine { line: number };
    let colon = line.iter().position(|&b| b == b':').ok_or(fault.clone())?;
    let (name, value) = line.split_at(colon);
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~".contains(b);
    if name.is_empty() || !name.iter().all(is_name) {
        return Err(fault);
    }
    let value = value.strip_prefix(b":").unwrap_or(value);
    let value = value.strip_prefix(b" ").unwrap_or(value);
    Ok((String::from_utf8_lossy(name).into_owned(), value.to_vec()))
}

/// `GET http://host/?a=b` is what proxies get; the signature knows only path and query.
fn resolve_absolute_target(captured: &mut Captured) {
    let Some((scheme, rest)) = captured.target.split_once("://") else {
        return;
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or_default().to_owned();
    let slash = if target.starts_with('/') { "" } else { "/" };
    captured.tls = scheme.eq_ignore_ascii_case("https");
    captured.target = format!("{slash}{target}");
    if captured.header("host").is_none() {
        captured.notes.push(format!(
            "there is no Host header; `{host}` of the request line stands for it"
        ));
        captured
            .headers
            .push(("host".to_owned(), host.into_bytes()));
    }
}

fn fit_body(captured: &mut Captured) {
    let chunked = captured
        .header("transfer-encoding")
        .is_some_and(|value| value.to_ascii_lowercase().ends_with(b"chunked"));
    if chunked {
        if let Some(body) = dechunk(&captured.body) {
            captured.body = body;
        } else if !captured.body.is_empty() {
            let note = "Transfer-Encoding says chunked, the body is not; it is taken as it stands";
            captured.notes.push(note.to_owned());
        }
        return;
    }
    let announced = captured.header("content-length").and_then(|value| {
        let text = std::str::from_utf8(value).ok()?;
        text.trim().parse::<usize>().ok()
    });
    let there = captured.body.len();
    match announced {
        Some(bytes) if bytes < there => {
            captured.body.truncate(bytes);
            captured.notes.push(format!(
                "the body is cut from {there} to the {bytes} bytes of Content-Length"
            ));
        }
        Some(bytes) if bytes > there => captured.notes.push(format!(
            "Content-Length says {bytes} bytes, but {there} are there: the body is not complete"
        )),
        Some(_) => {}
        // A line end after the head is the editor's, not a body.
        None if captured.body.iter().all(u8::is_ascii_whitespace) => captured.body.clear(),
        None => captured.notes.push(format!(
            "there is no Content-Length; all {there} bytes after the head are taken as the body"
        )),
    }
}

/// `None` if it is not chunked.
fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        if rest.is_empty() {
            return None;
        }
        let line = std::str::from_utf8(take_line(&mut rest)).ok()?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let bytes = usize::from_str_radix(digits, 16).ok()?;
        if bytes == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..bytes)?);
        rest = rest.get(bytes..)?;
        take_line(&mut rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_and_targets_may_vary() {
        for text in [
            "\r\nPOST /?a=b HTTP/1.1\r\nHost: h:1\r\nX-Acs-Date:  d \r\n\r\n",
            "POST /?a=b\nHost: h:1\nX-Acs-Date:  d \n\n\n",
        ] {
            let captured = parse(text.as_bytes()).unwrap();
            assert_eq!(
                (captured.method.as_str(), captured.target.as_str()),
                ("POST", "/?a=b")
            );
            assert_eq!(captured.header("host"), Some(&b"h:1"[..]));
            assert_eq!(
                captured.header("x-acs-date"),
                Some(&b" d "[..]),
                "untrimmed"
            );
            assert_eq!(captured.body, b"");
        }
        let captured = parse(b"GET https://u:p@h:1?a=b HTTP/1.1\n\n").unwrap();
        assert_eq!(captured.target, "/?a=b");
        assert_eq!(captured.header("host"), Some(&b"h:1"[..]));
        assert!(captured.tls);
    }

    #[test]
    fn bodies_have_the_length_that_was_sent() {
        let body = |text: &str| {
            let captured = parse(text.as_bytes()).unwrap();
            (
                String::from_utf8(captured.body).unwrap(),
                captured.notes.len(),
            )
        };
        assert_eq!(
            body("POST /\nContent-Length: 3\n\na=b\n"),
            ("a=b".to_owned(), 1)
        );
        assert_eq!(
            body("POST /\nContent-Length: 9\n\na=b"),
            ("a=b".to_owned(), 1)
        );
        assert_eq!(body("POST /\n\na=b"), ("a=b".to_owned(), 1));
        let chunked =
            "POST /\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n2;x\r\n&c\r\n0\r\n\r\n";
        assert_eq!(body(chunked), ("a=b&c".to_owned(), 0));
        assert_eq!(
            body("POST /\nTransfer-Encoding: chunked\n\na=b"),
            ("a=b".to_owned(), 1)
        );
    }

    #[test]
    fn what_is_no_request_is_refused_with_its_line() {
        for text in ["hello", "GET", "GET x", "GET / HTTP/1.1 more", "{\"a\":1}"] {
            assert_eq!(
                parse(text.as_bytes()).unwrap_err(),
                InputError::RequestLine,
                "{text}"
            );
        }
        let fault = parse(b"GET /\nHost: a\nno colon\n").unwrap_err();
        assert_eq!(fault, InputError::HeaderLine { line: 3 });
        assert_eq!(
            parse(b"GET /\n folded: x").unwrap_err(),
            InputError::HeaderLine { line: 2 }
        );
    }
}
