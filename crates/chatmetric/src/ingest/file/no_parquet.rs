//! What stands in for Parquet in a program that was built without it: a refusal.

use super::{Bad, Mark, ReadError, Visitor};
use std::fs::File;
use std::io::{self, BufRead};

const REASON: &str = "this program was built without Parquet (its feature `parquet`)";

pub(super) fn spooled(_input: &mut dyn BufRead) -> io::Result<File> {
    Err(io::Error::new(io::ErrorKind::Unsupported, REASON))
}

pub(super) fn read<V: Visitor>(
    _file: File,
    _from: Option<Mark>,
    _visitor: &mut V,
) -> Result<(), ReadError<V::Stop>> {
    Err(ReadError::Format(Bad {
        line: 1,
        column: None,
        reason: REASON.to_owned(),
    }))
}
