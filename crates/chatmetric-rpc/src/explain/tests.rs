//! That drafts are the verifier's own texts, and that nothing secret comes through.

use super::draft_v1::DraftV1;
use super::draft_v3::DraftV3;
use super::suspect::Draft;
use super::*;
use crate::request::Method;
use crate::sign::{Algorithm, Call, Credentials as Signer, SignedCall, sign_v1, sign_v3};

const SECRET: &str = "a-long-secret";
const TOKEN: &str = "CAIS token+/=";
const STAMP_MS: i64 = 1_767_323_045_000;

fn call<'a>(query: &'a [(&'a str, &'a str)], form: &'a [(&'a str, &'a str)]) -> Call<'a> {
    Call {
        method: Method::Post,
        host: "localhost:8080",
        action: "Ping",
        version: "2020-06-06",
        query,
        headers: &[("Accept", "application/json")],
        body: b"",
        content_type: None,
        form,
        date: "2026-01-02T03:04:05Z",
        nonce: "n",
    }
}

fn signer() -> Signer {
    Signer {
        access_key_id: "LTAIexample".into(),
        secret: SecretKey::new(SECRET),
        security_token: Some(SecretKey::new(TOKEN)),
    }
}

const QUERY: [(&str, &str); 4] = [("b", "x y*~"), ("A.1", ""), ("A", "中&="), ("a", "%2F+")];

fn with_raw<T>(signed: &SignedCall, f: impl FnOnce(RawRequest<'_>) -> T) -> T {
    let headers: Vec<(&str, &[u8])> = signed
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    f(RawRequest {
        method: "POST",
        target: &signed.target,
        headers: &headers,
        body: &signed.body,
        peer_ip: [127, 0, 0, 1].into(),
        tls: false,
    })
}

#[test]
fn an_unchanged_draft_is_what_the_verifier_signs() {
    let secret = SecretKey::new(SECRET);
    for algorithm in [Algorithm::HmacSha256, Algorithm::HmacSm3] {
        let signed = sign_v3(algorithm, &signer(), &call(&QUERY, &[]));
        with_raw(&signed, |raw| {
            let parsed = ParsedRequest::parse(raw, BODY_BYTES_MAX_DEFAULT).unwrap();
            let Credentials::V3(authorization) = &parsed.credentials else {
                panic!("it is ACS3");
            };
            let draft = DraftV3::new(&parsed, authorization, Some(&secret));
            assert_eq!(draft.canonical_request(), signed.canonical_request);
            assert_eq!(draft.string_to_sign(), signed.string_to_sign);
            assert_eq!(draft.signature().as_ref(), Some(&signed.signature));
        });
    }
    let signed = sign_v1(&signer(), &call(&QUERY, &[("z", "1 2"), ("Z", "")]));
    with_raw(&signed, |raw| {
        let parsed = ParsedRequest::parse(raw, BODY_BYTES_MAX_DEFAULT).unwrap();
        let draft = DraftV1::new(&parsed, Some(&secret));
        assert_eq!(draft.string_to_sign(), signed.string_to_sign);
        assert_eq!(draft.signature().as_ref(), Some(&signed.signature));
    });
}

/// Also where the request itself carries the secret, or the texts to compare with do.
#[test]
fn no_text_holds_the_secret_or_the_token() {
    let secret = SecretKey::new(SECRET);
    let query = [
        ("AccessKeySecret", SECRET),
        ("Note", "my secret is a-long-secret!"),
    ];
    let calls = [
        sign_v3(Algorithm::HmacSha256, &signer(), &call(&query, &[])),
        sign_v1(&signer(), &call(&query, &[("More", SECRET)])),
    ];
    for signed in &calls {
        let theirs = signed
            .canonical_request
            .as_ref()
            .unwrap_or(&signed.string_to_sign);
        let theirs = theirs.replacen("CAIS", "OTHER", 1);
        let client_text = ClientText::parse(theirs.as_bytes()).unwrap();
        for client_text in [None, Some(&client_text)] {
            let explanation = with_raw(signed, |raw| {
                explain(&Subject {
                    raw,
                    secret: Some(&secret),
                    client_text,
                    verifier: &Verifier::default(),
                    now_ms: STAMP_MS,
                })
            });
            assert_eq!(explanation.verdict, Verdict::Matches);
            assert_eq!(explanation.request.security_token, Token::Signed);
            let shown = serde_json::to_string(&explanation).unwrap() + &format!("{explanation:?}");
            for hidden in [SECRET, "CAIS", "OTHER"] {
                assert!(!shown.contains(hidden), "{hidden} in {shown}");
            }
            assert!(shown.contains("(hidden)"), "{shown}");
        }
    }
}

#[test]
fn two_mistakes_at_once_are_named_both() {
    let secret = SecretKey::new("a-long-secret&");
    let signer = Signer { secret, ..signer() };
    let mut signed = sign_v3(Algorithm::HmacSha256, &signer, &call(&[("a", "b c")], &[]));
    // Signed for POST with the key of RPC 1.0, sent as GET.
    let explanation = {
        let secret = SecretKey::new(SECRET);
        signed.body.clear();
        with_raw(&signed, |raw| {
            let raw = RawRequest {
                method: "GET",
                ..raw
            };
            let verifier = Verifier::default();
            explain(&Subject {
                raw,
                secret: Some(&secret),
                client_text: None,
                verifier: &verifier,
                now_ms: STAMP_MS,
            })
        })
    };
    let codes: Vec<&str> = explanation
        .findings
        .iter()
        .map(|finding| finding.code.as_str())
        .collect();
    assert_eq!(codes, ["key-with-ampersand", "method"]);
}
