//! What every space counted, for invoices.

use super::query::Query;
use super::{Desk, OperatorError};
use crate::spreadsheet::cell;
use crate::usage::{Usage, UsageRange, of_spaces};
use chatmetric_core::EpochMs;
use std::fmt::Write as _;

/// The first line of the file.
const HEADING: &str = "account,name,space,time_zone,start,end,numbers,sent,delivered\r\n";

pub(super) fn rows(desk: &Desk<'_>, query: &Query<'_>) -> Result<Vec<Usage>, OperatorError> {
    let snapshot = desk.directory.snapshot();
    let account = query.account(&snapshot)?;
    let range = UsageRange {
        start: query.time("start")?,
        end: query.time("end")?,
        now: desk.clock.now(),
    };
    let account = account.as_ref().map(|account| &account.id);
    Ok(of_spaces(desk.store.as_ref(), &snapshot, account, range)?)
}

/// The rows as a file that spreadsheets read.
pub(crate) fn csv(rows: &[Usage]) -> String {
    let mut text = HEADING.to_owned();
    for row in rows {
        // Writing into a string cannot fail.
        let _ = write!(
            text,
            "{},{},{},{},{},{},{},{},{}\r\n",
            cell(&row.account),
            cell(&row.name),
            cell(&row.space),
            cell(&row.time_zone),
            EpochMs(row.start_ms),
            EpochMs(row.end_ms),
            row.numbers,
            row.sent,
            row.delivered,
        );
    }
    text
}
