//! Events as the body of a webhook of the WhatsApp Cloud API.
//!
//! Several entries, changes and statuses in one body, times as strings of whole
//! seconds, and on request what shares a webhook with statuses: inbound messages,
//! other fields, numbers written for people. Signing is the caller's business.

use crate::event::{Event, Status};
use crate::random::Random;
use std::fmt::Write;

/// What else is in a body. Shares are in a thousand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyStyle {
    /// Decides where entries and changes are cut and where extras stand.
    pub seed: u64,
    /// Most statuses of one change, at least 1.
    pub statuses_per_change_max: usize,
    /// Changes that are followed by a change with an inbound message.
    pub inbound: u32,
    /// Changes that are followed by a change of another field.
    pub foreign: u32,
    /// Numbers written as `+1 555-010-0101`.
    pub formatted_numbers: u32,
    /// Statuses with `conversation` and `pricing`, as versions before 24 have.
    pub verbose: u32,
}

impl Default for BodyStyle {
    /// Statuses only.
    fn default() -> Self {
        Self {
            seed: 1,
            statuses_per_change_max: 100,
            inbound: 0,
            foreign: 0,
            formatted_numbers: 0,
            verbose: 0,
        }
    }
}

impl BodyStyle {
    /// A body with everything that a receiver may meet.
    #[must_use]
    pub fn mixed(seed: u64) -> Self {
        Self {
            seed,
            statuses_per_change_max: 7,
            inbound: 200,
            foreign: 100,
            formatted_numbers: 200,
            verbose: 300,
        }
    }
}

/// A rendered body and what a receiver must find in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// The bytes to sign and send.
    pub json: String,
    /// Statuses in it: the events that were given.
    pub statuses: usize,
    /// Inbound messages in it.
    pub inbound: usize,
    /// Changes of other fields in it.
    pub foreign: usize,
}

/// Renders events as one body. The events of a number keep their order; the
/// numbers stand in the order of their first event. Parts of a second of a
/// time are cut off, because the format has none.
#[must_use]
pub fn render_body(events: &[Event], style: &BodyStyle) -> Body {
    let mut random = Random::new(style.seed);
    let mut numbers: Vec<&str> = Vec::new();
    for event in events {
        if !numbers.contains(&&*event.number) {
            numbers.push(&event.number);
        }
    }
    let mut body = Body {
        json: String::new(),
        statuses: events.len(),
        inbound: 0,
        foreign: 0,
    };
    let mut entries: Vec<Vec<String>> = vec![Vec::new()];
    for number in numbers {
        let own: Vec<&Event> = events.iter().filter(|e| *e.number == *number).collect();
        for statuses in own.chunks(style.statuses_per_change_max.max(1)) {
            if random.chance(300) && entries.last().is_some_and(|last| !last.is_empty()) {
                entries.push(Vec::new());
            }
            let Some(changes) = entries.last_mut() else {
                continue;
            };
            changes.push(status_change(number, statuses, style, &mut random));
            if random.chance(style.inbound) {
                body.inbound += 1;
                changes.push(inbound_change(number, &mut random));
            }
            if random.chance(style.foreign) {
                body.foreign += 1;
                changes.push(FOREIGN_CHANGE.to_owned());
            }
        }
    }
    let rendered = (1_u64..).zip(&entries).map(|(at, changes)| {
        let id = 102_000_000_000_000 + at;
        format!(r#"{{"id":"{id}","changes":[{}]}}"#, changes.join(","))
    });
    let entries: Vec<String> = rendered.collect();
    body.json = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{}]}}"#,
        entries.join(",")
    );
    body
}

const FOREIGN_CHANGE: &str = r#"{"value":{"event":"APPROVED","message_template_id":1,"message_template_name":"statuses","message_template_language":"en","reason":null},"field":"message_template_status_update"}"#;

fn metadata(number: &str, style: &BodyStyle, random: &mut Random) -> String {
    let shown = match (
        random.chance(style.formatted_numbers),
        number.split_at_checked(1),
    ) {
        (true, Some((country, rest))) => format!("+{country} {rest}"),
        _ => number.to_owned(),
    };
    format!(
        r#""messaging_product":"whatsapp","metadata":{{"display_phone_number":{},"phone_number_id":"109{:0>12}"}}"#,
        text(&shown),
        number.get(number.len().saturating_sub(12)..).unwrap_or("")
    )
}

fn status_change(
    number: &str,
    statuses: &[&Event],
    style: &BodyStyle,
    random: &mut Random,
) -> String {
    let metadata = metadata(number, style, random);
    let rendered: Vec<String> = statuses
        .iter()
        .map(|event| status(event, random.chance(style.verbose), random))
        .collect();
    format!(
        r#"{{"value":{{{metadata},"statuses":[{}]}},"field":"messages"}}"#,
        rendered.join(",")
    )
}

fn status(event: &Event, verbose: bool, random: &mut Random) -> String {
    let mut json = format!(
        r#"{{"id":{},"status":"{}","timestamp":"{}","recipient_id":"1555020{:04}""#,
        text(&event.message_id),
        event.status.word(),
        event.ts_ms.div_euclid(1000),
        random.below(10_000),
    );
    if verbose {
        let conversation = random.bits();
        let _ = write!(
            json,
            r#","conversation":{{"id":"{conversation:032x}","origin":{{"type":"marketing"}}}},"pricing":{{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing"}}"#,
        );
    }
    if event.status == Status::Failed {
        json.push_str(r#","errors":[{"code":131049,"title":"Not delivered.","message":"Not delivered.","error_data":{"details":"Not delivered."}}]"#);
    }
    json.push('}');
    json
}

fn inbound_change(number: &str, random: &mut Random) -> String {
    let from = format!("1555020{:04}", random.below(10_000));
    let id = random.bits();
    format!(
        r#"{{"value":{{{},"contacts":[{{"profile":{{"name":"Zoë \"Z\" 测试"}},"wa_id":"{from}"}}],"messages":[{{"from":"{from}","id":"wamid.HBgL{id:016x}","timestamp":"1767225631","type":"text","text":{{"body":"\"statuses\":[{{"}}}}]}},"field":"messages"}}"#,
        metadata(number, &BodyStyle::default(), random)
    )
}

/// A JSON string.
pub(crate) fn text(plain: &str) -> String {
    let mut json = String::with_capacity(plain.len() + 2);
    json.push('"');
    for letter in plain.chars() {
        match letter {
            '"' | '\\' => json.extend(['\\', letter]),
            control if control < ' ' => {
                let _ = write!(json, "\\u{:04x}", u32::from(control));
            }
            other => json.push(other),
        }
    }
    json.push('"');
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{Config, Workload};
    use serde_json::Value;

    /// Number, message id, word and ms of a status.
    type Found = (String, String, String, i64);

    /// All statuses of a body as a receiver reads them, plus the other parts.
    fn read(json: &str) -> (Vec<Found>, usize, usize) {
        let body: Value = serde_json::from_str(json).expect("JSON");
        let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
        let (mut statuses, mut inbound, mut foreign) = (Vec::new(), 0, 0);
        for change in list(&body, "entry").iter().flat_map(|e| list(e, "changes")) {
            if change["field"] != "messages" {
                foreign += 1;
                continue;
            }
            let value = &change["value"];
            let shown = value["metadata"]["display_phone_number"]
                .as_str()
                .expect("text");
            let number: String = shown.chars().filter(char::is_ascii_digit).collect();
            inbound += list(value, "messages").len();
            for status in list(value, "statuses") {
                let field = |name: &str| status[name].as_str().expect("text").to_owned();
                let seconds: i64 = field("timestamp").parse().expect("seconds");
                statuses.push((number.clone(), field("id"), field("status"), seconds * 1000));
            }
        }
        (statuses, inbound, foreign)
    }

    #[test]
    fn a_body_holds_all_events_and_says_what_else() {
        let mut workload = Workload::new(Config::default());
        let (mut inbound, mut foreign) = (0, 0);
        for seed in 0..50 {
            let events = workload.next_batch(40);
            let body = render_body(&events, &BodyStyle::mixed(seed));
            let (mut found, found_inbound, found_foreign) = read(&body.json);
            assert_eq!((found_inbound, found_foreign), (body.inbound, body.foreign));
            assert_eq!(body.statuses, 40);
            let mut given: Vec<_> = events
                .iter()
                .map(|event| {
                    let status = event.status.word().to_owned();
                    (
                        event.number.to_string(),
                        event.message_id.to_string(),
                        status,
                        event.ts_ms,
                    )
                })
                .collect();
            // Grouped by number, in order within each.
            given.sort_by(|a, b| a.0.cmp(&b.0));
            found.sort_by(|a, b| a.0.cmp(&b.0));
            assert_eq!(found, given);
            inbound += body.inbound;
            foreign += body.foreign;
        }
        assert!(inbound > 20 && foreign > 20, "{inbound} {foreign}");
    }

    #[test]
    fn a_plain_body_has_the_shape_of_the_sample() {
        let sample: Value = serde_json::from_str(include_str!(
            "../../../testdata/webhooks/wa_02_sent_v24.json"
        ))
        .expect("JSON");
        let event = Event {
            channel: crate::CHANNEL,
            number: "15550100101".into(),
            message_id: sample["entry"][0]["changes"][0]["value"]["statuses"][0]["id"]
                .as_str()
                .expect("text")
                .into(),
            status: Status::Sent,
            ts_ms: 1_767_225_593_000,
            received_ms: 0,
        };
        let body = render_body(std::slice::from_ref(&event), &BodyStyle::default());
        let mut rendered: Value = serde_json::from_str(&body.json).expect("JSON");
        // Ids that nobody counts by are invented.
        rendered["entry"][0]["id"] = sample["entry"][0]["id"].clone();
        let value = |body: &Value| body["entry"][0]["changes"][0]["value"].clone();
        let mut mine = value(&rendered);
        let theirs = value(&sample);
        mine["metadata"]["phone_number_id"] = theirs["metadata"]["phone_number_id"].clone();
        mine["statuses"][0]["recipient_id"] = theirs["statuses"][0]["recipient_id"].clone();
        assert_eq!(mine, theirs);
        rendered["entry"][0]["changes"][0]["value"] = theirs;
        assert_eq!(rendered, sample);
    }

    #[test]
    fn texts_are_escaped() {
        assert_eq!(text("a\"\\\n"), r#""a\"\\\u000a""#);
    }

    #[test]
    fn no_events_give_an_empty_body() {
        let body = render_body(&[], &BodyStyle::mixed(1));
        assert_eq!(read(&body.json), (vec![], 0, 0));
    }
}
