//! The compact protocol of Thrift, as far as headers of Parquet pages and its footer
//! need it before a library may see them.
//!
//! Not a mapping to types: whoever knows a structure walks its fields and takes those
//! that matter. Invariant: every value that is passed over takes a byte at least, and
//! nesting has an end, so a walk is as long as its bytes and no deeper than
//! [`DEPTH_MAX`].

/// Deepest nesting of what is passed over.
const DEPTH_MAX: usize = 16;

/// Why bytes are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ThriftError {
    /// They end too early.
    Short,
    /// They are no compact protocol, or too deep.
    Malformed,
}

/// The type of a value, as it stands in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind(u8);

impl Kind {
    pub(super) const TRUE: Self = Self(1);
    pub(super) const STRUCT: Self = Self(12);

    /// Whether the value is in the type itself.
    pub(super) const fn is_truth(self) -> bool {
        matches!(self.0, 1 | 2)
    }
}

/// Bytes that are walked.
pub(super) struct Compact<'a> {
    bytes: &'a [u8],
    at: usize,
}

type Walk<T> = Result<T, ThriftError>;

impl<'a> Compact<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were walked.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    fn byte(&mut self) -> Walk<u8> {
        let byte = self.bytes.get(self.at).ok_or(ThriftError::Short)?;
        self.at += 1;
        Ok(*byte)
    }

    fn pass(&mut self, bytes: u64) -> Walk<()> {
        let bytes = usize::try_from(bytes).map_err(|_| ThriftError::Short)?;
        let end = self.at.checked_add(bytes).ok_or(ThriftError::Short)?;
        if end > self.bytes.len() {
            return Err(ThriftError::Short);
        }
        self.at = end;
        Ok(())
    }

    pub(super) fn unsigned(&mut self) -> Walk<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ThriftError::Malformed)
    }

    pub(super) fn signed(&mut self) -> Walk<i64> {
        let value = self.unsigned()?;
        let half = i64::try_from(value >> 1).map_err(|_| ThriftError::Malformed)?;
        Ok(if value & 1 == 0 { half } else { !half })
    }

    /// Walks the fields of a structure: `take` reads those it knows and tells whether it
    /// did; the others are passed over.
    pub(super) fn fields(
        &mut self,
        mut take: impl FnMut(&mut Self, i64, Kind) -> Walk<bool>,
    ) -> Walk<()> {
        let mut id = 0_i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(());
            }
            let kind = Kind(head & 0x0f);
            id = match i64::from(head >> 4) {
                0 => self.signed()?,
                step => id.saturating_add(step),
            };
            if !take(self, id, kind)? {
                self.skip(kind, DEPTH_MAX)?;
            }
        }
    }

    /// The length of a list, and the type of its items.
    pub(super) fn list(&mut self) -> Walk<(u64, Kind)> {
        let head = self.byte()?;
        let length = match head >> 4 {
            15 => self.unsigned()?,
            short => u64::from(short),
        };
        Ok((length, Kind(head & 0x0f)))
    }

    fn skip(&mut self, kind: Kind, depth: usize) -> Walk<()> {
        let depth = depth.checked_sub(1).ok_or(ThriftError::Malformed)?;
        match kind.0 {
            1 | 2 => Ok(()),
            3 => self.pass(1),
            4..=6 => self.unsigned().map(|_| ()),
            7 => self.pass(8),
            8 => {
                let length = self.unsigned()?;
                self.pass(length)
            }
            9 | 10 => {
                let (length, item) = self.list()?;
                (0..length).try_for_each(|_| self.skip_item(item, depth))
            }
            11 => {
                let length = self.unsigned()?;
                if length == 0 {
                    return Ok(());
                }
                let kinds = self.byte()?;
                (0..length).try_for_each(|_| {
                    self.skip_item(Kind(kinds >> 4), depth)?;
                    self.skip_item(Kind(kinds & 0x0f), depth)
                })
            }
            12 => loop {
                let head = self.byte()?;
                if head == 0 {
                    return Ok(());
                }
                if head >> 4 == 0 {
                    self.signed()?;
                }
                self.skip(Kind(head & 0x0f), depth)?;
            },
            13 => self.pass(16),
            _ => Err(ThriftError::Malformed),
        }
    }

    /// As an item of a list a truth value has a byte of its own.
    fn skip_item(&mut self, kind: Kind, depth: usize) -> Walk<()> {
        if kind.is_truth() {
            self.pass(1)
        } else {
            self.skip(kind, depth)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_fields_are_taken_and_others_passed_over() {
        // 1: i32 = -3, 2: binary "ab", 4: list of two bools, 20 (long form): i32 = 300.
        let bytes = [
            0x15, 0x05, 0x18, 2, b'a', b'b', 0x29, 0x21, 1, 2, 0x05, 0x28, 0xd8, 0x04, 0,
        ];
        let mut walk = Compact::new(&bytes);
        let mut seen = Vec::new();
        let walked = walk.fields(|walk, id, _| match id {
            1 | 20 => {
                seen.push((id, walk.signed()?));
                Ok(true)
            }
            _ => Ok(false),
        });
        assert_eq!(walked, Ok(()));
        assert_eq!(seen, [(1, -3), (20, 300)]);
        assert_eq!(walk.at(), bytes.len());
    }

    #[test]
    fn short_deep_and_endless_bytes_are_errors() {
        let skip = |bytes: &[u8]| Compact::new(bytes).fields(|_, _, _| Ok(false));
        assert_eq!(skip(&[0x18, 200]), Err(ThriftError::Short));
        assert_eq!(skip(&[0x15]), Err(ThriftError::Short));
        // A list of 2^60 truth values in a few bytes.
        let list = [
            0x19, 0xf1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f,
        ];
        assert_eq!(skip(&list), Err(ThriftError::Short));
        assert_eq!(skip(&[0x1c; 1000]), Err(ThriftError::Malformed));
        assert_eq!(
            skip(&[
                0x15, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1
            ]),
            Err(ThriftError::Malformed)
        );
    }
}
