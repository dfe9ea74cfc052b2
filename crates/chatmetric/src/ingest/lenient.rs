//! JSON read without expectations: members of an object, items of an array, and
//! texts of whatever type, borrowed from the input.
//!
//! The derive of serde fails on a wrong type or a repeated member; here a wrong
//! type is a value like any other and the last of repeated members wins, as most
//! JSON readers do. Nothing recurses, so depth is harmless.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A member that should be a short text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Text<'a> {
    /// A string, unescaped.
    String(Cow<'a, str>),
    /// A number, as it is written.
    Number(Cow<'a, str>),
    /// Something else, `null` included.
    Other,
    /// Not there.
    #[default]
    Absent,
}

impl<'a> Text<'a> {
    pub(super) fn of(raw: &'a RawValue) -> Self {
        let json = raw.get();
        match json.as_bytes().first() {
            Some(b'"') => string(json).map_or(Self::Other, Self::String),
            Some(b'-' | b'0'..=b'9') => Self::Number(Cow::Borrowed(json)),
            Some(_) | None => Self::Other,
        }
    }
}

impl<'a> Text<'a> {
    /// A text, or a number of digits alone: `1e3` must not become `13`.
    pub(super) fn plain(self) -> Option<Cow<'a, str>> {
        match self {
            Self::String(text) if !text.contains(char::REPLACEMENT_CHARACTER) => Some(text),
            Self::Number(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => Some(text),
            Self::String(_) | Self::Number(_) | Self::Other | Self::Absent => None,
        }
    }
}

/// Unescapes a JSON string. One that is no text (a lone surrogate) is `None`.
fn string(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(json).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// Whether the text opens an array.
pub(super) fn is_array(json: &str) -> bool {
    json.trim_start().starts_with('[')
}

/// The items of an array; `None` when it is something else.
pub(super) fn items(json: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(json).ok()
}

/// The members of an object, raw.
#[derive(Debug)]
pub(super) struct Members<'a> {
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Members<'a> {
    /// `None` when it is no object.
    pub(super) fn read(json: &'a str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.members.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, raw)| *raw)
    }

    /// Members of the name that a later one replaced.
    pub(super) fn replaced(&self, name: &str) -> Vec<&'a RawValue> {
        let found = self.members.iter().filter(|(known, _)| known == name);
        let mut found: Vec<&'a RawValue> = found.map(|(_, raw)| *raw).collect();
        found.pop();
        found
    }

    /// The items of a member that is an array.
    pub(super) fn items(&self, name: &str) -> Option<Vec<&'a RawValue>> {
        items(self.get(name)?.get())
    }

    /// A string or a number.
    pub(super) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        match Text::of(self.get(name)?) {
            Text::String(text) | Text::Number(text) => Some(text),
            Text::Other | Text::Absent => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    members.push((name, map.next_value::<&RawValue>()?));
                }
                Ok(Members { members })
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// The name of a member, borrowed when it has no escapes.
pub(super) struct Name<'a>(pub(super) Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E: serde::de::Error>(
                self,
                text: &'de str,
            ) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Read)
    }
}

/// The three members of a status that matter.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Status<'a> {
    pub(super) id: Text<'a>,
    pub(super) word: Text<'a>,
    pub(super) timestamp: Text<'a>,
}

/// Reads a status without collecting what does not matter; `None` when it is no
/// object.
pub(super) fn read_status(json: &str) -> Option<Status<'_>> {
    serde_json::from_str(json).ok()
}

impl<'de: 'a, 'a> Deserialize<'de> for Status<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pick;
        impl<'de> Visitor<'de> for Pick {
            type Value = Status<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a status object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Status<'de>, A::Error> {
                let mut status = Status::default();
                while let Some(Name(name)) = map.next_key()? {
                    let place = match name.as_ref() {
                        "id" => &mut status.id,
                        "status" => &mut status.word,
                        "timestamp" => &mut status.timestamp,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    *place = Text::of(map.next_value::<&RawValue>()?);
                }
                Ok(status)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Status<'de>, A::Error> {
                Err(A::Error::custom("an array is no status"))
            }
        }
        deserializer.deserialize_map(Pick)
    }
}
