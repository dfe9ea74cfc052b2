//! What made the count of one bucket of a number, as documents: for the operator API, the
//! command line and the console alike.
//!
//! Not here: who may ask. Invariant: sources are named to those alone who may know them;
//! their shares sum up to the counts, named or not.

use crate::config::is_stream;
use crate::directory::limits::RESERVED_WEBHOOK_ID;
use crate::directory::{Snapshot, Space};
use chatmetric_core::time::half_hours;
use chatmetric_core::{EpochMs, Granularity, PhoneNumber, Slot, TimeRange, Window, Zone};
use chatmetric_store::{Origin, Share, Store, StoreError};
use serde_json::{Value, json};

/// Milliseconds of a quarter-hour, in which receipts are told.
const QUARTER_MS: i64 = 15 * 60 * 1000;

/// Which bucket, as a caller names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    /// The bucket that holds a moment.
    At(EpochMs),
    /// A day of the space's zone.
    Day(jiff::civil::Date),
}

impl Named {
    /// `YYYY-MM-DD`, or ms since the epoch.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() == 10
            && let Ok(date) = text.parse()
        {
            return Some(Self::Day(date));
        }
        text.parse().ok().and_then(EpochMs::checked).map(Self::At)
    }

    fn moment(self, zone: &Zone) -> EpochMs {
        match self {
            Self::At(moment) => moment,
            Self::Day(date) => zone.first_instant(date),
        }
    }
}

/// A bucket of a number in a space.
pub(crate) struct Asked<'a> {
    pub(crate) space: &'a Space,
    pub(crate) number: PhoneNumber,
    pub(crate) granularity: Granularity,
    pub(crate) named: Named,
    pub(crate) now: EpochMs,
}

/// What a source is called to who asks.
pub(crate) struct SourceLabel {
    /// `None` when it is not theirs to know.
    pub(crate) name: Option<String>,
    /// What it is: see [`kind_of`], or `other` when it has no name here.
    pub(crate) kind: &'static str,
}

/// What a source is: a kind of webhook, `stream`, `import`, or `gone` for a webhook that
/// there is no longer.
pub(crate) fn kind_of(snapshot: &Snapshot, source: &str) -> &'static str {
    if source == RESERVED_WEBHOOK_ID {
        return "import";
    }
    if is_stream(source) {
        return "stream";
    }
    let webhook = snapshot.webhook(source);
    webhook.map_or("gone", |webhook| webhook.kind.as_str())
}

/// The document.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn explain(
    store: &dyn Store,
    asked: &Asked<'_>,
    label: impl Fn(&str) -> SourceLabel,
) -> Result<Value, StoreError> {
    let zone = &asked.space.zone;
    let window = window(asked.granularity, asked.named.moment(zone), zone);
    let (start, end) = (window.start.slot(), EpochMs(window.end.0 - 1).slot());
    let slots = start..Slot(end.0 + 1);
    let told = store.explain(asked.space.key, &asked.number, slots)?;
    let origins: Vec<Value> = told
        .origins
        .iter()
        .map(|origin| origin_json(origin, &label))
        .collect();
    let revisions: Vec<Value> = told
        .revisions
        .iter()
        .map(|revision| {
            let received = revision.received.start().0;
            json!({
                "receivedStartMs": received,
                "receivedEndMs": received + QUARTER_MS,
                "sent": revision.sent,
                "delivered": revision.delivered,
            })
        })
        .collect();
    let last_change = told
        .revisions
        .last()
        .map(|it| it.received.start().0 + QUARTER_MS);
    let is_over = window.end <= asked.now;
    let settled = last_change.map_or(window.end.0, |last| last.min(asked.now.0));
    let floor = store.floor();
    Ok(json!({
        "space": asked.space.id.as_str(),
        "timeZone": zone.name(),
        "number": asked.number.as_str(),
        "granularity": match asked.granularity {
            Granularity::HalfHour => "half-hour",
            Granularity::Daily => "daily",
        },
        "startMs": window.start.0,
        "endMs": window.end.0,
        "sent": told.sent,
        "delivered": told.delivered,
        "origins": origins,
        "revisions": revisions,
        // Since when nothing changed; none while the bucket goes on.
        "settledSinceMs": is_over.then_some(settled),
        // Reports of it are late from then on, if the floor goes on as it does now.
        "finalMs": floor.map(|floor| whole_quarter(window.end.0 + (asked.now.0 - floor.0).max(0))),
    }))
}

/// The next whole quarter-hour: the floor moves in steps, and seconds would promise more.
const fn whole_quarter(ms: i64) -> i64 {
    (ms + QUARTER_MS - 1) / QUARTER_MS * QUARTER_MS
}

/// The bucket of a moment.
fn window(granularity: Granularity, moment: EpochMs, zone: &Zone) -> Window {
    let just_that = Window {
        start: moment,
        end: EpochMs(moment.0 + 1),
    };
    let Some(range) = TimeRange::new(just_that.start, just_that.end) else {
        return just_that;
    };
    // One moment is in one bucket; a day that a clock change shows twice is two.
    let windows = match granularity {
        Granularity::HalfHour => half_hours(&range, 2),
        Granularity::Daily => zone.days(&range, 2),
    };
    let windows = windows.unwrap_or_default();
    windows.first().copied().unwrap_or(just_that)
}

fn origin_json(origin: &Origin, label: &impl Fn(&str) -> SourceLabel) -> Value {
    let label = match &origin.source {
        Some(source) => label(source),
        None => SourceLabel {
            name: None,
            kind: "unknown",
        },
    };
    json!({
        "source": label.name,
        "kind": label.kind,
        "sent": share_json(&origin.sent),
        "delivered": share_json(&origin.delivered),
        "duplicates": origin.duplicates,
        "late": origin.late,
    })
}

fn share_json(share: &Share) -> Value {
    json!({
        "total": share.total(),
        "reported": share.reported,
        "implied": share.implied,
        "moved": share.moved,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_named_by_a_day_or_a_moment() {
        let date = "2026-03-29".parse().expect("a date");
        assert_eq!(Named::parse("2026-03-29"), Some(Named::Day(date)));
        assert_eq!(
            Named::parse("1774742400000"),
            Some(Named::At(EpochMs(1_774_742_400_000)))
        );
        for bad in ["", "2026-3-29", "2026-13-01", "yesterday", "-1"] {
            assert_eq!(Named::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_bucket_of_a_moment_is_the_one_of_the_answers() {
        let zone = Zone::parse("Europe/Berlin").expect("a zone");
        let named = Named::parse("2026-03-29").expect("a day");
        let day = window(Granularity::Daily, named.moment(&zone), &zone);
        assert_eq!(day.end.0 - day.start.0, 23 * 3_600_000, "clocks go forward");
        let last = EpochMs(day.end.0 - 1);
        assert_eq!(window(Granularity::Daily, last, &zone), day);
        let half = window(Granularity::HalfHour, last, &zone);
        assert_eq!((half.end, half.end.0 - half.start.0), (day.end, 1_800_000));
    }
}
