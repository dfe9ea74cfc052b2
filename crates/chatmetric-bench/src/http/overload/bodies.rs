//! Signed bodies without end, each with messages that were never sent before: the ids of a
//! template are written over, which costs the client little.
//!
//! Invariant: no two bodies have a message in common.

use super::super::instance::wall_clock_ms;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Digits of what tells messages apart.
const DIGITS: usize = 16;
/// Digits of a signature in hexadecimal.
const SIGNATURE_DIGITS: usize = 64;

/// The bodies of one webhook and one number.
pub(in super::super) struct Bodies {
    template: Vec<u8>,
    /// Where the ids are.
    ids: Vec<usize>,
    signature: usize,
    body: usize,
    secret: &'static str,
    number: &'static str,
    next: AtomicU64,
    accepted: AtomicU64,
}

impl Bodies {
    pub(in super::super) fn new(
        address: SocketAddr,
        (webhook, secret): (&'static str, &'static str),
        number: &'static str,
        statuses: usize,
    ) -> Self {
        let second = wall_clock_ms() / 1000 - 60;
        let id = "0".repeat(DIGITS);
        let status = format!(
            r#"{{"id":"wamid.HBgL{id}","status":"sent","timestamp":"{second}","recipient_id":"6581112222","conversation":{{"id":"c1","origin":{{"type":"marketing"}}}},"pricing":{{"billable":true,"pricing_model":"PMP","category":"marketing"}}}}"#
        );
        let all = vec![status; statuses].join(",");
        let text = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"{number}","phone_number_id":"1"}},"statuses":[{all}]}}}}]}}]}}"#
        );
        let unsigned = "0".repeat(SIGNATURE_DIGITS);
        let head = format!(
            "POST /webhooks/whatsapp/{webhook} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nX-Hub-Signature-256: sha256={unsigned}\r\n\r\n",
            text.len()
        );
        let template = format!("{head}{text}");
        let ids = template.match_indices("wamid.HBgL");
        Self {
            ids: ids.map(|(at, prefix)| at + prefix.len()).collect(),
            signature: head.len() - 4 - SIGNATURE_DIGITS,
            body: head.len(),
            template: template.into_bytes(),
            secret,
            number,
            next: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
        }
    }

    pub(in super::super) const fn number(&self) -> &'static str {
        self.number
    }

    /// Statuses of a body.
    pub(in super::super) const fn statuses(&self) -> u64 {
        self.ids.len() as u64
    }

    /// Writes the next body over `request`.
    pub(in super::super) fn write(&self, request: &mut Vec<u8>) {
        if request.is_empty() {
            request.extend_from_slice(&self.template);
        }
        let first = self
            .next
            .fetch_add(self.ids.len() as u64, Ordering::Relaxed);
        for (index, at) in self.ids.iter().enumerate() {
            let mut rest = first + index as u64;
            let digits = request.get_mut(*at..at + DIGITS).unwrap_or_default();
            for digit in digits.iter_mut().rev() {
                *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
                rest /= 10;
            }
        }
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()) else {
            return;
        };
        mac.update(request.get(self.body..).unwrap_or_default());
        let signature = hex::encode(mac.finalize().into_bytes());
        let end = self.signature + SIGNATURE_DIGITS;
        if let Some(place) = request.get_mut(self.signature..end) {
            place.copy_from_slice(signature.as_bytes());
        }
    }

    /// Notes that a body was accepted.
    pub(in super::super) fn note_accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(in super::super) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }
}
