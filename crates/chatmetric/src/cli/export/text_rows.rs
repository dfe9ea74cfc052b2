//! Rows as CSV and as NDJSON.

use super::{COLUMNS, Destination, Row, Rows};
use crate::spreadsheet::safe;
use serde_json::json;
use std::io::{self, Write as _};

/// CSV with a header.
pub(super) struct Csv {
    writer: csv::Writer<Destination>,
}

impl Csv {
    pub(super) fn new(destination: Destination) -> io::Result<Self> {
        let mut writer = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(destination);
        // The header also stands above no rows.
        writer.write_record(COLUMNS)?;
        Ok(Self { writer })
    }
}

impl Rows for Csv {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        let record = [
            safe(row.number),
            safe(&row.start),
            row.start_ms.to_string().into(),
            row.end_ms.to_string().into(),
            safe(row.granularity),
            row.sent.to_string().into(),
            row.delivered.to_string().into(),
        ];
        let fields = record.iter().map(|field| field.as_bytes());
        Ok(self.writer.write_record(fields)?)
    }

    fn finish(self: Box<Self>) -> io::Result<Destination> {
        let written = self.writer.into_inner();
        written.map_err(|error| io::Error::other(error.to_string()))
    }
}

/// One JSON object a line.
pub(super) struct Ndjson {
    destination: Destination,
}

impl Ndjson {
    pub(super) const fn new(destination: Destination) -> Self {
        Self { destination }
    }
}

impl Rows for Ndjson {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        let value = json!({
            "number": row.number,
            "start": row.start,
            "start_ms": row.start_ms,
            "end_ms": row.end_ms,
            "granularity": row.granularity,
            "sent": row.sent,
            "delivered": row.delivered,
        });
        serde_json::to_writer(&mut self.destination, &value)?;
        self.destination.write_all(b"\n")
    }

    fn finish(self: Box<Self>) -> io::Result<Destination> {
        Ok(self.destination)
    }
}
