//! The JSON side of [`FieldWriter`]: appends to one buffer, allocates nothing per row.
//!
//! Invariant: after every call the buffer is a JSON object that lacks only its closing brace.

use super::FieldWriter;

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
        out.push(b'{');
        Self { out }
    }

    /// Closes the object.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.close(b'}');
        self.out
    }

    #[inline]
    fn name(&mut self, name: &'static str) {
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// Every member ends with a comma, and the last one's is overwritten here.
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
        if value.bytes().any(needs_escape) {
            self.escaped(value);
        } else {
            self.out.extend_from_slice(value.as_bytes());
        }
        self.out.extend_from_slice(b"\",");
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
    }

    #[inline]
    fn integer(&mut self, name: &'static str, value: i64) {
        self.name(name);
        self.out
            .extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self.out.push(b',');
    }

    #[inline]
    fn unsigned(&mut self, name: &'static str, value: u64) {
        self.name(name);
        self.out
            .extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self.out.push(b',');
    }

    fn boolean(&mut self, name: &'static str, value: bool) {
        self.name(name);
        self.out
            .extend_from_slice(if value { b"true," } else { b"false," });
    }

    fn object(&mut self, name: &'static str, fields: impl FnOnce(&mut Self)) {
        self.name(name);
        self.out.push(b'{');
        fields(self);
        self.close(b'}');
        self.out.push(b',');
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
            self.out.push(b'{');
            fields(self, item);
            self.close(b'}');
            self.out.push(b',');
        }
        self.close(b']');
        self.out.push(b',');
    }

    fn text_list<'a>(&mut self, name: &'static str, items: impl IntoIterator<Item = &'a str>) {
        self.name(name);
        self.out.push(b'[');
        for item in items {
            self.string(item);
        }
        self.close(b']');
        self.out.push(b',');
    }
}
