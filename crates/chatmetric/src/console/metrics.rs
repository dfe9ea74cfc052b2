//! `GET metrics`: what the Metrics page draws.
//!
//! The user needs the same right as for the API's operation, in an account that is
//! subscribed; the space is judged as the API judges it. It does not use up the
//! account's calls, and has limits of its own (`counts`).

use super::ask::{Ask, answer_of};
use super::counts::{self, Columns, NUMBERS_MAX, Range, settling_from};
use super::error::ConsoleError;
use super::rights::{Right, SignedIn};
use super::{spaces, work};
use crate::directory::{Snapshot, Space};
use crate::server::App;
use crate::server::answer::Answer;
use chatmetric_core::PhoneNumber;
use serde::Serialize;
use std::sync::Arc;

/// One number's line.
#[derive(Serialize)]
struct Line {
    number: String,
    sent: Vec<i64>,
    delivered: Vec<i64>,
    cohort: Vec<i64>,
}

#[derive(Serialize)]
struct Total {
    sent: Vec<i64>,
    delivered: Vec<i64>,
    cohort: Vec<i64>,
}

#[derive(Serialize)]
struct Failed {
    number: String,
    code: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    space: String,
    time_zone: String,
    granularity: &'static str,
    start_ms: i64,
    end_ms: i64,
    now_ms: i64,
    floor_ms: Option<i64>,
    settling_from_ms: i64,
    buckets: Vec<[i64; 2]>,
    series: Vec<Line>,
    failed: Vec<Failed>,
    numbers_total: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Total>,
}

/// What was read.
struct Drawn {
    lines: Vec<(PhoneNumber, Columns)>,
    failed: Vec<PhoneNumber>,
    numbers_total: usize,
    total: Option<Columns>,
}

/// `GET metrics`
pub(super) async fn metrics(ask: &Ask<'_>, who: &SignedIn) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ReadCounts)?;
    who.require_subscription()?;
    let query = ask.query()?;
    let space = spaces::named(who, &query)?;
    let now = ask.now();
    let range = Range::read(&query, &space, now)?;
    let numbers = counts::named_numbers(&query)?;
    let with_total = query.get("total") == Some("1");
    let (snapshot, of_space) = (Arc::clone(&who.snapshot), Arc::clone(&space));
    let (range, drawn) = work::read(ask.app, move |app| {
        let drawn = if numbers.is_empty() {
            busiest(app, &snapshot, &of_space, &range, with_total)
        } else {
            named(app, &snapshot, &of_space, &range, &numbers, with_total)
        };
        Ok((range, drawn?))
    })
    .await?;
    let windows = range
        .query
        .as_ref()
        .map_or(&[][..], |query| query.windows());
    let line = |(number, columns): (PhoneNumber, Columns)| Line {
        number: number.to_string(),
        sent: columns.sent,
        delivered: columns.delivered,
        cohort: columns.cohort,
    };
    let failed = drawn.failed.iter().map(|number| Failed {
        number: number.to_string(),
        code: "NotFound",
    });
    let body = Metrics {
        space: space.id.to_string(),
        time_zone: space.zone.name().to_owned(),
        granularity: counts::granularity_word(range.granularity),
        start_ms: range.start.0,
        end_ms: range.end.0,
        now_ms: now.0,
        floor_ms: ask.app.store.floor().map(|floor| floor.0),
        settling_from_ms: settling_from(ask),
        buckets: windows.iter().map(|w| [w.start.0, w.end.0]).collect(),
        failed: failed.collect(),
        series: drawn.lines.into_iter().map(line).collect(),
        numbers_total: drawn.numbers_total,
        total: drawn.total.map(|columns| Total {
            sent: columns.sent,
            delivered: columns.delivered,
            cohort: columns.cohort,
        }),
    };
    answer_of(&body)
}

/// Exactly these numbers; one that is not of the space fails alone.
fn named(
    app: &App,
    snapshot: &Snapshot,
    space: &Space,
    range: &Range,
    numbers: &[PhoneNumber],
    with_total: bool,
) -> Result<Drawn, ConsoleError> {
    let all = counts::all_numbers(app, snapshot, space)?;
    let mut drawn = Drawn {
        lines: Vec::new(),
        failed: Vec::new(),
        numbers_total: all.len(),
        total: with_total.then(|| Columns::zeros(range.buckets())),
    };
    for number in numbers {
        if !counts::is_of_space(app, snapshot, space, *number)? {
            drawn.failed.push(*number);
            continue;
        }
        let columns = range.columns(app.store.as_ref(), space.key, number)?;
        if let Some(total) = &mut drawn.total {
            total.add(&columns);
        }
        drawn.lines.push((*number, columns));
    }
    Ok(drawn)
}

/// The numbers that sent most in the range.
fn busiest(
    app: &App,
    snapshot: &Snapshot,
    space: &Space,
    range: &Range,
    with_total: bool,
) -> Result<Drawn, ConsoleError> {
    let all = counts::all_numbers(app, snapshot, space)?;
    range.check_work(all.len())?;
    let mut total = with_total.then(|| Columns::zeros(range.buckets()));
    let mut lines: Vec<(PhoneNumber, Columns)> = Vec::new();
    for number in &all {
        let columns = range.columns(app.store.as_ref(), space.key, number)?;
        if let Some(total) = &mut total {
            total.add(&columns);
        }
        lines.push((*number, columns));
        if lines.len() >= 2 * NUMBERS_MAX {
            keep_busiest(&mut lines);
        }
    }
    keep_busiest(&mut lines);
    lines.sort_unstable_by_key(|(number, _)| *number);
    Ok(Drawn {
        lines,
        failed: Vec::new(),
        numbers_total: all.len(),
        total,
    })
}

fn keep_busiest(lines: &mut Vec<(PhoneNumber, Columns)>) {
    // The more sent, the earlier; of equals the smaller number, so that the choice is
    // the same each time.
    lines.sort_by_cached_key(|(number, columns)| {
        let counted = columns
            .sent_total()
            .saturating_add(columns.delivered_total());
        (std::cmp::Reverse(counted), *number)
    });
    lines.truncate(NUMBERS_MAX);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_stay() {
        let line = |number: &str, sent: i64| {
            let columns = Columns {
                sent: vec![sent],
                delivered: vec![0],
                cohort: vec![0],
            };
            (PhoneNumber::parse(number).expect("digits"), columns)
        };
        let count = i64::try_from(NUMBERS_MAX).expect("small") + 5;
        let mut lines: Vec<_> = (0..count)
            .map(|n| line(&format!("{}", 100 + n), n))
            .collect();
        keep_busiest(&mut lines);
        assert_eq!(lines.len(), NUMBERS_MAX);
        assert_eq!(lines[0].1.sent, [count - 1]);
        assert!(lines.iter().all(|(_, columns)| columns.sent[0] >= 5));
    }
}
