//! Takes fields out of tables: each once, with its kind checked, its path known
//! and a fault for everything that is wrong.
//!
//! Not here: which fields there are (`read`). Invariant: a field that is not
//! taken before [`Fields::finish`] is reported as unknown.

use std::collections::{HashMap, HashSet};

use super::fault::{FaultList, Place};
use super::read::name;
use super::secrets::DocumentSecrets;
use super::tree::{Lines, Member, Node, Value};
use super::{At, List};
use crate::directory::limits::ENTRIES_MAX;

pub(super) struct Reader<'a> {
    pub(super) lines: &'a Lines<'a>,
    pub(super) secrets: &'a dyn DocumentSecrets,
    pub(super) faults: FaultList,
}

/// The fields of one table that are not read yet.
pub(super) struct Fields {
    path: String,
    offset: usize,
    pub(super) members: HashMap<String, Member>,
}

impl Reader<'_> {
    pub(super) fn fault(&mut self, offset: usize, path: &str, message: impl Into<String>) {
        self.faults.add(&self.lines.place(offset, path), message);
    }

    pub(super) fn wrong_kind(&mut self, node: &Node, path: &str, wanted: &str) {
        self.fault(
            node.offset,
            path,
            format!("must be {wanted}, not {}", node.value.kind()),
        );
    }

    pub(super) fn table(&mut self, node: Node, path: &str) -> Option<Fields> {
        let offset = node.offset;
        match node.value {
            Value::Table(members) => {
                let members = members.into_iter().map(|m| (m.key.clone(), m)).collect();
                Some(Fields {
                    path: path.to_owned(),
                    offset,
                    members,
                })
            }
            value => {
                self.wrong_kind(&Node { offset, value }, path, "a table");
                None
            }
        }
    }

    pub(super) fn string(&mut self, node: Node, path: &str) -> Option<At<String>> {
        let offset = node.offset;
        match node.value {
            Value::String(value) => Some(At {
                value,
                place: self.lines.place(offset, path),
            }),
            value => {
                self.wrong_kind(&Node { offset, value }, path, "a string");
                None
            }
        }
    }

    /// Turns a text into a value; the message of a failure becomes a fault.
    pub(super) fn parsed<T>(
        &mut self,
        text: At<String>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<At<T>> {
        match parse(&text.value) {
            Ok(value) => Some(At {
                value,
                place: text.place,
            }),
            Err(message) => {
                self.faults.add(&text.place, message);
                None
            }
        }
    }
}

impl Fields {
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    pub(super) fn take(&mut self, key: &str) -> Option<(Node, String)> {
        let member = self.members.remove(key)?;
        Some((member.node, self.path_of(key)))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.members.contains_key(key)
    }

    pub(super) fn place(&self, reader: &Reader<'_>) -> Place {
        reader.lines.place(self.offset, self.path.clone())
    }

    pub(super) fn string(&mut self, reader: &mut Reader<'_>, key: &str) -> Option<At<String>> {
        let (node, path) = self.take(key)?;
        reader.string(node, &path)
    }

    pub(super) fn parsed<T>(
        &mut self,
        reader: &mut Reader<'_>,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<At<T>> {
        let text = self.string(reader, key)?;
        reader.parsed(text, parse)
    }

    /// A field without which the table means nothing.
    pub(super) fn required<T>(
        &mut self,
        reader: &mut Reader<'_>,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<At<T>> {
        if !self.has(key) {
            reader.fault(self.offset, &self.path, format!("`{key}` is missing"));
        }
        self.parsed(reader, key, parse)
    }

    pub(super) fn boolean(&mut self, reader: &mut Reader<'_>, key: &str) -> Option<At<bool>> {
        let (node, path) = self.take(key)?;
        if let Value::Boolean(value) = node.value {
            return Some(At {
                value,
                place: reader.lines.place(node.offset, path),
            });
        }
        reader.wrong_kind(&node, &path, "true or false");
        None
    }

    pub(super) fn integer(
        &mut self,
        reader: &mut Reader<'_>,
        key: &str,
        min: u32,
        max: u32,
    ) -> Option<u32> {
        let (node, path) = self.take(key)?;
        let Value::Integer(value) = node.value else {
            reader.wrong_kind(&node, &path, "an integer");
            return None;
        };
        let number = u32::try_from(value)
            .ok()
            .filter(|number| (min..=max).contains(number));
        if number.is_none() {
            reader.fault(
                node.offset,
                &path,
                format!("must be {min} to {max}, not {value}"),
            );
        }
        number
    }

    pub(super) fn list<T>(
        &mut self,
        reader: &mut Reader<'_>,
        key: &str,
        entries_max: usize,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> List<T> {
        let (node, path) = self.take(key)?;
        let offset = node.offset;
        let Value::List(items) = node.value else {
            reader.wrong_kind(&node, &path, "a list of strings");
            return None;
        };
        if items.len() > entries_max {
            let message = format!("has {} entries, the limit is {entries_max}", items.len());
            reader.fault(offset, &path, message);
            return None;
        }
        let entries = items.into_iter().enumerate().filter_map(|(index, item)| {
            let text = reader.string(item, &format!("{path}[{index}]"))?;
            reader.parsed(text, &parse)
        });
        Some(entries.collect())
    }

    /// As [`Fields::list`], of names that may stand in it once.
    pub(super) fn names(
        &mut self,
        reader: &mut Reader<'_>,
        key: &str,
        what: &'static str,
    ) -> List<String> {
        let list = self.list(reader, key, ENTRIES_MAX, |text| name(what, text))?;
        once(
            reader,
            list.iter()
                .map(|entry| (entry.value.as_str(), &entry.place)),
        );
        Some(list)
    }

    pub(super) fn tables<T>(
        &mut self,
        reader: &mut Reader<'_>,
        key: &str,
        entries_max: usize,
        read: impl Fn(&mut Reader<'_>, Fields) -> Option<T>,
    ) -> Vec<T> {
        let Some((node, path)) = self.take(key) else {
            return Vec::new();
        };
        let Value::List(items) = node.value else {
            reader.wrong_kind(&node, &path, "a list of tables (`[[…]]`)");
            return Vec::new();
        };
        if items.len() > entries_max {
            let message = format!(
                "there are {} of them, the limit is {entries_max}",
                items.len()
            );
            reader.fault(node.offset, &path, message);
            return Vec::new();
        }
        let parts = items.into_iter().enumerate().filter_map(|(index, item)| {
            let fields = reader.table(item, &format!("{path}[{index}]"))?;
            read(reader, fields)
        });
        parts.collect()
    }

    /// Everything that was not read is unknown.
    pub(super) fn finish(self, reader: &mut Reader<'_>, known: &str) {
        for member in self.members.values() {
            let path = self.path_of(&member.key);
            reader.fault(
                member.key_offset,
                &path,
                format!("unknown key; known here are {known}"),
            );
        }
    }
}

pub(super) fn once<'a>(
    reader: &mut Reader<'_>,
    entries: impl Iterator<Item = (&'a str, &'a Place)>,
) {
    let mut seen = HashSet::new();
    for (text, place) in entries {
        if !seen.insert(text) {
            reader
                .faults
                .add(place, format!("`{text}` is in the list twice"));
        }
    }
}
