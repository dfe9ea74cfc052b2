//! From a query that was authorized and whose space is known to rows: which
//! numbers, which tallies, in which order.
//!
//! Not here: who may ask (`api::tenancy`) and how rows are written (`api::wire`).

use chatmetric_core::metric::sort_rows;
use chatmetric_core::{MetricQuery, MetricRow, PhoneNumber, SpaceKey};
use chatmetric_store::{Store, StoreError};

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

/// The rows of `numbers` in `space`, sorted by start, then number.
///
/// # Errors
/// [`QueryError`].
pub fn rows(
    store: &dyn Store,
    space: SpaceKey,
    numbers: &[PhoneNumber],
    query: &MetricQuery,
    rows_max: usize,
) -> Result<Vec<MetricRow>, QueryError> {
    let Some(days) = query.days() else {
        return Ok(Vec::new());
    };
    let mut rows = Vec::new();
    for number in numbers {
        let mut series = query.series();
        store.read_days(space, number, days.clone(), &mut |day, block| {
            series.add_day(day, block);
        })?;
        rows.extend(series.rows(*number).take(rows_max + 1 - rows.len()));
        if rows.len() > rows_max {
            return Err(QueryError::TooManyRows { rows_max });
        }
    }
    if numbers.len() > 1 {
        sort_rows(&mut rows);
    }
    Ok(rows)
}
