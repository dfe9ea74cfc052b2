//! The XML side of [`FieldWriter`]: appends to one buffer, allocates nothing per row.
//!
//! Characters that XML 1.0 cannot hold become U+FFFD. Lists are repeated elements, so an empty
//! list leaves nothing behind. Invariant: elements are always closed.

use super::rows::Pieces;
use super::{FieldWriter, Table, plain};

/// Writes one XML document.
#[derive(Debug)]
pub struct XmlWriter {
    out: Vec<u8>,
    root: String,
}

impl XmlWriter {
    /// Opens `<ActionResponse>`. Characters of the action that no element name may hold are left out.
    #[must_use]
    pub fn with_capacity(action: &str, bytes: usize) -> Self {
        let name: String = action.chars().filter(char::is_ascii_alphanumeric).collect();
        Self::with_root(&format!("{name}Response"), bytes)
    }

    pub(super) fn with_root(root: &str, bytes: usize) -> Self {
        let mut out = Vec::with_capacity(bytes);
        out.extend_from_slice(b"<?xml version='1.0' encoding='UTF-8'?>");
        let mut writer = Self {
            out,
            root: root.to_owned(),
        };
        writer.open(root);
        writer
    }

    /// Closes the root.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        let root = std::mem::take(&mut self.root);
        self.close(&root);
        self.out
    }

    pub(super) fn cdata(&mut self, name: &'static str, value: &str) {
        self.open(name);
        self.out.extend_from_slice(b"<![CDATA[");
        for part in value.split_inclusive("]]") {
            // A `]]>` in the text would end the section: it is split over two.
            self.out.extend_from_slice(part.as_bytes());
            if part.ends_with("]]") {
                self.out.extend_from_slice(b"]]><![CDATA[");
            }
        }
        self.out.extend_from_slice(b"]]>");
        self.close(name);
    }

    #[inline(always)]
    fn open(&mut self, name: &str) {
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
    }

    #[inline(always)]
    fn close(&mut self, name: &str) {
        self.out.extend_from_slice(b"</");
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
    }

    #[inline]
    fn escaped(&mut self, value: &str) {
        let fits = plain::is_plain(value.as_bytes(), may_need_escape, |word| {
            plain::below(word, 0x20)
                | plain::equal(word, b'<')
                | plain::equal(word, b'>')
                | plain::equal(word, b'&')
                | plain::not_ascii(word)
        });
        if fits {
            plain::append(&mut self.out, value.as_bytes());
        } else {
            self.escaped_slowly(value);
        }
    }

    #[cold]
    fn escaped_slowly(&mut self, value: &str) {
        for c in value.chars() {
            match c {
                '<' => self.out.extend_from_slice(b"&lt;"),
                '>' => self.out.extend_from_slice(b"&gt;"),
                '&' => self.out.extend_from_slice(b"&amp;"),
                // A parser would turn a bare CR into LF.
                '\r' => self.out.extend_from_slice(b"&#13;"),
                c if !is_xml_char(c) => self.out.extend_from_slice("\u{fffd}".as_bytes()),
                c => self
                    .out
                    .extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }
}

/// What is not certainly fine; U+FFFE and U+FFFF are outside ASCII, so all of that is looked at.
fn may_need_escape(byte: u8) -> bool {
    byte < 0x20 || matches!(byte, b'<' | b'>' | b'&') || !byte.is_ascii()
}

/// The characters that XML 1.0 allows.
fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'..)
}

impl FieldWriter for XmlWriter {
    #[inline]
    fn text(&mut self, name: &'static str, value: &str) {
        self.open(name);
        self.escaped(value);
        self.close(name);
    }

    #[inline]
    fn integer(&mut self, name: &'static str, value: i64) {
        self.open(name);
        self.out
            .extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self.close(name);
    }

    #[inline]
    fn unsigned(&mut self, name: &'static str, value: u64) {
        self.open(name);
        self.out
            .extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self.close(name);
    }

    fn boolean(&mut self, name: &'static str, value: bool) {
        self.text(name, if value { "true" } else { "false" });
    }

    fn object(&mut self, name: &'static str, fields: impl FnOnce(&mut Self)) {
        self.open(name);
        fields(self);
        self.close(name);
    }

    #[inline]
    fn list<T>(
        &mut self,
        name: &'static str,
        items: impl IntoIterator<Item = T>,
        mut fields: impl FnMut(&mut Self, T),
    ) {
        for item in items {
            self.open(name);
            fields(self, item);
            self.close(name);
        }
    }

    fn table<const N: usize>(
        &mut self,
        name: &'static str,
        table: &Table<'_, N>,
        rows: impl Iterator<Item = (usize, [i64; N])>,
    ) {
        let mut piece = Self {
            out: Vec::new(),
            root: String::new(),
        };
        piece.open(name);
        let before = table.integers.map(|name| {
            piece.open(name);
            let before = std::mem::take(&mut piece.out);
            piece.close(name);
            before
        });
        let last = std::mem::take(&mut piece.out);
        let ends = table.sets.iter().map(|set| {
            piece.out.extend_from_slice(&last);
            table
                .set(set)
                .for_each(|(name, value)| piece.text(name, value));
            piece.close(name);
            std::mem::take(&mut piece.out)
        });
        Pieces::new(before, ends.collect()).append(&mut self.out, rows);
    }

    fn text_list<'a>(&mut self, name: &'static str, items: impl IntoIterator<Item = &'a str>) {
        for item in items {
            self.text(name, item);
        }
    }
}
