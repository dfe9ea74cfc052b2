//! Decompression of one page, to exactly as many bytes as its header says.
//!
//! Invariant: nothing is made larger than the size that the caller has checked.

use crate::ingest::file::compression::{Compression as Stream, decoded_within};
use parquet::basic::Compression;
use std::io::Read;

/// How the pages of a column are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Plain,
    Snappy,
    Stream(Stream),
    Lz4,
}

impl Codec {
    /// The codec, or why it is not read.
    pub(super) fn of(compression: Compression) -> Result<Self, &'static str> {
        match compression {
            Compression::UNCOMPRESSED => Ok(Self::Plain),
            Compression::SNAPPY => Ok(Self::Snappy),
            Compression::GZIP(_) => Ok(Self::Stream(Stream::Gzip)),
            Compression::ZSTD(_) => Ok(Self::Stream(Stream::Zstd)),
            Compression::LZ4_RAW => Ok(Self::Lz4),
            Compression::LZ4 => Err("the LZ4 of Hadoop"),
            Compression::BROTLI(_) => Err("Brotli"),
            Compression::LZO => Err("LZO"),
        }
    }

    /// The bytes of a page, or `None` when they are damaged or not exactly `size`.
    pub(super) fn decode(self, packed: Vec<u8>, size: usize) -> Option<Vec<u8>> {
        match self {
            Self::Plain => (packed.len() == size).then_some(packed),
            Self::Snappy => {
                let claimed = snap::raw::decompress_len(&packed).ok()?;
                let decoder = || snap::raw::Decoder::new().decompress_vec(&packed).ok();
                (claimed == size).then(decoder).flatten()
            }
            Self::Lz4 => {
                let mut bytes = vec![0; size];
                let length = lz4_flex::block::decompress_into(&packed, &mut bytes).ok()?;
                (length == size).then_some(bytes)
            }
            Self::Stream(kind) => {
                if Stream::of(&packed) != Some(kind) {
                    return None;
                }
                let size_u64 = u64::try_from(size).ok()?;
                // No window needs to be larger than what comes out; the smallest are 1 KiB.
                let window = size_u64.max(8 * 1024 * 1024);
                let input = decoded_within(Box::new(packed.as_slice()), window).ok()?;
                let mut bytes = Vec::with_capacity(size.saturating_add(1));
                input.take(size_u64 + 1).read_to_end(&mut bytes).ok()?;
                (bytes.len() == size).then_some(bytes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_page_is_exactly_as_long_as_it_says() {
        let text = b"one and one and one and one".repeat(100);
        let gzip = {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&text).expect("encoded");
            encoder.finish().expect("encoded")
        };
        let zstd = ruzstd::encoding::compress_to_vec(
            text.as_slice(),
            ruzstd::encoding::CompressionLevel::Fastest,
        );
        let snappy = snap::raw::Encoder::new()
            .compress_vec(&text)
            .expect("encoded");
        for (codec, packed) in [
            (Codec::Plain, text.clone()),
            (Codec::Snappy, snappy),
            (Codec::Lz4, lz4_flex::block::compress(&text)),
            (Codec::Stream(Stream::Gzip), gzip),
            (Codec::Stream(Stream::Zstd), zstd),
        ] {
            let decode = |size| codec.decode(packed.clone(), size);
            assert_eq!(decode(text.len()).as_ref(), Some(&text), "{codec:?}");
            assert_eq!(decode(text.len() - 1), None, "{codec:?}");
            assert_eq!(decode(text.len() + 1), None, "{codec:?}");
            let cut = packed[..packed.len() - 5].to_vec();
            assert_eq!(codec.decode(cut, text.len()), None, "{codec:?}");
        }
        assert_eq!(
            Codec::Stream(Stream::Gzip).decode(text.clone(), text.len()),
            None
        );
    }
}
