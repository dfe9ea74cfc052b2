//! gzip and zstd, told by their first bytes and decoded as a stream.
//!
//! Any ratio is fine, because what comes out is read line by line with bounded
//! memory. Members (gzip) and frames (zstd) may follow each other; anything else
//! behind them, damage and a cut are errors.
//!
//! Invariant: the end of the input is given only where the compressed data ends
//! whole, with its checksum.

use flate2::bufread::GzDecoder;
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, BufRead, Read};

/// Largest window of a zstd frame, in bytes: what the `zstd` tool reads unless it is
/// told otherwise.
pub const ZSTD_WINDOW_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// How bytes are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// gzip
    Gzip,
    /// Zstandard
    Zstd,
}

impl Compression {
    /// Judges the first bytes.
    #[must_use]
    pub fn of(prefix: &[u8]) -> Option<Self> {
        if prefix.starts_with(&GZIP_MAGIC) {
            Some(Self::Gzip)
        } else if prefix.starts_with(&ZSTD_MAGIC) || is_skippable(prefix) {
            Some(Self::Zstd)
        } else {
            None
        }
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// A frame of something else, which zstd skips: `50..5f 2a 4d 18`.
fn is_skippable(bytes: &[u8]) -> bool {
    matches!(bytes, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// What the input holds, decoded where it is compressed, and whether it is.
///
/// # Errors
/// What the input says.
pub fn decoded<'r>(input: Box<dyn Read + 'r>) -> io::Result<(Box<dyn Read + 'r>, bool)> {
    let mut source = Source::new(input);
    let is_packed = Compression::of(source.peek(4)?).is_some();
    decoded_source(source, ZSTD_WINDOW_BYTES_MAX).map(|decoded| (decoded, is_packed))
}

/// [`decoded`] with another largest window of a zstd frame, in bytes.
///
/// # Errors
/// What the input says.
pub fn decoded_within<'r>(
    input: Box<dyn Read + 'r>,
    window_bytes_max: u64,
) -> io::Result<Box<dyn Read + 'r>> {
    decoded_source(Source::new(input), window_bytes_max)
}

fn decoded_source(mut source: Source<'_>, window_bytes_max: u64) -> io::Result<Box<dyn Read + '_>> {
    Ok(match Compression::of(source.peek(4)?) {
        None => Box::new(source),
        Some(Compression::Gzip) => Box::new(Gzip {
            member: Some(GzDecoder::new(source)),
        }),
        Some(Compression::Zstd) => Box::new(Zstd::new(source, window_bytes_max)),
    })
}

/// A buffer in front of the input that can be looked into.
struct Source<'r> {
    input: Box<dyn Read + 'r>,
    buffer: Vec<u8>,
    used: usize,
    /// More was asked for than there is.
    ran_out: bool,
}

impl<'r> Source<'r> {
    fn new(input: Box<dyn Read + 'r>) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            used: 0,
            ran_out: false,
        }
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.used..).unwrap_or_default()
    }

    /// The next bytes, fewer than `wanted` only where the input ends.
    fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        while self.rest().len() < wanted && self.read_more()? > 0 {}
        Ok(self.rest())
    }

    fn read_more(&mut self) -> io::Result<usize> {
        self.buffer.drain(..self.used);
        self.used = 0;
        let before = self.buffer.len();
        self.buffer.resize(before + READ_BYTES, 0);
        let read = loop {
            let free = self.buffer.get_mut(before..).unwrap_or_default();
            match self.input.read(free) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.buffer
            .truncate(before + read.as_ref().map_or(0, |read| *read));
        read
    }

    /// What bytes mean that stand where the next part should begin: a part that is cut
    /// off within its magic, or something else.
    fn stray(&mut self, kind: Compression, magic: &[u8]) -> io::Error {
        self.ran_out = magic.starts_with(self.rest());
        if self.ran_out {
            return self.fault(kind, "");
        }
        let message = format!("something else follows the {} data", kind.as_str());
        io::Error::new(io::ErrorKind::InvalidData, message)
    }

    /// What a decoder's error means.
    fn fault(&self, kind: Compression, error: impl std::fmt::Display) -> io::Error {
        let kind = kind.as_str();
        if self.ran_out {
            let message = format!("the {kind} data is cut off");
            return io::Error::new(io::ErrorKind::UnexpectedEof, message);
        }
        let message = format!("the {kind} data is damaged: {error}");
        io::Error::new(io::ErrorKind::InvalidData, message)
    }
}

impl Read for Source<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let read = available.read(to)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let is_over = self.peek(1)?.is_empty();
        self.ran_out |= is_over;
        Ok(self.rest())
    }

    fn consume(&mut self, bytes: usize) {
        self.used = (self.used + bytes).min(self.buffer.len());
    }
}

/// gzip members, one after the other; `None` at their end.
struct Gzip<'r> {
    member: Option<GzDecoder<Source<'r>>>,
}

impl Read for Gzip<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if to.is_empty() {
            return Ok(0);
        }
        while let Some(mut member) = self.member.take() {
            let read = member
                .read(to)
                .map_err(|error| member.get_ref().fault(Compression::Gzip, error))?;
            if read > 0 {
                self.member = Some(member);
                return Ok(read);
            }
            let mut source = member.into_inner();
            self.member = match source.peek(GZIP_MAGIC.len())? {
                [] => None,
                next if next.starts_with(&GZIP_MAGIC) => Some(GzDecoder::new(source)),
                _ => return Err(source.stray(Compression::Gzip, &GZIP_MAGIC)),
            };
        }
        Ok(0)
    }
}

/// zstd frames, one after the other.
struct Zstd<'r> {
    source: Source<'r>,
    decoder: FrameDecoder,
    in_frame: bool,
}

impl<'r> Zstd<'r> {
    fn new(source: Source<'r>, window_bytes_max: u64) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(window_bytes_max);
        Self {
            source,
            decoder,
            in_frame: false,
        }
    }

    fn fault(&self, error: impl std::fmt::Display) -> io::Error {
        self.source.fault(Compression::Zstd, error)
    }

    /// Begins the next frame that holds something; `false` at the end.
    fn next_frame(&mut self) -> io::Result<bool> {
        loop {
            let next = self.source.peek(ZSTD_MAGIC.len())?;
            if next.is_empty() {
                return Ok(false);
            }
            if is_skippable(next) {
                self.skip()?;
                continue;
            }
            if !next.starts_with(&ZSTD_MAGIC) {
                return Err(self.source.stray(Compression::Zstd, &ZSTD_MAGIC));
            }
            let begun = self.decoder.reset(&mut self.source);
            begun.map_err(|error| match error {
                FrameDecoderError::WindowSizeTooBig { requested, max } => {
                    let message = format!(
                        "the zstd data needs a window of {requested} bytes, at most {max} are kept"
                    );
                    io::Error::new(io::ErrorKind::InvalidData, message)
                }
                other => self.fault(other),
            })?;
            self.in_frame = true;
            return Ok(true);
        }
    }

    fn skip(&mut self) -> io::Result<()> {
        let mut header = [0; 8];
        let read = self.source.read_exact(&mut header);
        read.map_err(|error| self.fault(error))?;
        let [.., a, b, c, d] = header;
        let length = u64::from(u32::from_le_bytes([a, b, c, d]));
        let skipped = io::copy(&mut self.source.by_ref().take(length), &mut io::sink())?;
        if skipped == length {
            Ok(())
        } else {
            Err(self.fault("a frame ends early"))
        }
    }

    /// Decodes until something can be taken out.
    fn fill(&mut self) -> io::Result<()> {
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            let one = BlockDecodingStrategy::UptoBlocks(1);
            let decoded = self.decoder.decode_blocks(&mut self.source, one);
            decoded.map_err(|error| self.fault(error))?;
        }
        Ok(())
    }

    fn check_sum(&self) -> io::Result<()> {
        let stored = self.decoder.get_checksum_from_data();
        if stored.is_some() && stored != self.decoder.get_calculated_checksum() {
            return Err(self.fault("its checksum does not fit"));
        }
        Ok(())
    }
}

impl Read for Zstd<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if to.is_empty() {
            return Ok(0);
        }
        while self.in_frame || self.next_frame()? {
            self.fill()?;
            let read = self.decoder.read(to)?;
            if read > 0 {
                return Ok(read);
            }
            self.check_sum()?;
            self.in_frame = false;
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests;
