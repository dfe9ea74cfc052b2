//! What a file is, from its first bytes and its name.

use super::FileFormat;
use super::compression::Compression;
use std::io::{self, Read};

/// How many bytes are looked at.
pub const PEEK_BYTES: usize = 64 * 1024;

/// Why a file cannot be loaded as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SniffError {
    /// gzip or zstd within gzip or zstd.
    #[error("the file is compressed twice, the second time with {0}")]
    CompressedTwice(&'static str),
    /// UTF-16 or UTF-32, as spreadsheets write it.
    #[error("the file is UTF-16, not UTF-8")]
    Utf16,
    /// Zero bytes: no text at all.
    #[error("the file is binary, not text")]
    Binary,
}

/// Takes the first line, or [`PEEK_BYTES`], or all there is.
///
/// # Errors
/// What the input says.
pub fn peek(input: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut prefix = Vec::new();
    let mut part = [0_u8; 4096];
    while prefix.len() < PEEK_BYTES && !prefix.trim_ascii_start().contains(&b'\n') {
        match input.read(&mut part) {
            Ok(0) => break,
            Ok(read) => prefix.extend_from_slice(part.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(prefix)
}

/// Judges the first bytes of what is decompressed already; a name such as `x.csv` helps where they do not decide.
///
/// # Errors
/// [`SniffError`] for what no format reads.
pub fn sniff(prefix: &[u8], name: &str) -> Result<FileFormat, SniffError> {
    if let Some(kind) = Compression::of(prefix) {
        return Err(SniffError::CompressedTwice(kind.as_str()));
    }
    match prefix {
        [b'P', b'A', b'R', b'1', ..] => return Ok(FileFormat::Parquet),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Err(SniffError::Utf16),
        _ => {}
    }
    let text = prefix
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(prefix)
        .trim_ascii_start();
    if text.contains(&0) {
        return Err(SniffError::Binary);
    }
    let first_line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let holds = |word: &str| text.windows(word.len()).any(|part| part == word.as_bytes());
    Ok(match text.first() {
        // The vendor's examples have a space behind it.
        Some(b'[' | b'{') if holds("\"MessageId") => FileFormat::Cams,
        Some(b'[') => FileFormat::Whatsapp,
        Some(b'{') if holds("\"entry\"") || holds("\"statuses\"") => FileFormat::Whatsapp,
        // The first line of a body that is written over many lines.
        Some(b'{') if first_line.trim_ascii() == b"{" => FileFormat::Whatsapp,
        Some(b'{') => FileFormat::Ndjson,
        Some(_) => FileFormat::Csv,
        None => {
            let name = name.to_ascii_lowercase();
            let plain = name.strip_suffix(".gz").or(name.strip_suffix(".zst"));
            let name = plain.unwrap_or(&name);
            if name.ends_with(".csv") || name.ends_with(".tsv") {
                FileFormat::Csv
            } else {
                FileFormat::Ndjson
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_content() {
        for (text, name, format) in [
            (
                "number,message_id,status,timestamp\n1,",
                "x",
                FileFormat::Csv,
            ),
            ("\u{feff}number;message_id", "x", FileFormat::Csv),
            (
                "{\"number\":\"1\",\"message_id\":\"m\"}",
                "x.csv",
                FileFormat::Ndjson,
            ),
            (
                "{\"object\":\"whatsapp_business_account\",\"entry\":[",
                "x",
                FileFormat::Whatsapp,
            ),
            ("{\n  \"object\"", "x.json", FileFormat::Whatsapp),
            ("[\n{\"entry\"", "x", FileFormat::Whatsapp),
            ("PAR1\u{15}\0", "x.csv", FileFormat::Parquet),
            (
                "{\"MessageId \":\"1\",\"From\":\"1\"}",
                "x",
                FileFormat::Cams,
            ),
            ("[{\"MessageId\":\"1\"}]", "x", FileFormat::Cams),
            ("", "x.csv", FileFormat::Csv),
            ("", "x", FileFormat::Ndjson),
        ] {
            let mut input = text.as_bytes();
            let prefix = peek(&mut input).expect("reads");
            assert_eq!(sniff(&prefix, name), Ok(format), "{text}");
        }
        for (bytes, error) in [
            (&b"\x1f\x8b\x08"[..], SniffError::CompressedTwice("gzip")),
            (b"\x28\xb5\x2f\xfd\x00", SniffError::CompressedTwice("zstd")),
            (b"\xff\xfen\0", SniffError::Utf16),
            (b"SQLite format 3\0", SniffError::Binary),
        ] {
            assert_eq!(sniff(bytes, "x"), Err(error));
        }
    }
}
