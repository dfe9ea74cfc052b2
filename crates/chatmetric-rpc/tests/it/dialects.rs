//! Spellings of the ACS3 signature that no capture holds, signed here by hand: raw names in the
//! canonical query, SignedHeaders joined by commas, a signer with other headers. And what an
//! attacker could make of the tolerance, if it were wider.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::actor::{KEY_ID, SECRET, Wire, code_of, verify};

const EMPTY_HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Signs a GET whose canonical query is `canonical`, whatever is sent.
fn signed(sent_query: &str, canonical: &str, joiner: &str) -> Wire {
    signed_by(sent_query, canonical, joiner, EMPTY_HASH, &["localhost"])
}

/// As [`signed`], with any text in the header that names the hash of the (empty) body.
fn signed_with_hash(sent_query: &str, canonical: &str, joiner: &str, hash: &str) -> Wire {
    signed_by(sent_query, canonical, joiner, hash, &["localhost"])
}

/// As [`signed`], by a signer that signs and sends these Host headers, or none.
fn signed_by(sent_query: &str, canonical: &str, joiner: &str, hash: &str, hosts: &[&str]) -> Wire {
    let hosts = hosts.iter().map(|host| ("host", *host));
    let others = [
        ("x-acs-action", "GetChatappPhoneNumberMetric"),
        ("x-acs-content-sha256", hash),
        ("x-acs-date", "2026-01-02T03:04:05Z"),
        ("x-acs-signature-nonce", "n"),
        ("x-acs-version", "2020-06-06"),
    ];
    let headers: Vec<(&str, &str)> = hosts.chain(others).collect();
    let lines: String = headers.iter().map(|(n, v)| format!("{n}:{v}\n")).collect();
    let names: Vec<&str> = headers.iter().map(|(n, _)| *n).collect();
    let names = names.join(joiner);
    let request = format!("GET\n/\n{canonical}\n{lines}\n{names}\n{EMPTY_HASH}");
    let to_sign = format!(
        "ACS3-HMAC-SHA256\n{}",
        hex::encode(Sha256::digest(&request))
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(to_sign.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    let mut wire = Wire {
        method: "GET".to_owned(),
        target: format!("/?{sent_query}"),
        headers: headers
            .iter()
            .map(|(n, v)| ((*n).into(), v.as_bytes().to_vec()))
            .collect(),
        body: Vec::new(),
    };
    let authorization =
        format!("ACS3-HMAC-SHA256 Credential={KEY_ID},SignedHeaders={names},Signature={signature}");
    wire.set_header("Authorization", &authorization);
    wire
}

#[test]
fn names_may_be_signed_encoded_or_raw() {
    for (sent, canonical) in [
        ("a%2Fb=1", "a%2Fb=1"),
        ("a%2Fb=1", "a/b=1"),
        ("%E6%A0%87=x+y&b=", "b=&\u{6807}=x%20y"),
        ("Tag+1=x&z=1", "Tag 1=x&z=1"),
        ("Tag%2B1=x", "Tag+1=x"),
    ] {
        assert_eq!(
            code_of(&signed(sent, canonical, ";")),
            "accepted",
            "{sent} as {canonical}"
        );
    }
}

#[test]
fn a_raw_name_that_could_be_read_otherwise_is_not_tolerated() {
    for (sent, canonical) in [
        // One name `A=1&B` for the two parameters that were signed.
        ("A%3D1%26B=2", "A=1&B=2"),
        // The name `A%20B` for the name `A B` that was signed.
        ("A%2520B=2", "A%20B=2"),
        ("A%26B=2", "A&B=2"),
        ("A%0AB=2", "A\nB=2"),
        // One such name spoils the tolerance for its neighbours.
        ("A%26B=2&c%2Fd=1", "A%26B=2&c/d=1"),
    ] {
        let code = code_of(&signed(sent, canonical, ";"));
        assert_eq!(code, "SignatureDoesNotMatch", "{sent} as {canonical}");
    }
}

#[test]
fn the_raw_query_is_never_what_is_signed() {
    assert_eq!(code_of(&signed("a=x+y", "a=x%20y", ";")), "accepted");
    assert_eq!(
        code_of(&signed("a=x+y", "a=x+y", ";")),
        "SignatureDoesNotMatch"
    );
    assert_eq!(
        code_of(&signed("b=1&a=1", "b=1&a=1", ";")),
        "SignatureDoesNotMatch"
    );
    assert_eq!(
        code_of(&signed("a=!'()*~", "a=%21%27%28%29%2A~", ";")),
        "accepted"
    );
    assert_eq!(code_of(&signed("&a&", "a=", ";")), "accepted");
}

#[test]
fn signed_headers_may_be_joined_by_commas() {
    let wire = signed("a=1", "a=1", ",");
    assert_eq!(code_of(&wire), "accepted");
    let mut changed = wire.clone();
    let value = String::from_utf8(wire.header("authorization").unwrap().to_vec()).unwrap();
    changed.set_header("Authorization", &value.replace(",x-acs-", ";x-acs-"));
    assert_eq!(
        code_of(&changed),
        "SignatureDoesNotMatch",
        "it is signed as it is sent"
    );
}

/// As the asynchronous Java client does it, and the ACS3 of the older Java core.
#[test]
fn the_host_need_not_be_signed_but_a_signed_one_counts() {
    let mut unsigned = signed_by("a=1", "a=1", ";", EMPTY_HASH, &[]);
    assert_eq!(code_of(&unsigned), "accepted");
    unsigned.set_header("host", "whatever.example");
    assert_eq!(code_of(&unsigned), "accepted");
    let mut counts = signed("a=1", "a=1", ";");
    counts.set_header("host", "whatever.example");
    assert_eq!(code_of(&counts), "SignatureDoesNotMatch");
}

#[test]
fn what_is_verified_is_what_was_sent() {
    let verified = verify(&signed("%E6%A0%87=x+y&b=", "b=&\u{6807}=x%20y", ";")).unwrap();
    assert_eq!(verified.params().get("标"), Some("x y"));
    assert_eq!(verified.params().get("b"), Some(""));
    assert_eq!(verified.host(), Some("localhost"));
    assert_eq!(verified.user_agent(), None);
}

/// The signature itself is over the hash that the server computes; the header must agree with it.
#[test]
fn a_hash_header_that_lies_is_refused_even_if_it_is_signed() {
    assert_eq!(
        code_of(&signed_with_hash("a=1", "a=1", ";", EMPTY_HASH)),
        "accepted"
    );
    let upper = EMPTY_HASH.to_uppercase();
    for hash in ["UNSIGNED-PAYLOAD", &"0".repeat(64), &upper] {
        let code = code_of(&signed_with_hash("a=1", "a=1", ";", hash));
        assert_eq!(code, "SignatureDoesNotMatch", "{hash}");
    }
}
