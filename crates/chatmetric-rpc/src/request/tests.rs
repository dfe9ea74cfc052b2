//! Tests of what is read from a request before it is verified.

use std::net::{IpAddr, Ipv4Addr};

use super::*;

fn parse<T>(
    target: &str,
    headers: &[(&str, &[u8])],
    look: impl FnOnce(&ParsedRequest<'_>) -> T,
) -> Result<T, ApiError> {
    let raw = RawRequest {
        method: "GET",
        target,
        headers,
        body: b"",
        peer_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        tls: false,
    };
    let parsed = ParsedRequest::parse(raw, 10).map_err(|refusal| refusal.error)?;
    Ok(look(&parsed))
}

#[test]
fn a_browser_without_an_action_can_be_told_apart() {
    let seen = parse("/", &[("host", b"a"), ("accept", b"text/html")], |parsed| {
        (
            parsed.dialect(),
            parsed.action().map(str::to_owned),
            parsed.method(),
        )
    });
    assert_eq!(seen, Ok((Dialect::Anonymous, None, Method::Get)));
}

#[test]
fn an_action_is_read_where_the_dialect_keeps_it() {
    let headers: [(&str, &[u8]); 1] = [("X-Acs-Action", b" InHeader ")];
    let action = |target: &str| {
        parse(target, &headers, |parsed| {
            parsed.action().map(str::to_owned)
        })
        .unwrap()
    };
    assert_eq!(
        action("/?Action=InQuery").as_deref(),
        Some("InHeader"),
        "anonymous"
    );
    assert_eq!(
        action("/?Action=InQuery&Signature=x").as_deref(),
        Some("InQuery")
    );
    assert_eq!(
        action("/?Signature=x"),
        None,
        "an unsigned header has no effect"
    );
    let v3: [(&str, &[u8]); 1] = [("Authorization", b"nonsense")];
    let seen = parse("/?Action=InQuery", &v3, |parsed| {
        parsed.action().map(str::to_owned)
    });
    assert_eq!(seen, Ok(None));
}

#[test]
fn an_unverified_key_is_only_claimed() {
    let claimed = |target: &str| {
        parse(target, &[], |parsed| {
            parsed.claimed_access_key_id().map(str::to_owned)
        })
        .unwrap()
    };
    assert_eq!(claimed("/?AccessKeyId=k&Signature=s").as_deref(), Some("k"));
    assert_eq!(claimed("/?a=1"), None);
}

#[test]
fn debug_shows_no_parameters() {
    let shown = parse("/?SecurityToken=hush&Signature=s", &[], |parsed| {
        format!("{parsed:?}")
    });
    assert!(!shown.unwrap().contains("hush"));
}

#[test]
fn the_body_limit_is_a_setting() {
    let raw = RawRequest {
        method: "POST",
        target: "/",
        headers: &[(
            "content-type",
            b"application/x-www-form-urlencoded; charset=utf-8",
        )],
        body: b"0123456789a",
        peer_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        tls: false,
    };
    let refused = ParsedRequest::parse(raw, 10).unwrap_err();
    assert_eq!(refused.error, ApiError::RequestTooLarge { limit_bytes: 10 });
    assert!(ParsedRequest::parse(raw, 11).is_ok());
}
