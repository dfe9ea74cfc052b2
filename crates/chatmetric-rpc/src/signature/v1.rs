//! The RPC 1.0 signature: HMAC-SHA1 over method and parameters of query and form.
//!
//! Headers are not covered, so none of them has an effect here. Invariants: the string to sign is
//! made from decoded and re-encoded parameters; a signer that leaves empty values out (Java) is
//! accepted, and then the empty ones are dropped from the request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::{CommonParameters, Covered, same_signature};
use crate::credential::SecretKey;
use crate::error::{ApiError, SignedText};
use crate::percent;
use crate::request::{Method, ParsedRequest};

/// The only accepted `SignatureMethod`.
pub const SIGNATURE_METHOD: &str = "HMAC-SHA1";
/// The only accepted `SignatureVersion`.
pub const SIGNATURE_VERSION: &str = "1.0";

/// `StringToSign` of parameters that are sorted by name, without `Signature` among them.
pub(crate) fn string_to_sign<'a>(
    method: Method,
    sorted: impl Iterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(method.as_str().as_bytes());
    out.extend_from_slice(b"&%2F&");
    let mut first = true;
    for (name, value) in sorted {
        if !first {
            out.extend_from_slice(b"%26");
        }
        first = false;
        percent::encode_twice_into(name, &mut out);
        out.extend_from_slice(b"%3D");
        percent::encode_twice_into(value, &mut out);
    }
    // Only ASCII was written.
    String::from_utf8_lossy(&out).into_owned()
}

/// `base64(HMAC-SHA1(secret + "&", string_to_sign))`.
pub(crate) fn signature(secret: &SecretKey, string_to_sign: &str) -> String {
    let mut key = zeroize::Zeroizing::new(Vec::with_capacity(secret.expose().len() + 1));
    key.extend_from_slice(secret.expose());
    key.push(b'&');
    signature_with_key(&key, string_to_sign)
}

/// Base64 of the HMAC-SHA1.
pub(crate) fn signature_with_key(key: &[u8], string_to_sign: &str) -> String {
    // HMAC takes keys of any length, so the error arm is never reached.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else {
        return String::new();
    };
    mac.update(string_to_sign.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

pub(super) fn common_parameters<'r>(
    request: &'r ParsedRequest<'_>,
    enabled: bool,
) -> Result<CommonParameters<'r>, ApiError> {
    if !enabled {
        return Err(ApiError::invalid(
            "SignatureVersion",
            "Signature version 1.0 is switched off here; use an SDK that signs with \
             ACS3-HMAC-SHA256.",
        ));
    }
    let params = &request.params;
    let common = CommonParameters {
        access_key_id: params.required("AccessKeyId")?,
        security_token: params.optional("SecurityToken"),
        time_stamp: params.required("Timestamp")?,
        nonce: params.required("SignatureNonce")?,
    };
    params.required("Signature")?;
    if params.required("SignatureMethod")? != SIGNATURE_METHOD {
        return Err(ApiError::invalid(
            "SignatureMethod",
            "Only HMAC-SHA1 is supported in signature version 1.0.",
        ));
    }
    if params.required("SignatureVersion")? != SIGNATURE_VERSION {
        return Err(ApiError::invalid(
            "SignatureVersion",
            "Only 1.0 is supported.",
        ));
    }
    if params.optional("SignatureType").is_some() {
        return Err(ApiError::invalid(
            "SignatureType",
            "It must be absent or empty; key pairs and bearer tokens are not supported.",
        ));
    }
    Ok(common)
}

pub(super) fn check(request: &ParsedRequest<'_>, secret: &SecretKey) -> Result<Covered, ApiError> {
    let sent = request.params.required("Signature")?;
    let signed = || {
        let pairs = request
            .params
            .iter()
            .map(|param| (param.name(), param.value()));
        pairs.filter(|(name, _)| *name != "Signature")
    };
    let server_string = string_to_sign(request.method, signed());
    if same_signature(sent, signature(secret, &server_string).as_bytes()) {
        return Ok(Covered::AllButSignature);
    }
    if signed().any(|(_, value)| value.is_empty()) {
        let non_empty = signed().filter(|(_, value)| !value.is_empty());
        let without_empty = string_to_sign(request.method, non_empty);
        if same_signature(sent, signature(secret, &without_empty).as_bytes()) {
            return Ok(Covered::NonEmpty);
        }
    }
    Err(ApiError::SignatureMismatchV1 {
        string_to_sign: SignedText::new(server_string),
    })
}
