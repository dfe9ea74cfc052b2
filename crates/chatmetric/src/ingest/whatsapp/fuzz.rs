//! Webhooks: the fast reader reads what the lenient one does, and what was read comes back when
//! it is written and read again.
//!
//! Not here: signatures (`whatsapp_webhook`). Invariant: it returns for any input, or a property
//! is broken.

use super::{MS_FROM, parse, parse_leniently, straight, text_of};
use chatmetric_core::EpochMs;
use serde_json::json;

/// Few, so that the limit is met.
const STATUSES_MAX: usize = 16;

/// See the module.
pub fn whatsapp(data: &[u8]) {
    let text = text_of(data);
    let body = text.trim_start_matches('\u{feff}');
    let lenient = parse_leniently(body, STATUSES_MAX);
    if let Some(straight) = straight::parse(body, STATUSES_MAX) {
        assert_eq!(Ok(straight), lenient, "two readers, two meanings");
    }
    let found = parse(&text, STATUSES_MAX);
    assert_eq!(found, lenient);
    let Ok(found) = found else {
        return;
    };
    assert!(found.events.len() + found.bad.len() <= STATUSES_MAX);
    for bad in &found.bad {
        assert!(body.contains(bad.json), "what is kept stood in the body");
    }
    let changes: Vec<_> = found
        .events
        .iter()
        .map(|event| {
            json!({"field": "messages", "value": {
                "metadata": {"display_phone_number": event.number.as_str()},
                "statuses": [{
                    "id": event.message_id,
                    "status": event.status.as_str(),
                    "timestamp": written(event.at),
                }],
            }})
        })
        .collect();
    let object = "whatsapp_business_account";
    let rendered = json!({"object": object, "entry": [{"changes": changes}]}).to_string();
    let again = parse(&rendered, STATUSES_MAX).expect("a webhook");
    assert_eq!(again.events, found.events);
    assert!(again.bad.is_empty() && again.ignored == 0);
    let many = format!("[{rendered}]");
    assert_eq!(parse(&many, STATUSES_MAX), Ok(again), "one of many");
}

/// A time as a provider writes it: seconds before the year 1973, else milliseconds.
pub(in crate::ingest) fn written(at: EpochMs) -> String {
    let ms = if at.0 < MS_FROM { at.0 / 1000 } else { at.0 };
    ms.to_string()
}
