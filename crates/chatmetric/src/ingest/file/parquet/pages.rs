//! The pages of one column of one row group, read one at a time within limits.
//!
//! The library has a reader of pages too; it makes room for what a header claims before
//! it looks. Invariant: a page is in memory only if its header's claims are within the
//! limits here, and the library is given no claim that its bytes do not bear out.

use super::codec::Codec;
use super::read_at;
use super::thrift::{Compact, Kind, ThriftError};
use bytes::Bytes;
use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::ParquetError;
use std::fs::File;
use std::sync::Arc;

/// Largest page, in bytes, packed and unpacked: what writers make has about a MiB.
pub(super) const PAGE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Largest dictionary, in bytes unpacked: writers stop at 1 MiB unless they are told
/// otherwise.
pub(super) const DICTIONARY_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Most values of a dictionary.
pub(super) const DICTIONARY_VALUES_MAX: u32 = 1024 * 1024;
/// Most values of a page.
pub(super) const PAGE_VALUES_MAX: u32 = 16 * 1024 * 1024;
/// Longest header of a page, in bytes: it may repeat its smallest and largest value.
const HEADER_BYTES_MAX: u64 = 1024 * 1024;
/// What is read of a header at first.
const HEADER_BYTES: u64 = 256;

/// What is wrong with a page; the caller adds the column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct PageFault(pub(super) String);

impl From<PageFault> for ParquetError {
    fn from(fault: PageFault) -> Self {
        Self::External(Box::new(fault))
    }
}

fn fault<T>(reason: impl Into<String>) -> Result<T, PageFault> {
    Err(PageFault(reason.into()))
}

/// Reads the pages of a column.
pub(super) struct Pages {
    file: Arc<File>,
    at: u64,
    end: u64,
    codec: Codec,
    column: Type,
    is_optional: bool,
    has_dictionary: bool,
}

impl Pages {
    /// Reads those within `at..end` of the file.
    pub(super) const fn new(
        file: Arc<File>,
        (at, end): (u64, u64),
        codec: Codec,
        column: Type,
        is_optional: bool,
    ) -> Self {
        Self {
            file,
            at,
            end,
            codec,
            column,
            is_optional,
            has_dictionary: false,
        }
    }

    fn next_page(&mut self) -> Result<Option<Page>, PageFault> {
        while self.at < self.end {
            let header = self.header()?;
            let packed = header.packed.ok_or_else(damaged)?;
            if packed > self.end - self.at {
                return fault("a page goes beyond the end of its column");
            }
            let start = self.at;
            self.at += packed;
            if header.kind == PageKind::Index {
                continue;
            }
            let size = self.size(&header)?;
            if packed > PAGE_BYTES_MAX {
                return fault(format!(
                    "a page has {packed} bytes, at most {PAGE_BYTES_MAX} are read; write smaller pages"
                ));
            }
            let bytes =
                read_at(&self.file, start, packed).map_err(|error| PageFault(error.to_string()))?;
            if let Some(sum) = header.crc
                && sum != crc32fast::hash(&bytes)
            {
                return fault("the checksum of a page does not fit");
            }
            let bytes = self.unpack(&header, bytes, size)?;
            return self.page(&header, bytes).map(Some);
        }
        Ok(None)
    }

    /// Reads a header and goes on behind it.
    fn header(&mut self) -> Result<Header, PageFault> {
        let mut wanted = HEADER_BYTES;
        loop {
            let length = wanted.min(self.end - self.at);
            let bytes = read_at(&self.file, self.at, length)
                .map_err(|error| PageFault(error.to_string()))?;
            match Header::read(&bytes) {
                Ok((header, used)) => {
                    self.at += u64::try_from(used).unwrap_or(u64::MAX);
                    return Ok(header);
                }
                Err(ThriftError::Short) if length == wanted && wanted < HEADER_BYTES_MAX => {
                    wanted = (wanted * 16).min(HEADER_BYTES_MAX);
                }
                Err(_) => return fault("a page's header is damaged or too long"),
            }
        }
    }

    /// The size of a page when it is unpacked, once its claims are checked.
    fn size(&mut self, header: &Header) -> Result<usize, PageFault> {
        let size = header.size.ok_or_else(damaged)?;
        let values = header.values.ok_or_else(damaged)?;
        let (bytes_max, values_max, what) = match header.kind {
            PageKind::Dictionary => (DICTIONARY_BYTES_MAX, DICTIONARY_VALUES_MAX, "dictionary"),
            _ => (PAGE_BYTES_MAX, PAGE_VALUES_MAX, "page"),
        };
        if size > bytes_max {
            return fault(format!(
                "a {what} has {size} bytes unpacked, at most {bytes_max} are read; write smaller ones"
            ));
        }
        if values > values_max {
            return fault(format!(
                "a {what} has {values} values, at most {values_max} are read; write smaller ones"
            ));
        }
        if header.kind == PageKind::Dictionary {
            if std::mem::replace(&mut self.has_dictionary, true) {
                return fault("it has two dictionaries in one row group");
            }
            let width: u64 = match self.column {
                Type::INT64 | Type::DOUBLE => 8,
                Type::INT96 => 12,
                _ => 4,
            };
            // The library makes room for as many values as are claimed.
            if u64::from(values).saturating_mul(width) > size {
                return fault("a dictionary claims more values than it has bytes for");
            }
        }
        usize::try_from(size).or_else(|_| fault("a page is too large"))
    }

    fn unpack(
        &self,
        header: &Header,
        mut bytes: Vec<u8>,
        size: usize,
    ) -> Result<Vec<u8>, PageFault> {
        let unpacked = if header.kind == PageKind::DataV2 {
            let levels = header
                .levels_bytes()
                .filter(|levels| *levels <= bytes.len());
            let levels = levels
                .filter(|levels| *levels <= size)
                .ok_or_else(damaged)?;
            if header.is_plain || levels == size {
                (bytes.len() == size).then_some(bytes)
            } else {
                let rest = bytes.split_off(levels);
                let rest = self.codec.decode(rest, size - levels);
                rest.map(|rest| {
                    bytes.extend_from_slice(&rest);
                    bytes
                })
            }
        } else {
            self.codec.decode(bytes, size)
        };
        unpacked.ok_or_else(|| PageFault("a page is damaged or not as long as it says".to_owned()))
    }

    fn page(&self, header: &Header, bytes: Vec<u8>) -> Result<Page, PageFault> {
        let values = header.values.ok_or_else(damaged)?;
        let encoding = encoding(header.encoding)?;
        if header.kind == PageKind::Dictionary {
            return Ok(Page::DictionaryPage {
                buf: bytes.into(),
                num_values: values,
                encoding,
                is_sorted: false,
            });
        }
        let is_by_dictionary = matches!(
            encoding,
            Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY
        );
        if is_by_dictionary && !self.has_dictionary {
            return fault("a page needs a dictionary that is not there");
        }
        let values_at = self.values_at(header, &bytes)?;
        if encoding == Encoding::DELTA_LENGTH_BYTE_ARRAY {
            // The library makes room for as many lengths as are claimed.
            let lengths = bytes.get(values_at..).and_then(delta_values);
            if lengths.is_none_or(|lengths| lengths > u64::from(values)) {
                return fault("a page claims more lengths than it has values");
            }
        }
        let buf = Bytes::from(bytes);
        if header.kind == PageKind::DataV2 {
            return Ok(Page::DataPageV2 {
                buf,
                num_values: values,
                encoding,
                num_nulls: header.nulls.ok_or_else(damaged)?,
                num_rows: header.rows.ok_or_else(damaged)?,
                def_levels_byte_len: header.definition_bytes.ok_or_else(damaged)?,
                rep_levels_byte_len: header.repetition_bytes.ok_or_else(damaged)?,
                is_compressed: false,
                statistics: None,
            });
        }
        Ok(Page::DataPage {
            buf,
            num_values: values,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        })
    }

    /// Where the values of a page of data begin, behind the levels of nulls.
    fn values_at(&self, header: &Header, bytes: &[u8]) -> Result<usize, PageFault> {
        if header.kind == PageKind::DataV2 {
            return header.levels_bytes().ok_or_else(damaged);
        }
        if !self.is_optional {
            return Ok(0);
        }
        if encoding(header.definition_encoding)? != Encoding::RLE {
            return fault("the nulls of a page are encoded as no writer does it any more");
        }
        let length = bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        let length = length.and_then(|length| usize::try_from(length).ok());
        let end = length.and_then(|length| length.checked_add(4));
        end.filter(|end| *end <= bytes.len()).ok_or_else(damaged)
    }
}

fn damaged() -> PageFault {
    PageFault("a page's header is damaged".to_owned())
}

/// How many values a block of differences says that it has.
fn delta_values(bytes: &[u8]) -> Option<u64> {
    let mut walk = Compact::new(bytes);
    let _block = walk.unsigned().ok()?;
    let _parts = walk.unsigned().ok()?;
    walk.unsigned().ok()
}

fn encoding(number: Option<u64>) -> Result<Encoding, PageFault> {
    Ok(match number {
        Some(0) => Encoding::PLAIN,
        Some(2) => Encoding::PLAIN_DICTIONARY,
        Some(3) => Encoding::RLE,
        Some(5) => Encoding::DELTA_BINARY_PACKED,
        Some(6) => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        Some(8) => Encoding::RLE_DICTIONARY,
        Some(9) => Encoding::BYTE_STREAM_SPLIT,
        // A page of few bytes can stand for any amount of text in it.
        Some(7) => return fault("the encoding DELTA_BYTE_ARRAY is not read; write another one"),
        _ => return fault("the encoding of a page is not known"),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum PageKind {
    Data,
    #[default]
    Index,
    Dictionary,
    DataV2,
}

/// What a header says; `None` for what it leaves out, or what no number fits.
#[derive(Debug, Default)]
struct Header {
    kind: PageKind,
    size: Option<u64>,
    packed: Option<u64>,
    crc: Option<u32>,
    values: Option<u32>,
    encoding: Option<u64>,
    definition_encoding: Option<u64>,
    nulls: Option<u32>,
    rows: Option<u32>,
    definition_bytes: Option<u32>,
    repetition_bytes: Option<u32>,
    is_plain: bool,
}

impl Header {
    /// The header at the start of the bytes, and how long it is.
    fn read(bytes: &[u8]) -> Result<(Self, usize), ThriftError> {
        let mut header = Self::default();
        let mut walk = Compact::new(bytes);
        walk.fields(|walk, id, kind| {
            match id {
                1 => {
                    header.kind = match walk.signed()? {
                        0 => PageKind::Data,
                        1 => PageKind::Index,
                        2 => PageKind::Dictionary,
                        3 => PageKind::DataV2,
                        _ => return Err(ThriftError::Malformed),
                    };
                }
                2 => header.size = u64::try_from(walk.signed()?).ok(),
                3 => header.packed = u64::try_from(walk.signed()?).ok(),
                4 => {
                    let sum = i32::try_from(walk.signed()?).ok();
                    header.crc = sum.map(|sum| u32::from_ne_bytes(sum.to_ne_bytes()));
                }
                5 | 7 if kind == Kind::STRUCT => header.read_data(walk)?,
                8 if kind == Kind::STRUCT => header.read_data_v2(walk)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok((header, walk.at()))
    }

    /// Also of a dictionary, which begins alike.
    fn read_data(&mut self, walk: &mut Compact<'_>) -> Result<(), ThriftError> {
        walk.fields(|walk, id, kind| {
            match id {
                1 => self.values = u32::try_from(walk.signed()?).ok(),
                2 => self.encoding = u64::try_from(walk.signed()?).ok(),
                3 if !kind.is_truth() => {
                    self.definition_encoding = u64::try_from(walk.signed()?).ok();
                }
                _ => return Ok(false),
            }
            Ok(true)
        })
    }

    fn read_data_v2(&mut self, walk: &mut Compact<'_>) -> Result<(), ThriftError> {
        walk.fields(|walk, id, kind| {
            if id == 7 {
                self.is_plain = kind != Kind::TRUE;
                return Ok(kind.is_truth());
            }
            let place = match id {
                1 => &mut self.values,
                2 => &mut self.nulls,
                3 => &mut self.rows,
                5 => &mut self.definition_bytes,
                6 => &mut self.repetition_bytes,
                4 => {
                    self.encoding = u64::try_from(walk.signed()?).ok();
                    return Ok(true);
                }
                _ => return Ok(false),
            };
            *place = u32::try_from(walk.signed()?).ok();
            Ok(true)
        })
    }

    fn levels_bytes(&self) -> Option<usize> {
        let definition = usize::try_from(self.definition_bytes?).ok()?;
        definition.checked_add(usize::try_from(self.repetition_bytes?).ok()?)
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>, ParquetError> {
        Ok(self.next_page()?)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>, ParquetError> {
        // Nothing here skips pages.
        Err(ParquetError::NYI("pages are read in order".to_owned()))
    }

    fn skip_next_page(&mut self) -> Result<(), ParquetError> {
        Err(ParquetError::NYI("pages are read in order".to_owned()))
    }

    fn at_record_boundary(&mut self) -> Result<bool, ParquetError> {
        // Only columns without lists are read.
        Ok(true)
    }
}

impl Iterator for Pages {
    type Item = Result<Page, ParquetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}
