//! Rows as Parquet, a row group at a time.

use super::{Destination, Row, Rows};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use std::io;
use std::sync::Arc;

/// Rows of a row group: what is kept in memory.
const GROUP_ROWS: usize = 50_000;

/// The columns, in the order of `COLUMNS`.
const SCHEMA: &str = "message counts {
    required binary number (UTF8);
    required binary start (UTF8);
    required int64 start_ms;
    required int64 end_ms;
    required binary granularity (UTF8);
    required int64 sent;
    required int64 delivered;
}";

/// Parquet, compressed with Snappy.
pub(super) struct Parquet {
    writer: SerializedFileWriter<Destination>,
    number: Vec<ByteArray>,
    start: Vec<ByteArray>,
    granularity: Vec<ByteArray>,
    /// Start, end, sent, delivered.
    whole: [Vec<i64>; 4],
}

impl Parquet {
    pub(super) fn new(destination: Destination) -> io::Result<Self> {
        let schema = parse_message_type(SCHEMA).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .build();
        let writer = SerializedFileWriter::new(destination, Arc::new(schema), Arc::new(properties));
        Ok(Self {
            writer: writer.map_err(failed)?,
            number: Vec::new(),
            start: Vec::new(),
            granularity: Vec::new(),
            whole: Default::default(),
        })
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        let [start_ms, end_ms, sent, delivered] = &mut self.whole;
        column::<ByteArrayType>(&mut group, &mut self.number)?;
        column::<ByteArrayType>(&mut group, &mut self.start)?;
        column::<Int64Type>(&mut group, start_ms)?;
        column::<Int64Type>(&mut group, end_ms)?;
        column::<ByteArrayType>(&mut group, &mut self.granularity)?;
        column::<Int64Type>(&mut group, sent)?;
        column::<Int64Type>(&mut group, delivered)?;
        group.close()?;
        Ok(())
    }
}

/// Writes the values of the next column, which are gone afterwards.
fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Destination>,
    values: &mut Vec<T::T>,
) -> Result<(), ParquetError> {
    if let Some(mut column) = group.next_column()? {
        column.typed::<T>().write_batch(values, None, None)?;
        column.close()?;
    }
    values.clear();
    Ok(())
}

/// What the disk said, where it was the disk.
fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

impl Rows for Parquet {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.number.push(row.number.into());
        self.start.push(row.start.as_str().into());
        self.granularity.push(row.granularity.into());
        let whole = [
            row.start_ms,
            row.end_ms,
            count(row.sent),
            count(row.delivered),
        ];
        for (column, value) in self.whole.iter_mut().zip(whole) {
            column.push(value);
        }
        if self.number.len() >= GROUP_ROWS {
            self.write_group().map_err(failed)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<Destination> {
        if !self.number.is_empty() {
            self.write_group().map_err(failed)?;
        }
        self.writer.into_inner().map_err(failed)
    }
}
