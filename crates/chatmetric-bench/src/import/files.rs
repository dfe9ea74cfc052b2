//! The files that are loaded: the same rows in each format.

use anyhow::{Context, Result};
use flate2::write::GzEncoder;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

/// Rows of a row group of Parquet.
const GROUP_ROWS: u64 = 500_000;
const NUMBERS: u64 = 1_000;
const SCHEMA: &str = "message events { required binary number (UTF8);
    required binary message_id (UTF8); required binary status (UTF8);
    required int64 timestamp (TIMESTAMP_MILLIS); }";

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ndjson,
    Csv,
    Parquet,
    NdjsonGz,
    NdjsonZst,
}

impl Kind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::NdjsonGz => "ndjson.gz",
            Self::NdjsonZst => "ndjson.zst",
        }
    }

    pub(super) fn file_name(self) -> String {
        format!("events.{}", self.as_str())
    }
}

/// A row: number, message id, status, ms.
struct Row {
    number: String,
    id: String,
    status: &'static str,
    at_ms: i64,
}

fn row(place: u64, start_ms: i64) -> Row {
    let message = place / 2;
    // Spread without any order, as ids and numbers are.
    let mixed = message.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let sent_ms = start_ms + i64::try_from(message).unwrap_or(0) * 4;
    let is_sent = place.is_multiple_of(2);
    Row {
        number: format!("1555{:07}", (mixed >> 33) % NUMBERS),
        id: format!(
            "wamid.HBgL{mixed:016X}{:016X}",
            mixed.rotate_left(29) ^ message
        ),
        status: if is_sent { "sent" } else { "delivered" },
        at_ms: if is_sent { sent_ms } else { sent_ms + 2_000 },
    }
}

/// Writes a file of so many rows.
pub(super) fn write(path: &Path, kind: Kind, rows: u64, start_ms: i64) -> Result<()> {
    let file = File::create(path).context("could not make a file of rows")?;
    let all = || (0..rows).map(|place| row(place, start_ms));
    match kind {
        Kind::Ndjson => write_ndjson(BufWriter::new(file), all()).map(drop),
        Kind::Csv => write_csv(BufWriter::new(file), all()),
        Kind::Parquet => write_parquet(file, rows, start_ms),
        Kind::NdjsonGz => {
            let encoder = GzEncoder::new(file, flate2::Compression::default());
            let encoder = write_ndjson(BufWriter::new(encoder), all())?;
            encoder.into_inner()?.finish()?;
            Ok(())
        }
        Kind::NdjsonZst => {
            let text = write_ndjson(BufWriter::new(Vec::new()), all())?.into_inner()?;
            let level = ruzstd::encoding::CompressionLevel::Fastest;
            ruzstd::encoding::compress(text.as_slice(), file, level);
            Ok(())
        }
    }
}

fn write_ndjson<W: Write>(mut to: W, rows: impl Iterator<Item = Row>) -> Result<W> {
    for row in rows {
        writeln!(
            to,
            r#"{{"number":"{}","message_id":"{}","status":"{}","ts":{}}}"#,
            row.number, row.id, row.status, row.at_ms
        )?;
    }
    to.flush()?;
    Ok(to)
}

fn write_csv(mut to: impl Write, rows: impl Iterator<Item = Row>) -> Result<()> {
    writeln!(to, "number,message_id,status,timestamp")?;
    for row in rows {
        writeln!(to, "{},{},{},{}", row.number, row.id, row.status, row.at_ms)?;
    }
    Ok(to.flush()?)
}

fn write_parquet(file: File, rows: u64, start_ms: i64) -> Result<()> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .build();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
    let mut from = 0;
    while from < rows {
        let to = (from + GROUP_ROWS).min(rows);
        let part: Vec<Row> = (from..to).map(|place| row(place, start_ms)).collect();
        let texts = |text: fn(&Row) -> &str| -> Vec<ByteArray> {
            part.iter().map(|row| text(row).into()).collect()
        };
        let mut group = writer.next_row_group()?;
        column::<ByteArrayType>(&mut group, &texts(|row| &row.number))?;
        column::<ByteArrayType>(&mut group, &texts(|row| &row.id))?;
        column::<ByteArrayType>(&mut group, &texts(|row| row.status))?;
        let times: Vec<i64> = part.iter().map(|row| row.at_ms).collect();
        column::<Int64Type>(&mut group, &times)?;
        group.close()?;
        from = to;
    }
    writer.close()?;
    Ok(())
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[T::T],
) -> Result<()> {
    let mut column = group.next_column()?.context("a column is missing")?;
    column.typed::<T>().write_batch(values, None, None)?;
    column.close()?;
    Ok(())
}
