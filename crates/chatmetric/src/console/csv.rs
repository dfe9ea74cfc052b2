//! Counts as CSV, written while they are read: no file is in memory as a whole.
//!
//! Invariant: no cell begins with what a spreadsheet takes for a formula.

use super::ask::Ask;
use super::counts::{self, Columns, Range};
use super::error::ConsoleError;
use super::rights::{Right, SignedIn};
use super::{spaces, work};
use crate::server::answer::Answer;
use bytes::Bytes;
use chatmetric_core::Window;
use http::{HeaderValue, header};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Most rows of a file.
pub(super) const ROWS_MAX: usize = 500_000;
/// Pieces that wait for the client.
const PIECES_MAX: usize = 4;
/// The type of every file.
const CSV: &str = "text/csv; charset=utf-8";
const HEADING: &str = "start,end,time_zone,number,sent,delivered,delivered_of_sent\r\n";

/// `GET metrics.csv`
pub(super) async fn metrics(ask: &Ask<'_>, who: &SignedIn) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ReadCounts)?;
    who.require_subscription()?;
    let query = ask.query()?;
    let space = spaces::named(who, &query)?;
    let range = Range::read(&query, &space, ask.now())?;
    let named = counts::named_numbers(&query)?;
    let (snapshot, of_space) = (Arc::clone(&who.snapshot), Arc::clone(&space));
    // Everything that can be refused is refused before the first byte.
    let (range, numbers) = work::read(ask.app, move |app| {
        let numbers = if named.is_empty() {
            counts::all_numbers(app, &snapshot, &of_space)?
        } else {
            for number in &named {
                if !counts::is_of_space(app, &snapshot, &of_space, *number)? {
                    return Err(ConsoleError::NotFound);
                }
            }
            named
        };
        range.check_work(numbers.len())?;
        Ok((range, numbers))
    })
    .await?;
    let buckets = range
        .query
        .as_ref()
        .map_or(0, |query| query.windows().len());
    if numbers.len().saturating_mul(buckets) > ROWS_MAX {
        let reason = format!("The file has more than {ROWS_MAX} rows; ask for a shorter range.");
        return Err(ConsoleError::invalid("end", reason));
    }
    let name = format!("chatmetric-{}.csv", space.id);
    let (sender, pieces) = mpsc::channel(PIECES_MAX);
    let app = Arc::clone(ask.app);
    tokio::task::spawn_blocking(move || {
        let mut text = HEADING.to_owned();
        for number in &numbers {
            let columns = match range.columns(app.store.as_ref(), space.key, number) {
                Ok(columns) => columns,
                Err(error) => {
                    // The file ends early and without its last piece: browsers say so.
                    tracing::error!(%error, "a file of counts was cut off");
                    return;
                }
            };
            let windows = range
                .query
                .as_ref()
                .map_or(&[][..], |query| query.windows());
            rows(
                &mut text,
                windows,
                space.zone.name(),
                number.as_str(),
                &columns,
            );
            // A client that went away ends the work.
            if sender
                .blocking_send(std::mem::take(&mut text).into())
                .is_err()
            {
                return;
            }
        }
        if !text.is_empty() {
            drop(sender.blocking_send(text.into()));
        }
    });
    Ok(attachment(Answer::streaming(CSV, pieces), &name))
}

/// A file that a browser saves.
pub(super) fn attachment(answer: Answer, name: &str) -> Answer {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name: String = name.chars().filter(|c| plain(*c)).collect();
    match HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        Ok(value) => answer.header(header::CONTENT_DISPOSITION, value),
        Err(_) => answer,
    }
}

/// A whole small file.
pub(super) fn whole(text: String, name: &str) -> Answer {
    attachment(
        Answer::new(http::StatusCode::OK, CSV, Bytes::from(text)),
        name,
    )
}

fn rows(text: &mut String, windows: &[Window], zone: &str, number: &str, columns: &Columns) {
    let counted = columns
        .sent
        .iter()
        .zip(&columns.delivered)
        .zip(&columns.cohort);
    for (window, ((sent, delivered), cohort)) in windows.iter().zip(counted) {
        // Writing into a string cannot fail.
        let _ = write!(
            text,
            "{},{},{},{},{sent},{delivered},{cohort}\r\n",
            window.start,
            window.end,
            cell(zone),
            cell(number),
        );
    }
}

/// A text as a cell: quoted where it must be, and never a formula.
pub(super) fn cell(text: &str) -> Cow<'_, str> {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let needs_quotes = text.contains(['"', ',', '\n', '\r']);
    if !is_formula && !needs_quotes {
        return text.into();
    }
    let mark = if is_formula { "'" } else { "" };
    format!("\"{mark}{}\"", text.replace('"', "\"\"")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        assert_eq!(cell("15550100101"), "15550100101");
        assert_eq!(cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        for formula in ["=1+1", "+1", "-1", "@x", "\t=1"] {
            assert!(cell(formula).starts_with("\"'"), "{formula}");
        }
    }
}
