//! Every request captured from an official SDK, at the frozen clock: what the SDK signed is what
//! the server computes, and nothing but the signed requests passes.

use chatmetric_rpc::ApiError;
use chatmetric_rpc::request::Dialect;

use crate::actor::{KEY_ID, vectors, verify};

#[test]
fn every_signed_vector_is_accepted_and_every_other_refused() {
    let mut accepted = 0;
    for vector in vectors() {
        let outcome = verify(&vector.wire);
        match vector.scheme.as_str() {
            "ACS3-HMAC-SHA256" | "ACS3-HMAC-SM3" | "HMAC-SHA1" => {
                let verified = outcome.unwrap_or_else(|error| {
                    panic!("{}: {} {}", vector.name, error, error.message())
                });
                assert_eq!(verified.access_key_id().as_str(), KEY_ID, "{}", vector.name);
                assert_eq!(
                    verified.action(),
                    "GetChatappPhoneNumberMetric",
                    "{}",
                    vector.name
                );
                let v1 = vector.scheme == "HMAC-SHA1";
                let dialect = if v1 { Dialect::V1 } else { Dialect::V3 };
                assert_eq!(verified.dialect(), dialect, "{}", vector.name);
                let with_token = vector.json["credentials"].get("security_token").is_some();
                let principal = if with_token { "session" } else { "owner" };
                assert_eq!(*verified.principal(), principal, "{}", vector.name);
                accepted += 1;
            }
            "BEARERTOKEN" => {
                assert_eq!(
                    outcome.unwrap_err().code(),
                    "InvalidParameter.SignatureType"
                );
            }
            "none" => assert_eq!(outcome.unwrap_err().code(), "MissingAccessKeyId"),
            other => panic!("{}: unknown scheme {other}", vector.name),
        }
    }
    assert_eq!(accepted, 26, "two of the 28 vectors are not signed");
}

/// A wrong signature makes the server show what it signed: exactly what the SDK signed.
#[test]
fn the_server_signs_the_bytes_that_the_sdk_signed() {
    for mut vector in vectors() {
        let Some(expected) = vector.expected["string_to_sign"].as_str() else {
            continue;
        };
        let signature = vector.expected["signature"].as_str().unwrap().to_owned();
        let wrong = spoil(&signature);
        let encoded = |s: &str| {
            s.replace('+', "%2B")
                .replace('/', "%2F")
                .replace('=', "%3D")
        };
        for (_, value) in &mut vector.wire.headers {
            let text = String::from_utf8(value.clone()).unwrap();
            *value = text.replace(&signature, &wrong).into_bytes();
        }
        vector.wire.target = vector
            .wire
            .target
            .replace(&encoded(&signature), &encoded(&wrong));
        let body = String::from_utf8(vector.wire.body.clone()).unwrap();
        vector.wire.body = body
            .replace(&encoded(&signature), &encoded(&wrong))
            .into_bytes();

        match verify(&vector.wire) {
            Err(ApiError::SignatureMismatchV1 { string_to_sign }) => {
                assert_eq!(string_to_sign.expose(), expected, "{}", vector.name);
            }
            Err(ApiError::SignatureMismatchV3 {
                string_to_sign,
                canonical_request,
            }) => {
                assert_eq!(string_to_sign.expose(), expected, "{}", vector.name);
                let canonical = vector.expected["canonical_request"].as_str().unwrap();
                assert_eq!(canonical_request.expose(), canonical, "{}", vector.name);
            }
            other => panic!("{}: {other:?}", vector.name),
        }
    }
}

/// Another character of the same alphabet in the first place.
fn spoil(signature: &str) -> String {
    let first = if signature.starts_with('0') { '1' } else { '0' };
    format!("{first}{}", &signature[1..])
}

#[test]
fn parameters_are_read_as_the_sdk_meant_them() {
    let special = verify(&crate::actor::named("v3-py-new-special").wire).unwrap();
    assert_eq!(
        special.params().get("IsvCode"),
        Some("a b*c~d+e/f=g&h%20!'()")
    );
    assert_eq!(special.params().get("CustSpaceId"), Some(""));
    assert_eq!(special.params().optional("CustSpaceId"), None);
    let unicode = verify(&crate::actor::named("v3-py-new-unicode").wire).unwrap();
    assert_eq!(unicode.params().get("IsvCode"), Some("中文-é-😀"));
    let body = verify(&crate::actor::named("v3-node-json-body").wire).unwrap();
    assert_eq!(body.params().required_i64("Start"), Ok(1));
    assert_eq!(body.params().get("PhoneNumber.2"), Some("862*2"));
    assert_eq!(body.params().get("Filter.Value.1"), Some("x~y"));
    let form = verify(&crate::actor::named("v1-popcore-post").wire).unwrap();
    assert_eq!(form.params().get("PhoneNumber"), Some("861380000"));
    assert_eq!(
        form.params().get("Signature"),
        None,
        "the signature is not a parameter"
    );
}
