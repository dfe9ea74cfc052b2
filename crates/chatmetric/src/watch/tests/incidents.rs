//! Planted incidents of every kind, each found within a stated time, and over afterwards.

use super::{DAY_S, HOUR_S, Heard, PROFILES, Report, Rule, Status, listen, midnight_s, reports};
use crate::config::WatchSettings;

const ORDERS: u8 = 0;
const CODES: u8 = 1;
const SUPPORT: u8 = 3;
const PARCELS: u8 = 4;
const REMINDERS: u8 = 5;
const BOOKINGS: u8 = 7;
const RURAL: u8 = 9;

/// Something that happens to a number for a while.
#[derive(Clone, Copy)]
struct Incident {
    profile: u8,
    from_s: i64,
    to_s: i64,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    /// So many in a thousand fail instead of being delivered.
    Fail(u32),
    /// So many in a thousand have no report but `sent`.
    Lose(u32),
    /// Nothing arrives, and it does not come later.
    Silence,
}

/// Whether a message is among so many in a thousand.
fn is_hit(message: u32, permille: u32) -> bool {
    message.wrapping_mul(2_654_435_761) % 1_000 < permille
}

fn plant(reports: Vec<Report>, incidents: &[Incident]) -> Vec<Report> {
    // When messages were sent, which their later reports do not say.
    let mut sent_s = std::collections::HashMap::new();
    for report in &reports {
        let at_s = sent_s.entry(report.message).or_insert(report.at_s);
        *at_s = report.at_s.min(*at_s);
    }
    let planted = reports.into_iter().filter_map(|mut report| {
        for incident in incidents.iter().filter(|it| it.profile == report.profile) {
            let during = incident.from_s..incident.to_s;
            let was_sent = during.contains(&sent_s[&report.message]);
            match incident.what {
                What::Silence if during.contains(&report.arrives_s) => return None,
                What::Lose(permille)
                    if was_sent
                        && report.status != Status::Sent
                        && is_hit(report.message, permille) =>
                {
                    return None;
                }
                What::Fail(permille) if was_sent && is_hit(report.message, permille) => {
                    match report.status {
                        Status::Delivered => report.status = Status::Failed,
                        Status::Read => return None,
                        Status::Sent | Status::Failed => {}
                    }
                }
                What::Silence | What::Lose(_) | What::Fail(_) => {}
            }
        }
        Some(report)
    });
    planted.collect()
}

fn number(profile: u8) -> &'static str {
    PROFILES[usize::from(profile)].number
}

#[track_caller]
fn check(heard: &Heard, rule: Rule, incident: Incident, hours_max: i64) {
    let kind = match rule {
        Rule::SilentSource => "source",
        Rule::DeliveryRate | Rule::NoReport | Rule::DiskFull => "number",
    };
    let subject = format!("{kind}/{}", number(incident.profile));
    let delay_s = heard.delay_s(rule, &subject, incident.from_s);
    assert!(
        delay_s <= hours_max * HOUR_S,
        "{subject}: after {} min",
        delay_s / 60
    );
    // And it is over some time after its end: once, and for all.
    let what = format!("{} {subject}", rule.as_str());
    let fired = heard.fired.iter().filter(|told| told.what == what).count();
    let over: Vec<_> = heard.over.iter().filter(|told| told.what == what).collect();
    assert_eq!((fired, over.len()), (1, 1), "{what}: {heard:#?}");
    assert!(
        over[0].at_s >= incident.to_s && over[0].at_s <= incident.to_s + 2 * DAY_S,
        "{over:?}"
    );
}

#[test]
fn planted_incidents_are_found_in_time_and_nothing_else_is() {
    let at = |profile, days_ago, hour, hours, what| {
        let from_s = midnight_s(days_ago) + hour * HOUR_S;
        Incident {
            profile,
            from_s,
            to_s: from_s + hours * HOUR_S,
            what,
        }
    };
    // 10:00 in New York, on a Monday: six in ten fail for five hours.
    let failing = at(ORDERS, 10, 15, 5, What::Fail(600));
    // London, a Tuesday: a third of the deliveries is not reported.
    let losing = at(PARCELS, 16, 9, 9, What::Lose(330));
    // Noon in New York: the webhook falls silent.
    let silent = at(CODES, 8, 17, 8, What::Silence);
    // It falls silent at night in London, and is not there in the morning.
    let silent_from_night = at(SUPPORT, 22, 2, 14, What::Silence);
    // A number that sends little, in its morning.
    let small = at(BOOKINGS, 13, 1, 9, What::Fail(700));
    // A number whose messages take hours: nothing is delivered for a day.
    let slow = at(RURAL, 19, 3, 24, What::Fail(1_000));
    let incidents = [failing, losing, silent, silent_from_night, small, slow];
    for seed in [4, 5] {
        let planted = plant(reports(seed), &incidents);
        let heard = listen(&planted, &WatchSettings::default());
        // An hour to settle, an hour of messages, a quarter of an hour of patience.
        check(&heard, Rule::DeliveryRate, failing, 3);
        check(&heard, Rule::DeliveryRate, small, 3);
        check(&heard, Rule::DeliveryRate, losing, 3);
        check(&heard, Rule::NoReport, losing, 5);
        check(&heard, Rule::SilentSource, silent, 3);
        // The night is as usual; by 11:00 it is not.
        check(&heard, Rule::SilentSource, silent_from_night, 9);
        // It settles in ten times its usual way of three and a half hours.
        check(&heard, Rule::DeliveryRate, slow, 48);
        let planned = incidents.iter().map(|it| number(it.profile));
        let planned: Vec<&str> = planned.collect();
        let others = heard
            .fired
            .iter()
            .filter(|told| !planned.iter().any(|number| told.what.ends_with(number)));
        assert_eq!(others.count(), 0, "{:#?}", heard.fired);
        assert!(!planned.contains(&number(REMINDERS)));
    }
}
