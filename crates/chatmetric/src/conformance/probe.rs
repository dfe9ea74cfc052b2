//! Sends what a case prepared and keeps what came back.
//!
//! A throttled call waits and is signed again: the cases must not disturb each other. Only the
//! case that is about throttling sends without patience.

use std::time::Duration;

use super::Caller;
use super::request::{Plan, Prepared};
use crate::client::{ANSWER_BYTES_MAX, ClientError, agent};
use chatmetric_rpc::sign::SignedCall;
use serde_json::Value;

/// How often a throttled call is sent again.
const THROTTLED_TRIES_MAX: u32 = 20;
/// The longest wait before that; the window is a second.
const THROTTLED_WAIT_MAX: Duration = Duration::from_millis(1_100);

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    /// What was asked.
    pub(super) signed: SignedCall,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.body).ok()
    }

    pub(super) fn is_xml(&self) -> bool {
        self.header("content-type")
            .is_some_and(|kind| kind.contains("xml"))
    }

    /// A string member of the body, JSON or XML.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        if self.is_xml() {
            return self.element(name);
        }
        Some(self.json()?.get(name)?.as_str()?.to_owned())
    }

    /// The text of the first element with this name, outside of rows.
    fn element(&self, name: &str) -> Option<String> {
        let (_, rest) = self.body.split_once(&format!("<{name}>"))?;
        let (text, _) = rest.split_once(&format!("</{name}>"))?;
        let text = text.replace("&lt;", "<").replace("&gt;", ">");
        Some(text.replace("&quot;", "\"").replace("&amp;", "&"))
    }

    pub(super) fn retry_after_ms(&self) -> Option<u64> {
        self.header("x-acs-retry-after")?.parse().ok()
    }

    fn is_throttled(&self) -> bool {
        let code = self.text("Code").unwrap_or_default();
        code == "System.LimitControl" || code.starts_with("Throttling")
    }
}

/// A client for the cases.
pub(super) struct Probe {
    caller: Caller,
    agent: ureq::Agent,
}

impl Probe {
    pub(super) fn new(caller: Caller) -> Self {
        Self {
            agent: agent(&caller.endpoint, caller.ca.as_ref()),
            caller,
        }
    }

    pub(super) fn monotonic_ms(&self) -> u64 {
        self.caller.clock.monotonic_ms()
    }

    pub(super) fn prepare(&self, plan: &Plan) -> Prepared {
        let mut nonce = [0_u8; 16];
        self.caller.entropy.fill(&mut nonce);
        plan.prepare(
            self.caller.endpoint.authority(),
            &self.caller.credentials,
            self.caller.clock.now().0.div_euclid(1_000),
            &hex::encode(nonce),
        )
    }

    /// Sends a call, again when it is throttled.
    pub(super) fn call(&self, plan: &Plan) -> Result<Seen, ClientError> {
        let mut tries = 0;
        loop {
            let seen = self.send(&self.prepare(plan))?;
            tries += 1;
            if !seen.is_throttled() || tries >= THROTTLED_TRIES_MAX {
                return Ok(seen);
            }
            let wait = Duration::from_millis(seen.retry_after_ms().unwrap_or(250));
            std::thread::sleep(wait.min(THROTTLED_WAIT_MAX));
        }
    }

    /// Sends once.
    pub(super) fn send(&self, prepared: &Prepared) -> Result<Seen, ClientError> {
        let endpoint = &self.caller.endpoint;
        let transport = |source: ureq::Error| ClientError::Transport {
            endpoint: endpoint.to_string(),
            source: Box::new(source),
        };
        let signed = &prepared.signed;
        let mut request = http::Request::builder()
            .method(prepared.method)
            .uri(format!("{endpoint}{}", signed.target));
        for (name, value) in &signed.headers {
            request = request.header(name, value);
        }
        let bad = |error: http::Error| transport(ureq::Error::from(error));
        // Only a POST has a body, if only an empty one.
        let mut response = if prepared.method == "POST" {
            self.agent
                .run(request.body(signed.body.clone()).map_err(bad)?)
        } else {
            self.agent.run(request.body(()).map_err(bad)?)
        }
        .map_err(transport)?;
        let headers = response.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        let headers = headers.collect();
        let status = response.status().as_u16();
        let body = response
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_vec()
            .map_err(transport)?;
        Ok(Seen {
            status,
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            signed: signed.clone(),
        })
    }
}
