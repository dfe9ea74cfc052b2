//! Rows of `GetChatappPhoneNumberMetric`, the vendor's or our own, as points.

use super::{Point, Reason, Series};
use crate::client::Row;
use chatmetric_core::{EpochMs, Granularity, PhoneNumber, Window};

/// The points of the rows, by number.
///
/// # Errors
/// [`Reason`] for a row that is not what was asked for.
pub fn series_of_rows(rows: &[Row], granularity: Granularity) -> Result<Series, Reason> {
    let asked = match granularity {
        Granularity::HalfHour => "HALF_HOUR",
        Granularity::Daily => "DAILY",
    };
    let mut series = Series::new();
    for row in rows {
        if row.granularity != asked {
            return Err(Reason::OtherGranularity {
                found: if row.granularity == "DAILY" {
                    "DAILY"
                } else if row.granularity == "HALF_HOUR" {
                    "HALF_HOUR"
                } else {
                    "of an unknown granularity"
                },
                asked,
            });
        }
        let times = (EpochMs::checked(row.start), EpochMs::checked(row.end));
        let (Some(start), Some(end)) = times else {
            let what = format!("a row has the bounds {} and {}", row.start, row.end);
            return Err(Reason::Malformed { what });
        };
        if start >= end {
            let what = format!("a row begins at {start} and ends at {end}");
            return Err(Reason::Malformed { what });
        }
        let number = PhoneNumber::parse(&row.phone_number).map_err(|error| Reason::Malformed {
            what: format!("a row has no phone number: {error}"),
        })?;
        series.entry(number.to_string()).or_default().push(Point {
            window: Window { start, end },
            sent: row.sent_count,
            delivered: row.delivered_count,
        });
    }
    Ok(series)
}
