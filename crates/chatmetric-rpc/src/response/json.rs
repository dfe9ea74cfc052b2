//! The JSON side of [`FieldWriter`]: appends to one buffer, allocates nothing per row.
//!
//! Invariant: between calls the buffer is an open JSON object that ends with `{"` or `,"`, that is,
//! with the quote of the next member's name: constant pieces are merged where they can be.

use super::rows::Pieces;
use super::{FieldWriter, Table, plain};

/// What ends a member and begins the next.
const NEXT_MEMBER: &[u8] = b",\"";

/// Writes one JSON object.
#[derive(Debug)]
pub struct JsonWriter {
    out: Vec<u8>,
}

impl JsonWriter {
    /// Opens the object.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        let mut out = Vec::with_capacity(bytes);
        out.extend_from_slice(b"{\"");
        Self { out }
    }

    /// Closes the object.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.close_object();
        self.out
    }

    #[inline(always)]
    fn name(&mut self, name: &'static str) {
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    #[inline(always)]
    fn number(&mut self, name: &'static str, value: impl itoa::Integer) {
        self.name(name);
        plain::append(&mut self.out, itoa::Buffer::new().format(value).as_bytes());
        self.out.extend_from_slice(NEXT_MEMBER);
    }

    /// Takes back the quote that was opened for a member that does not come.
    #[inline]
    fn close_object(&mut self) {
        self.out.pop();
        self.close(b'}');
    }

    /// What follows a member or an element ends with a comma, which the last one's bracket replaces.
    #[inline]
    fn close(&mut self, bracket: u8) {
        match self.out.last_mut() {
            Some(last) if *last == b',' => *last = bracket,
            _ => self.out.push(bracket),
        }
    }

    #[inline]
    fn string(&mut self, value: &str) {
        self.out.push(b'"');
        if plain::is_plain(value.as_bytes(), needs_escape, |word| {
            plain::below(word, 0x20)
                | plain::equal(word, b'"')
                | plain::equal(word, b'\\')
                | plain::equal(word, 0x7f)
        }) {
            plain::append(&mut self.out, value.as_bytes());
        } else {
            self.escaped(value);
        }
        self.out.push(b'"');
    }

    #[cold]
    fn escaped(&mut self, value: &str) {
        for byte in value.bytes() {
            match byte {
                b'"' => self.out.extend_from_slice(b"\\\""),
                b'\\' => self.out.extend_from_slice(b"\\\\"),
                b'\n' => self.out.extend_from_slice(b"\\n"),
                b'\r' => self.out.extend_from_slice(b"\\r"),
                b'\t' => self.out.extend_from_slice(b"\\t"),
                control if needs_escape(control) => {
                    self.out
                        .extend_from_slice(format!("\\u{control:04x}").as_bytes());
                }
                plain => self.out.push(plain),
            }
        }
    }
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || byte == 0x7f
}

impl FieldWriter for JsonWriter {
    #[inline]
    fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        self.string(value);
        self.out.extend_from_slice(NEXT_MEMBER);
    }

    #[inline]
    fn integer(&mut self, name: &'static str, value: i64) {
        self.number(name, value);
    }

    #[inline]
    fn unsigned(&mut self, name: &'static str, value: u64) {
        self.number(name, value);
    }

    fn boolean(&mut self, name: &'static str, value: bool) {
        self.name(name);
        self.out
            .extend_from_slice(if value { b"true" } else { b"false" });
        self.out.extend_from_slice(NEXT_MEMBER);
    }

    fn object(&mut self, name: &'static str, fields: impl FnOnce(&mut Self)) {
        self.name(name);
        self.out.extend_from_slice(b"{\"");
        fields(self);
        self.close_object();
        self.out.extend_from_slice(NEXT_MEMBER);
    }

    #[inline]
    fn list<T>(
        &mut self,
        name: &'static str,
        items: impl IntoIterator<Item = T>,
        mut fields: impl FnMut(&mut Self, T),
    ) {
        self.name(name);
        self.out.push(b'[');
        for item in items {
            self.out.extend_from_slice(b"{\"");
            fields(self, item);
            self.close_object();
            self.out.push(b',');
        }
        self.close(b']');
        self.out.extend_from_slice(NEXT_MEMBER);
    }

    fn table<const N: usize>(
        &mut self,
        name: &'static str,
        table: &Table<'_, N>,
        rows: impl Iterator<Item = (usize, [i64; N])>,
    ) {
        let mut opening = b'{';
        let before = table.integers.map(|name| {
            let text = [&[opening, b'"'], name.as_bytes(), b"\":"].concat();
            opening = b',';
            text
        });
        let ends = table.sets.iter().map(|set| {
            let mut end = Self {
                out: NEXT_MEMBER.to_vec(),
            };
            table
                .set(set)
                .for_each(|(name, value)| end.text(name, value));
            end.close_object();
            end.out.push(b',');
            end.out
        });
        let pieces = Pieces::new(before, ends.collect());
        self.name(name);
        self.out.push(b'[');
        pieces.append(&mut self.out, rows);
        self.close(b']');
        self.out.extend_from_slice(NEXT_MEMBER);
    }

    fn text_list<'a>(&mut self, name: &'static str, items: impl IntoIterator<Item = &'a str>) {
        self.name(name);
        self.out.push(b'[');
        for item in items {
            self.string(item);
            self.out.push(b',');
        }
        self.close(b']');
        self.out.extend_from_slice(NEXT_MEMBER);
    }
}
