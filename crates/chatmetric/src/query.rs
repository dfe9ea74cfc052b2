//! From a query that was authorized and whose space is known to rows: which
//! numbers, which tallies, in which order.
//!
//! Not here: who may ask (`api::tenancy`) and how rows are written (`api::wire`).

use chatmetric_core::{MetricQuery, PhoneNumber, SpaceKey};
use chatmetric_store::{Store, StoreError};

/// One row: a bucket of one number in which something was counted. Small, because an
/// answer has many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Which of the query's buckets.
    pub window: u32,
    /// Which of the numbers.
    pub number: u32,
    /// Messages sent in the bucket.
    pub sent: u64,
    /// Messages delivered in the bucket.
    pub delivered: u64,
}

/// Why there are no rows.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The tallies cannot be read.
    #[error("could not read the tallies")]
    Store(#[from] StoreError),
    /// The answer would be too long.
    #[error("the answer has more than {rows_max} rows")]
    TooManyRows {
        /// The limit.
        rows_max: usize,
    },
}

/// The rows of `numbers` in `space`, sorted by start, then by the place of the number.
///
/// # Errors
/// [`QueryError`].
pub fn rows(
    store: &dyn Store,
    space: SpaceKey,
    numbers: &[PhoneNumber],
    query: &MetricQuery,
    rows_max: usize,
) -> Result<Vec<Row>, QueryError> {
    let Some(days) = query.days() else {
        return Ok(Vec::new());
    };
    let mut rows = Vec::new();
    for (place, number) in (0..).zip(numbers) {
        let mut series = query.row_series();
        store.read_days(space, number, days.clone(), &mut |day, block| {
            series.add_day(day, block);
        })?;
        if numbers.len() == 1 {
            rows.reserve_exact(query.windows().len().min(rows_max + 1));
        }
        let counted = series.counted().take(rows_max + 1 - rows.len());
        rows.extend(counted.map(|(window, sent, delivered)| Row {
            // No query has so many buckets.
            window: u32::try_from(window).unwrap_or(u32::MAX),
            number: place,
            sent,
            delivered,
        }));
        if rows.len() > rows_max {
            return Err(QueryError::TooManyRows { rows_max });
        }
    }
    if numbers.len() > 1 {
        rows.sort_unstable_by_key(|row| (row.window, row.number));
    }
    Ok(rows)
}
