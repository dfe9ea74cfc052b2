//! Spellings of the ACS3 signature that no capture holds, signed here by hand: raw names in the
//! canonical query, SignedHeaders joined by commas, a signer with other headers. And what an
//! attacker could make of the tolerance, if it were wider.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use sm3::Sm3;

use crate::actor::{KEY_ID, SECRET, Wire, code_of, verify};

const EMPTY_HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const EMPTY_HASH_SM3: &str = "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b";

/// How a client signs and what it sends besides the query.
#[derive(Clone, Copy)]
struct Client<'a> {
    host: Option<&'a str>,
    joiner: &'a str,
    sm3: bool,
    /// Name and value of the header that holds the hash of the (empty) body.
    hash: (&'a str, &'a str),
}

const CLIENT: Client<'_> = Client {
    host: Some("localhost"),
    joiner: ";",
    sm3: false,
    hash: ("x-acs-content-sha256", EMPTY_HASH),
};

/// Signs a GET whose canonical query is `canonical`, whatever is sent.
fn signed(sent_query: &str, canonical: &str, joiner: &str) -> Wire {
    let client = Client { joiner, ..CLIENT };
    client.sign(sent_query, canonical)
}

/// As [`signed`], with any text in the header that names the hash of the (empty) body.
fn signed_with_hash(hash: &str) -> Wire {
    let hash = ("x-acs-content-sha256", hash);
    Client { hash, ..CLIENT }.sign("a=1", "a=1")
}

impl Client<'_> {
    fn sign(self, sent_query: &str, canonical: &str) -> Wire {
        let mut headers = vec![
            ("x-acs-action", "GetChatappPhoneNumberMetric"),
            self.hash,
            ("x-acs-date", "2026-01-02T03:04:05Z"),
            ("x-acs-signature-nonce", "n"),
            ("x-acs-version", "2020-06-06"),
        ];
        headers.extend(self.host.map(|host| ("host", host)));
        headers.sort_unstable();
        let lines: String = headers.iter().map(|(n, v)| format!("{n}:{v}\n")).collect();
        let names: Vec<&str> = headers.iter().map(|(n, _)| *n).collect();
        let names = names.join(self.joiner);
        let body_hash = if self.sm3 { EMPTY_HASH_SM3 } else { EMPTY_HASH };
        let request = format!("GET\n/\n{canonical}\n{lines}\n{names}\n{body_hash}");
        let (algorithm, signature) = self.hmac(&request);
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
            format!("{algorithm} Credential={KEY_ID},SignedHeaders={names},Signature={signature}");
        wire.set_header("Authorization", &authorization);
        wire
    }

    /// The algorithm's name and the signature of a canonical request.
    fn hmac(self, request: &str) -> (&'static str, String) {
        if self.sm3 {
            let name = "ACS3-HMAC-SM3";
            let to_sign = format!("{name}\n{}", hex::encode(Sm3::digest(request)));
            let mut mac = Hmac::<Sm3>::new_from_slice(SECRET.as_bytes()).unwrap();
            mac.update(to_sign.as_bytes());
            return (name, hex::encode(mac.finalize().into_bytes()));
        }
        let name = "ACS3-HMAC-SHA256";
        let to_sign = format!("{name}\n{}", hex::encode(Sha256::digest(request)));
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(to_sign.as_bytes());
        (name, hex::encode(mac.finalize().into_bytes()))
    }
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
    let host = None;
    let mut unsigned = Client { host, ..CLIENT }.sign("a=1", "a=1");
    assert_eq!(code_of(&unsigned), "accepted");
    unsigned.set_header("host", "whatever.example");
    assert_eq!(code_of(&unsigned), "accepted");
    let mut counts = signed("a=1", "a=1", ";");
    counts.set_header("host", "whatever.example");
    assert_eq!(code_of(&counts), "SignatureDoesNotMatch");
}

/// As the older Java core writes it.
#[test]
fn the_signature_may_stand_before_the_names() {
    let mut wire = signed("a=1", "a=1", ";");
    let value = String::from_utf8(wire.header("authorization").unwrap().to_vec()).unwrap();
    let (start, rest) = value.split_once(",SignedHeaders=").unwrap();
    let (names, signature) = rest.split_once(",Signature=").unwrap();
    let turned = |signature: &str| format!("{start},Signature={signature},SignedHeaders={names}");
    wire.set_header("Authorization", &turned(signature));
    assert_eq!(code_of(&wire), "accepted");
    wire.set_header("Authorization", &turned(&"0".repeat(64)));
    assert_eq!(code_of(&wire), "SignatureDoesNotMatch");
}

/// Most SDKs keep the name of the header with SM3; the asynchronous Java client does not.
#[test]
fn with_sm3_the_hash_has_either_name_and_must_be_right() {
    let other = "0".repeat(64);
    for name in ["x-acs-content-sha256", "x-acs-content-sm3"] {
        for (hash, expected) in [
            (EMPTY_HASH_SM3, "accepted"),
            (EMPTY_HASH, "SignatureDoesNotMatch"),
            (other.as_str(), "SignatureDoesNotMatch"),
            ("", "MissingContentSha256"),
        ] {
            let client = Client {
                sm3: true,
                hash: (name, hash),
                ..CLIENT
            };
            assert_eq!(
                code_of(&client.sign("a=1", "a=1")),
                expected,
                "{name} {hash}"
            );
        }
    }
    let hash = ("x-acs-content-sm3", EMPTY_HASH);
    assert_eq!(
        code_of(&Client { hash, ..CLIENT }.sign("a=1", "a=1")),
        "MissingContentSha256",
        "SHA-256 has one name"
    );
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
    assert_eq!(code_of(&signed_with_hash(EMPTY_HASH)), "accepted");
    let upper = EMPTY_HASH.to_uppercase();
    for hash in ["UNSIGNED-PAYLOAD", &"0".repeat(64), &upper] {
        let code = code_of(&signed_with_hash(hash));
        assert_eq!(code, "SignatureDoesNotMatch", "{hash}");
    }
}
