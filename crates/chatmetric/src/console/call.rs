//! `POST call`: an operation of the RPC API, called as the signed-in user.
//!
//! The server is a client here: it signs a request with a key that lives for this call
//! alone and hands it to the API, so that verifier, nonce, throttle, rights, audit and log
//! are the same code as for any other call. Invariant: nothing is allowed here that a
//! signed call of the same user would be refused.

use super::ask::{Ask, answer_of};
use super::error::{ConsoleError, Denied};
use super::rights::SignedIn;
use crate::api::action::Action;
use crate::api::{self, Call, CallKey};
use crate::server::answer::Answer;
use crate::server::exchange::noted;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::NoPermissionType;
use chatmetric_rpc::format_utc_seconds;
use chatmetric_rpc::request::{Method, RawRequest};
use chatmetric_rpc::sign::{Algorithm, Call as Signing, SignedCall, sign_v3};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Most parameters of a call.
pub(super) const PARAMETERS_MAX: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    product: String,
    action: String,
    #[serde(default)]
    params: BTreeMap<String, Value>,
}

/// `POST call`
pub(super) async fn call(ask: &Ask<'_>, body: Incoming) -> Result<Answer, ConsoleError> {
    let asked: Asked = ask.json(body).await?;
    // A body may take long: who was signed out meanwhile calls nothing any more.
    let who = SignedIn::of(ask)?;
    let spec = Action::all()
        .map(Action::spec)
        .find(|spec| spec.name == asked.action && spec.product.name() == asked.product);
    let spec = spec.ok_or_else(|| {
        ConsoleError::invalid("action", "There is no such operation of the product.")
    })?;
    let params = texts(&asked.params)?;
    let query: Vec<(&str, &str)> = params
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let app = ask.app;
    let (account, user) = (who.account.id.clone(), who.user.clone());
    let key = CallKey::draw(app.entropy.as_ref(), account, user);
    let key = key.map_err(|_| ConsoleError::Internal)?;
    let date = format_utc_seconds(ask.now().0.div_euclid(1_000)).ok_or(ConsoleError::Internal)?;
    let nonce = ask.ids.request.to_string();
    let signed = sign_v3(
        Algorithm::HmacSha256,
        &key.credentials(),
        &Signing {
            method: Method::Post,
            host: ask.host(),
            action: spec.name,
            version: spec.product.version(),
            query: &query,
            headers: &[],
            body: b"",
            content_type: None,
            form: &[],
            date: &date,
            nonce: &nonce,
        },
    );
    let headers: Vec<(&str, &[u8])> = signed
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let raw = RawRequest {
        method: Method::Post.as_str(),
        target: &signed.target,
        headers: &headers,
        body: &signed.body,
        peer_ip: ask.caller.ip,
        tls: ask.caller.tls,
    };
    let started_ns = app.clock.monotonic_ns();
    let call = Call {
        raw,
        host: ask.host(),
        ids: ask.ids,
        own_key: Some(&key),
    };
    let outcome = api::handle(app, call).await;
    let denied = outcome.error.as_ref().and_then(denial);
    let answer = noted(app, ask.ids, started_ns, outcome);
    let took_ns = app.clock.monotonic_ns().saturating_sub(started_ns);
    answer_of(&told(ask, &answer, &signed, took_ns, denied))
}

fn told(
    ask: &Ask<'_>,
    answer: &Answer,
    signed: &SignedCall,
    took_ns: u64,
    denied: Option<Denied>,
) -> Value {
    let mut headers = vec![("content-type", answer.content_type.to_owned())];
    headers.extend(answer.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str(), value)
    }));
    json!({
        "status": answer.status.as_u16(),
        "reason": answer.status.canonical_reason().unwrap_or_default(),
        "tookMs": took_ns / 1_000_000,
        "headers": headers,
        "body": String::from_utf8_lossy(&answer.body),
        "request": {
            "method": Method::Post.as_str(),
            "target": signed.target,
            "headers": signed.headers,
            "body": String::from_utf8_lossy(&signed.body),
            "canonicalRequest": signed.canonical_request,
            "stringToSign": signed.string_to_sign,
        },
        "requestId": ask.ids.request.to_string(),
        "denied": denied,
    })
}

/// What a policy denied, if one did.
fn denial(error: &ApiError) -> Option<Denied> {
    let detail = error.access_denied_detail()?;
    let is_explicit = match detail.no_permission_type {
        NoPermissionType::ExplicitDeny => true,
        NoPermissionType::ImplicitDeny => false,
    };
    Some(Denied::new(
        &detail.auth_action,
        &detail.diagnosis.resource,
        is_explicit,
    ))
}

/// Parameters as they are on the wire; one that is null or empty is left out.
fn texts(params: &BTreeMap<String, Value>) -> Result<Vec<(String, String)>, ConsoleError> {
    if params.len() > PARAMETERS_MAX {
        let reason = format!("A call has at most {PARAMETERS_MAX} parameters.");
        return Err(ConsoleError::invalid("params", reason));
    }
    let mut texts = Vec::new();
    for (name, value) in params {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(value) => value.to_string(),
            Value::Array(_) | Value::Object(_) => {
                let reason = "A parameter is a string, a number or a truth value.";
                return Err(ConsoleError::invalid("params", reason));
            }
        };
        // Who adds other credentials would be judged by them, or refused for having two.
        let is_ours = ["AccessKeyId", "Signature", "SecurityToken", "BearerToken"]
            .iter()
            .chain(["SignatureType", "Action", "Version", "Format"].iter())
            .any(|own| own.eq_ignore_ascii_case(name));
        if is_ours {
            let reason = "Credentials, Action and Version are not among the parameters.";
            return Err(ConsoleError::invalid("params", reason));
        }
        if !text.is_empty() {
            texts.push((name.clone(), text));
        }
    }
    Ok(texts)
}
