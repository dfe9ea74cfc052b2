//! Counts as CSV, written while they are read: no file is in memory as a whole.
//!
//! Invariant: every cell that is no figure goes through `spreadsheet`.

use super::ask::Ask;
use super::counts::{self, Columns, Range};
use super::error::ConsoleError;
use super::rights::{Right, SignedIn};
use super::{spaces, work};
use crate::directory::Space;
use crate::server::App;
use crate::server::answer::Answer;
use crate::spreadsheet::cell;
use bytes::Bytes;
use chatmetric_core::{PhoneNumber, Window};
use http::{HeaderValue, header};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Most rows of a file.
pub(super) const ROWS_MAX: usize = 500_000;
/// Pieces that wait for the client.
const PIECES_MAX: usize = 4;
/// How long a piece waits for the client.
const SEND_WAIT: Duration = Duration::from_secs(30);
/// The type of every file.
const CSV: &str = "text/csv; charset=utf-8";
const HEADING: &str = "start,end,time_zone,number,sent,delivered,delivered_of_sent\r\n";

/// `GET metrics.csv`
pub(super) async fn metrics(ask: &Ask<'_>, who: &SignedIn) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ReadCounts)?;
    who.require_subscription()?;
    let place = ask.app.console.downloads.take(&who.user.id, 1);
    let place = place.ok_or(ConsoleError::SlowDown {
        retry_after_ms: 15_000,
    })?;
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
    tokio::spawn(async move {
        let _place = place;
        File {
            app,
            space,
            range: Arc::new(range),
        }
        .write(numbers, &sender)
        .await;
    });
    Ok(attachment(Answer::streaming(CSV, pieces), &name))
}

/// A file of counts while it is written.
struct File {
    app: Arc<App>,
    space: Arc<Space>,
    range: Arc<Range>,
}

impl File {
    /// Writes rows, number by number: a client that is slow holds no thread and no turn.
    /// A file that is not written whole ends early.
    async fn write(&self, numbers: Vec<PhoneNumber>, sender: &mpsc::Sender<Bytes>) {
        if !sent(sender, Bytes::from_static(HEADING.as_bytes())).await {
            return;
        }
        for number in numbers {
            let (range, space) = (Arc::clone(&self.range), Arc::clone(&self.space));
            let text = work::read(&self.app, move |app| {
                let columns = range.columns(app.store.as_ref(), space.key, &number)?;
                let windows = range
                    .query
                    .as_ref()
                    .map_or(&[][..], |query| query.windows());
                let mut text = String::new();
                let zone = space.zone.name();
                rows(&mut text, windows, zone, number.as_str(), &columns);
                Ok(Bytes::from(text))
            });
            let text = match text.await {
                Ok(text) => text,
                Err(error) => {
                    tracing::error!(error = error.code(), "a file of counts was cut off");
                    return;
                }
            };
            if !text.is_empty() && !sent(sender, text).await {
                return;
            }
        }
    }
}

/// Whether the client took a piece in time; one that went away did not.
async fn sent(sender: &mpsc::Sender<Bytes>, piece: Bytes) -> bool {
    let sent = tokio::time::timeout(SEND_WAIT, sender.send(piece)).await;
    matches!(sent, Ok(Ok(())))
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
