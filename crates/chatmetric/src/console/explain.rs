//! `POST sign/explain`: why a signature does not match, as `chatmetric sign explain` says.
//!
//! The secret is used for this answer and nothing keeps it.

use super::ask::{Ask, answer_of};
use super::error::ConsoleError;
use crate::server::answer::Answer;
use chatmetric_rpc::credential::SecretKey;
use chatmetric_rpc::explain::{Captured, Explanation, Subject, explain as explain_request};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    text: String,
    #[serde(default)]
    secret: Option<String>,
}

#[derive(Serialize)]
struct Output<'a> {
    #[serde(flatten)]
    explanation: &'a Explanation,
    notes: &'a [String],
}

/// `POST sign/explain`
pub(super) async fn explain(ask: &Ask<'_>, body: Incoming) -> Result<Answer, ConsoleError> {
    let Asked { text, secret } = ask.json(body).await?;
    let secret = secret
        .map(Zeroizing::new)
        .filter(|secret| !secret.is_empty());
    let secret = secret.map(|secret| SecretKey::new(secret.as_bytes()));
    let captured = Captured::parse(text.as_bytes());
    let captured = captured.map_err(|error| ConsoleError::invalid("text", error.to_string()))?;
    let explanation = captured.with_raw(|raw| {
        explain_request(&Subject {
            raw,
            secret: secret.as_ref(),
            client_text: None,
            verifier: &ask.app.verifier,
            now_ms: ask.now().0,
        })
    });
    answer_of(&Output {
        explanation: &explanation,
        notes: &captured.notes,
    })
}
