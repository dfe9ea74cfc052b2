//! The comparison itself: the union of both sides' buckets, each with what it is.
//!
//! Invariant: every bucket of either side that overlaps the range and holds a count is in
//! exactly one row.

use super::report::{Counted, Difference, Row, Status};
use super::{Point, ROWS_MAX, Reason, SETTLING_MS, Series, Terms};
use chatmetric_core::{EpochMs, Window};
use std::collections::BTreeMap;

/// One bucket on both sides.
struct Pair {
    window: Window,
    ours: Counted,
    theirs: Counted,
}

/// The rows, by start and number.
pub(super) fn compare(terms: &Terms, ours: &Series, theirs: &Series) -> Result<Vec<Row>, Reason> {
    let mut pairs: BTreeMap<(EpochMs, &str), Pair> = BTreeMap::new();
    for (number, point) in points(terms, ours) {
        let pair = pair_of(&mut pairs, number, point);
        pair.ours.add(point);
    }
    for (number, point) in points(terms, theirs) {
        let pair = pair_of(&mut pairs, number, point);
        if pair.theirs != Counted::default() {
            let what = format!(
                "the bucket that begins at {} stands twice",
                point.window.start
            );
            return Err(Reason::Malformed { what });
        }
        pair.theirs.add(point);
    }
    if pairs.len() > ROWS_MAX {
        return Err(Reason::TooLarge {
            what: "buckets",
            most: ROWS_MAX,
        });
    }
    let rows = pairs.into_iter();
    Ok(rows
        .map(|((_, number), pair)| row(terms, number, &pair))
        .collect())
}

/// The points of a side that hold something and overlap the range.
fn points<'a>(terms: &Terms, side: &'a Series) -> impl Iterator<Item = (&'a str, &'a Point)> {
    let range = terms.range;
    let all = side.iter().flat_map(|(number, points)| {
        let number = number.as_str();
        points.iter().map(move |point| (number, point))
    });
    all.filter(move |(_, point)| {
        (point.sent != 0 || point.delivered != 0) && range.overlaps(&point.window)
    })
}

fn pair_of<'m, 'a>(
    pairs: &'m mut BTreeMap<(EpochMs, &'a str), Pair>,
    number: &'a str,
    point: &Point,
) -> &'m mut Pair {
    let key = (point.window.start, number);
    pairs.entry(key).or_insert_with(|| Pair {
        window: point.window,
        ours: Counted::default(),
        theirs: Counted::default(),
    })
}

fn row(terms: &Terms, number: &str, pair: &Pair) -> Row {
    let Pair {
        window,
        ours,
        theirs,
    } = *pair;
    let settling_from = terms.now.0.saturating_sub(SETTLING_MS);
    let is_settling = window.end.0 > settling_from && !terms.include_settling;
    let nothing = Counted::default();
    let status = if is_settling {
        Status::Settling
    } else if ours == theirs {
        Status::Matched
    } else if theirs == nothing {
        Status::OursOnly
    } else if ours == nothing {
        Status::TheirsOnly
    } else {
        Status::Differs
    };
    let close = terms.tolerance.allows(ours.sent, theirs.sent)
        && terms.tolerance.allows(ours.delivered, theirs.delivered);
    Row {
        start_ms: window.start.0,
        end_ms: window.end.0,
        number: number.to_owned(),
        status,
        within: is_settling || close,
        ours,
        theirs,
        difference: Difference::of(ours, theirs),
    }
}
