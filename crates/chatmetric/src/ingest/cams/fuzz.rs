//! Receipts: what was read comes back when it is written and read again, and one report is the
//! same alone and in a list.
//!
//! Not here: tokens (`cams_webhook`). Invariant: it returns for any input, or a property is
//! broken.

use super::parse;
use crate::ingest::lenient;
use crate::ingest::whatsapp::fuzz::written;
use crate::ingest::whatsapp::text_of;
use serde_json::json;

/// Few, so that the limit is met.
const REPORTS_MAX: usize = 16;

/// See the module.
pub fn receipts(data: &[u8]) {
    let text = text_of(data);
    let Ok(found) = parse(&text, REPORTS_MAX) else {
        return;
    };
    let body = text.trim_start_matches('\u{feff}');
    if !lenient::is_array(body) {
        let list = format!("[{body}]");
        assert_eq!(parse(&list, REPORTS_MAX).as_ref(), Ok(&found));
    }
    assert!(found.events.len() + found.bad.len() <= REPORTS_MAX);
    for bad in &found.bad {
        assert!(body.contains(bad.json), "what is kept stood in the body");
    }
    let reports: Vec<_> = found
        .events
        .iter()
        .map(|event| {
            json!({
                "MessageId": event.message_id,
                "From": event.number.as_str(),
                "Status": event.status.as_str(),
                "Timestamp": written(event.at),
            })
        })
        .collect();
    let rendered = serde_json::Value::from(reports).to_string();
    let again = parse(&rendered, REPORTS_MAX).expect("receipts");
    assert_eq!(again.events, found.events);
    assert!(again.bad.is_empty() && again.ignored == 0);
}
