//! Lines of bounded length: a longer one is skipped, not held.

use super::Mark;
use std::io::{self, BufRead};

/// What the next line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// [`LineReader::bytes`] has it.
    Whole,
    /// It is longer than the limit; its bytes were skipped.
    TooLong,
}

/// Reads lines and counts lines and bytes.
pub struct LineReader<'r> {
    input: &'r mut dyn BufRead,
    buffer: Vec<u8>,
    line_bytes_max: usize,
    line: u64,
    bytes_read: u64,
}

impl<'r> LineReader<'r> {
    /// Reads lines of at most `line_bytes_max` bytes.
    pub fn new(input: &'r mut dyn BufRead, line_bytes_max: usize) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            line_bytes_max,
            line: 0,
            bytes_read: 0,
        }
    }

    /// The number of the line that was read last, from 1.
    #[must_use]
    pub const fn line(&self) -> u64 {
        self.line
    }

    /// Bytes taken from the input.
    #[must_use]
    pub const fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// The line that was read last, without its end, a carriage return before
    /// it, and a byte order mark at the start of the file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        let bytes = self.buffer.as_slice();
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        if self.line == 1 {
            bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
        } else {
            bytes
        }
    }

    /// Goes on to a place behind what was read, without looking at what is between.
    ///
    /// # Errors
    /// What the input says, and when it ends before.
    pub fn go_to(&mut self, mark: Mark) -> io::Result<()> {
        pass(self.input, mark.bytes.saturating_sub(self.bytes_read))?;
        self.bytes_read = self.bytes_read.max(mark.bytes);
        self.line = mark.rows;
        Ok(())
    }

    /// The place behind the line that was read last.
    #[must_use]
    pub const fn mark(&self) -> Mark {
        Mark {
            rows: self.line,
            bytes: self.bytes_read,
            is_apart: false,
        }
    }

    /// Gives the rest of the input back.
    pub fn into_rest(self) -> (Vec<u8>, &'r mut dyn BufRead) {
        (self.buffer, self.input)
    }

    /// Reads the next line; `None` at the end.
    ///
    /// # Errors
    /// What the input says.
    pub fn advance(&mut self) -> io::Result<Option<Line>> {
        self.buffer.clear();
        let mut too_long = false;
        let mut any = false;
        loop {
            let available = match self.input.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                break;
            }
            any = true;
            let end = memchr::memchr(b'\n', available);
            let part = available
                .get(..end.unwrap_or(available.len()))
                .unwrap_or_default();
            if self.buffer.len() + part.len() > self.line_bytes_max {
                too_long = true;
                self.buffer.clear();
            }
            if !too_long {
                self.buffer.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            self.bytes_read += u64::try_from(used).unwrap_or(u64::MAX);
            if end.is_some() {
                break;
            }
        }
        if !any {
            return Ok(None);
        }
        self.line += 1;
        Ok(Some(if too_long { Line::TooLong } else { Line::Whole }))
    }
}

/// Passes over so many bytes of the input, which it must have.
pub(super) fn pass(input: &mut dyn BufRead, mut bytes: u64) -> io::Result<()> {
    while bytes > 0 {
        let available = match input.fill_buf() {
            Ok([]) => {
                let reason = "the file ends before the place at which reading should go on";
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
            }
            Ok(available) => available.len(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let passed = usize::try_from(bytes).map_or(available, |bytes| bytes.min(available));
        input.consume(passed);
        bytes -= u64::try_from(passed).unwrap_or(bytes);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_counted() {
        let text = b"\xef\xbb\xbfone\r\n\n123456789\nlast";
        let mut input: &[u8] = text;
        let mut lines = LineReader::new(&mut input, 8);
        let mut next = || {
            let line = lines.advance().expect("reads");
            (line, String::from_utf8_lossy(lines.bytes()).into_owned())
        };
        assert_eq!(next(), (Some(Line::Whole), "one".to_owned()));
        assert_eq!(next(), (Some(Line::Whole), String::new()));
        assert_eq!(next(), (Some(Line::TooLong), String::new()));
        assert_eq!(next(), (Some(Line::Whole), "last".to_owned()));
        assert_eq!(lines.line(), 4);
        assert_eq!(lines.advance().expect("reads"), None);
        assert_eq!(lines.bytes_read(), u64::try_from(text.len()).expect("fits"));
    }
}
