//! One tree for TOML and JSON: values with the byte offset at which they stand.
//!
//! Not here: meaning. Invariant: a table has each key once, whatever the format
//! would have allowed, and every offset lies in the text.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Format;
use super::fault::{FaultList, Place};

/// Deepest nesting; a document needs 6.
const DEPTH_MAX: usize = 16;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) offset: usize,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    String(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<Node>),
    Table(Vec<Member>),
    /// Something that no field takes, with its name for people.
    Other(&'static str),
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) key: String,
    pub(super) key_offset: usize,
    pub(super) node: Node,
}

impl Value {
    /// What it is, for people.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::String(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Boolean(_) => "a boolean",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
        }
    }
}

/// Turns byte offsets of a text into lines and columns.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0)
            .chain(breaks.map(|(offset, _)| offset + 1))
            .collect();
        Self { text, starts }
    }

    pub(super) fn place(&self, offset: usize, path: impl Into<String>) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or_default();
        Place {
            line,
            column: before.chars().count() + 1,
            path: path.into(),
        }
    }
}

/// Parses a text. Faults of the syntax are all in `faults`; the tree is then
/// what could be read, and should not be judged.
pub(super) fn parse(text: &str, format: Format, lines: &Lines<'_>, faults: &mut FaultList) -> Node {
    match format {
        Format::Toml => {
            let (table, errors) = DeTable::parse_recoverable(text);
            for error in errors {
                let offset = error.span().map_or(text.len(), |span| span.start);
                faults.add(&lines.place(offset, ""), error.message());
            }
            Node {
                offset: table.span().start,
                value: toml_table(table.into_inner(), 0),
            }
        }
        Format::Json => {
            let reader = JsonReader { text, lines };
            match serde_json::from_str::<&RawValue>(text) {
                Ok(raw) => reader.node(raw.get(), 0, faults),
                Err(error) => {
                    reader.syntax(&error, faults);
                    Node {
                        offset: 0,
                        value: Value::Other("nothing"),
                    }
                }
            }
        }
    }
}

fn toml_table(table: DeTable<'_>, depth: usize) -> Value {
    let members = table.into_iter().map(|(key, node)| Member {
        key_offset: key.span().start,
        key: key.into_inner().into_owned(),
        node: toml_node(node, depth + 1),
    });
    Value::Table(members.collect())
}

fn toml_node(node: Spanned<DeValue<'_>>, depth: usize) -> Node {
    let offset = node.span().start;
    if depth > DEPTH_MAX {
        return Node {
            offset,
            value: Value::Other("nested too deeply"),
        };
    }
    let value = match node.into_inner() {
        DeValue::String(text) => Value::String(text.into_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("an integer out of range"), Value::Integer),
        DeValue::Float(_) => Value::Other("a float"),
        DeValue::Boolean(value) => Value::Boolean(value),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(items) => Value::List(
            items
                .into_iter()
                .map(|item| toml_node(item, depth + 1))
                .collect(),
        ),
        DeValue::Table(table) => toml_table(table, depth),
    };
    Node { offset, value }
}

/// Reads JSON level by level as raw slices of the text, whose addresses give
/// the offsets that serde_json does not tell.
struct JsonReader<'a> {
    text: &'a str,
    lines: &'a Lines<'a>,
}

impl JsonReader<'_> {
    fn offset(&self, part: &str) -> usize {
        part.as_ptr()
            .addr()
            .saturating_sub(self.text.as_ptr().addr())
            .min(self.text.len())
    }

    fn syntax(&self, error: &serde_json::Error, faults: &mut FaultList) {
        let place = Place {
            line: error.line().max(1),
            column: error.column().max(1),
            path: String::new(),
        };
        let message = error.to_string();
        // The place is told apart from the message everywhere else too.
        let message = message.split(" at line ").next().unwrap_or(&message);
        faults.add(&place, message);
    }

    fn node(&self, raw: &str, depth: usize, faults: &mut FaultList) -> Node {
        let offset = self.offset(raw);
        let value = if depth > DEPTH_MAX {
            Value::Other("nested too deeply")
        } else {
            self.value(raw, depth, faults)
        };
        Node { offset, value }
    }

    fn value(&self, raw: &str, depth: usize, faults: &mut FaultList) -> Value {
        match raw.as_bytes().first() {
            Some(b'"') => serde_json::from_str(raw)
                .map_or(Value::Other("a string that is not valid"), Value::String),
            Some(b't') => Value::Boolean(true),
            Some(b'f') => Value::Boolean(false),
            Some(b'n') => Value::Other("null"),
            Some(b'[') => match serde_json::from_str::<Vec<&RawValue>>(raw) {
                Ok(items) => Value::List(
                    items
                        .into_iter()
                        .map(|item| self.node(item.get(), depth + 1, faults))
                        .collect(),
                ),
                Err(_) => Value::Other("a list that is not valid"),
            },
            Some(b'{') => match serde_json::from_str::<RawMembers<'_>>(raw) {
                Ok(members) => self.table(members, depth, faults),
                Err(_) => Value::Other("a table that is not valid"),
            },
            Some(_) | None => match raw.parse() {
                Ok(number) => Value::Integer(number),
                Err(_) => Value::Other("a number that is no 64-bit integer"),
            },
        }
    }

    fn table(&self, members: RawMembers<'_>, depth: usize, faults: &mut FaultList) -> Value {
        let mut seen = HashSet::new();
        let mut table = Vec::with_capacity(members.0.len());
        for (key, raw) in members.0 {
            let key_offset = match &key {
                // The quote stands before the key's text.
                Cow::Borrowed(text) => self.offset(text).saturating_sub(1),
                Cow::Owned(_) => self.offset(raw.get()),
            };
            let key = key.into_owned();
            if !seen.insert(key.clone()) {
                faults.add(
                    &self.lines.place(key_offset, ""),
                    format!("duplicate key `{key}`"),
                );
                continue;
            }
            table.push(Member {
                key,
                key_offset,
                node: self.node(raw.get(), depth + 1, faults),
            });
        }
        Value::Table(table)
    }
}

/// The members of an object in their order, twice given ones twice.
struct RawMembers<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// A key that borrows from the text where it can.
#[derive(Deserialize)]
struct BorrowedKey<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for RawMembers<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = RawMembers<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(key) = map.next_key::<BorrowedKey<'de>>()? {
                    members.push((key.0, map.next_value::<&'de RawValue>()?));
                }
                Ok(RawMembers(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}
