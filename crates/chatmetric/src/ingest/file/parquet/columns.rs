//! The columns of a Parquet file that hold events: which they are, of which types they
//! may be, and some rows of them at a time.
//!
//! Invariant: of each column at most [`ROWS_AT_ONCE`] values are decoded, besides a page
//! and a dictionary.

use super::codec::Codec;
use super::pages::Pages;
use super::{ParquetFault, Wanted};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{ByteArrayType, DataType, Int32Type, Int64Type, Int96, Int96Type};
use parquet::file::metadata::RowGroupMetaData;
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};
use std::fs::File;
use std::sync::Arc;

/// Rows that are decoded at once.
pub(super) const ROWS_AT_ONCE: usize = 4096;

/// What the whole numbers of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Seconds, or milliseconds from 10¹¹ on.
    Plain,
    Millis,
    Micros,
    Nanos,
}

/// How the values of a column are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Int32,
    Int64(Unit),
    Int96,
}

/// A column of the file that holds what is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source {
    index: usize,
    form: Form,
    is_optional: bool,
    wanted: Wanted,
}

/// Finds the columns of events; the channel alone may be absent.
pub(super) fn find(schema: &SchemaDescriptor) -> Result<Vec<Source>, ParquetFault> {
    let mut sources = Vec::new();
    for wanted in Wanted::ALL {
        let is_named = |name: &str| {
            wanted
                .names()
                .iter()
                .any(|own| name.eq_ignore_ascii_case(own))
        };
        let roots = schema.root_schema().get_fields();
        let mut found = roots.iter().filter(|field| is_named(field.name()));
        let name = wanted.names().join("`/`");
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => {
                return Err(ParquetFault::File(format!(
                    "the column `{name}` is there twice"
                )));
            }
            (None, _) if wanted == Wanted::Channel => continue,
            (None, _) => {
                return Err(ParquetFault::File(format!(
                    "there is no column `{name}`; the file needs `number`, `message_id`, `status`, \
                     `timestamp`"
                )));
            }
            (Some(_), None) => {}
        }
        let leaf = schema.columns().iter().position(|column| {
            let path = column.path().parts();
            path.first().is_some_and(|root| is_named(root))
        });
        let column = leaf.and_then(|index| schema.columns().get(index).map(|c| (index, c)));
        let form = column
            .and_then(|(index, column)| form(wanted, column).map(|form| (index, column, form)));
        let Some((index, column, form)) = form else {
            let kind = column.map_or_else(|| "a group".to_owned(), |(_, column)| type_name(column));
            return Err(ParquetFault::Column {
                column: wanted.name(),
                reason: format!("it is {kind}; it can be {}", wanted.types()),
            });
        };
        sources.push(Source {
            index,
            form,
            is_optional: column.max_def_level() > 0,
            wanted,
        });
    }
    Ok(sources)
}

fn form(wanted: Wanted, column: &ColumnDescriptor) -> Option<Form> {
    if column.path().parts().len() != 1 || column.max_rep_level() > 0 || column.max_def_level() > 1
    {
        return None;
    }
    let logical = column.logical_type_ref();
    let converted = column.converted_type();
    let is_whole = matches!(logical, None | Some(LogicalType::Integer(_)))
        && !matches!(
            converted,
            ConvertedType::DECIMAL
                | ConvertedType::DATE
                | ConvertedType::TIME_MILLIS
                | ConvertedType::TIME_MICROS
                | ConvertedType::TIMESTAMP_MILLIS
                | ConvertedType::TIMESTAMP_MICROS
        );
    match (column.physical_type(), wanted) {
        (Type::BYTE_ARRAY, _) => {
            let is_text = match logical {
                None => matches!(
                    converted,
                    ConvertedType::NONE | ConvertedType::UTF8 | ConvertedType::ENUM
                ),
                Some(LogicalType::String | LogicalType::Enum) => true,
                Some(_) => false,
            };
            is_text.then_some(Form::Text)
        }
        (Type::INT64, Wanted::Number | Wanted::Timestamp) if is_whole => {
            Some(Form::Int64(Unit::Plain))
        }
        (Type::INT32, Wanted::Number | Wanted::Timestamp) if is_whole => Some(Form::Int32),
        (Type::INT96, Wanted::Timestamp) => Some(Form::Int96),
        (Type::INT64, Wanted::Timestamp) => match (logical, converted) {
            (Some(LogicalType::Timestamp(time)), _) => Some(Form::Int64(match time.unit {
                TimeUnit::MILLIS => Unit::Millis,
                TimeUnit::MICROS => Unit::Micros,
                TimeUnit::NANOS => Unit::Nanos,
            })),
            (None, ConvertedType::TIMESTAMP_MILLIS) => Some(Form::Int64(Unit::Millis)),
            (None, ConvertedType::TIMESTAMP_MICROS) => Some(Form::Int64(Unit::Micros)),
            _ => None,
        },
        _ => None,
    }
}

/// What a column is, for people.
fn type_name(column: &ColumnDescriptor) -> String {
    if column.path().parts().len() != 1 || column.max_rep_level() > 0 {
        return "a list or a group".to_owned();
    }
    let physical = column.physical_type();
    match (column.logical_type_ref(), column.converted_type()) {
        (Some(logical), _) => format!("{physical} ({logical:?})"),
        (None, ConvertedType::NONE) => physical.to_string(),
        (None, converted) => format!("{physical} ({converted})"),
    }
}

/// A value of a row.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cell<'a> {
    Null,
    Text(&'a [u8]),
    Whole(i64, Unit),
    /// Milliseconds of what Spark wrote for long.
    Millis(i64),
}

/// The decoded rows of one column.
struct Part<T: DataType> {
    reader: ColumnReaderImpl<T>,
    levels: Vec<i16>,
    values: Vec<T::T>,
    next: usize,
}

impl<T: DataType> Part<T> {
    fn load(&mut self, rows: usize) -> parquet::errors::Result<usize> {
        self.levels.clear();
        self.values.clear();
        self.next = 0;
        let read =
            self.reader
                .read_records(rows, Some(&mut self.levels), None, &mut self.values)?;
        Ok(read.0)
    }

    /// The value of the next row; `None` is null.
    fn next(&mut self, row: usize, is_optional: bool) -> Option<&T::T> {
        if is_optional && self.levels.get(row) != Some(&1) {
            return None;
        }
        let value = self.values.get(self.next);
        self.next += 1;
        value
    }
}

enum Parts {
    Text(Part<ByteArrayType>),
    Int32(Part<Int32Type>),
    Int64(Part<Int64Type>, Unit),
    Int96(Part<Int96Type>),
}

/// A column of one row group.
pub(super) struct Column {
    source: Source,
    parts: Parts,
}

impl Column {
    /// Opens a column of a row group within a file of so many bytes.
    pub(super) fn open(
        source: Source,
        file: &Arc<File>,
        file_bytes: u64,
        group: &RowGroupMetaData,
    ) -> Result<Self, ParquetFault> {
        let fault = |reason: &str| ParquetFault::Column {
            column: source.wanted.name(),
            reason: reason.to_owned(),
        };
        let chunk = group.columns().get(source.index);
        let chunk = chunk.ok_or_else(|| fault("it is missing in a row group"))?;
        if chunk.file_path().is_some() {
            return Err(fault("its data is in another file"));
        }
        let start = chunk
            .dictionary_page_offset()
            .unwrap_or_else(|| chunk.data_page_offset());
        let start = u64::try_from(start.min(chunk.data_page_offset())).ok();
        let length = u64::try_from(chunk.compressed_size()).ok();
        let range = start.zip(length);
        let range = range.and_then(|(start, length)| Some((start, start.checked_add(length)?)));
        let range = range.filter(|(_, end)| *end <= file_bytes);
        let range = range.ok_or_else(|| fault("the footer puts its data beyond the file's end"))?;
        let codec = Codec::of(chunk.compression()).map_err(|codec| {
            fault(&format!(
                "it is compressed with {codec}; it can be with Snappy, gzip, zstd or LZ4_RAW"
            ))
        })?;
        let physical = chunk.column_type();
        let pages = Pages::new(Arc::clone(file), range, codec, physical, source.is_optional);
        let descriptor = chunk.column_descr_ptr();
        let parts = match source.form {
            Form::Text => Parts::Text(part(descriptor, pages)),
            Form::Int32 => Parts::Int32(part(descriptor, pages)),
            Form::Int64(unit) => Parts::Int64(part(descriptor, pages), unit),
            Form::Int96 => Parts::Int96(part(descriptor, pages)),
        };
        Ok(Self { source, parts })
    }

    pub(super) const fn wanted(&self) -> Wanted {
        self.source.wanted
    }

    /// Decodes the next rows; fewer than asked for only where the column ends.
    pub(super) fn load(&mut self, rows: usize) -> Result<usize, ParquetFault> {
        let read = match &mut self.parts {
            Parts::Text(part) => part.load(rows),
            Parts::Int32(part) => part.load(rows),
            Parts::Int64(part, _) => part.load(rows),
            Parts::Int96(part) => part.load(rows),
        };
        read.map_err(|error| ParquetFault::Column {
            column: self.source.wanted.name(),
            reason: match error {
                parquet::errors::ParquetError::External(own) => own.to_string(),
                other => format!("its data is damaged: {other}"),
            },
        })
    }

    /// The value of a row, asked for in order.
    pub(super) fn next(&mut self, row: usize) -> Cell<'_> {
        let is_optional = self.source.is_optional;
        let cell = match &mut self.parts {
            Parts::Text(part) => part
                .next(row, is_optional)
                .map(|text| Cell::Text(text.data())),
            Parts::Int32(part) => part
                .next(row, is_optional)
                .map(|value| Cell::Whole(i64::from(*value), Unit::Plain)),
            Parts::Int64(part, unit) => {
                let unit = *unit;
                part.next(row, is_optional)
                    .map(|value| Cell::Whole(*value, unit))
            }
            Parts::Int96(part) => part
                .next(row, is_optional)
                .map(|value: &Int96| Cell::Millis(value.to_millis())),
        };
        cell.unwrap_or(Cell::Null)
    }
}

fn part<T: DataType>(descriptor: parquet::schema::types::ColumnDescPtr, pages: Pages) -> Part<T> {
    Part {
        reader: ColumnReaderImpl::new(descriptor, Box::new(pages)),
        levels: Vec::new(),
        values: Vec::new(),
        next: 0,
    }
}
