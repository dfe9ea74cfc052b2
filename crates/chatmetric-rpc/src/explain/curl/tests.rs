//! What curl sends for a command line.

use super::super::input::{Captured, InputError};
use super::super::shell::ShellError;

fn parsed(command: &str) -> Captured {
    Captured::parse(command.as_bytes()).unwrap_or_else(|error| panic!("{command}: {error}"))
}

fn fault(command: &str) -> InputError {
    Captured::parse(command.as_bytes()).unwrap_err()
}

#[track_caller]
fn check(command: &str, method: &str, target: &str, body: &str) {
    let captured = parsed(command);
    let found = (
        captured.method.as_str(),
        captured.target.as_str(),
        std::str::from_utf8(&captured.body).unwrap(),
    );
    assert_eq!(found, (method, target, body), "{command}");
}

#[test]
fn method_and_body_are_what_curl_would_send() {
    check("curl http://h:1", "GET", "/", "");
    check("curl 'http://h?a=b#c'", "GET", "/?a=b", "");
    check("curl -X POST --url https://h/", "POST", "/", "");
    check("curl -XPOST h", "POST", "/", "");
    check("curl -d a=b --data c=d h", "POST", "/", "a=b&c=d");
    check(
        "curl --data-raw @x --data-binary $'a\\nb' h",
        "POST",
        "/",
        "@x&a\nb",
    );
    check(
        "curl -G -d a=b --data-urlencode 'c=d e*' 'h/?x=1'",
        "GET",
        "/?x=1&a=b&c=d%20e%2A",
        "",
    );
    check(
        "curl --data-urlencode 'a b' --data-urlencode '=c=d' h",
        "POST",
        "/",
        "a%20b&c%3Dd",
    );
    check("curl --json '{\"a\":1}' h", "POST", "/", "{\"a\":1}");
    check("curl -I h", "HEAD", "/", "");
    check(
        "curl -sSkL --compressed -o out -m 5 --max-time 3 h",
        "GET",
        "/",
        "",
    );
}

#[test]
fn headers_are_curls_own_and_the_users() {
    let captured = parsed(
        "curl -H 'X-Acs-Date:  d' -H 'Accept: a' -H 'X-Empty;' -d a=b -A agent 'http://u:p@h:80/'",
    );
    assert_eq!(
        captured.header("host"),
        Some(&b"h"[..]),
        "the scheme's own port is left out"
    );
    assert_eq!(captured.header("accept"), Some(&b"a"[..]));
    assert_eq!(captured.header("x-acs-date"), Some(&b" d"[..]));
    assert_eq!(captured.header("x-empty"), Some(&b""[..]));
    assert_eq!(captured.header("user-agent"), Some(&b"agent"[..]));
    assert_eq!(
        captured.header("content-type"),
        Some(&b"application/x-www-form-urlencoded"[..])
    );
    assert_eq!(
        captured.notes,
        ["user and password of the URL are left out"]
    );
    let captured =
        parsed("curl -H 'Host: other' -H 'Accept:' -H 'content-type: x' -d a https://h:444");
    assert_eq!(captured.header("host"), Some(&b"other"[..]));
    assert_eq!(captured.header("accept"), None);
    assert_eq!(captured.header("content-type"), Some(&b"x"[..]));
    assert!(captured.tls);
    let twice = parsed("curl -H 'a: 1' -H 'a: 2' -H 'host: x' -H 'host: y' h");
    let count = |name: &str| {
        twice
            .headers
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .count()
    };
    assert_eq!(
        (count("a"), count("host")),
        (2, 2),
        "what the user says twice is sent twice"
    );
}

#[test]
fn what_changes_nothing_is_noted_and_never_shown() {
    let captured = parsed("curl -u name:hunter2 h | jq .");
    assert!(!format!("{:?}", captured.notes).contains("hunter2"));
    assert_eq!(captured.notes.len(), 3, "{:?}", captured.notes);
    let url = fault("curl 'ftp://name:hunter2@h/'").to_string();
    assert!(
        url.contains("ftp://h/") && !url.contains("hunter2"),
        "{url}"
    );
}

#[test]
fn what_cannot_be_explained_is_refused_by_name() {
    for (command, part) in [
        ("curl -d @secret.json h", "`-d` reads a file"),
        ("curl --data-binary @x h", "`--data-binary` reads a file"),
        (
            "curl --data-urlencode n@x h",
            "`--data-urlencode` reads a file",
        ),
        ("curl --json @x h", "`--json` reads a file"),
        (
            "curl -F a=b h",
            "`-F` cannot be explained: a multipart body",
        ),
        ("curl --next h", "one request at a time"),
        ("curl --frobnicate h", "`--frobnicate` is not known here"),
        ("curl -Z h", "`-Z` is not known here"),
        ("curl h -H", "`-H` needs a value"),
        ("curl h --data", "`--data` needs a value"),
        ("curl", "0 URLs"),
        ("curl a b", "2 URLs"),
        ("curl 'http://'", "is not an http or https URL"),
        ("curl 'http://h/?a=b c'", "is not an http or https URL"),
        ("curl -H 'no colon' h", "`no colon` is not `Name: value`"),
        ("curl -H $'a: b\\nc: d' h", "`a` is not `Name: value`"),
        (
            "curl \"http://h/?t=$TOKEN\"",
            "`$TOKEN`, which only the shell can replace",
        ),
    ] {
        let fault = fault(command).to_string();
        assert!(fault.contains(part), "{command}: {fault}");
    }
    let unquoted = fault("curl http://h/?a=1&b=2");
    assert_eq!(
        unquoted,
        InputError::Shell(ShellError::Operator { sign: '&', line: 1 })
    );
}
