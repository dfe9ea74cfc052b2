//! The footer of a Parquet file: checked by ourselves before the library reads it.
//!
//! The library makes room for as many groups, columns and children as a footer claims,
//! and follows groups within groups as deep as they go. Invariant: it only sees footers
//! whose claims are within the limits here.

use super::thrift::{Compact, Kind, ThriftError};
use super::{ParquetFault, read_at};
use parquet::file::metadata::{
    ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
};
use std::fs::File;

/// Longest footer, in bytes.
pub(super) const FOOTER_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Most columns and groups of columns.
const SCHEMA_ELEMENTS_MAX: u64 = 10_000;
/// Deepest groups within groups.
const SCHEMA_DEPTH_MAX: usize = 32;
/// Most columns of all row groups together.
const CHUNKS_MAX: u64 = 100_000;
/// `PAR1` at the start, and length and `PAR1` at the end.
const FRAME_BYTES: u64 = 12;
const MAGIC: &[u8] = b"PAR1";
/// What stands there instead in a file whose footer is encrypted.
const MAGIC_ENCRYPTED: &[u8] = b"PARE";

/// Reads the footer of a file of so many bytes.
pub(super) fn read(file: &File, file_bytes: u64) -> Result<ParquetMetaData, ParquetFault> {
    let end = file_bytes
        .checked_sub(8)
        .filter(|_| file_bytes >= FRAME_BYTES);
    let end = end.ok_or_else(|| fault("the file is too short for Parquet"))?;
    let tail = read_at(file, end, 8)?;
    let (length, magic) = tail.split_at_checked(4).unwrap_or_default();
    if magic == MAGIC_ENCRYPTED {
        return Err(fault(
            "the footer is encrypted; write the file without encryption",
        ));
    }
    if magic != MAGIC {
        return Err(fault(
            "the Parquet file has no end (`PAR1`): it is cut off or not Parquet",
        ));
    }
    let length = length.try_into().map_or(0, u32::from_le_bytes);
    let length = u64::from(length);
    let start = end.checked_sub(length).filter(|start| *start >= 4);
    let start = start.ok_or_else(|| fault("the footer is longer than the file"))?;
    if length > FOOTER_BYTES_MAX {
        return Err(fault(&format!(
            "the footer has {length} bytes, at most {FOOTER_BYTES_MAX} are read; write larger row groups"
        )));
    }
    let bytes = read_at(file, start, length)?;
    check(&bytes)?;
    let options = ParquetMetaDataOptions::new()
        .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
    ParquetMetaDataReader::decode_metadata_with_options(&bytes, Some(&options))
        .map_err(|error| fault(&format!("the footer is damaged: {error}")))
}

fn fault(reason: &str) -> ParquetFault {
    ParquetFault::File(reason.to_owned())
}

/// Compares what the footer claims with the limits.
fn check(bytes: &[u8]) -> Result<(), ParquetFault> {
    let mut schema = Schema::default();
    let mut groups = 0;
    let walked = Compact::new(bytes).fields(|walk, id, _| match id {
        2 => {
            let (length, kind) = walk.list()?;
            if kind != Kind::STRUCT {
                return Err(ThriftError::Malformed);
            }
            let is_second = std::mem::replace(&mut schema.elements, length) > 0;
            // What is beyond the limit is refused below.
            if is_second || length > SCHEMA_ELEMENTS_MAX {
                return Err(ThriftError::Malformed);
            }
            (0..length).try_for_each(|_| schema.element(walk))?;
            Ok(true)
        }
        4 => {
            let at = walk.at();
            groups = Compact::new(bytes.get(at..).unwrap_or_default()).list()?.0;
            Ok(false)
        }
        _ => Ok(false),
    });
    if schema.elements > SCHEMA_ELEMENTS_MAX {
        return Err(fault(&format!(
            "the file has more than {SCHEMA_ELEMENTS_MAX} columns"
        )));
    }
    if groups.saturating_mul(schema.leaves.max(1)) > CHUNKS_MAX {
        return Err(fault(&format!(
            "the file has more than {CHUNKS_MAX} columns in all its row groups; write larger row groups"
        )));
    }
    if schema.is_wrong {
        return Err(fault(
            "the footer is damaged: its columns do not fit together",
        ));
    }
    walked.map_err(|_| fault("the footer is damaged"))
}

/// The tree of columns, as it unfolds.
#[derive(Default)]
struct Schema {
    elements: u64,
    seen: u64,
    leaves: u64,
    /// How many children are to come, from the root on.
    open: Vec<u64>,
    is_wrong: bool,
}

impl Schema {
    fn element(&mut self, walk: &mut Compact<'_>) -> Result<(), ThriftError> {
        let mut children = 0;
        walk.fields(|walk, id, _| {
            if id != 5 {
                return Ok(false);
            }
            children = walk.signed()?;
            Ok(true)
        })?;
        self.seen += 1;
        while self.open.last() == Some(&0) {
            self.open.pop();
        }
        match self.open.last_mut() {
            Some(left) => *left -= 1,
            // Only the root is nobody's child.
            None => self.is_wrong |= self.seen > 1,
        }
        let children = u64::try_from(children).ok();
        let to_come = self.elements.saturating_sub(self.seen);
        let children = children.filter(|children| *children <= to_come);
        match children {
            None => self.is_wrong = true,
            Some(0) => self.leaves += 1,
            Some(children) => self.open.push(children),
        }
        self.is_wrong |= self.open.len() > SCHEMA_DEPTH_MAX;
        if self.is_wrong {
            return Err(ThriftError::Malformed);
        }
        Ok(())
    }
}
