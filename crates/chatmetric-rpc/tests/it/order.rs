//! Each refusal before admission, and the order in which they come. Every case starts from a
//! captured request that is accepted, so that the one change is what is refused.

use chatmetric_rpc::credential::KeyStatus;
use chatmetric_rpc::request::{BODY_BYTES_MAX_DEFAULT, ParsedRequest};
use chatmetric_rpc::response::ResponseFormat;
use chatmetric_rpc::signature::VerifierSettings;

use crate::actor::{Directory, KEY_ID, NOW_MS, Wire, code_of, named, verify, verify_with};

fn v3() -> Wire {
    named("v3-py-new-basic").wire
}

fn v1() -> Wire {
    named("v1-py-new-post").wire
}

fn after(mut wire: Wire, change: impl FnOnce(&mut Wire)) -> String {
    change(&mut wire);
    code_of(&wire)
}

fn edit(from: &'static str, to: &'static str) -> impl FnOnce(&mut Wire) {
    move |wire| {
        assert!(wire.target.contains(from), "{from} is in {}", wire.target);
        wire.target = wire.target.replacen(from, to, 1);
    }
}

fn edit_authorization(from: &'static str, to: &'static str) -> impl FnOnce(&mut Wire) {
    move |wire| {
        let value = wire.header("authorization").expect("it has one").to_vec();
        let value = String::from_utf8(value).unwrap();
        assert!(value.contains(from), "{from} is in {value}");
        wire.set_header("authorization", &value.replacen(from, to, 1));
    }
}

#[test]
fn the_unchanged_requests_are_accepted() {
    assert_eq!(code_of(&v3()), "accepted");
    assert_eq!(code_of(&v1()), "accepted");
}

#[test]
fn size_method_and_path_come_first() {
    let too_large = |wire: &mut Wire| wire.body = vec![b'a'; 4 * 1024 * 1024 + 1];
    assert_eq!(after(v3(), too_large), "RequestTooLarge");
    assert_eq!(
        after(v3(), |w| w.method = "PUT".into()),
        "UnsupportedHTTPMethod"
    );
    assert_eq!(
        after(v3(), |w| w.method = "post".into()),
        "UnsupportedHTTPMethod"
    );
    assert_eq!(after(v3(), edit("/?", "/x?")), "InvalidAction.NotFound");
    assert_eq!(after(v3(), edit("/?", "//?")), "InvalidAction.NotFound");
}

#[test]
fn action_and_version_come_before_credentials() {
    assert_eq!(
        after(v3(), |w| w.set_header("x-acs-action", "Nope")),
        "InvalidAction.NotFound"
    );
    assert_eq!(
        after(v3(), |w| w.set_header("x-acs-version", "2020-06-07")),
        "InvalidVersion"
    );
    assert_eq!(
        after(v3(), |w| w.remove_header("x-acs-action")),
        "MissingAction"
    );
    assert_eq!(
        after(v3(), |w| w.remove_header("x-acs-version")),
        "MissingVersion"
    );
    assert_eq!(
        after(v1(), edit("Action=GetChatappPhoneNumberMetric&", "")),
        "MissingAction"
    );
    assert_eq!(
        after(v1(), edit("Version=2020-06-06&", "Version=&")),
        "MissingVersion"
    );
    assert_eq!(
        after(v1(), edit("Version=2020-06-06", "Version=2020")),
        "InvalidVersion"
    );
    let both = |w: &mut Wire| {
        w.set_header("x-acs-action", "Nope");
        w.set_header("authorization", "nonsense");
    };
    assert_eq!(after(v3(), both), "InvalidAction.NotFound");
}

#[test]
fn headers_name_no_action_in_v1() {
    let wire = |w: &mut Wire| {
        w.set_header("x-acs-action", "Nope");
        w.set_header("x-acs-version", "1999");
        w.set_header("x-acs-date", "then");
    };
    assert_eq!(after(v1(), wire), "accepted");
}

#[test]
fn an_authorization_that_is_malformed_is_incomplete() {
    for value in [
        "",
        "ACS3-HMAC-SHA256",
        "Basic dXNlcjpwYXNz",
        "Bearer abc",
        "acs3-hmac-sha256 Credential=a,SignedHeaders=host,Signature=00",
        "ACS3-HMAC-SHA256 Credential=a",
        "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host",
        "ACS3-HMAC-SHA256 SignedHeaders=host,Credential=a,Signature=00",
        "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=,Signature=00",
        "ACS3-HMAC-SHA256 Credential=a,Signature=00",
        "ACS3-HMAC-SHA256 Credential=a,Signature=00,SignedHeaders=",
        "ACS3-HMAC-SHA256 Credential=a,Signature=00,SignedHeaders=host,Signature=00",
        "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=",
        "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host;host,Signature=00",
        "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=Host,Signature=00",
        "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host;;accept,Signature=00",
    ] {
        let code = after(v3(), |w| w.set_header("authorization", value));
        assert_eq!(code, "IncompleteSignature", "{value}");
    }
    let no_key = "ACS3-HMAC-SHA256 Credential=,SignedHeaders=host,Signature=00";
    assert_eq!(
        after(v3(), |w| w.set_header("authorization", no_key)),
        "MissingAccessKeyId"
    );
}

#[test]
fn algorithms_are_an_allow_list() {
    for name in [
        "ACS3-RSA-SHA256",
        "ACS4-HMAC-SHA256",
        "ACS3-HMAC-SHA1",
        "ACS3-HMAC-SHA256 ",
    ] {
        let code = after(v3(), edit_authorization("ACS3-HMAC-SHA256", name));
        let expected = if name.ends_with(' ') {
            "accepted"
        } else {
            "IncompleteSignature"
        };
        assert_eq!(code, expected, "{name}");
    }
    // The other accepted algorithm, claimed for a signature of this one.
    let code = after(
        v3(),
        edit_authorization("ACS3-HMAC-SHA256", "ACS3-HMAC-SM3"),
    );
    assert_eq!(code, "SignatureDoesNotMatch");
    for (from, to, expected) in [
        (
            "SignatureMethod=HMAC-SHA1",
            "SignatureMethod=none",
            "InvalidParameter.SignatureMethod",
        ),
        ("SignatureMethod=HMAC-SHA1&", "", "MissingSignatureMethod"),
        (
            "SignatureVersion=1.0",
            "SignatureVersion=2.0",
            "InvalidParameter.SignatureVersion",
        ),
        (
            "SignatureVersion=1.0",
            "SignatureType=PRIVATEKEY&SignatureVersion=1.0",
            "InvalidParameter.SignatureType",
        ),
    ] {
        assert_eq!(after(v1(), edit(from, to)), expected, "{to}");
    }
    let off = VerifierSettings {
        v1_enabled: false,
        ..VerifierSettings::default()
    };
    let refused = verify_with(&v1(), &off, &Directory::new(), NOW_MS).unwrap_err();
    assert_eq!(refused.code(), "InvalidParameter.SignatureVersion");
    assert!(verify_with(&v3(), &off, &Directory::new(), NOW_MS).is_ok());
}

#[test]
fn credentials_in_two_places_are_ambiguous() {
    let both = |w: &mut Wire| w.target.push_str("&Signature=x");
    assert_eq!(after(v3(), both), "IncompleteSignature");
    assert_eq!(
        after(v3(), |w| w.target.push_str("&AccessKeyId=x")),
        "IncompleteSignature"
    );
    assert_eq!(
        after(v3(), |w| w.target.push_str("&SecurityToken=x")),
        "IncompleteSignature"
    );
    assert_eq!(
        after(v3(), |w| w.target.push_str("&BearerToken=x")),
        "IncompleteSignature"
    );
    assert_eq!(
        after(v3(), |w| w.set_header("x-acs-bearer-token", "x")),
        "IncompleteSignature"
    );
    assert_eq!(
        after(v1(), |w| w.set_header("authorization", "Basic x")),
        "IncompleteSignature"
    );
    assert_eq!(
        after(v1(), |w| w.set_header("x-acs-security-token", "x")),
        "IncompleteSignature"
    );
    assert_eq!(
        after(v1(), |w| w.set_header("x-acs-bearer-token", "x")),
        "IncompleteSignature"
    );
    let twice = |w: &mut Wire| {
        let value = w.header("authorization").unwrap().to_vec();
        w.headers.push(("AUTHORIZATION".into(), value));
    };
    assert_eq!(after(v3(), twice), "IncompleteSignature");
    let other_key = |w: &mut Wire| w.set_header("x-acs-accesskey-id", "other");
    let signs = edit_authorization("SignedHeaders=", "SignedHeaders=x-acs-accesskey-id;");
    let mut wire = v3();
    signs(&mut wire);
    assert_eq!(after(wire, other_key), "IncompleteSignature");
}

#[test]
fn bearer_and_anonymous_requests_are_named_as_such() {
    let bearer = |w: &mut Wire| {
        w.remove_header("authorization");
        w.set_header("x-acs-zero-trust-idtoken", "x");
    };
    assert_eq!(after(v3(), bearer), "InvalidParameter.SignatureType");
    let query = edit(
        "SignatureMethod=",
        "BearerToken=t&SignatureType=BEARERTOKEN&SignatureMethod=",
    );
    assert_eq!(after(v1(), query), "InvalidParameter.SignatureType");
    assert_eq!(
        after(v3(), |w| w.remove_header("authorization")),
        "MissingAccessKeyId"
    );
    let mut json = named("v3-py-new-json-body").wire;
    json.remove_header("authorization");
    assert_eq!(code_of(&json), "MissingAccessKeyId");
    assert_eq!(
        after(v1(), |w| {
            let at = w.target.find("&Signature=").unwrap();
            w.target.truncate(at);
        }),
        "MissingSignature"
    );
}

#[test]
fn every_header_with_an_effect_must_be_signed() {
    for name in [
        "x-acs-action",
        "x-acs-version",
        "x-acs-date",
        "x-acs-signature-nonce",
        "x-acs-content-sha256",
        "x-acs-credentials-provider",
    ] {
        let mut wire = v3();
        let value = String::from_utf8(wire.header("authorization").unwrap().to_vec()).unwrap();
        let value = value
            .replace(&format!("{name};"), "")
            .replace(&format!(";{name}"), "");
        wire.set_header("authorization", &value);
        assert_eq!(code_of(&wire), "IncompleteSignature", "{name} unsigned");
    }
    assert_eq!(
        after(v3(), |w| w.set_header("X-Acs-Anything", "1")),
        "IncompleteSignature"
    );
    let mut typed = named("v3-py-new-json-body").wire;
    edit_authorization("content-type;", "")(&mut typed);
    assert_eq!(
        code_of(&typed),
        "IncompleteSignature",
        "the type of a body is unsigned"
    );
    assert_eq!(
        after(v3(), |w| w.remove_header("accept")),
        "IncompleteSignature"
    );
    assert_eq!(
        after(v3(), |w| w.remove_header("host")),
        "IncompleteSignature"
    );
    assert_eq!(
        after(v3(), |w| w.headers.push(("Accept".into(), b"*/*".to_vec()))),
        "IncompleteSignature"
    );
    let folded = |w: &mut Wire| w.set_header("accept", "application/json\nx: y");
    assert_eq!(after(v3(), folded), "IncompleteSignature");
}

#[test]
fn missing_common_parameters_are_named() {
    assert_eq!(
        after(v3(), |w| w.remove_header("x-acs-date")),
        "MissingTimestamp"
    );
    assert_eq!(
        after(v3(), |w| w.set_header("x-acs-date", "")),
        "MissingTimestamp"
    );
    assert_eq!(
        after(v3(), |w| w.remove_header("x-acs-signature-nonce")),
        "MissingSignatureNonce"
    );
    assert_eq!(
        after(v3(), |w| w.remove_header("x-acs-content-sha256")),
        "MissingContentSha256"
    );
    let long = "n".repeat(129);
    assert_eq!(
        after(v3(), |w| w.set_header("x-acs-signature-nonce", &long)),
        "InvalidParameter.SignatureNonce"
    );
    for name in [
        "Timestamp",
        "SignatureNonce",
        "AccessKeyId",
        "SignatureVersion",
    ] {
        let mut wire = v1();
        wire.target = wire
            .target
            .replace(&format!("{name}="), &format!("No{name}="));
        assert_eq!(code_of(&wire), format!("Missing{name}"));
        let mut wire = v1();
        // The real gateway takes no other spelling either.
        wire.target = wire.target.replace("Timestamp=", "TimeStamp=");
        assert_eq!(code_of(&wire), "MissingTimestamp");
    }
}

#[test]
fn the_time_stamp_comes_before_the_key() {
    let unknown = edit_authorization(KEY_ID, "LTAIunknown");
    let mut wire = v3();
    unknown(&mut wire);
    wire.set_header("x-acs-date", "2026-01-02T03:04:05.000Z");
    assert_eq!(code_of(&wire), "InvalidTimeStamp.Format");
    wire.set_header("x-acs-date", "2026-01-02T03:20:05Z");
    assert_eq!(code_of(&wire), "InvalidTimeStamp.Expired");
    wire.set_header("x-acs-date", "2026-01-02T03:04:05Z");
    assert_eq!(code_of(&wire), "InvalidAccessKeyId.NotFound");
}

#[test]
fn a_skew_of_fifteen_minutes_passes_and_not_a_millisecond_more() {
    let at = |now_ms| {
        let outcome = verify_with(
            &v3(),
            &VerifierSettings::default(),
            &Directory::new(),
            now_ms,
        );
        outcome.map_err(|error| error.code().into_owned()).err()
    };
    for inside in [0, 900_000, -900_000] {
        assert_eq!(at(NOW_MS + inside), None, "{inside}");
    }
    for outside in [900_001, -900_001, i64::MAX - NOW_MS] {
        assert_eq!(
            at(NOW_MS + outside).as_deref(),
            Some("InvalidTimeStamp.Expired"),
            "{outside}"
        );
    }
    let narrow = VerifierSettings {
        skew_ms: 1_000,
        ..VerifierSettings::default()
    };
    assert!(verify_with(&v3(), &narrow, &Directory::new(), NOW_MS + 1_000).is_ok());
    assert!(verify_with(&v3(), &narrow, &Directory::new(), NOW_MS + 1_001).is_err());
}

#[test]
fn keys_come_before_tokens_and_tokens_before_signatures() {
    let bad = |mut wire: Wire| {
        let value = String::from_utf8(wire.header("authorization").unwrap().to_vec()).unwrap();
        let at = value.find("Signature=").unwrap();
        wire.set_header("authorization", &format!("{}Signature=00", &value[..at]));
        wire
    };
    let inactive = Directory {
        status: KeyStatus::Inactive,
        sessions: true,
    };
    let settings = VerifierSettings::default();
    let code = |wire: &Wire, directory: &Directory| {
        verify_with(wire, &settings, directory, NOW_MS)
            .unwrap_err()
            .code()
            .into_owned()
    };
    assert_eq!(code(&bad(v3()), &inactive), "InvalidAccessKeyId.Inactive");
    assert_eq!(code(&v3(), &inactive), "InvalidAccessKeyId.Inactive");
    let sts = named("v3-py-new-sts").wire;
    assert_eq!(code(&sts, &inactive), "InvalidAccessKeyId.Inactive");
    for (token, expected) in [
        ("garbage", "InvalidSecurityToken.Malformed"),
        ("expired", "InvalidSecurityToken.Expired"),
        (
            "another key's",
            "InvalidSecurityToken.MismatchWithAccessKey",
        ),
        ("CAISvectorToken+/=~* 0001", "SignatureDoesNotMatch"),
    ] {
        let mut wire = bad(sts.clone());
        wire.set_header("x-acs-security-token", token);
        assert_eq!(code(&wire, &Directory::new()), expected);
    }
    // A token that is sent with a right signature of the long-term key is not ignored.
    let mut wire = v1();
    wire.target = wire
        .target
        .replace("&Signature=", "&SecurityToken=garbage&Signature=");
    assert_eq!(code_of(&wire), "InvalidSecurityToken.Malformed");
}

#[test]
fn a_token_that_is_not_text_is_not_taken_for_none() {
    let mut wire = named("v3-py-new-sts").wire;
    wire.remove_header("x-acs-security-token");
    wire.headers
        .push(("x-acs-security-token".into(), b"\xff\xfe".to_vec()));
    assert_eq!(code_of(&wire), "InvalidSecurityToken.Malformed");
}

#[test]
fn without_a_session_verifier_every_token_is_refused() {
    let none = Directory {
        status: KeyStatus::Active,
        sessions: false,
    };
    let settings = VerifierSettings::default();
    for name in ["v3-py-new-sts", "v3-node-sts", "v1-py-new-sts-special"] {
        let wire = named(name).wire;
        let refused = verify_with(&wire, &settings, &none, NOW_MS).unwrap_err();
        assert_eq!(refused.code(), "InvalidSecurityToken.Malformed", "{name}");
    }
}

#[test]
fn a_temporary_key_without_its_token_is_refused() {
    let code = after(v3(), edit_authorization(KEY_ID, "STS.NTabcdefgh"));
    assert_eq!(code, "MissingSecurityToken");
    let code = after(
        v1(),
        edit("AccessKeyId=LTAI5tVectorKey000000001", "AccessKeyId=STS.x"),
    );
    assert_eq!(code, "MissingSecurityToken");
}

#[test]
fn a_key_id_that_cannot_exist_is_not_found() {
    let code = after(
        v1(),
        edit("AccessKeyId=LTAI5tVectorKey000000001", "AccessKeyId=a%0Ab"),
    );
    assert_eq!(code, "InvalidAccessKeyId.NotFound");
}

#[test]
fn a_body_that_is_not_the_signed_one_does_not_match() {
    let mut wire = named("v3-py-new-json-body").wire;
    wire.body = wire
        .body
        .iter()
        .map(|b| if *b == b'1' { b'3' } else { *b })
        .collect();
    assert_eq!(code_of(&wire), "SignatureDoesNotMatch");
    let mut wire = named("v1-py-new-form").wire;
    wire.body.extend_from_slice(b"&Extra=1");
    assert_eq!(code_of(&wire), "SignatureDoesNotMatch");
}

#[test]
fn a_body_in_another_shape_is_refused() {
    let mut json_in_v1 = v1();
    json_in_v1.body = b"{}".to_vec();
    json_in_v1.set_header("content-type", "application/json");
    assert_eq!(code_of(&json_in_v1), "InvalidParameter.Body");
    let mut untyped = v1();
    untyped.body = b"A=1".to_vec();
    assert_eq!(code_of(&untyped), "InvalidParameter.Content-Type");
    let mut signature_in_json = v1();
    signature_in_json.target = "/".to_owned();
    signature_in_json.body =
        br#"{"Action":"GetChatappPhoneNumberMetric","Version":"2020-06-06","Signature":"x"}"#
            .to_vec();
    signature_in_json.set_header("content-type", "application/json");
    assert_eq!(code_of(&signature_in_json), "InvalidParameter.Body");
    let mut typed_twice = named("v1-py-new-form").wire;
    typed_twice
        .headers
        .push(("Content-Type".into(), b"application/json".to_vec()));
    assert_eq!(code_of(&typed_twice), "InvalidParameter.Content-Type");
}

#[test]
fn a_parameter_given_twice_is_refused() {
    assert_eq!(
        after(v3(), |w| w.target.push_str("&Start=1")),
        "InvalidParameter.Start"
    );
    assert_eq!(
        after(v1(), |w| w.target.push_str("&Start=1693107714687")),
        "InvalidParameter.Start"
    );
    assert_eq!(
        after(v1(), |w| w.target.push_str("&Signature=")),
        "InvalidParameter.Signature"
    );
    assert_eq!(
        after(v1(), |w| w.target.push_str("&%53tart=1")),
        "InvalidParameter.Start"
    );
    let form = |w: &mut Wire| {
        w.body = b"Start=1693107714687".to_vec();
        w.set_header("content-type", "application/x-www-form-urlencoded");
    };
    assert_eq!(after(v1(), form), "InvalidParameter.Start");
}

#[test]
fn a_rewritten_host_passes_only_if_it_is_listed() {
    let mut wire = v3();
    wire.set_header("host", "metrics.internal:9000");
    assert_eq!(code_of(&wire), "SignatureDoesNotMatch");
    let listed = |hosts: &[&str]| VerifierSettings {
        public_hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        ..VerifierSettings::default()
    };
    let directory = Directory::new();
    let settings = listed(&["other.example", "127.0.0.1:18473"]);
    assert!(verify_with(&wire, &settings, &directory, NOW_MS).is_ok());
    assert!(verify_with(&v3(), &listed(&["other.example"]), &directory, NOW_MS).is_ok());
    assert!(verify_with(&wire, &listed(&["other.example"]), &directory, NOW_MS).is_err());
}

#[test]
fn a_signer_that_leaves_empty_values_out_is_accepted_and_they_are_dropped() {
    // The signature of a request without CustSpaceId, sent with `CustSpaceId=` as Java does.
    let mut wire = v1();
    wire.target.push_str("&CustSpaceId=&IsvCode=");
    let verified = verify(&wire).unwrap();
    assert_eq!(
        verified.params().get("CustSpaceId"),
        None,
        "unsigned, so without effect"
    );
    assert_eq!(verified.params().get("Start"), Some("1693107714687"));
    wire.target.push_str("&PhoneNumber2=x");
    assert_eq!(code_of(&wire), "SignatureDoesNotMatch");
}

#[test]
fn the_format_follows_the_v1_signature_only() {
    let format = |wire: &Wire| {
        wire.with_raw(
            |raw| match ParsedRequest::parse(raw, BODY_BYTES_MAX_DEFAULT) {
                Ok(parsed) => parsed.format(),
                Err(refusal) => refusal.format,
            },
        )
    };
    assert_eq!(format(&named("v1-pycore-xml").wire), ResponseFormat::Xml);
    assert_eq!(format(&v1()), ResponseFormat::Json);
    let with = |to: &str| {
        let mut wire = v1();
        wire.target = wire.target.replace("Format=json&", to);
        format(&wire)
    };
    assert_eq!(with(""), ResponseFormat::Xml, "absent");
    assert_eq!(with("Format=&"), ResponseFormat::Xml, "empty is absent");
    assert_eq!(with("Format=xMl&"), ResponseFormat::Xml);
    assert_eq!(with("Format=yaml&"), ResponseFormat::Json);
    assert_eq!(
        with("Start=1&"),
        ResponseFormat::Xml,
        "refused for a duplicate"
    );
    let mut wire = v3();
    wire.target.push_str("&Format=XML");
    assert_eq!(format(&wire), ResponseFormat::Json, "V3 is always JSON");
    wire.target.push_str("&Signature=x");
    assert_eq!(format(&wire), ResponseFormat::Json, "ambiguous");
    assert_eq!(
        format(&named("anonymous-py-new").wire),
        ResponseFormat::Json
    );
}
