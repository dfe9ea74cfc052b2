//! The client's side: it signs what the SDKs sign, and what it signs is accepted.

use chatmetric_rpc::credential::SecretKey;
use chatmetric_rpc::request::Method;
use chatmetric_rpc::sign::{Algorithm, Call, Credentials, SignedCall, sign_v1, sign_v3};

use crate::actor::{KEY_ID, SECRET, TOKEN, Vector, Wire, named, vectors, verify};

fn credentials(vector: &Vector) -> Credentials {
    let text = |name: &str| vector.json["credentials"][name].as_str().map(str::to_owned);
    Credentials {
        access_key_id: text("access_key_id").unwrap(),
        secret: SecretKey::new(text("access_key_secret").unwrap()),
        security_token: text("security_token").map(SecretKey::new),
    }
}

fn method(vector: &Vector) -> Method {
    if vector.wire.method == "GET" {
        Method::Get
    } else {
        Method::Post
    }
}

/// The parameters of a captured query or form, decoded by the verifier's own tests' standards:
/// what the verified request holds.
fn params_of(
    vector: &Vector,
    source: chatmetric_rpc::params::ParamSource,
) -> Vec<(String, String)> {
    let verified = verify(&vector.wire).unwrap();
    let params = verified
        .params()
        .iter()
        .filter(|param| param.source() == source);
    params
        .map(|param| (param.name().to_owned(), param.value().to_owned()))
        .collect()
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect()
}

fn wire_of(call: &SignedCall, method: Method) -> Wire {
    Wire {
        method: method.as_str().to_owned(),
        target: call.target.clone(),
        headers: call
            .headers
            .iter()
            .map(|(n, v)| (n.clone(), v.clone().into_bytes()))
            .collect(),
        body: call.body.clone(),
    }
}

#[test]
fn v3_signatures_equal_the_sdks() {
    let mut seen = 0;
    for vector in vectors()
        .iter()
        .filter(|vector| vector.scheme.starts_with("ACS3"))
    {
        let algorithm = match vector.scheme.as_str() {
            "ACS3-HMAC-SM3" => Algorithm::HmacSm3,
            _ => Algorithm::HmacSha256,
        };
        let header = |name: &str| {
            let value = vector.wire.header(name).unwrap_or_default();
            std::str::from_utf8(value).unwrap()
        };
        let signed_names = vector.expected["signed_headers"].as_str().unwrap();
        let own = |name: &str| {
            matches!(
                name,
                "host"
                    | "content-type"
                    | "x-acs-action"
                    | "x-acs-version"
                    | "x-acs-date"
                    | "x-acs-signature-nonce"
                    | "x-acs-content-sha256"
                    | "x-acs-accesskey-id"
                    | "x-acs-security-token"
            )
        };
        let further: Vec<(&str, &str)> = signed_names
            .split(';')
            .filter(|n| !own(n))
            .map(|n| (n, header(n)))
            .collect();
        let query = params_of(vector, chatmetric_rpc::params::ParamSource::Query);
        let has_type = signed_names.split(';').any(|name| name == "content-type");
        let signed = sign_v3(
            algorithm,
            &credentials(vector),
            &Call {
                method: method(vector),
                host: header("host"),
                action: header("x-acs-action"),
                version: header("x-acs-version"),
                query: &borrowed(&query),
                headers: &further,
                body: &vector.wire.body,
                content_type: has_type.then(|| header("content-type")),
                form: &[],
                date: header("x-acs-date"),
                nonce: header("x-acs-signature-nonce"),
            },
        );
        let expected = |name: &str| vector.expected[name].as_str().unwrap();
        assert_eq!(
            signed.canonical_request.as_deref(),
            Some(expected("canonical_request"))
        );
        assert_eq!(
            signed.string_to_sign,
            expected("string_to_sign"),
            "{}",
            vector.name
        );
        assert_eq!(signed.signature, expected("signature"), "{}", vector.name);
        verify(&wire_of(&signed, method(vector))).expect("what is signed is accepted");
        seen += 1;
    }
    assert_eq!(seen, 15);
}

#[test]
fn v1_signatures_equal_the_sdks() {
    let mut seen = 0;
    for vector in vectors()
        .iter()
        .filter(|vector| vector.scheme == "HMAC-SHA1")
    {
        let common = [
            "Action",
            "Version",
            "AccessKeyId",
            "Timestamp",
            "SignatureNonce",
            "SignatureMethod",
            "SignatureVersion",
            "SecurityToken",
        ];
        let of = |source| {
            let mut pairs = params_of(vector, source);
            pairs.retain(|(name, _)| !common.contains(&name.as_str()));
            pairs
        };
        let query = of(chatmetric_rpc::params::ParamSource::Query);
        let form = of(chatmetric_rpc::params::ParamSource::Form);
        let signed = sign_v1(
            &credentials(vector),
            &Call {
                method: method(vector),
                host: "localhost",
                action: "GetChatappPhoneNumberMetric",
                version: "2020-06-06",
                query: &borrowed(&query),
                headers: &[],
                body: b"",
                content_type: None,
                form: &borrowed(&form),
                date: "2026-01-02T03:04:05Z",
                nonce: "0123456789abcdef0123456789abcdef",
            },
        );
        let expected = |name: &str| vector.expected[name].as_str().unwrap();
        assert_eq!(
            signed.string_to_sign,
            expected("string_to_sign"),
            "{}",
            vector.name
        );
        assert_eq!(signed.signature, expected("signature"), "{}", vector.name);
        verify(&wire_of(&signed, method(vector))).expect("what is signed is accepted");
        seen += 1;
    }
    assert_eq!(seen, 11);
}

#[test]
fn a_signed_call_shows_no_secret() {
    let credentials = Credentials {
        access_key_id: KEY_ID.to_owned(),
        secret: SecretKey::new(SECRET),
        security_token: Some(SecretKey::new(TOKEN)),
    };
    let shown = format!("{credentials:?}");
    assert!(
        !shown.contains(SECRET) && !shown.contains("CAIS"),
        "{shown}"
    );
    let verified = verify(&named("v3-py-new-sts").wire).unwrap();
    let shown = format!("{verified:?}");
    assert!(!shown.contains("CAIS"), "{shown}");
}
