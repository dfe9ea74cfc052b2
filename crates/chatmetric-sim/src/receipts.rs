//! Events as the body of receipts of CAMS, as its HTTP push sends them: an array of reports.
//!
//! With what a receiver meets besides: white space around keys, numbers with and without
//! `+`, inbound messages, words that are not counted. The token is the caller's business.

use crate::event::{Event, Status};
use crate::random::Random;
use crate::webhook::{Body, BodyStyle, text};

/// Renders events as one body, in their order. `style` is read as for
/// [`render_body`](crate::render_body): foreign changes are reports of a word that is not
/// counted.
#[must_use]
pub fn render_receipts(events: &[Event], style: &BodyStyle) -> Body {
    let mut random = Random::new(style.seed);
    let mut reports = Vec::new();
    let (mut inbound, mut foreign) = (0, 0);
    for event in events {
        reports.push(report(event, style, &mut random));
        if random.chance(style.inbound) {
            inbound += 1;
            let id = random.bits();
            reports.push(format!(
                r#"{{"NoticeType":"inbound","MessageId":"{id}","From":"1555020{:04}","To":{},"Message":"\"Status\":\"Sent\"","Timestamp":{}}}"#,
                random.below(10_000),
                text(&event.number),
                event.ts_ms
            ));
        }
        if random.chance(style.foreign) {
            foreign += 1;
            reports.push(format!(
                r#"{{"MessageId":{},"From":{},"Status":"Deleted","Timestamp":{}}}"#,
                text(&event.message_id),
                text(&event.number),
                event.ts_ms
            ));
        }
    }
    Body {
        json: format!("[{}]", reports.join(",")),
        statuses: events.len(),
        inbound,
        foreign,
    }
}

/// What CAMS calls a status: it has no word for a voice note that was played.
const fn word(status: Status) -> &'static str {
    match status {
        Status::Sent => "Sent",
        Status::Delivered => "Delivered",
        Status::Read | Status::Played => "Read",
        Status::Failed => "Failed",
    }
}

fn report(event: &Event, style: &BodyStyle, random: &mut Random) -> String {
    let plus = if random.chance(style.formatted_numbers) {
        "+"
    } else {
        ""
    };
    let space = if random.chance(style.verbose) {
        " "
    } else {
        ""
    };
    let mut json = format!(
        r#"{{"MessageId{space}":{},"From":"{plus}{}","To":"1555020{:04}","Status":"{}","Timestamp":{}"#,
        text(&event.message_id),
        event.number,
        random.below(10_000),
        word(event.status),
        event.ts_ms
    );
    if event.status == Status::Failed {
        json.push_str(r#","ErrorCode":"131049","ErrorDescription":"Not delivered.""#);
    }
    json.push('}');
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{Config, Workload};
    use serde_json::Value;

    #[test]
    fn every_event_is_a_report_of_its_own() {
        let config = Config {
            messages: 300,
            ..Config::default()
        };
        let events: Vec<Event> = Workload::new(config).collect();
        let body = render_receipts(&events, &BodyStyle::mixed(5));
        let reports: Vec<Value> = serde_json::from_str(&body.json).expect("JSON");
        assert!(body.inbound > 20 && body.foreign > 20, "{body:?}");
        let found: Vec<(String, String, i64)> = reports
            .iter()
            .filter(|it| it["NoticeType"] != "inbound" && it["Status"] != "Deleted")
            .map(|report| {
                let fields = report.as_object().expect("an object");
                let field = |name: &str| {
                    let mut own = fields.iter().filter(|(key, _)| key.trim() == name);
                    own.next().expect("there").1.clone()
                };
                let word = |name: &str| field(name).as_str().expect("text").to_owned();
                let number = word("From").replace('+', "");
                (
                    format!("{number}/{}", word("MessageId")),
                    word("Status"),
                    field("Timestamp").as_i64().expect("ms"),
                )
            })
            .collect();
        let given = events.iter().map(|event| {
            let id = format!("{}/{}", event.number, event.message_id);
            (id, word(event.status).to_owned(), event.ts_ms)
        });
        assert_eq!(found, given.collect::<Vec<_>>());
        assert_eq!(body.statuses, events.len());
        let extras = body.inbound + body.foreign;
        assert_eq!(reports.len(), events.len() + extras);
    }
}
